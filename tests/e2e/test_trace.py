#!/usr/bin/env python3
# quick
# sanitizers
"""`tracellm trace` with the sandbox: output, exit codes, prompt from arguments and standard input, list, show, replay."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from harness import Program, Tap, equal, true

tap = Tap()
program = Program()

SIX_LINES = re.compile(
    rb"\ATrace ID:     (tr_[0-9a-hjkmnp-tv-z]{8,26})\n"
    rb"Model:        sandbox\n"
    rb"Latency:      \d+\.\d\ds\n"
    rb"Prompt Tokens:  \d+\n"
    rb"Completion Tokens: \d+\n"
    rb"Status:       success\n"
    rb"\n(.+)\n\Z", re.S)

with tap("the first command works with no key and no network, and prints the six lines, a blank line and the answer"):
    done = program.run("trace", "Explain transformers", check=0)
    match = SIX_LINES.match(done.stdout)
    true(match, done.stdout)
    short_id, answer = match[1].decode(), match[2].decode()
    true(b"sandbox is not a model" in done.stderr, done.stderr)

with tap("--quiet prints the answer only"):
    equal(program.run("trace", "--quiet", "Explain transformers", check=0).stdout.decode(), answer + "\n")

with tap("--json is one object with the promised members"):
    result = program.json("trace", "--json", "Explain transformers", "--session", "s1", "--tag", "a", "--tag", "b", "--project", "p")
    for name in ("trace_id", "status", "model", "provider", "latency_ns", "first_content_ns", "prompt_tokens", "completion_tokens", "usage",
                 "cost_nano_usd", "finish_reason", "answer", "error"):
        true(name in result, name)
    equal((result["status"], result["answer"], result["error"], result["cost_nano_usd"]), ("success", answer, None, 0))
    equal(result["usage"]["source"], "provider")
    true(0 < result["first_content_ns"] <= result["latency_ns"], result)

with tap("standard input comes before the argument, a blank line between"):
    program.run("trace", "the question", stdin=b"the text\n", check=0)
    equal(program.json("show", "@last", "--json")["prompt"], "the text\n\nthe question")

with tap("a dash, and standard input alone, are the whole prompt"):
    program.run("trace", "-", stdin=b"only this\n", check=0)
    equal(program.json("show", "@last", "--json")["prompt"], "only this")
    program.run("trace", stdin=b"only that", check=0)
    equal(program.json("show", "@last", "--json")["prompt"], "only that")

with tap("show, list and replay take any unique prefix, @last and @-2"):
    full = program.json("show", short_id, "--json")["trace_id"]
    for name in (short_id, full, full[:12], full[3:14]):
        equal(program.json("show", name, "--json")["trace_id"], full)
    ids = [item["trace_id"] for item in program.json("list", "--json")["items"]]
    equal(program.json("show", "@last", "--json")["trace_id"], ids[0])
    equal(program.json("show", "@-2", "--json")["trace_id"], ids[1])

with tap("list filters by status, model, project, session and tag, and limits"):
    equal(len(program.json("list", "--json", "--project", "p")["items"]), 1)
    equal(len(program.json("list", "--json", "--session", "s1")["items"]), 1)
    equal(len(program.json("list", "--json", "--tag", "b")["items"]), 1)
    equal(len(program.json("list", "--json", "--status", "failed")["items"]), 0)
    equal(len(program.json("list", "--json", "--model", "sandbox", "--limit", "2")["items"]), 2)
    true(b"Explain transformers" in program.run("list", check=0).stdout, "the prompt is in the list")

with tap("show prints summary, waterfall and messages"):
    text = program.run("show", short_id, check=0).stdout.decode()
    for part in ("Trace ID:", "Status:         success", "attempt 1", "streaming", "[user]", "Explain transformers", "[assistant]", answer[:40]):
        true(part in text, f"{part!r} in\n{text}")

with tap("show --raw gives the bytes of request and response"):
    request = json.loads(program.run("show", short_id, "--raw", "request", check=0).stdout)
    equal(request["messages"][-1], {"role": "user", "content": "Explain transformers"})
    true(program.run("show", short_id, "--raw", "response", check=0).stdout.endswith(b"data: [DONE]\n\n"), "the stream's end")

with tap("with nothing else running a trace is stored and replayable at once"):
    stages = program.json("show", short_id, "--events", "--json")["stages"]
    equal([stage["seq"] is not None for stage in stages], [True, True, True, True, False, False, True], stages)

with tap("replay is identical, proves the stored document, and leaves a trace marked as replay that lists do not count"):
    before = program.json("list", "--json")["total"]
    replay = program.json("replay", short_id, "--json")
    equal((replay["result"], replay["divergence"], replay["compared"]), ("identical", None, replay["events"]))
    equal(replay["digest"], replay["stored_digest"])
    made = program.json("show", replay["replay_id"], "--json")
    equal(made["replay_of"], replay["trace_id"])
    original = program.json("show", short_id, "--json")
    equal(made["latency_ns"], original["latency_ns"])
    equal(program.json("list", "--json")["total"], before)
    equal(program.json("list", "--json", "--replays")["total"], before + 1)
    true(b"Result:       identical" in program.run("replay", short_id, check=0).stdout, "the report for people")

with tap("an answer in one piece is recorded and replayed as well"):
    result = program.json("trace", "--json", "--no-stream", "Explain transformers")
    equal(result["status"], "success")
    equal(program.json("replay", "@last", "--json")["result"], "identical")

with tap("a complete request is sent unchanged, whatever --stream and --no-stream say beside it"):
    for streamed in ("true", "false"):
        body = b'{"model": "sandbox",  "stream": %s, "messages": [{"role": "user", "content": "Hi"}]}' % streamed.encode()
        for option in ("--stream", "--no-stream"):
            program.run("trace", "--provider", "sandbox", "--request", "-", option, stdin=body, check=0)
            equal(program.run("show", "@last", "--raw", "request", check=0).stdout, body)
            equal(program.json("replay", "@last", "--json")["result"], "identical")

with tap("max tokens cuts the sandbox's answer with finish reason length"):
    equal(program.json("trace", "--json", "--max-tokens", "3", "Explain transformers")["finish_reason"], "length")

with tap("what cannot be meant is exit 2, what is not there exit 3, each with one line that says why"):
    for arguments, code, words in (
        (["trace", "--frobnicate", "x"], 2, b"no option --frobnicate"),
        (["trace", "--modle", "x"], 2, b"did you mean --model?"),
        (["tarce", "x"], 2, b"did you mean 'trace'?"),
        (["trace"], 2, b"a prompt is missing"),
        (["trace", "--timeout", "soon", "x"], 2, b"--timeout is 'soon'"),
        (["trace", "--provider", "nobody", "x"], 2, b"no provider 'nobody'"),
        (["trace", "--temperature", "warm", "x"], 2, b"temperature"),
        (["show"], 2, b"show needs one trace"),
        (["show", "tr_zzzzzzzz"], 2, b"not a trace id"),
        (["show", "tr_00000000"], 3, b"tr_00000000"),
        (["replay", "@-100"], 3, b"@-100"),
        (["list", "--status", "odd"], 2, b"--status is 'odd'"),
        (["trace", "--request", "/nowhere/body.json"], 3, b"/nowhere/body.json"),
    ):
        done = program.run(*arguments, check=code)
        true(words in done.stderr and not done.stdout, (arguments, done.stdout, done.stderr))

with tap("help and version say what there is"):
    true(program.run("--version", check=0).stdout.startswith(b"tracellm "), "version")
    true(b"Commands:" in program.run("help", check=0).stdout, "help")
    true(b"--request" in program.run("trace", "--help", check=0).stdout, "help of a command")

with tap("verify walks the whole log and finds it good"):
    true(program.verify_is_good()["events"] > 50, "events")

with tap("control bytes of an answer reach a terminal escaped, a pipe unchanged"):
    hostile = "say \x1b]0;owned\x07 \x9b31m"
    equal(program.run("trace", "--quiet", hostile, check=0).stdout.count(b"\x1b"), 1)
    done = subprocess.run(["script", "-qec", f"{os.environ['TRACELLM_BIN']}/tracellm show @last", "/dev/null"], stdin=subprocess.DEVNULL,
                          capture_output=True, env=program.environment, timeout=60)
    true(b"\x1b" not in done.stdout and b"\\x1b" in done.stdout, done.stdout)


with tap("a flipped bit in a stored prompt is found and named by verify and by replay, which then adds nothing"):
    damaged = Program()
    damaged.run("trace", "a needle to be found", check=0)
    path = f"{damaged.data_dir}/log/data.mdb"
    with open(path, "r+b") as file:
        stored = file.read()
        true(b"a needle to be found" in stored, "the prompt is in the file")
        file.seek(0)
        file.write(stored.replace(b"a needle to be found", b"a noodle to be found"))
    report = damaged.json("verify", "--json", check=1)
    true(report["bad"] > 0 and report["first_bad_seq"] == 1 and "digest" in report["first_bad"], report)
    replay = damaged.json("replay", "@last", "--json", check=1)
    equal((replay["result"], replay["chain"], replay["replay_id"]), ("diverged", False, None))


def silent_server():
    """Accepts and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []
    threading.Thread(target=lambda: [kept.append(listener.accept()[0]) for _ in range(100)], daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/v1", listener


silent, listener = silent_server()


def interrupted_by(number, code):
    running = program.start("trace", "--base-url", silent, "--json", "wait for ever")
    deadline = time.monotonic() + 30
    while program.json("list", "--json", "--status", "running")["total"] == 0:
        true(time.monotonic() < deadline, "the trace is listed as running")
        time.sleep(0.02)
    running.send_signal(number)
    out, _ = running.communicate(timeout=30)
    equal(running.returncode, code)
    equal(json.loads(out)["status"], "interrupted")
    equal(program.json("list", "--json", "--status", "running")["total"], 0)
    equal(program.json("replay", "@last", "--json")["result"], "identical")


with tap("Ctrl-C records an interrupted trace and exits 130; it replays"):
    interrupted_by(signal.SIGINT, 130)

with tap("SIGTERM does the same with 143"):
    interrupted_by(signal.SIGTERM, 143)

with tap("a time-out is exit 7, a refused connection exit 6, each a failed trace whose reason is stderr's last line"):
    done = program.run("trace", "--base-url", silent, "--timeout", "0.2", "--retries", "0", "x", check=7)
    true(b"Status:       failed" in done.stdout and done.stdout.count(b"\n") == 6, done.stdout)
    equal(program.json("show", "@last", "--json")["error"]["class"], "timeout")
    listener.close()
    done = program.run("trace", "--base-url", "http://127.0.0.1:1/v1", "--retries", "0", "x", check=6)
    document = program.json("show", "@last", "--json")
    equal(document["error"]["class"], "connect")
    equal(done.stderr.decode().rstrip("\n").split("\n")[-1], f"tracellm: {document['reason']}")
    equal(program.json("replay", "@last", "--json")["result"], "identical")

with tap("no secret reaches the data directory: key, credential headers, query fields, URL password, echoes"):
    keyed = Program(OPENAI_API_KEY="sk-verysecret-0123456789")
    keyed.run("trace", "--url", "http://user:hunter2hunter2@127.0.0.1:1/v1?api_key=querysecret99", "--retries", "0", "--header",
              "X-Api-Key: headersecret42", "my key is sk-verysecret-0123456789, headersecret42", check=6)
    files = [os.path.join(at, name) for at, _, names in os.walk(keyed.data_dir) for name in names]
    stored = b"".join(open(path, "rb").read() for path in files)
    for secret in (b"sk-verysecret", b"hunter2hunter2", b"querysecret99", b"headersecret42"):
        true(secret not in stored, secret)
    equal(keyed.json("show", "@last", "--json")["prompt"], "my key is " + "*" * 24 + ", " + "*" * 14)
    equal(keyed.json("replay", "@last", "--json")["result"], "identical")

tap.done()

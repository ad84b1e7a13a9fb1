#!/usr/bin/env python3
# timeout: 1200
"""Every openai.chat exchange of the corpus, captured over HTTP: bytes, reading, replay. And every fault of the upstream."""

import concurrent.futures
import json

from harness import Program, Tap, Upstream, equal, exchanges, true, without_corpus

tap = Tap()
ALL = "every recorded openai.chat exchange is captured byte for byte, read as an independent reader does, and replays identically"
if without_corpus(tap, ALL):
    tap.done()

from read_openai import expected  # noqa: E402: beside the corpus reader, which has no use without a corpus

program = Program()
rows = exchanges()


def capture(upstream, row, *more, program=program):
    """Runs one exchange; the JSON result and the exit code. Repeated requests are told apart by their session."""
    url = f"{upstream.url}/{row['host']}{row['path']}"
    done = program.run("trace", "--json", "--request", "-", "--url", url, "--header", f"x-corpus-session:{row['session']}", *more,
                       stdin=row["request"].encode())
    return json.loads(done.stdout), done.returncode


def document_of(trace_id):
    return program.json("show", trace_id, "--json")


def none_if_unknown(number):
    return None if number < 0 else number


def check_reading(row, document):
    reading, call = expected(row), document["calls"][0]
    got = [{name: c[name] or "" for name in ("content", "reasoning", "refusal", "audio_transcript", "finish_reason", "finish_reason_raw")}
           | {"calls": [(t["id"] or "", t["name"] or "", t["arguments"] or "") for t in c["tool_calls"]]} for c in call["output"]]
    wanted = [{"content": c["text"], "reasoning": c["reasoning"], "refusal": c["refusal"], "audio_transcript": c["audio_transcript"],
               "finish_reason": c["finish"], "finish_reason_raw": c["finish_raw"],
               "calls": [(t["id"], t["name"], t["arguments"]) for t in c["tool_calls"]]} for c in reading["choices"]]
    equal(got, wanted, "choices")
    usage = reading["usage"]
    if usage["input"] >= 0:
        equal({name: call["usage"][f"{name}_tokens"] for name in ("input", "output", "cached", "cache_write", "reasoning")},
              {name: none_if_unknown(usage[name]) for name in ("input", "output", "cached", "cache_write", "reasoning")}, "usage")
    if usage["cost_nano_usd"] >= 0:
        equal((call["cost"]["nano_usd"], call["cost"]["source"]), (usage["cost_nano_usd"], "provider"), "cost")


def check_exchange(upstream, row):
    result, code = capture(upstream, row, "--retries", "0")
    trace_id, good = result["trace_id"], row["status"] == 200
    equal(program.run("show", trace_id, "--raw", "response", check=0).stdout.decode(), row["response"], "response bytes")
    equal(program.run("show", trace_id, "--raw", "request", check=0).stdout.decode(), row["request"], "request bytes")
    document = document_of(trace_id)
    equal(document["calls"][0]["http_status"], row["status"], "status")
    if good:
        check_reading(row, document)
    else:
        equal((result["status"], code, result["error"]["class"]), ("failed", 6, "http_status"))
        true(str(row["status"]) in result["error"]["message"], result["error"])
    replay = program.json("replay", trace_id, "--json")
    equal((replay["result"], replay["digest"]), ("identical", replay["stored_digest"]), replay)
    return result["status"]


failures, statuses = [], []
with Upstream() as upstream, concurrent.futures.ThreadPoolExecutor(3) as pool:
    futures = {pool.submit(check_exchange, upstream, row): row for row in rows}
    for future in concurrent.futures.as_completed(futures):
        row = futures[future]
        try:
            statuses.append(future.result())
        except Exception as error:  # noqa: BLE001: collected and shown below
            failures.append(f"{row['session']}/{row['turn']} {row['host']}{row['path']} stream={row['stream']}: {error}")

with tap(f"{ALL} ({len(rows)})"):
    true(not failures, f"{len(failures)} of {len(rows)}:\n" + "\n".join(failures[:10]))
    true(statuses.count("success") > 250, statuses)

with tap("the log of all of them verifies"):
    program.verify_is_good()

streamed = next(row for row in rows if row["stream"] and row["response"].count("\n\n") > 20)
plain = next(row for row in rows if not row["stream"] and row["status"] == 200)


def outcome(fault, row, *more, **environment):
    """Result, exit code and document of one call under a fault that hits every request of the given position."""
    with Upstream("--fault", fault) as faulty:
        result, code = capture(faulty, row, *more)
    document = document_of(result["trace_id"])
    replay = program.json("replay", result["trace_id"], "--json")
    equal(replay["result"], "identical", replay)
    return result, code, document


for status in (429, 500, 503):
    with tap(f"HTTP {status} once is a warning after one retry, with Retry-After honoured and both attempts recorded"):
        # The fault hits every second request: the first one is spent before.
        with Upstream("--fault", f"status:2:{status}") as faulty:
            capture(faulty, plain)
            result, code = capture(faulty, plain)
        document = document_of(result["trace_id"])
        equal((result["status"], code, document["attempts"]), ("warning", 0, 2))
        first, second = document["calls"][0]["attempts"]
        equal((first["http_status"], first["retry_after_ms"], first["backoff_ns"], first["backoff_source"]), (status, 50, 50000000, "retry-after"))
        equal(second["outcome"], "finished")
        equal(program.json("replay", result["trace_id"], "--json")["result"], "identical")

    with tap(f"HTTP {status} for ever fails after the allowed retries with the provider's message"):
        result, code, document = outcome(f"status:1:{status}", plain, "--retries", "2")
        equal((result["status"], code, document["attempts"], result["error"]["class"]), ("failed", 6, 3, "http_status"))
        equal(result["error"]["message"], f"HTTP {status}: injected fault")
        equal(result["error"]["type"], "injected")

with tap("HTTP 401 and 403 are exit 4 and not tried again"):
    for status in (401, 403):
        result, code, document = outcome(f"status:1:{status}", plain)
        equal((result["status"], code, document["attempts"]), ("failed", 4, 1))

with tap("a reset before any byte is tried again, and fails as reset when it lasts"):
    with Upstream("--fault", "reset:2") as faulty:
        capture(faulty, plain)
        result, code = capture(faulty, plain)
    equal((result["status"], code), ("warning", 0))
    result, code, document = outcome("reset:1", plain, "--retries", "1")
    equal((result["status"], code, document["attempts"], result["error"]["class"]), ("failed", 6, 2, "reset"))

with tap("a stream cut half-way is failed, not tried again, and what came is kept"):
    result, code, document = outcome("truncate:1", streamed)
    equal((result["status"], code, document["attempts"]), ("failed", 6, 1))
    true(result["error"]["class"] in ("truncated", "reset"), result["error"])
    true(0 < document["calls"][0]["response_bytes"] < len(streamed["response"]), document["calls"][0]["response_bytes"])
    got = program.run("show", result["trace_id"], "--raw", "response", check=0).stdout
    true(streamed["response"].encode().startswith(got), "the bytes that came are the recording's first ones")

with tap("a body cut half-way is failed as truncated"):
    result, code, document = outcome("truncate:1", plain)
    equal((result["status"], code), ("failed", 6))
    true(result["error"]["class"] in ("truncated", "reset"), result["error"])

with tap("silence before the first byte is waited for within the time-out, and a time-out beyond it"):
    result, code, document = outcome("stall:1:300", plain, "--timeout", "20")
    equal((result["status"], code), ("success", 0))
    true(document["first_byte_ns"] >= 290_000_000, document["first_byte_ns"])
    result, code, document = outcome("stall:1:3000", plain, "--timeout", "0.3", "--retries", "0")
    equal((result["status"], code, result["error"]["class"]), ("failed", 7, "timeout"))

with tap("an answer that trickles in is recorded with its arrivals, flushed while it comes"):
    with Upstream("--event-ms", "30") as slow:
        result, code = capture(slow, streamed)
    events = program.json("show", result["trace_id"], "--events", "--json")["items"]
    chunks = [event["body"] for event in events if event["type"] == "response.chunk"]
    true(len(chunks) > 1 and chunks[0]["cause"] == "time" and chunks[-1]["cause"] == "end", [c["cause"] for c in chunks])
    true(sum(len(c["cuts"]) for c in chunks) > 5, "arrivals")
    equal(program.json("replay", result["trace_id"], "--json")["result"], "identical")

with tap("a request no recording answers is a 404 with the upstream's words"):
    with Upstream() as upstream:
        done = program.run("trace", "--json", "--base-url", f"{upstream.url}/v1", "nobody asked this")
    equal((done.returncode, json.loads(done.stdout)["error"]["type"]), (6, "corpus_miss"))

tap.done()

#!/usr/bin/env python3
# timeout: 900
"""Replay can fail: builds with one rule changed each are caught at the right event."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness import SOURCE, Program, Tap, equal, true
from provider import Provider

# name, file, the rule as it is, the rule changed, event and field at which replay must notice
MUTATIONS = (
    ("a dropped delta", "src/wire/openai.c", "\tTL_TRY(read_content(growing, at, tl_json_get(message, \"content\"), err));\n",
     "\tif (view->text.len < 12 || view->text.len > 20)\n\t\tTL_TRY(read_content(growing, at, tl_json_get(message, \"content\"), err));\n\telse\n\t\treturn TL_OK;\n",
     "metrics.captured", "answer_digest"),
    ("one retry more", "src/provider/retry.c", "question->number > question->retries_max", "question->number > question->retries_max + 1",
     "attempt.failed", "will_retry"),
    ("another chunk boundary", "include/tracellm/capture.h", "#define TL_CHUNK_FLUSH_BYTES (64u << 10)", "#define TL_CHUNK_FLUSH_BYTES (1u << 10)",
     "response.chunk", "bytes"),
)

tap = Tap()
program = Program()
work = Path(tempfile.mkdtemp(prefix="m-"))


def copy_source():
    for name in ("include", "src", "log", "projections", "meson.build", "meson_options.txt"):
        place = SOURCE / name
        shutil.copytree(place, work / name) if place.is_dir() else shutil.copy(place, work / name)
    for name in ("tests", "bench", "dashboard/dist"):
        (work / name).mkdir(parents=True, exist_ok=True)
        (work / name / "meson.build").touch()


def call(*command):
    done = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    true(done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


def change(path, before, after):
    text = (work / path).read_text()
    equal(text.count(before), 1, f"the rule stands once in {path}")
    (work / path).write_text(text.replace(before, after))


def replay_with_build(trace_id):
    """The same log read by the changed program; exit code 1 says that it noticed."""
    mutant = Program(program.data_dir)
    done = subprocess.run([work / "build/tracellm", "replay", trace_id, "--json"], env=mutant.environment, capture_output=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


with Provider(words=[f"word{i} " for i in range(12)], pad=300) as provider:
    recorded = {"streamed": program.json("trace", "--json", "--base-url", provider.url, "a question")["trace_id"]}
with Provider(refuse=True) as provider:
    provider.requests = 0
    failed = program.run("trace", "--json", "--base-url", provider.url, "--retries", "0", "a question", check=6)
    recorded["refused"] = program.json("show", "@last", "--json")["trace_id"]

with tap("the program as it is replays all of them identically"):
    for trace_id in recorded.values():
        equal(program.json("replay", trace_id, "--json")["result"], "identical")

copy_source()
call("meson", "setup", "build", "-Dtests=false", "--buildtype=debug", "-Dwerror=false")
for name, path, before, after, event, field in MUTATIONS:
    with tap(f"a build with {name} is caught at {event}, {field}"):
        original = (work / path).read_text()
        change(path, before, after)
        call("ninja", "-C", "build", "tracellm")
        code, report = replay_with_build(recorded["refused" if event == "attempt.failed" else "streamed"])
        equal((code, report["result"]), (1, "diverged"), report)
        equal((report["divergence"]["event"], report["divergence"]["field"]), (event, field), report["divergence"])
        true(report["divergence"]["recorded"] != report["divergence"]["replayed"], report["divergence"])
        (work / path).write_text(original)

with tap("the findings are in the log, and the program as it is still replays identically"):
    for trace_id in recorded.values():
        equal(program.json("replay", trace_id, "--json")["result"], "identical")
    program.verify_is_good()

tap.done()

#!/usr/bin/env python3
# timeout: 900
"""kill -9: several writers killed at random points, an outside ledger of what was acknowledged. Nothing of it may be missing, nothing left open."""

import json
import os
import random
import time

from harness import Program, Tap, equal, true
from provider import Provider

ROUNDS = int(os.environ.get("TRACELLM_TEST_KILL_ROUNDS", "50"))
WRITERS = 4
WORDS = [f"word{i} " for i in range(25)]

tap = Tap()
seed = int(os.environ.get("TRACELLM_TEST_SEED", time.time_ns() % 1_000_000))
print(f"# seed {seed}, {ROUNDS} rounds", flush=True)
random.seed(seed)
program = Program()
ledger, killed = [], 0


def one_round(provider):
    """Starts writers, kills them at random points, and returns what those that got that far had acknowledged."""
    global killed
    running = [program.start("trace", "--json", "--base-url", provider.url, f"question {i}") for i in range(WRITERS)]
    time.sleep(random.uniform(0.0, 0.25))
    for process in random.sample(running, WRITERS):
        process.kill()
        time.sleep(random.uniform(0.0, 0.02))
    for process in running:
        out, _ = process.communicate(timeout=60)
        killed += process.returncode == -9
        if out.endswith(b"}\n"):
            yield json.loads(out)


with Provider(words=WORDS, gap_s=0.008) as provider:
    with tap(f"{ROUNDS} rounds of {WRITERS} writers killed at random points: every acknowledged trace is in the log, whole"):
        for _ in range(ROUNDS):
            ledger += one_round(provider)
            if random.random() < 0.2:
                program.verify_is_good()
        # Some that are let finish, so that the ledger is never empty however slow the machine is.
        for _ in range(3):
            ledger.append(program.json("trace", "--json", "--base-url", provider.url, "to the end"))
        for acknowledged in ledger:
            document = program.json("show", acknowledged["trace_id"], "--json")
            equal((document["status"], document["answer"]), (acknowledged["status"], acknowledged["answer"]))
            equal(document["answer"], "".join(WORDS))
        print(f"# {killed} killed, {len(ledger)} acknowledged")
        true(killed > ROUNDS, f"only {killed} were killed: the test did not test")

with tap("the log verifies after all of them"):
    program.verify_is_good()

with tap("no trace is left open: those whose writer died are interrupted, with everything that had come"):
    traces = program.json("list", "--json", "--limit", "1000")
    equal([t["trace_id"] for t in traces["items"] if t["status"] == "running"], [])
    dead = [t for t in traces["items"] if t["status"] == "interrupted"]
    true(dead, "some traces were interrupted")
    for trace in dead[:10]:
        document = program.json("show", trace["trace_id"], "--json")
        equal(document["error"]["class"], "writer_died")
        true("".join(WORDS).startswith(document["answer"]), document["answer"])

with tap("interrupted traces replay identically"):
    for trace in dead[:10]:
        replay = program.json("replay", trace["trace_id"], "--json")
        equal((replay["result"], replay["divergence"]), ("identical", None))

with tap("the view can be deleted and comes back byte for byte, with nothing written twice"):
    before = {t["trace_id"]: program.run("show", t["trace_id"], "--json", check=0).stdout for t in traces["items"][:40]}
    head = program.verify_is_good()["head_seq"]
    for name in os.listdir(f"{program.data_dir}/views"):
        os.unlink(f"{program.data_dir}/views/{name}")
    for trace_id, document in before.items():
        equal(program.run("show", trace_id, "--json", check=0).stdout, document)
    equal(program.verify_is_good()["head_seq"], head)

tap.done()

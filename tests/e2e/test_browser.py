#!/usr/bin/env python3
# timeout: 600
"""The walk-through in Debian's Chromium: start, trace in another process, the row by itself, click, seven stages, kill and restart.

TRACELLM_TEST_PICTURES=DIR keeps screenshots."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from harness import PATIENCE_S, SOURCE, Program, Server, Tap, true
from provider import Provider

tap = Tap()
program = Program()


def node_folder():
    """A folder with a node that is new enough, and the page's packages; None where neither can be had."""
    found = subprocess.run([SOURCE / "scripts/node"], capture_output=True, text=True)
    if found.returncode != 0 or not shutil.which("chromium"):
        return None
    folder = found.stdout.strip().split("\n")[-1]
    if not (SOURCE / "dashboard/node_modules/playwright-core").is_dir():
        environment = os.environ | {"PATH": folder + os.pathsep + os.environ["PATH"]}
        if subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=SOURCE / "dashboard", env=environment).returncode != 0:
            return None
    return folder


class Hands:
    """What the page's script cannot do itself."""

    def __init__(self, server):
        self.server, self.running = server, None

    def trace(self, prompt, wait):
        started = time.time() * 1000
        self.running = program.start("trace", "--json", "--provider", "sandbox", prompt)
        return self.traced() if wait else {"started_unix_ms": started}

    def traced(self):
        out, err = self.running.communicate(timeout=PATIENCE_S)
        true(self.running.returncode == 0, err)
        return json.loads(out)

    def stages(self, id):
        return program.json("show", id, "--events", "--json")

    def retried(self):
        with Provider(refuse=True, words=["It ", "worked ", "at ", "last."], gap_s=0.02) as provider:
            return program.json("trace", "--json", "--base-url", provider.url, "Was it refused at first?")

    def failed(self):
        return json.loads(program.run("trace", "--json", "--base-url", "http://127.0.0.1:1/v1", "--retries", "0", "Is anybody there?", check=6).stdout)

    def kill(self):
        os.kill(self.server.status["pid"], signal.SIGKILL)
        return {}

    def restart(self):
        port = self.server.status["url"].rsplit(":", 1)[1]
        program.run("start", "--detach", "--port", port, check=0)
        return {}


folder = node_folder()
if folder is None:
    tap.skip("the walk-through in a real browser", "no Node 20.19, playwright-core or Chromium to be had")
    tap.done()

pictures = os.environ.get("TRACELLM_TEST_PICTURES", "")
with Server(program) as server:
    hands = Hands(server)
    page = subprocess.Popen([f"{folder}/node", SOURCE / "tests/e2e/walk.mjs", server.url, pictures], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ended = False
    for line in page.stdout:
        said = json.loads(line)
        if "do" in said:
            reply = getattr(hands, said.pop("do"))(**said)
            page.stdin.write(json.dumps(reply) + "\n")
            page.stdin.flush()
        elif "ok" in said:
            with tap(said["name"]):
                true(said["ok"], said.get("why"))
        else:
            ended = said.get("end", False)
    page.wait(timeout=PATIENCE_S)

with tap("the browser's script came to its end"):
    true(ended, "it stopped before")

with tap("show --events lists all seven stages"):
    first = program.json("list", "--json", "--limit", "1000")["items"][-1]
    lines = program.run("show", first["trace_id"], "--events", check=0).stdout.decode()
    for name in ("request.created", "trace.created", "metrics.captured", "trace.stored", "trace.emitted", "dashboard.updated", "replay.available"):
        true(name in lines, name)

sys.stdout.flush()
tap.done()

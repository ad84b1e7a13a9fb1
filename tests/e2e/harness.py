"""For the end-to-end scripts in Python: TAP, the program, the recorded upstream."""

import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
import traceback
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "corpus"))

BIN = Path(os.environ["TRACELLM_BIN"])
SOURCE = Path(os.environ.get("TRACELLM_SOURCE", Path(__file__).resolve().parent.parent.parent))
CORPUS = Path(os.environ["TRACELLM_CORPUS"]) if os.environ.get("TRACELLM_CORPUS") else None
# A program that hangs must fail its own test, not the whole script.
PATIENCE_S = 60


class Tap:
    """One line a test. `with tap("sentence"):` passes unless the block raises."""

    def __init__(self):
        self.count = self.failed = 0

    @contextlib.contextmanager
    def __call__(self, sentence):
        self.count += 1
        try:
            yield
        except Exception:  # noqa: BLE001: whatever it was, it is this test's failure
            self.failed += 1
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
            print(f"not ok {self.count} - {sentence}", flush=True)
        else:
            print(f"ok {self.count} - {sentence}", flush=True)

    def skip(self, sentence, reason):
        self.count += 1
        print(f"ok {self.count} - {sentence} # SKIP {reason}", flush=True)

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}\n  got    {str(got)[:2000]!r}\n  wanted {str(wanted)[:2000]!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


class Program:
    """The program on a data directory of its own. Provider variables are taken out unless given."""

    def __init__(self, data_dir=None, **environment):
        self.data_dir = str(data_dir or tempfile.mkdtemp(prefix="d-"))
        self.environment = os.environ | {"TRACELLM_DATA_DIR": self.data_dir} | environment

    def run(self, *arguments, stdin=None, timeout=PATIENCE_S, check=None):
        """CompletedProcess with bytes; `check` is the wanted exit code."""
        done = subprocess.run([BIN / "tracellm", *map(str, arguments)], input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, env=self.environment, timeout=timeout)
        if check is not None and done.returncode != check:
            raise AssertionError(f"{' '.join(map(str, arguments))[:300]}: exit {done.returncode}, wanted {check}\n{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
        return done

    def json(self, *arguments, check=0, **how):
        return json.loads(self.run(*arguments, check=check, **how).stdout)

    def start(self, *arguments):
        """Popen of the program, for what is killed or watched."""
        return subprocess.Popen([BIN / "tracellm", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)

    def verify_is_good(self):
        report = self.json("verify", "--json")
        equal(report["bad"], 0, report)
        return report


class Server:
    """`tracellm start --detach` on a free port; stopped at the end of the block."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.program.run("start", "--detach", "--port", "0", check=0)
        self.status = self.program.json("status", "--json")
        self.url = self.status["url"].replace("localhost", "127.0.0.1")
        return self

    def __exit__(self, *_):
        self.program.run("stop")

    def get(self, path, **headers):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=PATIENCE_S) as answer:
            return json.load(answer)


class Upstream:
    """The corpus served as the providers do, with faults on demand."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, CORPUS / "upstream", *self.options], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[1]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def exchanges(api="openai.chat"):
    with gzip.open(CORPUS / "exchanges.jsonl.gz", "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if row["api"] == api]


def without_corpus(tap, sentence):
    """True when the recordings are not there; the test is then skipped, saying so."""
    if CORPUS and (CORPUS / "exchanges.jsonl.gz").is_file():
        return False
    tap.skip(sentence, "no recorded exchanges: set TRACELLM_CORPUS or put them at ../shared/corpus")
    return True

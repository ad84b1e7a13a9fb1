#!/usr/bin/env python3
"""Builds TraceLLM in each way it is tested, runs every test, and closes with 'N passed, N failed'. ./check calls it.

    --quick   one build with fault points, the tidy test, the end-to-end scripts marked '# quick'
    (none)    also clang, ASan+UBSan, TSan, the page, all end-to-end scripts
    --long    the same with TRACELLM_TEST_ROUNDS=20 (random walks and kill rounds go 20 times as far), and the scripts marked '# long'

An end-to-end script is an executable tests/e2e/*.sh or *.py that prints TAP; a line '# quick', '# long', '# sanitizers' (also run with
those builds' programs) or '# timeout: SECONDS' in it is a mark. Logs lie in build/check/logs.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from results import Results, of_cmocka, of_node, of_program, of_tap

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT / "build" / "check"
LOGS = CHECK / "logs"
RELEASE = ROOT / "build" / "release"
E2E_TIMEOUT_S = 600
LONG_ROUNDS = 20

# name -> compiler, options of meson setup, patience (a factor on each test's time limit), whether --quick has it
BUILDS = {
    "gcc": ("gcc", ["--buildtype=release", "-Dfaults=true"], 1, True),
    "clang": ("clang-14", ["-Dfaults=true"], 1, False),
    "asan": ("clang-14", ["-Dfaults=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"], 4, False),
    "tsan": ("clang-14", ["-Dfaults=true", "-Db_sanitize=thread", "-Db_lundef=false"], 6, False),
}

# What a user's machine may have set must not reach a test: a key would be used, a data folder would be filled.
# A proxy stays, for the packages of the page, but never between a test and this machine.
FOREIGN = re.compile(r"TRACELLM_(?!TEST_)|.*_(API_KEY|BASE_URL)$|OLLAMA_|CMOCKA_", re.I)
# Only the sanitizers' builds read these; a finding there must end the program, or nobody would notice. (Unit tests: tests/unit/meson.build.)
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "TSAN_OPTIONS": f"halt_on_error=1:suppressions={ROOT}/tests/tsan.supp"}
OWN = {"LC_ALL": "C.UTF-8", "no_proxy": "localhost,127.0.0.1,::1", "NO_PROXY": "localhost,127.0.0.1,::1"}


def clean_environment(**more):
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    corpus = Path(os.environ.get("TRACELLM_CORPUS") or ROOT.parent / "shared" / "corpus").resolve()
    found = {"TRACELLM_CORPUS": str(corpus)} if corpus.is_dir() else {}
    return kept | OWN | found | more


def rounds():
    """How many times as far as usual a test with rounds goes; tests read the same variable."""
    return int(os.environ.get("TRACELLM_TEST_ROUNDS", "1"))


def say(text=""):
    print(text, flush=True)


def show(output):
    """The end of a failing test's output, indented so that nobody takes its lines for ours."""
    lines = output.rstrip().split("\n")
    if len(lines) > 200:
        say(f"    ... {len(lines) - 200} lines more in the log")
    for line in lines[-200:]:
        say("    " + line)


def run(command, log, timeout_s=None, cwd=ROOT, env=None):
    """Output (both streams) into the log and back with the exit code; 124 (too long) and 126 (cannot run) as shells have it. Its whole
    process group ends with it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                                       env=env or clean_environment(), start_new_session=True)
        except OSError as error:
            out.write(f"cannot run {command[0]}: {error.strerror}\n".encode())
            return f"cannot run {command[0]}: {error.strerror}\n", 126
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            out.write(f"\nended by tests/run.py after {timeout_s} s\n".encode())
            code = 124
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return log.read_text(errors="replace"), code


def report(name, results, output, seconds):
    counted = f": {results.line()}" if results.any else ""
    say(f"  {'FAILED' if results.failed else 'ok    '} {name}{counted} ({seconds:.1f} s)")
    if results.failed:
        show(output)
    return results


def one_step(name, command, log, **how):
    """A step on the way to tests: it counts only when it fails."""
    begin = time.monotonic()
    output, code = run(command, log, **how)
    results = Results() if code == 0 else Results(failed=[f"{name}: exit code {code}"])
    return report(name, results, output, time.monotonic() - begin)


def build(name):
    """build/check/NAME, set up once and then only brought up to date."""
    folder = CHECK / name
    compiler, options, _, _ = BUILDS[name]
    if not (folder / "build.ninja").exists():
        results = one_step(f"{name}: set up", ["meson", "setup", str(folder), *options], LOGS / f"{name}-setup.log",
                           env=clean_environment(CC=compiler))
        if results.failed:
            return results
    return one_step(f"{name}: build", ["ninja", "-C", str(folder)], LOGS / f"{name}-build.log")


def meson_tests(name):
    """All tests of a build but tidy, which reads sources and is run once. meson leaves each test's output in testlog.json."""
    folder = CHECK / name
    patience = BUILDS[name][2] * rounds()
    command = ["meson", "test", "-C", str(folder), "--no-rebuild", "--no-suite", "tidy", "-t", str(patience)]
    record = folder / "meson-logs" / "testlog.json"
    record.unlink(missing_ok=True)
    env = clean_environment(CMOCKA_MESSAGE_OUTPUT="XML")
    output, code = run(command, LOGS / f"{name}-test.log", env=env)
    results = Results()
    lines = record.read_text().splitlines() if record.exists() else []
    for test in map(json.loads, lines):
        test_name = f"{name}: {test['name'].split(' / ')[-1]}"
        stdout, stderr = test.get("stdout", ""), test.get("stderr", "")
        is_unit = test["name"].startswith("tracellm:unit / ")  # cmocka's; what is not prints TAP or has only its exit code
        count = of_cmocka if is_unit else of_tap if re.search(r"^1\.\.\d+$", stdout, re.M) else of_program
        found = count(test_name, stdout, test["returncode"])
        results.add(report(test_name, found, stdout + stderr, test["duration"]))
    if code != 0 and not results.failed:
        results.add(report(f"{name}: meson test", Results(failed=[f"{name}: meson test ended with {code}"]), output, 0))
    return results


def built_and_tested(name):
    results = build(name)
    return results if results.failed else meson_tests(name)


def tidy():
    results = Results()
    for script in ("tidy", "selftest"):
        begin = time.monotonic()
        output, code = run([sys.executable, f"tests/tidy/{script}.py"], LOGS / f"tidy-{script}.log")
        results.add(report(script, of_tap(script, output, code), output, time.monotonic() - begin))
    return results


def marks(script):
    """The marks in a script's comments: {'quick': '', 'timeout': '900'}."""
    found = re.findall(r"^# (quick|long|sanitizers|timeout)(?:: *(\d+))?$", script.read_text(), re.M)
    return dict(found)


def end_to_end(script, programs, label):
    """One script with a home, data and runtime folder of its own. Sockets' paths are short, so it lies directly in /tmp."""
    begin = time.monotonic()
    timeout_s = int(marks(script).get("timeout") or E2E_TIMEOUT_S) * rounds()
    name = f"{label}{script.stem}"
    with tempfile.TemporaryDirectory(prefix="tl-", dir="/tmp", ignore_cleanup_errors=True) as home:
        env = clean_environment(HOME=home, XDG_DATA_HOME=f"{home}/data", XDG_RUNTIME_DIR=home, XDG_CONFIG_HOME=f"{home}/config",
                                XDG_CACHE_HOME=os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), TMPDIR=home,
                                TRACELLM_BIN=str(programs), TRACELLM_SOURCE=str(ROOT), **SANITIZERS)
        output, code = run([str(script)], LOGS / f"e2e-{label.replace(': ', '-')}{script.name}.log", timeout_s, env=env)
    return report(name, of_tap(name, output, code), output, time.monotonic() - begin)


def all_end_to_end(mode):
    results = one_step("release: build", ["scripts/release"], LOGS / "release-build.log")
    if results.failed:
        return results
    for script in sorted([*(ROOT / "tests/e2e").glob("*.sh"), *(ROOT / "tests/e2e").glob("*.py")]):
        if not script.read_bytes().startswith(b"#!"):
            continue  # a part of other scripts
        marked = marks(script)
        if ("long" in marked and mode != "long") or ("quick" not in marked and mode == "quick"):
            continue
        results.add(end_to_end(script, RELEASE, ""))
        if "sanitizers" in marked and mode != "quick":
            for name in ("asan", "tsan"):
                results.add(end_to_end(script, CHECK / name, f"{name}: "))
    return results


def page():
    """The page's packages (once for each lock file) and its tests: types, build, browser."""
    dashboard = ROOT / "dashboard"
    output, code = run(["scripts/node"], LOGS / "page-node.log")
    if code != 0:
        return report("page", Results(skipped=["page: no Node 20.19 or newer to be had"]), output, 0)
    env = clean_environment(PATH=output.strip().split("\n")[-1] + os.pathsep + os.environ["PATH"])
    lock, installed = dashboard / "package-lock.json", dashboard / "node_modules" / ".lock-of-last-install"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        results = one_step("page: npm ci", ["npm", "ci", "--no-audit", "--no-fund"], LOGS / "page-npm.log", cwd=dashboard, env=env)
        if results.failed:
            return results
        shutil.copyfile(lock, installed)
    begin = time.monotonic()
    output, code = run(["tests/page/run"], LOGS / "page-test.log", 1200, env=env)
    return report("page", of_node("page", output, code), output, time.monotonic() - begin)


def stages(mode):
    """What is run, in order: a title and a function that gives results. What fails early and often comes first."""
    yield "tidy", tidy
    for name, (_, _, _, quick) in BUILDS.items():
        if quick or mode != "quick":
            yield f"{name}: build and unit tests", lambda name=name: built_and_tested(name)
    if mode != "quick" and (ROOT / "tests/page/run").exists():
        yield "page", page
    yield "end to end", lambda: all_end_to_end(mode)


def main():
    arguments = argparse.ArgumentParser(prog="check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = arguments.add_mutually_exclusive_group()
    which.add_argument("--quick", dest="mode", action="store_const", const="quick", default="full")
    which.add_argument("--long", dest="mode", action="store_const", const="long")
    mode = arguments.parse_args().mode
    if mode == "long":
        os.environ.setdefault("TRACELLM_TEST_ROUNDS", str(LONG_ROUNDS))
    shutil.rmtree(LOGS, ignore_errors=True)
    total, begin = Results(), time.monotonic()
    for title, stage in stages(mode):
        say(f"== {title}")
        total.add(stage())
    say(f"== {(time.monotonic() - begin) / 60:.1f} minutes; logs in build/check/logs")
    for sentence in total.skipped:
        say(f"skipped: {sentence}")
    for sentence in total.failed:
        say(f"failed: {sentence}")
    say(total.line())
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())

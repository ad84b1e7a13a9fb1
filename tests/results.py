"""Counts tests in what the runners print: cmocka's XML, TAP, node's summary. Knows nothing of builds; run.py does."""

import re
from dataclasses import dataclass, field

SKIPPED = 77  # the exit code by which a program says, to meson and to us, that it cannot run here


@dataclass
class Results:
    """Of one program or of many: how many passed, the names of those that failed and of those that were skipped (with the reason)."""

    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def line(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {len(self.skipped)} skipped" if self.skipped else "")

    @property
    def any(self):
        return bool(self.passed or self.failed or self.skipped)


def checked(results, name, exit_code):
    """A program that fails without a failed test, or ends well without a test, is a failure of its own."""
    if exit_code != 0 and not results.failed:
        results.failed.append(f"{name}: ended with exit code {exit_code}")
    elif not results.any:
        results.failed.append(f"{name}: ran no test")
    return results


def of_program(name, output, exit_code):
    """A program that only has an exit code is one test."""
    if exit_code == SKIPPED:
        return Results(skipped=[f"{name}: {(output.strip() or 'no reason given').splitlines()[-1]}"])
    return Results(passed=1) if exit_code == 0 else Results(failed=[f"{name}: ended with exit code {exit_code}"])


def of_cmocka(name, output, exit_code):
    """CMOCKA_MESSAGE_OUTPUT=XML: everything is printed at the end, so a program that dies leaves no XML and counts as one failure.
    Read by pattern: texts of failures may hold bytes that no XML parser accepts."""
    if exit_code == SKIPPED:
        return of_program(name, output, exit_code)
    results = Results()
    start = output.rfind('<?xml version="1.0"')
    if start < 0:
        results.failed.append(f"{name}: ended with exit code {exit_code} before it told its results")
        return results
    for case in re.finditer(r'^    <testcase name="([^"]*)"[^>]*>\n(.*?)^    </testcase>$', output[start:], re.M | re.S):
        sentence, inside = f"{name}: {case.group(1)}", case.group(2)
        if "<failure>" in inside or "<error>" in inside:
            results.failed.append(sentence)
        elif "<skipped/>" in inside:
            results.skipped.append(sentence)
        else:
            results.passed += 1
    return checked(results, name, exit_code)


def of_tap(name, output, exit_code):
    """Lines 'ok', 'not ok', '# SKIP' in the first column, and the plan, which must hold."""
    results, seen, planned = Results(), 0, None
    for line in output.split("\n"):
        plan = re.match(r"1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$", line, re.I)
        test = re.match(r"(not )?ok\b\s*\d*\s*-?\s*(.*)$", line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                results.skipped.append(f"{name}: {plan.group(2) or 'skipped'}")
        elif line.startswith("Bail out!"):
            results.failed.append(f"{name}: {line}")
        elif test:
            seen += 1
            sentence, _, directive = test.group(2).partition("# ")
            sentence = f"{name}: {sentence.strip()}"
            if re.match(r"SKIP\b", directive, re.I):
                results.skipped.append(f"{sentence} ({directive[4:].strip()})")
            elif test.group(1):
                results.failed.append(sentence)
            else:
                results.passed += 1
    if planned is not None and planned != seen:
        results.failed.append(f"{name}: planned {planned} tests, ran {seen}")
    return checked(results, name, exit_code)


def of_node(name, output, exit_code):
    """node's test runner ends with '# pass N' (TAP) or 'ℹ pass N' (spec); subtests are indented, so that only the summary counts all."""
    counts = {"pass": 0, "fail": 0, "cancelled": 0, "skipped": 0, "todo": 0}
    summary = re.findall(r"^(?:#|ℹ) (pass|fail|cancelled|skipped|todo) (\d+)$", output, re.M)
    if not summary:
        return of_tap(name, output, exit_code)
    for word, count in summary:
        counts[word] += int(count)
    broken = [text.strip() for text in re.findall(r"^\s*(?:not ok \d+ -|✖) (.*)$", output, re.M) if not text.endswith(" failing tests:")]
    results = Results(passed=counts["pass"], skipped=[f"{name}: a page test"] * (counts["skipped"] + counts["todo"]))
    results.failed = [f"{name}: {broken[i] if i < len(broken) else 'a page test'}" for i in range(counts["fail"] + counts["cancelled"])]
    return checked(results, name, exit_code)

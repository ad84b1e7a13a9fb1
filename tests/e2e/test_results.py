#!/usr/bin/env python3
# quick
"""tests/results.py judged: a check that counts wrong would hide what it is there to show. TAP."""

import os
import sys

sys.path.insert(0, os.path.join(os.environ["TRACELLM_SOURCE"], "tests"))
from results import Results, of_cmocka, of_node, of_program, of_tap  # noqa: E402

XML = """seed: 1
<?xml version="1.0" encoding="UTF-8" ?>
<testsuites>
  <testsuite name="tests" time="0.019" tests="3" failures="1" errors="0" skipped="1" >
    <testcase name="a_good_one" time="0.000" >
    </testcase>
    <testcase name="a_bad_one" time="0.019" >
      <failure><![CDATA["a\x01<]]>" != "b"
<skipped/> t.c:9: error: Failure!]]></failure>
    </testcase>
    <testcase name="a_skipped_one" time="0.000" >
      <skipped/>
    </testcase>
  </testsuite>
</testsuites>
"""
GOOD_XML = XML.split("    <testcase name=\"a_bad_one\"")[0] + "  </testsuite>\n</testsuites>\n"
EMPTY_XML = '<?xml version="1.0" encoding="UTF-8" ?>\n<testsuites>\n  <testsuite name="tests" errors="1" >\n  </testsuite>\n</testsuites>\n'
NODE_TAP = "TAP version 13\n# Subtest: list.test.mjs\n    not ok 1 - a row appears\n    ok 2 - b\nnot ok 1 - list.test.mjs\n1..1\n" \
           "# tests 3\n# suites 0\n# pass 2\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n"
NODE_SPEC = "✔ a row appears (3ms)\n✖ another (4ms)\nℹ tests 2\nℹ pass 1\nℹ fail 1\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\n"

# sentence, counter, output, exit code, expected (passed, failed, skipped), a part of the first failure
CASES = [
    ("cmocka's tests are counted one by one", of_cmocka, XML, 1, (1, 1, 1), "a_bad_one"),
    ("good cmocka tests pass", of_cmocka, GOOD_XML, 0, (1, 0, 0), ""),
    ("a program that dies before its XML is a failure", of_cmocka, "seed: 1\n", -6, (0, 1, 0), "exit code -6"),
    ("a program that leaves early with exit code 0 is a failure", of_cmocka, "", 0, (0, 1, 0), "before it told"),
    ("a program that cannot run here is skipped with its reason", of_cmocka, "no corpus here\n", 77, (0, 0, 1), ""),
    ("a program without results of its own is one test", of_program, "269 of 269 equal\n", 0, (1, 0, 0), ""),
    ("its bad exit code is a failure", of_program, "268 of 269 equal\n", 1, (0, 1, 0), "exit code 1"),
    ("a failed group setup is a failure", of_cmocka, EMPTY_XML, 1, (0, 1, 0), "exit code 1"),
    ("no test at all is a failure", of_cmocka, EMPTY_XML, 0, (0, 1, 0), "ran no test"),
    ("good tests and a bad exit code is a failure", of_cmocka, GOOD_XML, 1, (1, 1, 0), "exit code 1"),
    ("TAP lines are counted", of_tap, "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no corpus\n", 1, (1, 1, 1), "b"),
    ("the plan may come last", of_tap, "ok 1 - a\nok - b\n1..2\n", 0, (2, 0, 0), ""),
    ("TAP without a plan counts as it is", of_tap, "ok 1\nok 2\n", 0, (2, 0, 0), ""),
    ("a broken plan is a failure", of_tap, "1..3\nok 1 - a\nok 2 - b\n", 0, (2, 1, 0), "planned 3 tests, ran 2"),
    ("a skipped file is skipped with its reason", of_tap, "1..0 # SKIP no browser\n", 0, (0, 0, 1), ""),
    ("a bail out is a failure", of_tap, "1..1\nok 1\nBail out! no disk\n", 0, (1, 1, 0), "no disk"),
    ("indented and mentioned results are not counted", of_tap, "1..1\nok 1 - a\n# ok 2 - b\n    ok 3\nokay\n", 0, (1, 0, 0), ""),
    ("silence is a failure", of_tap, "", 0, (0, 1, 0), "ran no test"),
    ("an exit code without a failed line is a failure", of_tap, "ok 1\n1..1\n", 124, (1, 1, 0), "exit code 124"),
    ("node's summary counts subtests", of_node, NODE_TAP, 1, (2, 1, 1), "a row appears"),
    ("node's other summary counts too", of_node, NODE_SPEC, 1, (1, 1, 0), "another"),
    ("node that dies is a failure", of_node, "ok 1 - a\n", 1, (1, 1, 0), "exit code 1"),
]


def main():
    print(f"1..{len(CASES) + 1}")
    wrong = 0
    for number, (sentence, count, output, code, expected, said) in enumerate(CASES, 1):
        got = count("x", output, code)
        good = (got.passed, len(got.failed), len(got.skipped)) == expected and said in (got.failed or [""])[0]
        if not good:
            wrong += 1
            print(f"# got {got}")
        print(f"{'ok' if good else 'not ok'} {number} - {sentence}")
    total = Results(passed=3)
    closing = [total.line()]
    total.add(Results(passed=1, failed=["a"], skipped=["b", "c"]))
    closing.append(total.line())
    good = closing == ["3 passed, 0 failed", "4 passed, 1 failed, 2 skipped"]
    print(f"{'ok' if good else 'not ok'} {len(CASES) + 1} - the closing line names skipped tests only when there are some")
    return 1 if wrong or not good else 0


if __name__ == "__main__":
    sys.exit(main())

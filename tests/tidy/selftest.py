#!/usr/bin/env python3
"""Shows that each rule of tidy.py can fail, and that only it does: a small clean tree, one sin at a time. TAP."""

import shutil
import sys
import tempfile
from pathlib import Path

import tidy

CLEAN = {
    "include/tracellm/base.h": "/* base: the floor. */\n#ifndef TRACELLM_BASE_H\n#define TRACELLM_BASE_H\n\nint tl_one(void);\n\n#endif\n",
    "include/tracellm/wire.h": "/* wire: formats. */\n#ifndef TRACELLM_WIRE_H\n#define TRACELLM_WIRE_H\n\n#include <tracellm/base.h>\n\n#endif\n",
    "include/tracellm/model.h": "/* model: meaning. */\n#ifndef TRACELLM_MODEL_H\n#define TRACELLM_MODEL_H\n\n#endif\n",
    "include/tracellm/store.h": "/* store: disk. */\n#ifndef TRACELLM_STORE_H\n#define TRACELLM_STORE_H\n\n#endif\n",
    "src/base/one.c": "/* base/one: gives one. Knows nothing else. */\n#include <tracellm/base.h>\n\n#include <stdio.h>\n\n"
                      "int\ntl_one(void)\n{\n\treturn 1;\n}\n",
    "src/base/meson.build": "base = static_library('base', 'one.c')\n",
    "src/wire/sse.c": '/* wire/sse: parses. Knows no socket. */\n#include "internal.h"\n#include <tracellm/wire.h>\n',
    "src/wire/internal.h": "/* wire inside. */\n#ifndef WIRE_INTERNAL_H\n#define WIRE_INTERNAL_H\n\n#endif\n",
    "src/wire/meson.build": "wire = static_library('wire', 'sse.c')\n",
    "src/store/meson.build": "store = static_library('store', 'lmdb.c')\n",
    "src/store/lmdb.c": "/* store/lmdb: the door of LMDB. */\n#include <lmdb.h>\n",
    "tests/unit/test_base_one.c": "/* base/one tested. */\n#include <tracellm/base.h>\n",
    "tests/unit/meson.build": "unit_tests = {\n  'base_one': base,\n}\n",
    "notes.md": "# Notes\n",
}


def body(lines):
    return "int\ntl_long(void)\n{\n" + "\t(void)0;\n" * (lines - 2) + "}\n"


def append(path, text):
    return lambda tree: tree.update({path: tree[path] + text})


def replace(path, old, new):
    def change(tree):
        assert old in tree[path]
        tree[path] = tree[path].replace(old, new)
    return change


# What is done to the clean tree, the rule that must notice (None: nobody), and a part of what it must say.
SINS = [
    ("nothing", lambda tree: None, None, ""),
    ("an upward include", append("src/wire/sse.c", "#include <tracellm/model.h>\n"), "includes_point_downward", "upward: model"),
    ("a neighbour's door", append("src/wire/sse.c", "#include <tracellm/store.h>\n"), "includes_point_downward", "neighbour store"),
    ("an upward include behind spaces", append("src/wire/sse.c", "# include <tracellm/model.h>\n"), "includes_point_downward", "upward"),
    ("a door that includes upward", replace("include/tracellm/wire.h", "<tracellm/base.h>", "<tracellm/model.h>"),
     "includes_point_downward", "include/tracellm/wire.h:5"),
    ("another room's inside", append("src/base/one.c", '#include "../wire/internal.h"\n'), "includes_point_downward", "not of this room"),
    ("a room without a floor", lambda tree: tree.update({
        "src/attic/box.c": "/* attic/box: keeps. */\n", "src/attic/meson.build": "'box.c'\n"}), "includes_point_downward", "no floor"),
    ("an include in a comment", append("src/wire/sse.c", "/*\n#include <tracellm/model.h>\n */\n"), None, ""),
    ("a library at a second place", append("src/wire/sse.c", "#include <lmdb.h>\n"), "each_library_has_one_door", "<lmdb.h> stops at"),
    ("jansson beside its file", append("src/base/one.c", "#include <jansson.h>\n"), "each_library_has_one_door", "jansson.h"),
    ("a library nobody knows", append("src/base/one.c", "#include <openssl/ssl.h>\n"), "each_library_has_one_door", "without a door"),
    ("a system header", append("src/base/one.c", "#include <sys/socket.h>\n"), None, ""),
    ("a library in a test", append("tests/unit/test_base_one.c", "#include <lmdb.h>\n"), None, ""),
    ("a function of 70 lines", append("src/base/one.c", "\n" + body(70)), None, ""),
    ("a function of 71 lines", append("src/base/one.c", "\n" + body(71)), "functions_fit_a_screen", "tl_long has 71 lines"),
    ("a file of 400 lines", append("src/base/one.c", "\n" + "int x;\n" * 389), None, ""),
    ("a file of 401 lines", append("src/base/one.c", "\n" + "int x;\n" * 390), "files_are_short", "401 lines"),
    ("a header of 601 lines", replace("include/tracellm/base.h", "int tl_one(void);\n", "int x;\n" * 595), "files_are_short", "601 lines"),
    ("a line of 130 columns", append("src/base/one.c", "/*" + "x" * 126 + "*/\n"), None, ""),
    ("a line of 131 columns", append("src/base/one.c", "/*" + "x" * 127 + "*/\n"), "lines_are_short", "131 columns"),
    ("a line that tabs make long", append("src/base/one.c", "/*\n\t" + "x" * 123 + "*/\n"), "lines_are_short", "133 columns"),
    ("the safe neighbours of banned calls", replace(
        "src/base/one.c", "return 1;", "return my_system(1) + gmtime_r(1) + object.gets(1); /* system(1) */"), None, ""),
    ("a banned name in a text", replace("src/base/one.c", "return 1;", 'return tl_one("system(1)");'), None, ""),
    ("a header without words", replace("include/tracellm/base.h", "/* base: the floor. */\n", ""),
     "every_header_opens_with_a_comment", "base.h:1"),
    ("a file without words", replace("src/base/one.c", "/* base/one: gives one. Knows nothing else. */\n", ""),
     "every_c_file_names_its_room_and_job", "one.c:1"),
    ("a file that names another room", replace("src/base/one.c", "/* base/one:", "/* wire/one:"),
     "every_c_file_names_its_room_and_job", "base/one"),
    ("a test without words", replace("tests/unit/test_base_one.c", "/* base/one tested. */\n", ""),
     "every_c_file_names_its_room_and_job", "test_base_one.c"),
    ("white space at a line's end", append("notes.md", "words \n"), "lines_end_cleanly", "notes.md:2"),
    ("a carriage return", append("notes.md", "words\r\n"), "lines_end_cleanly", "notes.md:2"),
    ("no line feed at the end", append("notes.md", "words"), "lines_end_cleanly", "no line feed"),
    ("empty lines at the end", append("notes.md", "\n"), "lines_end_cleanly", "empty lines"),
    ("no guard", replace("src/wire/internal.h", "#define WIRE_INTERNAL_H\n", ""), "headers_are_guarded", "internal.h"),
    ("a door's guard of another name", lambda tree: tree.update({
        "include/tracellm/base.h": tree["include/tracellm/base.h"].replace("TRACELLM_BASE_H", "BASE_H")}), "headers_are_guarded",
     "TRACELLM_BASE_H"),
    ("one guard twice", lambda tree: tree.update({
        "src/base/internal.h": tree["src/wire/internal.h"]}), "headers_are_guarded", "is also that of"),
    ("a file nobody builds", lambda tree: tree.update({"src/base/dead.c": "/* base/dead: rests. */\n"}), "every_c_file_is_built", "dead.c"),
    ("a test nobody builds", replace("tests/unit/meson.build", "  'base_one': base,\n", ""), "every_c_file_is_built", "test_base_one.c"),
    ("what build folders hold", lambda tree: tree.update({"build/x/made.c": "int x; \n", "node_modules/m.h": "int x;  "}), None, ""),
    *((f"a call of {name}", replace("src/base/one.c", "return 1;", f"return {name}(1);"), "no_banned_function_is_called", f"{name} is banned")
      for name in tidy.BANNED),
    *((f"an unfinished {word}", append("notes.md", f"Here {word}: more\n"), "nothing_is_left_unfinished", word)
      for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X")),
]
FORMAT_SINS = [
    ("bad format", replace("src/base/one.c", "\treturn 1;", "    return  1;"), "c_code_is_formatted", "one.c:"),
]


def write_tree(root, tree):
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, newline="")
    shutil.copy(Path(__file__).parent.parent.parent / ".clang-format", root)


def judged(sin):
    """The rules that found something, with what they found."""
    _, change, rule, _ = sin
    tree = dict(CLEAN)
    change(tree)
    with tempfile.TemporaryDirectory(prefix="tidy-") as folder:
        write_tree(Path(folder), tree)
        found = {name: findings for name, findings in tidy.judge(Path(folder)) if findings and not isinstance(findings, str)}
    # A sin here is written without care for the format, which has tests of its own.
    if rule != "c_code_is_formatted":
        found.pop("c_code_is_formatted", None)
    return found


def main():
    sins = SINS + (FORMAT_SINS if shutil.which("clang-format-14") else [])
    print(f"1..{len(sins) + 1}")
    failed = False
    for number, sin in enumerate(sins, 1):
        what, _, rule, said = sin
        found = judged(sin)
        good = set(found) == ({rule} if rule else set()) and (not rule or any(said in finding for finding in found[rule]))
        if not good:
            print(f"# expected {rule} to say {said!r}, found {found}")
        print(f"{'ok' if good else 'not ok'} {number} - {what} is {'noticed' if rule else 'accepted'}")
        failed = failed or not good
    rules = {rule.__name__ for rule in tidy.RULES} | {"c_code_is_formatted"}
    unproven = rules - {sin[2] for sin in SINS + FORMAT_SINS}
    print(f"{'not ok' if unproven else 'ok'} {len(sins) + 1} - every rule is shown to fail {' '.join(sorted(unproven))}".rstrip())
    return 1 if failed or unproven else 0


if __name__ == "__main__":
    sys.exit(main())

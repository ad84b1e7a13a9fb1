#!/usr/bin/env python3
"""The house rules that a compiler does not know, as a test: who may include whom, sizes, banned calls, first lines, format.

    tests/tidy/tidy.py [ROOT]      TAP: one line for each rule, each finding above it as "# file:line: what"

It reads the files as they lie there, committed or not. selftest.py shows for each rule that it can fail.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Rooms and their floors (docs/architecture.md). A room includes doors of lower floors and itself, nothing else.
FLOORS = {
    "base": 0,
    "wire": 1, "net": 1, "store": 1,
    "model": 2,
    "provider": 3, "log": 3,
    "capture": 4, "projections": 4,
    "replay": 5,
    "serve": 6,
    "cli": 7,
    "api": 7,  # include/tracellm.h, the stable C API
}
TOP_LEVEL_ROOMS = ("log", "projections")
C_FOLDERS = ("include", "src", "log", "projections", "tests", "bench")
SKIPPED = {".git", "build", "node_modules", "dist", "__pycache__"}

# One door per library: header -> the files that may include it. Tests and benches may use a library as their oracle.
LIBRARIES = {
    "lmdb.h": r"src/store/",
    "zstd.h": r"src/store/",
    "uv.h": r"src/net/",
    "curl/curl.h": r"src/net/",
    "libwebsockets.h": r"src/net/",
    "http_parser.h": r"src/net/",
    "msgpack.h": r"src/model/codec\.c$",
    "mongoc/mongoc.h": r"projections/mongodb[^/]*$",
    "bson/bson.h": r"projections/mongodb[^/]*$",
    "sqlite3.h": r"projections/embedded[^/]*$",
    "sodium.h": r"(log|src/base)/",
    "jansson.h": r"src/base/json\.c$",
}
SYSTEM_NAMES = set("""assert ctype dirent dlfcn errno execinfo fcntl fnmatch getopt grp inttypes langinfo libgen limits locale malloc math
    netdb poll pthread pwd sched semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib string strings
    syslog termios threads time unistd wchar wctype""".split())

FUNCTION_LINES = 70
FILE_LINES = {"room": 400, "other": 600}
COLUMNS = 130
BANNED = ("strcpy strcat sprintf vsprintf strtok atoi atol gmtime localtime asctime ctime system rand srand alloca gets").split()
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")


class Source:
    """One file: its path below the root, its text, its lines, and for C the code without comments and literals."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_bytes().decode("utf-8", errors="surrogateescape")
        self.lines = self.text.split("\n")
        self.is_c = path.suffix in (".c", ".h")
        self.room = room_of(self.path)
        self.code = without_comments(self.text).split("\n") if self.is_c else []


def room_of(path):
    parts = path.split("/")
    if path == "include/tracellm.h":
        return "api"
    if path.startswith("include/tracellm/"):
        return parts[2].removesuffix(".h")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return parts[0] if parts[0] in TOP_LEVEL_ROOMS else None


def without_comments(text):
    """Comments and the insides of literals become spaces; lines stay where they are."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group()
        if found[0] == '"':
            return '"' + " " * (len(found) - 2) + '"'
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def walk(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in sorted(files):
            yield Path(folder) / name


def read_tree(root):
    kinds = {".c", ".h", ".py", ".sh", ".build", ".txt", ".md", ".ts", ".tsx", ".css", ".html", ".js", ".mjs"}
    scripts = {"check", "quickstart", "run"}
    return [Source(root, path) for path in walk(root)
            if (path.suffix in kinds or path.name in scripts) and not path.is_symlink() and path.name != "package-lock.json"]


def c_files(sources):
    return [s for s in sources if s.is_c and s.path.split("/")[0] in C_FOLDERS]


def includes(source):
    for number, line in enumerate(source.lines, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match and source.code[number - 1].lstrip().startswith("#"):
            yield number, match.group(1), match.group(2)


def includes_point_downward(sources):
    for source in c_files(sources):
        if source.room is None:
            continue
        if source.room not in FLOORS:
            yield source, 1, f"room {source.room!r} has no floor: give it one in tests/tidy/tidy.py and docs/architecture.md"
            continue
        for number, quote, target in includes(source):
            if quote == '"':
                path = os.path.normpath(os.path.join(os.path.dirname(source.path), target)).replace(os.sep, "/")
                other = room_of(path)
                if other != source.room:
                    yield source, number, f'"{target}" is not of this room: other rooms are reached by their doors'
                continue
            other = "api" if target == "tracellm.h" else room_of("include/" + target) if target.startswith("tracellm/") else None
            if other is None or other == source.room:
                continue
            if other not in FLOORS:
                yield source, number, f"<{target}>: room {other!r} has no floor"
            elif FLOORS[other] > FLOORS[source.room]:
                yield source, number, f"{source.room} (floor {FLOORS[source.room]}) includes upward: {other} (floor {FLOORS[other]})"
            elif FLOORS[other] == FLOORS[source.room]:
                yield source, number, f"{source.room} includes its neighbour {other} (both floor {FLOORS[other]})"


def is_system(target):
    if re.match(r"(sys|netinet|arpa|net|linux)/[a-z0-9_]+\.h$", target):
        return True
    return target.removesuffix(".h") in SYSTEM_NAMES


def each_library_has_one_door(sources):
    for source in c_files(sources):
        if source.room is None:
            continue
        for number, quote, target in includes(source):
            if quote == '"' or target.startswith("tracellm/") or target == "tracellm.h" or is_system(target):
                continue
            door = LIBRARIES.get(target)
            if door is None:
                yield source, number, f"<{target}>: a library without a door: name its one place in tests/tidy/tidy.py"
            elif not re.match(door, source.path):
                yield source, number, f"<{target}> stops at {door.rstrip('$')}"


def functions(source):
    """In our style only a function's body opens with a brace in the first column."""
    start = name = None
    for number, line in enumerate(source.code, 1):
        match = re.match(r"(?!#)[\w *]*?(\w+)\(", line)
        if match and start is None:
            name = match.group(1)
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            yield name or "?", start, number
            start = name = None


def functions_fit_a_screen(sources):
    for source in c_files(sources):
        for name, start, end in functions(source):
            if end - start + 1 > FUNCTION_LINES:
                yield source, start, f"{name} has {end - start + 1} lines, at most {FUNCTION_LINES}"


def files_are_short(sources):
    for source in c_files(sources):
        most = FILE_LINES["room" if source.path.endswith(".c") and source.room else "other"]
        if len(source.lines) - 1 > most:
            yield source, most, f"{len(source.lines) - 1} lines, at most {most}"


def lines_are_short(sources):
    for source in c_files(sources):
        for number, line in enumerate(source.lines, 1):
            width = len(line.expandtabs(8))
            if width > COLUMNS:
                yield source, number, f"{width} columns, at most {COLUMNS}"


def no_banned_function_is_called(sources):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for source in c_files(sources):
        for number, line in enumerate(source.code, 1):
            for match in pattern.finditer(line):
                yield source, number, f"{match.group(1)} is banned"


def every_header_opens_with_a_comment(sources):
    for source in c_files(sources):
        if source.path.endswith(".h") and not source.text.startswith("/* "):
            yield source, 1, "the first line is not a comment that says what this is"


def every_c_file_names_its_room_and_job(sources):
    for source in c_files(sources):
        if not source.path.endswith(".c"):
            continue
        stem = Path(source.path).stem
        if source.room and not re.match(rf"/\* {source.room}/[\w/-]*{re.escape(stem)}: \S", source.lines[0]):
            yield source, 1, f"the first line is not '/* {source.room}/{stem}: job, and what it does not know'"
        elif not source.lines[0].startswith("/* "):
            yield source, 1, "the first line is not a comment that says what this is"


def nothing_is_left_unfinished(sources):
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if UNFINISHED.search(line):
                yield source, number, "unfinished: " + line.strip()[:80]


def lines_end_cleanly(sources):
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if line != line.rstrip():
                yield source, number, "white space at the end of the line"
        if source.text and not source.text.endswith("\n"):
            yield source, len(source.lines), "no line feed at the end of the file"
        elif source.text.endswith("\n\n"):
            yield source, len(source.lines), "empty lines at the end of the file"


def headers_are_guarded(sources):
    seen = {}
    for source in c_files(sources):
        if not source.path.endswith(".h"):
            continue
        lines = [line for line in source.code if line.strip()]
        guard = re.match(r"#ifndef (\w+)$", lines[0].strip()) if lines else None
        if not guard or len(lines) < 3 or lines[1].strip() != f"#define {guard.group(1)}" or not lines[-1].startswith("#endif"):
            yield source, 1, "no header guard around everything"
            continue
        expected = re.sub(r"\W", "_", source.path.removeprefix("include/")).upper()
        if source.path.startswith("include/") and guard.group(1) != expected:
            yield source, 1, f"the guard of a door is made of its path: {expected}"
        if guard.group(1) in seen:
            yield source, 1, f"the guard {guard.group(1)} is also that of {seen[guard.group(1)]}"
        seen[guard.group(1)] = source.path


def every_c_file_is_built(sources):
    built = {s.path.rpartition("/")[0]: s.text for s in sources if s.path.endswith("meson.build")}
    for source in c_files(sources):
        if not source.path.endswith(".c") or (source.room is None and not source.path.startswith("tests/unit/")):
            continue
        folder, _, name = source.path.rpartition("/")
        wanted, within = [f"'{name}'"], name
        if folder == "tests/unit":
            wanted.append(f"'{Path(name).stem.removeprefix('test_')}'")
        while folder and folder not in built:
            folder, _, last = folder.rpartition("/")
            within = f"{last}/{within}"
            wanted.append(f"'{within}'")
        if not any(word in built.get(folder, "") for word in wanted):
            yield source, 1, "no meson.build names this file: it is never compiled"


def c_code_is_formatted(sources, root):
    tool = shutil.which("clang-format-14")
    if not tool:
        return "clang-format-14 is not installed"
    files = [s.path for s in c_files(sources)]
    if not files:
        return []
    run = subprocess.run([tool, "--dry-run", "--Werror", "--ferror-limit=1", *files], cwd=root, text=True, capture_output=True)
    by_path = {s.path: s for s in sources}
    findings = []
    for line in run.stderr.split("\n"):
        match = re.match(r"(?:\./)?(.+?):(\d+):\d+: error: ", line)
        if match:
            findings.append((by_path[match.group(1)], int(match.group(2)), "not as clang-format-14 -i writes it"))
    return findings or ([(sources[0], 1, run.stderr.strip())] if run.returncode else [])


RULES = (
    includes_point_downward,
    each_library_has_one_door,
    functions_fit_a_screen,
    files_are_short,
    lines_are_short,
    no_banned_function_is_called,
    every_header_opens_with_a_comment,
    every_c_file_names_its_room_and_job,
    nothing_is_left_unfinished,
    lines_end_cleanly,
    headers_are_guarded,
    every_c_file_is_built,
)


def judge(root):
    """Yields (rule, findings or the reason why it was skipped); a finding is 'file:line: what'."""
    sources = read_tree(root)
    for rule in RULES:
        yield rule.__name__, [f"{s.path}:{number}: {what}" for s, number, what in rule(sources)]
    found = c_code_is_formatted(sources, root)
    yield "c_code_is_formatted", found if isinstance(found, str) else [f"{s.path}:{number}: {what}" for s, number, what in found]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent.parent).resolve()
    print(f"1..{len(RULES) + 1}")
    failed = False
    for number, (name, findings) in enumerate(judge(root), 1):
        sentence = name.replace("_", " ")
        if isinstance(findings, str):
            print(f"ok {number} - {sentence} # SKIP {findings}")
            continue
        for finding in findings:
            print("# " + finding)
        print(f"{'not ok' if findings else 'ok'} {number} - {sentence}")
        failed = failed or bool(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# quick
"""docs/trace-document.md against documents the program made: every object has exactly the documented members, in that order, of those types."""

import json
import re

from harness import SOURCE, Program, Tap, equal, true
from provider import Provider

tap = Tap()
program = Program(NO_PROXY="127.0.0.1")
PAGE = (SOURCE / "docs/trace-document.md").read_text(encoding="utf-8")
TYPES = {"string": str, "integer": int, "bool": bool, "list": list, "object": dict, "null": type(None), "usage": dict, "error": dict, "cost": dict}


def types_of(text):
    """"list of `{name, value}`", "string, null" as Python types; an empty set where the page says none."""
    words = re.sub(r"`[^`]*`", "", text).split(";")[0].split(":")[0]
    found = {TYPES[word] for word in re.findall(r"[a-z]+", words.split(" of ")[0]) if word in TYPES}
    return found if found != {type(None)} else set()  # "`a`, `b`, null": the page lists values, not types


def from_table(heading):
    """Members of a section's table: name -> types."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    members = {}
    for line in section.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `"):
            for name in re.findall(r"`(\w+)`", cells[0]):
                members[name] = types_of(cells[1])
    return members


def from_paragraph(word):
    """Members of "**word**: `a`, `b` (string, null), ...": what stands in the parentheses behind a name holds for those in front of it too."""
    text = re.split(r"\n\n|\n\*\*|\nClasses:", PAGE.split(f"**{word}**: ", 1)[1])[0]
    members, waiting, at = {}, [], 0
    while at < len(text):
        name = re.compile(r"`(\w+)`").match(text, at)
        if name:
            waiting.append(name.group(1))
            at = name.end()
        elif text[at] == "(":
            depth, end = 1, at + 1
            while depth:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            members |= {name: types_of(text[at + 1:end - 1]) for name in waiting}
            waiting, at = [], end
        else:
            at += 1
    return members | {name: set() for name in waiting}


def braces(pattern):
    """The names in the first {a, b, c} behind `pattern`."""
    return [name.strip() for name in re.search(pattern + r"[^{]*\{([^}]*)\}", PAGE).group(1).split(",")]


KINDS = {"trace": from_table("Top level"), "call": from_table("A call"), "span": from_table("A span")}
KINDS |= {word: from_paragraph(word) for word in ("usage", "error", "message", "choice", "cost", "attempt")}
KINDS |= {"header": dict.fromkeys(braces("request_headers"), {str}), "attribute": dict.fromkeys(braces("`attributes`"), {str}),
          "moment": dict.fromkeys(braces("`events`"), set()), "part": dict.fromkeys(braces("`parts`"), {str, type(None)}),
          "tool_call": dict.fromkeys(braces(r"`tool_calls` \(list of"), {str, type(None)}), "price": dict.fromkeys(braces("`price`"), set()),
          "settings": {"temperature": {str, type(None)}, "max_tokens": {int, type(None)}, "stream": {bool}, "raw_request": {bool},
                       "timeout_ms": {int}, "retries_max": {int}}}
# (kind, member) -> kind of what is in it
INSIDE = {("trace", "usage"): "usage", ("trace", "error"): "error", ("trace", "calls"): "call", ("trace", "spans"): "span",
          ("call", "request_headers"): "header", ("call", "response_headers"): "header", ("call", "settings"): "settings",
          ("call", "input"): "message", ("call", "output"): "choice", ("call", "usage"): "usage", ("call", "cost"): "cost",
          ("call", "attempts"): "attempt", ("message", "parts"): "part", ("message", "tool_calls"): "tool_call",
          ("choice", "tool_calls"): "tool_call", ("cost", "price"): "price", ("attempt", "error"): "error", ("span", "attributes"): "attribute",
          ("span", "events"): "moment"}
seen = set()


def check(kind, value, where):
    seen.add(kind)
    equal(list(value), list(KINDS[kind]), f"members of {where}")
    for name, member in value.items():
        wanted = KINDS[kind][name]
        true(not wanted or type(member) in wanted, f"{where}.{name} is {member!r}, not of {wanted}")
        true(type(member) is not float, f"{where}.{name} is {member!r}")
        inside = INSIDE.get((kind, name))
        for i, part in enumerate(member if isinstance(member, list) else [member]):
            if inside and part is not None:
                check(inside, part, f"{where}.{name}[{i}]")


def traced(*arguments, check_code=0, **how):
    program.run("trace", "--quiet", *arguments, check=check_code, **how)
    document = json.loads(program.run("show", "@last", "--json", check=0).stdout)
    check("trace", document, "the document")
    return document


with tap("the page names members for every kind of object"):
    for kind, members in KINDS.items():
        true(len(members) >= 2, f"{kind}: {members}")

with tap("a success"):
    equal(traced("--provider", "sandbox", "--tag", "a", "--session", "s", "Hello")["status"], "success")

with tap("a failure"):
    document = traced("--provider", "openai", "--base-url", "http://127.0.0.1:1/v1", "--retries", "0", "--header", "authorization: Bearer abc",
                      "Hello", check_code=6)
    equal(document["error"]["class"], "connect")

with tap("a complete body with parts and tool calls, refused once"):
    body = {"model": "own-1", "stream": True, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:x"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "2"}]}
    with Provider(refuse=True) as provider:
        document = traced("--provider", "openai", "--url", provider.url + "/chat/completions", "--request", "-",
                          stdin=json.dumps(body).encode())
    equal(document["status"], "warning")
    equal(document["attempts"], 2)

with tap("no kind of object was left out"):
    equal(sorted(seen), sorted(KINDS))

tap.done()

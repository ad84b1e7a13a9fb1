#!/usr/bin/env python3
"""Reads every openai.chat exchange of the corpus twice, by our decoder and by the lines below, and compares.

    tests/corpus/read_openai.py DECODE     path of the built tests/tools/decode

The corpus is TRACELLM_CORPUS (the file or its folder), else ../shared/corpus beside the checkout; without one: exit 77 (skipped).
The reading below shares nothing with src/wire: Python's json, SSE cut by lines, the facts of the format written down a second time.
"""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

FINISH = {"stop": "stop", "eos": "stop", "length": "length", "model_length": "length", "tool_calls": "tool_calls",
          "function_call": "tool_calls", "content_filter": "content_filter", "error": "error", "insufficient_system_resource": "error"}
# How each exchange is fed: bytes a piece (0: at once), and the content type told (None: the recorded one).
FEEDS = ((0, None), (1, None), (7, None), (1000, None), (0, ""), (3, "application/json"), (3, "text/event-stream"))


def corpus_file():
    root = Path(__file__).resolve().parent.parent.parent
    given = os.environ.get("TRACELLM_CORPUS")
    place = Path(given) if given else root.parent / "shared/corpus"
    return next((file for file in (place, place / "exchanges.jsonl.gz") if file.is_file()), None)


def pieces(exchange):
    """The JSON values of a body, and whether it says that it is over."""
    text = exchange["response"]
    if not exchange["stream"]:
        try:
            return [json.loads(text)], True
        except ValueError:
            return [], False
    values, done, data = [], False, []
    for line in text.replace("\r\n", "\n").split("\n") + [""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif line == "" and data:
            whole, data = "\n".join(data), []
            if whole.startswith("[DONE]"):
                done = True
            elif not done:
                values.append(json.loads(whole))
    return values, done


def texts(content):
    """(text, thinking) of a string or of Mistral's parts."""
    if not isinstance(content, list):
        return content or "", ""
    text = "".join(part.get("text") or "" for part in content if part["type"] == "text")
    thinking = "".join(inner["text"] for part in content if part["type"] == "thinking" for inner in part["thinking"])
    return text, thinking


def thoughts(message):
    details = "".join(d.get("text") or d.get("summary") or "" for d in message.get("reasoning_details") or [])
    return message.get("reasoning_content") or message.get("reasoning") or details


def add_message(choice, message, streamed):
    text, thinking = texts(message.get("content"))
    choice["text"] += text
    choice["reasoning"] += thinking + thoughts(message)
    choice["refusal"] += message.get("refusal") or ""
    choice["audio_transcript"] += (message.get("audio") or {}).get("transcript") or ""
    choice["role"] = message.get("role") or choice["role"]
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {}
        key = call.get("index", 0) if streamed else len(choice["calls"])
        own = choice["calls"].setdefault(key, {"id": "", "name": "", "arguments": ""})
        own["id"] = own["id"] or call.get("id") or ""
        own["name"] = own["name"] or function.get("name") or ""
        own["arguments"] += function.get("arguments") or ""


def read(exchange):
    values, done = pieces(exchange)
    answer = {"id": "", "model": "", "choices": {}, "usage": {}, "error": None}
    for value in values:
        answer["id"] = answer["id"] or value.get("id") or ""
        answer["model"] = answer["model"] or value.get("model") or ""
        error = value.get("error")
        if error and not answer["error"]:
            answer["error"] = {key: "" if error.get(key) is None else str(error[key]) for key in ("message", "type", "code")}
        answer["usage"] = value.get("usage") or (value.get("x_groq") or {}).get("usage") or answer["usage"]
        for one in value.get("choices") or []:
            blank = {"role": "", "text": "", "reasoning": "", "refusal": "", "audio_transcript": "", "calls": {}, "raw": ""}
            choice = answer["choices"].setdefault(one["index"], blank)
            add_message(choice, one.get("delta") or one.get("message") or {}, exchange["stream"])
            choice["raw"] = one.get("finish_reason") or choice["raw"]
    finished = bool(answer["choices"]) and all(c["raw"] for c in answer["choices"].values())
    return {**answer, "terminated": done or (exchange["stream"] and finished)}


def known(number):
    return -1 if number is None else number


def usage_of(told, host):
    prompt, details = told.get("prompt_tokens_details") or {}, told.get("completion_tokens_details") or {}
    output, reasoning = told.get("completion_tokens"), details.get("reasoning_tokens")
    if host == "api.x.ai":
        output += reasoning or 0
    places = (told.get("num_cached_tokens"), prompt.get("cached_tokens"), told.get("prompt_cache_hit_tokens"), told.get("cached_tokens"))
    cost = told.get("cost")
    return {"input": known(told.get("prompt_tokens")), "output": known(output),
            "cached": known(next((n for n in places if n is not None), None)),
            "cache_write": known(prompt.get("cache_write_tokens")), "reasoning": known(reasoning),
            "cost_nano_usd": -1 if cost is None else round(cost * 1e9)}


def expected(exchange):
    answer = read(exchange)
    choices = [{"index": index, "role": c["role"], "text": c["text"], "reasoning": c["reasoning"], "refusal": c["refusal"],
                "audio_transcript": c["audio_transcript"], "tool_calls": [c["calls"][k] for k in sorted(c["calls"])],
                "finish_raw": c["raw"], "finish": "" if not c["raw"] else FINISH.get(c["raw"], "other")}
               for index, c in sorted(answer["choices"].items())]
    return {"id": answer["id"], "model": answer["model"], "choices": choices, "usage": usage_of(answer["usage"], exchange["host"]),
            "error": answer["error"], "streamed": exchange["stream"], "terminated": answer["terminated"],
            "refused_pieces": 0 if pieces(exchange)[0] else 1}


def content_type(exchange):
    return next((v for k, v in exchange["response_headers"].items() if k.lower() == "content-type"), "")


def decode(program, exchanges, piece, told_type):
    feed = b""
    for exchange in exchanges:
        body = exchange["response"].encode()
        told = content_type(exchange) if told_type is None else told_type
        feed += f"{exchange['status']} {len(body)} {piece} {told}\n".encode() + body
    run = subprocess.run([program], input=feed, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def main():
    file = corpus_file()
    if file is None:
        print("skipped: no corpus (TRACELLM_CORPUS, ../shared/corpus)")
        return 77
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        exchanges = [e for e in map(json.loads, lines) if e["api"] == "openai.chat"]
    failed, wanted = set(), [expected(e) for e in exchanges]
    for piece, told_type in FEEDS:
        answers = decode(sys.argv[1], exchanges, piece, told_type)
        for number, (exchange, want, got) in enumerate(zip(exchanges, wanted, answers, strict=True)):
            # What is neither JSON nor a stream is whatever its content type says, so a wrong one is not tried on it.
            if told_type is not None and want["refused_pieces"]:
                continue
            for key in (key for key in want if want[key] != got[key]):
                failed.add(number)
                where = f"{exchange['host']} {exchange['session']}/{exchange['turn']} in pieces of {piece}, type {told_type!r}"
                print(f"{where}: {key}: ours {str(got[key])[:300]}, theirs {str(want[key])[:300]}")
    print(f"{len(exchanges) - len(failed)} of {len(exchanges)} equal")
    return 1 if failed or not exchanges else 0


if __name__ == "__main__":
    sys.exit(main())

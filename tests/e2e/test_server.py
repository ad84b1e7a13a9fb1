#!/usr/bin/env python3
# quick
# sanitizers
"""The server: start, stop, status, refusals, a stalled client, drain."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error

from harness import BIN, Program, Server, Tap, equal, true

tap = Tap()
program = Program()


def messages_of(bytes_read):
    """The text messages of a server's WebSocket bytes, which are not masked; a message under 64 kB each."""
    at = bytes_read.index(b"\r\n\r\n") + 4
    while at + 4 <= len(bytes_read):
        size, skip = bytes_read[at + 1], 2
        if size == 126:
            size, skip = int.from_bytes(bytes_read[at + 2 : at + 4], "big"), 4
        if at + skip + size > len(bytes_read):
            return
        if bytes_read[at] & 15 == 1:
            yield bytes_read[at + skip : at + skip + size].decode()
        at += skip + size


def live_messages(url, path, wanted):
    """Messages of /ws until one holds `wanted`, made by several programs at once in the meantime."""
    host = url[7:]
    with socket.create_connection(("127.0.0.1", int(host.rsplit(":", 1)[1])), timeout=30) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        got = client.recv(65536)
        running = [program.start("trace", "--quiet", "--provider", "sandbox", f"live {i}") for i in range(8)]
        while got.count(wanted) < len(running):
            piece = client.recv(65536)
            true(piece, "the server keeps the connection")
            got += piece
        for process in running:
            process.communicate(timeout=60)
        return list(messages_of(got))

with tap("nothing runs at first: status says so with exit 3, stop finds nothing"):
    program.run("status", check=3)
    program.run("stop", check=3)

with Server(program) as server:
    with tap("start --detach returns when the page can be loaded; status tells where"):
        true(server.status["running"] and server.status["pid"] > 1, server.status)
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as client:
            client.sendall(f"GET / HTTP/1.1\r\nHost: {server.url[7:]}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        true(answer.startswith(b"HTTP/1.1 200") and b"<!doctype html>" in answer.lower() and b"content-security-policy" in answer.lower(), answer[:800])

    with tap("health tells version, head and lag"):
        health = server.get("/api/health")
        equal(health["status"], "ok")
        true("head_seq" in health and health["views"][0]["view"] == "embedded", health)

    with tap("a trace made by another process is in the API at once, with document and events"):
        made = program.json("trace", "--json", "--provider", "sandbox", "Explain transformers")
        listed = server.get("/api/traces")
        equal((listed["total"], listed["items"][0]["trace_id"]), (1, made["trace_id"]))
        one = server.get(f"/api/traces/{made['trace_id'][:12]}")
        equal(one["document"]["answer"], made["answer"])
        events = server.get(f"/api/traces/{made['trace_id']}/events")
        equal([stage["stage"] for stage in events["stages"]], [1, 2, 3, 4, 5, 6, 7])

    with tap("a wrong Host or Origin is refused on every kind of route"):
        for path in ("/", "/api/health", "/api/traces", f"/api/traces/{made['trace_id']}", "/ws"):
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
                try:
                    server.get(path, **headers)
                    raise AssertionError(f"{path} {headers} was answered")
                except urllib.error.HTTPError as refused:
                    equal(refused.code, 403, (path, headers))

    with tap("each message of the live channel is one frame; with lines=1 it may be several, one a line"):
        for path, several in (("/ws", False), ("/ws?lines=1", True)):
            messages = live_messages(server.url, path, b'"type":"trace.finished"')
            true(messages and (several or not any("\n" in message for message in messages)), messages[:3])
            frames = [json.loads(line) for message in messages for line in message.split("\n")]
            equal(frames[0]["type"], "hello")
            true(all("seq" in frame for frame in frames), frames)
            ended = [frame["trace"]["trace_id"] for frame in frames if frame["type"] == "trace.finished"]
            equal((len(ended), len(set(ended))), (8, 8))
        try:
            server.get("/ws?lines=2")
            raise AssertionError("lines=2 was taken")
        except urllib.error.HTTPError as refused:
            equal(refused.code, 400)

    with tap("a second server on the same log is refused with the address of the first"):
        done = program.run("start", "--detach", "--port", "0", check=5)
        true(server.status["url"].encode() in done.stderr, done.stderr)

    with tap("a port in use is a clear error"):
        other = Program()
        port = server.url.rsplit(":", 1)[1]
        done = subprocess.run([BIN / "tracellm-server", other.data_dir, port], capture_output=True, timeout=60)
        equal(done.returncode, 5)
        true(port.encode() in done.stderr and b"in use" in done.stderr, done.stderr)

    with tap("SIGTERM drains and exits 0; stop waits for it"):
        pid = server.status["pid"]
        program.run("stop", check=0)
        program.run("status", check=3)
        true(not os.path.exists(f"/proc/{pid}") or open(f"/proc/{pid}/stat").read().split()[2] == "Z", "the process is gone")
    program.run("start", "--detach", "--port", "0", check=0)

with tap("in the foreground both SIGINT and SIGTERM drain and exit 0"):
    for number in (signal.SIGINT, signal.SIGTERM):
        running = program.start("start", "--port", "0")
        deadline = time.monotonic() + 30
        while program.run("status").returncode != 0:
            true(time.monotonic() < deadline, "it got ready")
            time.sleep(0.02)
        running.send_signal(number)
        running.communicate(timeout=30)
        equal(running.returncode, 0)

with tap("the server ends the traces of writers that die while it runs"):
    with Server(program) as server:
        listener = socket.create_server(("127.0.0.1", 0))
        victim = program.start("trace", "--base-url", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "never answered")
        deadline = time.monotonic() + 30
        while server.get("/api/traces?status=running")["total"] == 0:
            true(time.monotonic() < deadline, "it is running")
            time.sleep(0.02)
        victim.kill()
        victim.communicate()
        while server.get("/api/traces?status=interrupted")["total"] == 0:
            true(time.monotonic() < deadline, "it is interrupted")
            time.sleep(0.1)

with tap("the log verifies"):
    program.verify_is_good()

tap.done()

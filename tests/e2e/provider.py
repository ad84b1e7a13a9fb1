"""A small provider of our own for scripts that need no recordings: streams chat completions, waits, refuses, as the path says."""

import http.server
import json
import threading
import time


def stream_of(words, pad=0):
    """The SSE pieces of an answer, one word each."""
    def piece(delta, finish=None, **more):
        value = {"id": "chatcmpl-own", "object": "chat.completion.chunk", "created": 1, "model": "own-1",
                 "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "pad": "x" * pad} | more
        return f"data: {json.dumps(value)}\n\n".encode()

    yield piece({"role": "assistant", "content": ""})
    for word in words:
        yield piece({"content": word})
    yield piece({}, "stop")
    yield piece({}, choices=[], usage={"prompt_tokens": 7, "completion_tokens": len(words), "total_tokens": 7 + len(words)})
    yield b"data: [DONE]\n\n"


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a client that was killed is no news


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        own = self.server.own
        own.requests += 1
        if own.refuse and own.requests % 2 == 1:
            body = b'{"error":{"message":"slow down","type":"rate_limit_error","code":null}}'
            self.send_response(429)
            self.send_header("retry-after", "0.02")
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for piece in stream_of(own.words, own.pad):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                time.sleep(own.gap_s)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # the client was killed: that is what some tests are about


class Provider:
    """`with Provider(words=…, gap_s=…, refuse=True) as provider:`; provider.url is a base URL."""

    def __init__(self, words=("Hello", " world"), gap_s=0.0, refuse=False, pad=0):
        self.words, self.gap_s, self.refuse, self.pad, self.requests = words, gap_s, refuse, pad, 0

    def __enter__(self):
        self.server = QuietServer(("127.0.0.1", 0), Handler)
        self.server.own = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

"""A real server on the loopback interface that speaks chat completions and has faults on order."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["Handler"], None]
KEY = "sk-canary-0123456789abcdefghij"


@dataclass
class State:
    """What the server saw, and what it does next: faults in order, then honest answers."""

    faults: deque[Fault] = field(default_factory=deque)
    seen: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    inside: int = 0
    most_inside: int = 0
    port: int = 0
    delay: float = 0.0
    answer: Fault | None = None
    api: str = "chat"  # who writes the questions that are sent here


class Server(ThreadingHTTPServer):
    """Holds the state for its handlers."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, state: State) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = state

    def handle_error(self, *_: object) -> None:
        """Says nothing of clients that hang up: tests cut connections on purpose."""


class Handler(BaseHTTPRequestHandler):
    """One request: checks it as the real ones do, then the next fault, else an answer."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        state = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.seen.append(
                {
                    "path": self.path,
                    "key": self.headers.get("Authorization"),
                    "headers": {name.lower(): text for name, text in self.headers.items()},
                    "body": body,
                }
            )
            state.inside += 1
            state.most_inside = max(state.inside, state.most_inside)
            fault = state.faults.popleft() if state.faults else state.answer or honest
            number = len(state.seen)
        self.number, self.asked = number, body
        try:
            fault(self)
        finally:
            with state.lock:
                state.inside -= 1

    def say(self, status: int, document: object, **headers: str) -> None:
        """Sends one JSON document."""
        self.send_bytes(status, json.dumps(document).encode(), **headers)

    def send_bytes(self, status: int, data: bytes, **headers: str) -> None:
        """Sends bytes with their true length."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def completion(text: str | None = "hello", *, prompt: int = 7, answer: int = 3, **message: object) -> dict[str, Any]:
    """Returns a body as endpoints send it, fields included that nobody asked for."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "small-2026",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer},
    }


def honest(handler: Handler) -> None:
    """Answers as a model with its own name, a key and a context would."""
    state = handler.server.state
    if handler.headers.get("Authorization") not in {None, f"Bearer {KEY}"}:
        said = f"Incorrect API key provided: {handler.headers['Authorization']}"
        handler.say(401, {"error": {"message": said, "type": "invalid_request_error", "code": "invalid_api_key"}})
    elif handler.asked["model"] != "small":
        said = f"The model `{handler.asked['model']}` does not exist"
        handler.say(404, {"error": {"message": said, "code": "model_not_found"}})
    else:
        time.sleep(state.delay)
        handler.say(200, completion(f"answer {handler.number}"))


def status(code: int, message: str = "busy", **headers: str) -> Fault:
    """Returns a fault: an error with this status."""
    return lambda handler: handler.say(code, {"error": {"message": message}}, **headers)


def raw(data: bytes) -> Fault:
    """Returns a fault: these bytes as the body of a 200."""
    return lambda handler: handler.send_bytes(200, data)


def cut(handler: Handler) -> None:
    """Promises a thousand bytes and hangs up after ten."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices"')
    handler.close_connection = True


def cut_chunked(handler: Handler) -> None:
    """Hangs up in the middle of a chunk."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'40\r\n{"choices"')
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Closes without a word."""
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Sends a byte every 50 ms for two seconds: no single wait is long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)
    handler.close_connection = True


def slow(handler: Handler) -> None:
    """Says nothing for a second."""
    time.sleep(1.0)
    handler.close_connection = True


def enormous(handler: Handler) -> None:
    """Sends as long as somebody reads, in chunks, up to 64 MB."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    block = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(1000):
        handler.wfile.write(block)


@contextmanager
def serving() -> Iterator[State]:
    """Yields the state of a server that runs until the block ends."""
    server = Server(State())
    server.state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

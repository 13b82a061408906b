"""A model server with one canned answer per request, for engines that cannot search without a model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from benchmarks.engine.trivial import SOURCE

ANSWER = """Here is the program again.

```python
# EVOLVE-BLOCK-START
{source}# {number}
# EVOLVE-BLOCK-END
```
"""


@contextmanager
def canned_model(on_request: Callable[[], None]) -> Iterator[str]:
    """Yields the address of a chat server on this machine; every answer is the trivial program with another comment."""
    numbers = count(1)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        """Answers any POST as a chat completion."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Sends the next answer."""
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with lock:
                number = next(numbers)
                on_request()
            body = json.dumps(_completion(ANSWER.format(source=SOURCE, number=number))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _completion(text: str) -> dict[str, object]:
    return {
        "id": "canned",
        "object": "chat.completion",
        "created": 0,
        "model": "canned",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }

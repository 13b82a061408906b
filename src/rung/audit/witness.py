"""The witness: a small program that remembers how long a log was, and cosigns only what continues it.

It imports the standard library and its three neighbours, nothing of the engine, and keeps one small file: its key, and
for every log that it was told of the last size and root. `python -m audit.witness` (or `python witness.pyz`) runs it on
any machine; requests are those of C2SP's tlog-witness, from a file, from stdin, or over HTTP on this machine alone.

Covered: a shorter, an altered or a forked log is refused, in a sentence; two requests at once; death while writing.
Not covered: what was never shown to it. Who holds its file can make it forget: keep it where the log's owner is not.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from . import ed25519, merkle, note
from .note import Checkpoint, Key, NoteError

DEFAULT_NAME = "witness.local"
_LOOPBACK = "127.0.0.1"
_MOST_PROOF = 63


class Refused(ValueError):
    """What the witness does not cosign. status: of HTTP. size: the last that it cosigned, where that is the reason."""

    def __init__(self, status: HTTPStatus, message: str, *, size: int | None = None) -> None:
        super().__init__(message)
        self.status, self.size = status, size


@dataclass(frozen=True, slots=True)
class Known:
    """A log as the witness knows it. key: the log's. last: the last checkpoint it cosigned, None before the first."""

    key: Key
    last: Checkpoint | None = None


@dataclass(frozen=True, slots=True)
class State:
    """All that a witness is. name, secret: whose cosignatures they are. logs: by origin."""

    name: str
    secret: bytes
    logs: dict[str, Known]

    @property
    def key(self) -> Key:
        """The public key, to be handed to auditors."""
        return Key(self.name, note.WITNESS, ed25519.public_key(self.secret))


@dataclass(frozen=True, slots=True)
class Request:
    """A checkpoint to be cosigned. old: the size from which `proof` leads to it."""

    old: int
    proof: tuple[bytes, ...]
    note: note.Note

    def __str__(self) -> str:
        """Returns the request as it is sent."""
        lines = "".join(f"{base64.b64encode(part).decode()}\n" for part in self.proof)
        return f"old {self.old}\n{lines}\n{self.note}"


def parse_request(text: str) -> Request:
    """Returns the request in a text.

    Raises:
      NoteError: it is none.
    """
    head, blank, rest = text.partition("\n\n")
    first, *lines = head.split("\n")
    word, _, number = first.partition(" ")
    if not blank or word != "old" or not number.isascii() or not number.isdigit() or str(int(number[:19])) != number:
        raise NoteError("a request is `old SIZE`, the lines of a proof, an empty line, and a checkpoint")
    if len(lines) > _MOST_PROOF:
        raise NoteError(f"a proof has at most {_MOST_PROOF} lines, not {len(lines)}")
    try:
        proof = tuple(base64.b64decode(line, validate=True) for line in lines)
    except ValueError:
        raise NoteError("a line of the proof is not base64") from None
    return Request(int(number), proof, note.parse_note(rest))


def cosign(state: State, request: Request, *, at: int) -> tuple[State, str]:
    """Returns the state that remembers the checkpoint, and the cosignature, one line. at: seconds since 1970.

    Raises:
      Refused: the log is unknown or did not sign, or this is not a continuation of what it was.
    """
    new = request.note.checkpoint
    known = state.logs.get(new.origin)
    if known is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"the log {new.origin} is not known here: `add` its key first")
    if not note.signed_by(request.note, known.key):
        raise Refused(HTTPStatus.FORBIDDEN, f"the checkpoint is not signed by the key of the log {new.origin}")
    last = known.last or Checkpoint(new.origin, 0, merkle.EMPTY)
    if new.size < last.size:
        shrunk = f"the log {new.origin} had {last.size} entries and is shown with {new.size}: its end was cut off, or"
        raise Refused(HTTPStatus.CONFLICT, f"{shrunk} an old copy was put back", size=last.size)
    if request.old != last.size:
        wanted = f"the last size cosigned is {last.size}, the proof begins at {request.old}: prove from {last.size}"
        raise Refused(HTTPStatus.CONFLICT, wanted, size=last.size)
    if not merkle.extends(last.root, last.size, root=new.root, size=new.size, proof=request.proof):
        status = HTTPStatus.CONFLICT if new.size == last.size else HTTPStatus.UNPROCESSABLE_ENTITY
        forked = f"the first {last.size} entries of the log {new.origin} are not those that were cosigned"
        raise Refused(status, f"{forked}: it was rewritten or forked, or the proof is wrong", size=last.size)
    logs = {**state.logs, new.origin: replace(known, last=new)}
    return replace(state, logs=logs), note.cosignature(new, state.name, state.secret, at=at)


def known_log(state: State, key: Key) -> State:
    """Returns the state that knows one more log, by its key.

    Raises:
      NoteError: it is the key of a witness, or the log is known by another key.
    """
    if key.kind != note.LOG:
        raise NoteError(f"{key.name} is the key of a witness, not of a log")
    if key.name in state.logs and state.logs[key.name].key != key:
        raise NoteError(f"the log {key.name} is known by another key: a log that changes its key is another log")
    return replace(state, logs={key.name: Known(key), **state.logs})


def state_text(state: State) -> str:
    """Returns the state as its file holds it."""
    logs = {}
    for origin, known in sorted(state.logs.items()):
        last = known.last
        logs[origin] = {
            "key": str(known.key),
            "size": last.size if last else 0,
            "root": base64.b64encode(last.root if last else merkle.EMPTY).decode(),
        }
    return json.dumps({"name": state.name, "secret": state.secret.hex(), "logs": logs}, indent=1) + "\n"


def parse_state(text: str) -> State:
    """Returns the state in a file's text.

    Raises:
      NoteError: it is none.
    """
    try:
        document: Any = json.loads(text)
        logs = {}
        for origin, row in document["logs"].items():
            last = note.parse_checkpoint(f"{origin}\n{row['size']}\n{row['root']}\n")
            logs[origin] = Known(note.parse_key(row["key"]), last if last.size else None)
        state = State(note.checked_name(document["name"]), bytes.fromhex(document["secret"]), logs)
        ed25519.public_key(state.secret)
    except NoteError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoteError(f"it is no file of a witness ({type(error).__name__}: {error})") from None
    return state


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    file = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _save(path: Path, state: State) -> None:
    """Writes the file so that a crash leaves the old one or the new one, and before anybody gets an answer."""
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(state_text(state))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def create(path: Path, *, name: str, secret: bytes) -> State:
    """Returns a new witness, kept in a file that was not there.

    Raises:
      NoteError: the name is none, or there is a file already.
    """
    state = State(note.checked_name(name), secret, {})
    with _locked(path):
        if path.exists():
            raise NoteError(f"{path} is there already: a witness that begins anew has forgotten everything")
        _save(path, state)
    return state


def load(path: Path) -> State:
    """Returns the witness in a file.

    Raises:
      NoteError: there is none.
    """
    try:
        return parse_state(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise NoteError(f"{path} cannot be read as a witness ({error}): `init` makes one") from None
    except NoteError as error:
        raise NoteError(f"{path}: {error}") from None


def change(path: Path, step: Callable[[State], tuple[State, str]]) -> str:
    """Returns what a step says, having kept the state that it leads to; one step at a time.

    Raises:
      NoteError, Refused: as the step does; then nothing has changed.
    """
    with _locked(path):
        state, answer = step(load(path))
        _save(path, state)
    return answer


def server(path: Path, *, port: int, clock: Callable[[], float] = time.time) -> HTTPServer:
    """Returns an HTTP server, on this machine alone, that answers POST /add-checkpoint for the witness in a file."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # a client that says nothing must not hold up the others

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint" or not length.isdigit() or int(length) > note.LONGEST:
                self._say(HTTPStatus.NOT_FOUND, "POST a request to /add-checkpoint\n")
                return
            try:
                request = parse_request(self.rfile.read(int(length)).decode())
                self._say(HTTPStatus.OK, change(path, lambda state: cosign(state, request, at=int(clock()))))
            except Refused as refusal:
                same = refusal.status is HTTPStatus.CONFLICT
                kind, text = ("text/x.tlog.size", f"{refusal.size}\n") if same else ("text/plain", f"{refusal}\n")
                self._say(refusal.status, text, kind=kind, reason=str(refusal))
            except ValueError as error:
                self._say(HTTPStatus.BAD_REQUEST, f"{error}\n")

        def _say(self, status: HTTPStatus, text: str, *, kind: str = "text/plain", reason: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind == "text/plain" else kind)
            self.send_header("Content-Length", str(len(text.encode())))
            if reason:
                self.send_header("X-Reason", reason.encode("ascii", "replace").decode())
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing: the answer has the reason."""

    return HTTPServer((_LOOPBACK, port), Handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 refused, 2 bad input."""
    parser = argparse.ArgumentParser(prog="witness", description="Cosigns checkpoints of logs that only ever grow.")
    parser.add_argument("action", choices=("init", "add", "cosign", "serve", "show"))
    parser.add_argument("value", nargs="?", help="init: a name; add: a log's key; cosign: a request's file, else stdin")
    parser.add_argument("--state", type=Path, default=Path("witness.json"), help="the witness's own file")
    parser.add_argument("--port", type=int, default=8300, help="of serve, on this machine alone; 0: any")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(_act(given.action, given.value, given.state, port=given.port))
    except Refused as refusal:
        sys.stderr.write(f"witness: refused: {refusal}\n")
        return 1
    except (NoteError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"witness: {error}\n")
        return 2
    return 0


def _act(action: str, value: str | None, path: Path, *, port: int) -> str:
    if action == "init":
        return f"{create(path, name=value or DEFAULT_NAME, secret=os.urandom(32)).key}\n"
    if action == "add":
        key = note.parse_key(value or "")
        return change(path, lambda state: (known_log(state, key), f"the log {key.name} is known\n"))
    if action == "cosign":
        request = parse_request(Path(value).read_text(encoding="utf-8") if value else sys.stdin.read())
        return change(path, lambda state: cosign(state, request, at=int(time.time())))
    if action == "serve":
        with server(path, port=port) as served, contextlib.suppress(KeyboardInterrupt):
            sys.stderr.write(f"witness: http://{_LOOPBACK}:{served.server_address[1]}/add-checkpoint\n")
            served.serve_forever()
        return ""
    return shown(load(path))


def shown(state: State) -> str:
    """Returns the witness for a person: its key, and a line for every log."""
    lines = [f"{state.key}\n"]
    for origin, known in sorted(state.logs.items()):
        last = known.last
        lines.append(
            f"{origin}: {f'{last.size} entries, root {last.root.hex()}' if last else 'nothing cosigned yet'}\n"
        )
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())

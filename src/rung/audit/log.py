"""A ledger as a log that others can keep an eye on: its tree, the key that signs for it, and what a witness is sent.

Covered: checkpoints of any size at any moment, while others append. Not covered: the owner. The key lies beside the
ledger, so it tells one log from another and keeps improvers from signing; trust comes from the witness.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rung.audit import ed25519, note, witness
from rung.audit.merkle import Tree
from rung.audit.note import Checkpoint, Key, Note, NoteError
from rung.audit.witness import Request
from rung.errors import BadInput, IntegrityAlarm, LedgerError
from rung.kernel.ledger import layout

KEY_FILE: Final = "log.key"
_SECONDS: Final = 10.0
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def ledger_tree(workspace: Path) -> Tree:
    """Returns the Merkle tree over the hashes of a ledger's events, 32 bytes each, as they stand now.

    Raises:
      LedgerError: it cannot be read, or an event has no hash.
    """
    path = workspace / layout.FILE
    with layout.sentences(path):
        db = layout.connect(path, "ro")
        with closing(db):
            tree = Tree()
            for (link,) in db.execute("SELECT hash FROM events ORDER BY seq"):
                try:
                    tree.append(bytes.fromhex(link))
                except (TypeError, ValueError):
                    raise LedgerError(f"{path}: event {len(tree) + 1} has no hash: look with `rung verify`") from None
    return tree


def log_key(workspace: Path) -> tuple[Key, bytes]:
    """Returns the public and the secret key that sign for a ledger, made when there are none yet.

    Raises:
      BadInput: the file of the key holds something else.
    """
    path = workspace / KEY_FILE
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(file, "w", encoding="ascii") as fresh:
            fresh.write(os.urandom(32).hex() + "\n")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii"))
        public = ed25519.public_key(secret)
    except ValueError as error:
        raise BadInput(f"{path} holds no key ({error}): put back the one that was there") from error
    return Key(f"rung.local/{hashlib.sha256(public).hexdigest()[:16]}", note.LOG, public), secret


def checkpoint(workspace: Path, tree: Tree) -> Note:
    """Returns what the ledger is now, signed by its key."""
    key, secret = log_key(workspace)
    return note.sign(Checkpoint(key.name, len(tree), tree.root()), key.name, secret)


def request(tree: Tree, signed: Note, *, old: int) -> Request:
    """Returns what a witness is sent that has seen the first `old` events.

    Raises:
      IntegrityAlarm: it has seen more events than there are.
    """
    size = signed.checkpoint.size
    if old > size:
        raise IntegrityAlarm(
            f"the witness has seen {old} events and the ledger has {size}: its end is gone, or this is an older copy; "
            "put back the ledger that the witness saw"
        )
    return Request(old, tuple(tree.consistency(old, size)), signed)


def continues(tree: Tree, before: Checkpoint) -> bool:
    """Returns whether the ledger begins with what a checkpoint saw."""
    return before.size <= len(tree) and tree.root(before.size) == before.root


def ask_file(path: Path, make: Callable[[int], Request], key: Key, *, at: int) -> str:
    """Returns the cosignature of a witness whose file is at hand; a log that is new to it gets known.

    Raises:
      IntegrityAlarm: it refuses.
      BadInput: the file is no witness's.
    """

    def step(state: witness.State) -> tuple[witness.State, str]:
        state = witness.known_log(state, key)
        last = state.logs[key.name].last
        return witness.cosign(state, make(last.size if last else 0), at=at)

    try:
        return witness.change(path, step)
    except witness.Refused as refusal:
        raise IntegrityAlarm(f"the witness refuses: {refusal}") from refusal
    except NoteError as error:
        raise BadInput(str(error)) from error


def ask_url(url: str, make: Callable[[int], Request]) -> str:
    """Returns the cosignature of a witness that listens on this machine; a tunnel makes a remote one listen here.

    Raises:
      IntegrityAlarm: it refuses.
      BadInput: it is not there, or not on this machine.
    """
    found = urlsplit(url)
    if found.scheme != "http" or found.hostname not in _LOOPBACK or found.port is None:
        raise BadInput(f"{url!r} is no witness on this machine: write http://127.0.0.1:PORT; ssh -L brings others here")
    status, text, reason = _post(found.hostname, found.port, str(make(0)))
    if status == HTTPStatus.CONFLICT and text.strip().isdigit():  # the size that it has seen
        status, text, reason = _post(found.hostname, found.port, str(make(int(text))))
    if status == HTTPStatus.NOT_FOUND:
        raise BadInput(f"{reason or text.strip()[:300]}; `rung witness show` prints this ledger's key")
    if status != HTTPStatus.OK:
        raise IntegrityAlarm(f"the witness refuses: {reason or text.strip()[:300]}")
    return text


def _post(host: str, port: int, text: str) -> tuple[int, str, str]:
    """Returns status, body and reason of the witness's answer."""
    connection = HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("POST", "/add-checkpoint", body=text.encode())
        answer = connection.getresponse()
        said = answer.read(note.LONGEST).decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise BadInput(f"no witness answers at http://{host}:{port} ({error}): start it with `serve`") from error
    finally:
        connection.close()
    return answer.status, said, answer.headers.get("X-Reason", "")


def with_cosignature(signed: Note, line: str) -> Note:
    """Returns the checkpoint with the line that a witness answered.

    Raises:
      BadInput: it is no such line.
    """
    try:
        return signed.with_lines(line)
    except NoteError as error:
        raise BadInput(f"the witness answers with something else than a cosignature: {error}") from error

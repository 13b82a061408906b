"""A small ledger that attackers own, a witness that they do not, and both ways to look."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import rung.audit
from rung.audit import log, witness
from rung.audit.note import Note, parse_note
from rung.kernel.ledger.port import Entry
from rung.kernel.ledger.sqlite import open_ledger
from rung.wire import JSON

ALONE = Path(rung.audit.__file__).with_name("verify_alone.py")
EVENTS = 30
BEGAN = 1_700_000_000.0

# A checkpoint of the Go checksum database, a log that is run by others with other code, and its public key.
FOREIGN = """go.sum database tree
65209736
5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=

— sum.golang.org Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8=
"""
FOREIGN_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def grow(workspace: Path, numbers: Iterable[int], *, word: str = "fact", began: float = BEGAN) -> None:
    """Appends events, one per second from `began` on, every third with a blob."""
    entries = []
    for n in (given := list(numbers)):
        blobs = [f"{word} {n}".encode()] if n % 3 == 0 else []
        names: list[JSON] = [hashlib.sha256(data).hexdigest() for data in blobs]
        entries.append(Entry("kind", {"n": n, word: "grüße", "blobs": names}, f"r{n % 2}", None, blobs))
    times = iter(began + n for n in given)
    ledger = open_ledger(workspace, clock=lambda: next(times))
    ledger.append_all(entries)
    ledger.close()


def tamper(workspace: Path, *statements: str) -> None:
    """Runs statements as the owner of the file can: triggers out of the way, and back again afterwards."""
    raw = sqlite3.connect(workspace / "ledger.sqlite", isolation_level=None)
    triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        raw.execute(statement)
    for _, sql in triggers:
        raw.execute(sql)
    raw.close()


def verifier() -> ModuleType:
    """Returns the verifier as a module, for tests alone: nothing of rung may import it."""
    name = "verify_alone_in_tests"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ALONE)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


def look(workspace: Path, *options: object) -> Any:
    """Returns what the verifier says; with a task as an auditor runs it, in an interpreter that cannot find rung."""
    words = [str(word) for word in (workspace, "--json", *options)]
    if "--task" in words:
        command = [sys.executable, "-I", "-S", str(ALONE), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        code, said, complaint = done.returncode, done.stdout, done.stderr
    else:
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = verifier().main(words)
        said, complaint = out.getvalue(), err.getvalue()
    assert code in {0, 1}, complaint
    document = json.loads(said)
    assert document["ok"] == (code == 0)
    return document


class Outside:
    """A witness in a folder that the ledger's owner cannot reach, with the checkpoints that it handed out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "witness.json"
        self.key = str(witness.create(self.file, name="w.example", secret=bytes(range(32))).key)

    def cosign(self, workspace: Path, *, at: int = int(BEGAN) + 10_000) -> Note:
        """Returns the checkpoint with the witness's cosignature; it is kept in a file too."""
        tree = log.ledger_tree(workspace)
        signed = log.checkpoint(workspace, tree)
        key = log.log_key(workspace)[0]
        line = log.ask_file(self.file, lambda old: log.request(tree, signed, old=old), key, at=at)
        note = log.with_cosignature(signed, line)
        self.note.write_text(str(note), encoding="utf-8")
        return parse_note(str(note))

    @property
    def note(self) -> Path:
        """The last checkpoint."""
        return self.folder / "checkpoint.txt"

    def options(self) -> tuple[object, ...]:
        """Returns what an auditor adds who heard of the witness."""
        return ("--witness", self.note, "--key", self.key)


Attack = Callable[[Path], None]

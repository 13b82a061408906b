"""A ledger on disk: its schema, its hash, how its file is opened, and what is said when that cannot be done."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from rung import wire
from rung.errors import LedgerDamaged, LedgerError
from rung.wire import JSON

FILE: Final = "ledger.sqlite"
GENESIS: Final = "0" * 64
_APPLICATION: Final = 0x72756E67
_VERSION: Final = 1
_PATIENCE: Final = 10.0  # seconds to wait for another process's commit

# The body stands last, so that a scan over types never touches the overflow pages of long ones. Inserts are guarded
# because INSERT OR REPLACE deletes without firing delete triggers.
_EVENTS = """seq INTEGER PRIMARY KEY, run TEXT NOT NULL, parent_run TEXT, at REAL NOT NULL, type TEXT NOT NULL,
 prev TEXT NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL"""
_NEXT = "NEW.seq = (SELECT coalesce(max(seq), 0) + 1 FROM events)"
_NEW = "NOT EXISTS (SELECT 1 FROM blobs WHERE digest = NEW.digest OR id = NEW.id)"
_SCHEMA: Final = (
    f"CREATE TABLE events ({_EVENTS})",
    "CREATE TABLE blobs (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, data BLOB NOT NULL)",
    "CREATE INDEX events_run ON events (run, seq)",
    "CREATE INDEX events_type ON events (type)",
    *(
        f"CREATE TRIGGER {table}_{change} BEFORE {change} ON {table} WHEN NOT ({allowed}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
        for table, insert in (("events", _NEXT), ("blobs", _NEW))
        for change, allowed in (("insert", insert), ("update", "0"), ("delete", "0"))
    ),
)
_ADVICE: Final = {
    "FULL": "the disk is full, and all that was recorded is safe: free some space and run the same command again",
    "IOERR": "the disk failed or is full, and all that was recorded is safe: look at the disk, then try again",
    "BUSY": "another process keeps it locked: wait until that one is done and run the same command again",
    "NOTADB": "this is not a rung ledger: move it away, or choose another --workspace",
    "CORRUPT": "it is damaged or cut short: keep a copy, look with `rung verify`, go on from a backup",
}


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turns what SQLite, the wire and the system say about the file at `path` into one LedgerError with what to do."""
    advice = "make sure that it exists and is writable, in a writable folder, or choose another --workspace"
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite quotes damaged names, which Python cannot decode
        code = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT").split("_")[1]
        kind = LedgerDamaged if code == "CORRUPT" else LedgerError
        raise kind(f"{path}: {_ADVICE.get(code, advice)} ({error})") from error
    except wire.WireError as error:
        raise LedgerDamaged(
            f"{path}: an event's body is refused ({error}): correct it, or look with `rung verify`"
        ) from error
    except OSError as error:
        raise LedgerError(f"{path}: {advice} ({error.strerror})") from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Returns an autocommit connection whose commits are durable; `mode` is "rw", or "ro", on a read-only disk too.

    Raises:
      LedgerError: the file is not a ledger of this format.
    """
    if mode == "ro" and not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
        mode = "ro&immutable=1"
    with ExitStack() as undo:
        db = undo.enter_context(closing(_open(path, mode)))
        if db.execute("PRAGMA application_id").fetchone() != (_APPLICATION,):
            raise LedgerError(f"{path}: {_ADVICE['NOTADB']}")
        if db.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            raise LedgerError(f"{path} is not of format {_VERSION}, which this rung reads: use the rung that wrote it")
        db.execute("PRAGMA synchronous=FULL")
        undo.pop_all()
        return db


def create(path: Path) -> None:
    """Makes an empty ledger where there is none: whole or not at all, however many processes try."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    # Linked into place when it is complete: a kill leaves no half ledger, and whoever comes second finds the first.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder, suppress(FileExistsError):
        with closing(_open(fresh := Path(folder, FILE), "rwc")) as db:
            db.execute("PRAGMA journal_mode=WAL")
            identity = f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION}"
            db.executescript(";".join(("BEGIN", identity, *_SCHEMA, "COMMIT")))
        path.hardlink_to(fresh)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)


def altered(db: sqlite3.Connection) -> set[str]:
    """Returns the names of tables, indexes and triggers that are missing, changed or not of this format."""
    found = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'")
    return {sql.split()[2] for sql in {sql for (sql,) in found} ^ set(_SCHEMA)}


def chain_hash(*event: JSON) -> str:
    """Returns hex SHA-256 over the canonical object of v (the format) and the seven columns given, in this order."""
    names = ("v", "seq", "run", "parent_run", "at", "type", "body", "prev")
    return hashlib.sha256(wire.canonical(dict(zip(names, (_VERSION, *event), strict=True)))).hexdigest()


def mentioned(body: JSON) -> list[str]:
    """Returns the digests that a body names under its key "blobs": a list of them, or an object of name to digest."""
    blobs = body.get("blobs") if isinstance(body, dict) else None
    found = blobs.values() if isinstance(blobs, dict) else blobs if isinstance(blobs, list) else ()
    return [digest for digest in found if isinstance(digest, str)]

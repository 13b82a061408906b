"""The ledger that ships: one SQLite file per workspace, written through one durable commit per call.

Covered: several processes and threads that append at once, death at any moment, trouble with the disk.
Not covered: a connection carried through fork (open it again in the child); an owner who rewrites the file (verify.py).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from rung import wire
from rung.errors import LedgerDamaged, LedgerError
from rung.kernel.ledger import layout
from rung.kernel.ledger.port import Entry, Event
from rung.wire import JSON

_PAGE: Final = 64
_READ: Final = "SELECT seq, run, parent_run, at, type, prev, hash, CAST(coalesce(body, '') AS BLOB) FROM events"


def open_ledger(workspace: Path, *, clock: Callable[[], float] = time.time) -> SqliteLedger:
    """Returns the ledger of a workspace, made if there is none; raises LedgerError where that cannot be."""
    path = workspace / layout.FILE
    with layout.sentences(path):
        layout.create(path)
    return SqliteLedger(path, clock)


def read_ledger(workspace: Path) -> SqliteLedger:
    """Returns the ledger of a workspace, which then refuses to append; on a read-only disk too."""
    return SqliteLedger(workspace / layout.FILE, mode="ro")


class SqliteLedger:
    """An open ledger file. clock: seconds since 1970. mode: "rw", or "ro" for one that refuses to append.

    Raises:
      LedgerError: there is no file, or it is not a ledger of this format, or it is damaged or altered.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, mode: str = "rw") -> None:
        self._path, self._clock, self._lock = path, clock, threading.RLock()
        with layout.sentences(path), ExitStack() as undo:
            self._db = undo.enter_context(closing(layout.connect(path, mode)))
            self._inode = path.stat().st_ino
            if names := layout.altered(self._db):
                raise LedgerDamaged(
                    f"{path} was altered ({', '.join(names)}): keep a copy, and look with `rung verify`"
                )
            undo.pop_all()

    def append(
        self, event_type: str, body: JSON, *, run: str, parent_run: str | None = None, blobs: Iterable[bytes] = ()
    ) -> Event:
        """Returns the event, durable together with its blobs."""
        return self.append_all([Entry(event_type, body, run, parent_run, blobs)])[0]

    def append_all(self, entries: Sequence[Entry]) -> list[Event]:
        """Returns the events of one durable commit: all of them or none."""
        events = []
        with self._commit():
            seq, prev = self.head()
            for entry in entries:
                # Read back before it is written: what cannot be read again, or reads differently, must not enter.
                body = wire.parse(wire.canonical(entry.body))
                for data in entry.blobs:
                    self._store(data)
                if lost := [digest for digest in layout.mentioned(body) if not self._holds(digest)]:
                    raise LedgerError(f"a {entry.type} event names blob {lost[0]}, which is not stored: put it first")
                seq, at = seq + 1, float(self._clock())
                link = layout.chain_hash(seq, entry.run, entry.parent_run, at, entry.type, body, prev)
                row = (seq, entry.run, entry.parent_run, at, entry.type, prev, link, wire.canonical(body).decode())
                self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                events.append(Event(seq, entry.run, entry.parent_run, at, entry.type, body, prev, link))
                prev = link
        return events

    def read(self, *, run: str | None = None, types: Collection[str] | None = None, after: int = 0) -> Iterator[Event]:
        """Returns the events with seq > `after` that exist when iteration begins, in order, in flat memory."""
        where, values = ("", []) if run is None else (" AND run = ?", [run])
        if types is not None:
            # The plus keeps SQLite off the index on type, unless one type is all that is asked for.
            plus = "" if run is None and len(types) == 1 else "+"
            where, values = f"{where} AND {plus}type IN ({', '.join('?' * len(types))})", [*values, *types]
        query = f"{_READ} WHERE seq > ? AND seq <= ?{where} ORDER BY seq LIMIT {_PAGE}"
        last, page = self.head()[0], None
        # By pages: a cursor kept open over the caller's loop would pin an old snapshot, and no append could follow.
        while page is None or len(page) == _PAGE:
            page = self._rows(query, after, last, *values)
            for seq, owner, parent, at, kind, prev, link, text in page:
                with layout.sentences(self._path):
                    body = wire.parse(text)
                yield Event(seq, owner, parent, at, kind, body, prev, link)
                after = seq

    def put(self, data: bytes) -> str:
        """Returns the hex SHA-256 under which the data is now durable."""
        with self._commit():
            return self._store(data)

    def get(self, digest: str) -> bytes:
        """Returns the data of a digest, rechecked against it."""
        for (data,) in self._rows("SELECT CAST(coalesce(data, '') AS BLOB) FROM blobs WHERE digest = ?", digest):
            if hashlib.sha256(data).hexdigest() == digest:
                return bytes(data)
        raise LedgerDamaged(f"{self._path}: blob {digest} is missing or damaged: look with `rung verify`")

    def head(self) -> tuple[int, str]:
        """Returns seq and hash of the newest event, or 0 and 64 zeros."""
        rows = self._rows("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
        return rows[0] if rows else (0, layout.GENESIS)

    def close(self) -> None:
        """Lets go of the file; what was appended is already safe."""
        self._db.close()

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock, layout.sentences(self._path):
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _commit(self) -> Iterator[None]:
        with self._lock, layout.sentences(self._path):
            # SQLite goes on writing to a file that was removed or replaced, and every later event would be lost.
            if self._path.stat().st_ino != self._inode:
                raise LedgerError(f"{self._path} was replaced while in use: run the same command again")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _holds(self, digest: str) -> bool:
        return bool(self._rows("SELECT 1 FROM blobs WHERE digest = ?", digest))

    def _store(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if not self._holds(digest):
            self._db.execute("INSERT INTO blobs (digest, data) VALUES (?, ?)", (digest, data))
        return digest

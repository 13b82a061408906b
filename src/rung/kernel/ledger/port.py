"""The port through which the kernel records: the only thing it ever writes to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. seq: 1, 2, ... over the whole ledger. at: seconds since 1970. prev, hash: hex SHA-256, a chain."""

    seq: int
    run: str
    parent_run: str | None
    at: float
    type: str
    body: JSON
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What becomes an event; its blobs are stored in the same commit."""

    type: str
    body: JSON
    run: str
    parent_run: str | None = None
    blobs: Iterable[bytes] = ()


class Ledger(Protocol):
    """Append-only events in a hash chain, with content-addressed blobs; conformance: `rung.testing.LedgerSuite`.

    A method that cannot do what was asked raises LedgerError: nothing of the call was written, nothing older is lost.
    """

    def append(
        self, event_type: str, body: JSON, *, run: str, parent_run: str | None = None, blobs: Iterable[bytes] = ()
    ) -> Event:
        """Returns the event, durable together with its blobs; the digests that body["blobs"] names must be stored."""

    def append_all(self, entries: Sequence[Entry]) -> list[Event]:
        """Returns the events of one durable commit: all of them or none."""

    def read(self, *, run: str | None = None, types: Collection[str] | None = None, after: int = 0) -> Iterator[Event]:
        """Returns the events with seq > `after` that exist when iteration begins, in order, in flat memory."""

    def put(self, data: bytes) -> str:
        """Returns the hex SHA-256 under which the data is now durable."""

    def get(self, digest: str) -> bytes:
        """Returns the data of a digest, rechecked against it."""

    def head(self) -> tuple[int, str]:
        """Returns seq and hash of the newest event, or 0 and 64 zeros."""

    def close(self) -> None:
        """Lets go of the store; what was appended is already safe."""

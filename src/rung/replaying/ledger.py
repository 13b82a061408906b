"""A ledger that grows again: what the kernel appends must be what was recorded, and is then written as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rung.errors import LedgerDamaged
from rung.kernel.ledger import layout
from rung.kernel.ledger.port import Entry
from rung.kernel.ledger.sqlite import open_ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from rung.kernel.ledger.port import Event
    from rung.replaying.script import Script, Slot
    from rung.wire import JSON

AT_ONCE: Final = 100  # events in one commit


class ReplayLedger:
    """The Ledger port on a new file in `folder`, empty at first; whatever is read comes from that file alone.

    An event that comes again as the script has it is written with the recorded moment, so the chain grows to the same
    hashes; events of other runs are copied where they stand in the record.
    """

    def __init__(self, folder: Path, script: Script) -> None:
        self._script = script
        self._moments: Iterator[float] = iter(())
        self._pending: list[Slot] = []
        self._new = open_ledger(folder, clock=lambda: next(self._moments))

    def append(
        self, event_type: str, body: JSON, *, run: str, parent_run: str | None = None, blobs: Iterable[bytes] = ()
    ) -> Event:
        """Returns the recorded event.

        Raises:
          Differs: it is another one. EndOfRecord: there is none.
        """
        return self.append_all([Entry(event_type, body, run, parent_run, blobs)])[0]

    def append_all(self, entries: Sequence[Entry]) -> list[Event]:
        """Returns the recorded events.

        Raises:
          Differs, EndOfRecord: as for `append`.
        """
        events = []
        for entry in entries:
            kept = Entry(entry.type, entry.body, entry.run, entry.parent_run, tuple(entry.blobs))
            event = self._script.match(kept)
            events.append(event)
            for slot in self._script.take():
                self._pending.append(slot)
                if len(self._pending) >= AT_ONCE:
                    self._write()
            if event.seq > self._script.through:  # it has to wait for its turn, and may be asked for before
                for blob in kept.blobs:
                    self._new.put(blob)
        return events

    def read(self, *, run: str | None = None, types: Collection[str] | None = None, after: int = 0) -> Iterator[Event]:
        """Returns what came again so far, as any ledger does."""
        self._script.opened = self._script.opened if run is None else run
        self._write()
        return self._new.read(run=run, types=types, after=after)

    def put(self, data: bytes) -> str:
        """Returns the hex SHA-256 under which the data is now durable."""
        return self._new.put(data)

    def get(self, digest: str) -> bytes:
        """Returns the data of a digest that came again."""
        self._write()
        return self._new.get(digest)

    def head(self) -> tuple[int, str]:
        """Returns seq and hash of the newest event."""
        self._write()
        return self._new.head()

    def close(self) -> None:
        """Lets go of the new file."""
        self._new.close()

    def _write(self) -> None:
        """Makes one commit of what waits for one: each commit takes as long as the disk does."""
        if not self._pending:
            return
        slots, self._pending = self._pending, []
        self._moments = iter([slot.event.at for slot in slots])
        written = self._new.append_all([self._entry(slot) for slot in slots])
        for slot, event in zip(slots, written, strict=True):
            if event.hash != slot.event.hash:
                raise LedgerDamaged(
                    f"event {slot.event.seq} of the record has not the hash it must have: `rung verify`"
                )

    def _entry(self, slot: Slot) -> Entry:
        event, blobs = slot.event, slot.blobs
        if blobs is None:  # of another run
            blobs = tuple(self._script.recorded.get(digest) for digest in layout.mentioned(event.body))
        return Entry(event.type, event.body, event.run, event.parent_run, blobs)

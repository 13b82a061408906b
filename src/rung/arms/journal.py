"""An arm's own slice of the ledger: what it decided before is found again, what it decides now is appended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rung import wire
from rung.errors import IntegrityAlarm

if TYPE_CHECKING:
    from collections.abc import Collection

    from rung.kernel.ledger.port import Ledger
    from rung.wire import JSON

VOLATILE = ("cpu_seconds",)  # measured again when what was in flight was lost


class Journal:
    """Events of one run in the order in which they follow from one another; a second sitting repeats them first."""

    def __init__(self, ledger: Ledger, run: str, *, parent: str | None, types: Collection[str]) -> None:
        self.run, self._ledger, self._parent = run, ledger, parent
        self._known = [(event.type, event.body) for event in ledger.read(run=run, types=types)]
        self._next = 0

    def record(self, event_type: str, body: dict[str, JSON], *, blobs: tuple[bytes, ...] = ()) -> None:
        """Appends an event, unless an earlier sitting did.

        Raises:
          IntegrityAlarm: the earlier sitting decided otherwise from the same evidence.
        """
        if self._next < len(self._known):
            known_type, known = self._known[self._next]
            self._next += 1
            if known_type != event_type or _stable(known) != _stable(body):
                raise IntegrityAlarm(
                    f"run {self.run} decided {known_type!r} otherwise before, from the same records: the ledger or the "
                    "code is not the one it was recorded with; start a new comparison"
                )
            return
        self._next += 1
        self._ledger.append(event_type, body, run=self.run, parent_run=self._parent, blobs=blobs)


def _stable(body: JSON) -> bytes:
    kept = {key: value for key, value in body.items() if key not in VOLATILE} if isinstance(body, dict) else body
    return wire.canonical(kept)

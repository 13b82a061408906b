"""The clock of budgets: wall seconds, without those for which the ledger says that the engine was paused."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from rung.oversight.tree import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from rung.kernel.ledger.port import Ledger

JUMP: Final = 0.01  # seconds between two readings, below which nobody can have paused and resumed


class LivedClock:
    """Seconds that this process lived, by whatever it began with; reads the ledger only after a leap of time."""

    def __init__(self, ledger: Ledger, now: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._now = ledger, now
        row = find(os.getpid())
        self._mine = None if row is None else {"pid": row.process.pid, "started": row.process.started}
        self._seen, self._paused, self._last = ledger.head()[0], 0.0, now()

    def __call__(self) -> float:
        """Returns seconds; only differences mean anything."""
        now = self._now()
        if now - self._last > JUMP:
            for event in self._ledger.read(types=("resume",), after=self._seen):
                body: Any = event.body
                self._seen = event.seq
                self._paused += body["paused"] if body["engine"] == self._mine else 0.0
        self._last = now
        return now - self._paused

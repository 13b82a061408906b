"""The read model of one run: what was tried, what is best, what is in quarantine. A fold over the run's events."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from rung.errors import Status

if TYPE_CHECKING:
    from rung.records import Candidate

KEPT = 200


class Archive:
    """Candidates by id, and the best of them; adding one costs the same however many there are."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, int]] = {}
        self._best: list[tuple[float, int, Candidate]] = []
        self._quarantine: set[bytes] = set()

    def __len__(self) -> int:
        """Returns how many programs were tried."""
        return len(self._known)

    def __contains__(self, program_id: str) -> bool:
        """Returns whether the program was tried in this run."""
        return _key(program_id) in self._known

    def add(self, candidate: Candidate, *, denied: bool = False) -> None:
        """Records a candidate; one whose system calls were denied goes into quarantine with its whole lineage."""
        key = _key(candidate.program_id)
        if denied or any(_key(parent) in self._quarantine for parent in candidate.parents):
            self._quarantine.add(key)
        self._known.setdefault(key, (candidate.number, candidate.generation))
        evaluation = candidate.evaluation
        if evaluation.status is not Status.OK or evaluation.value is None or key in self._quarantine:
            return
        if len(self._best) == KEPT and evaluation.value <= -self._best[-1][0]:
            return
        if all(row[2].program_id != candidate.program_id for row in self._best):
            bisect.insort(self._best, (-evaluation.value, candidate.number, candidate), key=lambda row: row[:2])
            del self._best[KEPT:]

    def quarantined(self, program_id: str) -> bool:
        """Returns whether the program or an ancestor of it asked for what no honest program needs."""
        return _key(program_id) in self._quarantine

    def generation(self, program_id: str) -> int:
        """Returns the depth of the program's lineage, 0 for the seed program."""
        return self._known[_key(program_id)][1]

    def best(self, count: int) -> list[Candidate]:
        """Returns up to `count` candidates, best on train first, earlier ones first among equals."""
        return [candidate for _, _, candidate in self._best[:count]]


def _key(program_id: str) -> bytes:
    return bytes.fromhex(program_id)

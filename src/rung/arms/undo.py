"""Taking back: an adopted change stays only while what it earns is worth what it cost.

Papers: Schmidhuber, Zhao and Wiering 1997 (success-story criterion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.kernel.gate import Bet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.records import Program

FEWEST = 20  # puzzles solved on both sides before a rate says anything
SURE = 2.0  # standard errors
PAYBACK = 4.0  # a change may work for so many times its cost before it must have paid for itself


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Who was in force before an adoption, and what had been earned and spent by then.

    earned: puzzles of practice solved. practised: the work this took. cost: work of making and judging the successor.
    """

    before: Program
    earned: int
    practised: float
    cost: float
    generation: int


def fallen(checkpoints: Sequence[Checkpoint], *, earned: int, practised: float) -> int | None:
    """Returns the index of the adoption that has to be undone, the newest first, None when all of them stand.

    Since every adoption, its own cost included, more must have been earned per work than before it, back to the
    adoption before or as far as there is something to compare with. It is asked only when the change has had PAYBACK
    times its cost to work, and what is worse by chance alone stays: the rate must be lower by SURE standard errors.
    """
    marks = [(0, 0.0), *((point.earned, point.practised) for point in checkpoints)]
    for index in reversed(range(len(checkpoints))):
        middle, cost = marks[index + 1], checkpoints[index].cost
        start = next((mark for mark in reversed(marks[: index + 1]) if middle[0] - mark[0] >= FEWEST), marks[0])
        before, since = (middle[0] - start[0], middle[1] - start[1]), (earned - middle[0], practised - middle[1])
        if before[0] < FEWEST or before[1] <= 0.0 or since[1] < max(PAYBACK * cost, 1.0):
            continue
        spent = since[1] + cost
        rates = before[0] / before[1], since[0] / spent
        error = math.sqrt(before[0] / before[1] ** 2 + max(since[0], 1) / spent**2)
        if rates[1] < rates[0] - SURE * error:
            return index
    return None


class Watch:
    """A canary under watch: a bet, on paired puzzles, that the predecessor was better after all.

    index: of the checkpoint to go back to. left: generations of watch that are to come; a canary that adopts another
    one stays under watch beside the same predecessor, and so does what it adopted.
    """

    def __init__(self, predecessor: Program, *, index: int, alpha: float, stakes: tuple[float, ...]) -> None:
        self.predecessor, self.index, self.left = predecessor, index, 0
        self._bet, self._target = Bet(0.0, stakes), 1.0 / alpha

    def see(self, predecessor: Sequence[float], successor: Sequence[float]) -> bool:
        """Returns whether the canary has failed, after one more generation of paired scores."""
        for before, after in zip(predecessor, successor, strict=True):
            self._bet.see(before - after)
        self.left -= 1
        return self._bet.wealth >= self._target

"""What every task has to show, and what one run of it may cost."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PLENTY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Goal:
    """A target for the runs of one task, as values: higher is better, so what is to be small has a minus.

    each: every seed must reach it. best: one seed must. median: the median must. aim: nice to have, never judged.
    held_out: the fresh cases decide, not validation. cpu_seconds, attempts: of one run; where CPU is the currency,
    attempts are as good as unlimited, or an improver that thinks little would be stopped before it had its share.
    """

    each: float | None = None
    best: float | None = None
    median: float | None = None
    aim: float | None = None
    held_out: bool = False
    cpu_seconds: float | None = 60.0
    attempts: int = PLENTY

    def is_met(self, values: Sequence[float]) -> bool | None:
        """Returns whether the seeds' values meet it; None when nothing was asked for."""
        checks: list[tuple[float | None, Callable[[Sequence[float]], float]]] = [
            (self.each, min),
            (self.best, max),
            (self.median, statistics.median),
        ]
        asked = [(wanted, summary) for wanted, summary in checks if wanted is not None]
        if not asked:
            return None
        return bool(values) and all(summary(values) >= wanted for wanted, summary in asked)

    def __str__(self) -> str:
        """Returns it in words."""
        named = {"each": self.each, "best": self.best, "median": self.median, "aim": self.aim}
        words = [f"{name} {value:.10g}" for name, value in named.items() if value is not None]
        return ", ".join(words + ["held out"] * self.held_out) or "none"


NO_GOAL: Final = Goal()
GOALS: Final[Mapping[str, Goal]] = MappingProxyType(
    {
        "circles-26": Goal(each=2.635863, best=2.635983),
        "circles-32": Goal(each=2.936, aim=2.937945, cpu_seconds=300.0),
        "sorting-network-7": Goal(each=-16.0),
        "sorting-network-8": Goal(each=-19.0),
        "sorting-network-9": Goal(each=-25.0),
        "erdos-overlap": Goal(each=-0.38096),
        "cap-set-8": Goal(each=450.0, aim=512.0),
        "faster": Goal(each=3.0),
        "bin-packing-weibull": Goal(median=-1.2, held_out=True, cpu_seconds=None, attempts=4000),
        "bin-packing-or": Goal(median=-3.8, held_out=True, cpu_seconds=None, attempts=4000),
    }
)

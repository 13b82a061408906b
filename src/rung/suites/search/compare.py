"""One policy beside others on one box: the same fresh seeds for all, and every search in a process of its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.kernel.draw import derive, paired_gain
from rung.records import Incumbent
from rung.suites.search.tasks import comparison_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rung.kernel.kernel import Kernel
    from rung.records import Interval, Outcome, Program
    from rung.suites.search.box import Box
    from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Played:
    """What a policy came to with one budget; a search that failed counts as the worst choice there is.

    scores: one per seed, see Box.score. regrets: how far below the best configuration each choice is, in the table's
    unit. found: share of the seeds on which the best configuration of all was chosen.
    """

    scores: tuple[float, ...]
    regrets: tuple[float, ...]
    found: float


@dataclass(frozen=True, slots=True)
class Field:
    """Where a comparison takes place.

    outcome: of a run of the bench; its sandbox and its record are where the comparison belongs. seeds: how many. key:
    what they follow from, together with the hash of the policy that is compared.
    """

    kernel: Kernel
    box: Box
    outcome: Outcome
    budgets: tuple[int, ...]
    seeds: int
    key: int

    def compare(
        self, program: Program, others: Mapping[str, Program], *, observe: Callable[[str], None]
    ) -> tuple[dict[int, Played], dict[str, dict[int, Played]]]:
        """Returns budget -> results of the program, and name -> budget -> results of the others, seed by seed.

        What the ledger has of it already is not played again. observe: is told what was played.
        """
        own: dict[int, Played] = {}
        theirs: dict[str, dict[int, Played]] = {name: {} for name in others}
        for budget in self.budgets:
            for name, other in others.items():
                pairs = self._pairs(program, other, budget=budget)
                own[budget] = self._played([mine for _, mine in pairs])
                theirs[name][budget] = found = self._played([score for score, _ in pairs])
                observe(f"{name} at {budget}: {_words(found)}")
            observe(f"the policy in force at {budget}: {_words(own[budget])}")
        return own, theirs

    def _pairs(self, program: Program, other: Program, *, budget: int) -> list[tuple[float, float]]:
        """Returns (other, program) scores on the fresh seeds."""
        task = comparison_task(self.box, budget=budget)
        named: JSON = [self.outcome.run, task.name, program.id, other.id, str(self.key), self.seeds]
        run = hashlib.sha256(wire.canonical(named)).hexdigest()[:12]
        events: list[Any] = [event.body for event in self.kernel.ledger.read(run=run, types=("pair",))]
        if len(events) >= self.seeds:
            return [(body["start"] or 0.0, body["incumbent"] or 0.0) for body in events[-self.seeds :]]
        place = replace(
            self.outcome, run=run, seed=self.key, start=Incumbent(other, 0.0), incumbent=Incumbent(program, 0.0)
        )
        return list(self.kernel.pairs(task, place, count=self.seeds))

    def _played(self, scores: Sequence[float]) -> Played:
        best = sum(score >= 1.0 for score in scores) / len(scores)
        return Played(tuple(scores), tuple(map(self.box.regret_at, scores)), best)


def _words(played: Played) -> str:
    mean = sum(played.regrets) / len(played.regrets)
    return f"mean regret {mean:.5f}, the best of all found in {played.found:.0%}"


def arm_document(played: Played, *, key: int) -> dict[str, JSON]:
    """Returns an arm's results with one budget as JSON; intervals are 95 %, by bootstrap over the seeds."""
    return {
        "score": _interval(_of(played.scores, key=key)),
        "regret": _interval(_of(played.regrets, key=key)),
        "found": played.found,
        "scores": list(played.scores),
    }


def gain_document(better: Played, other: Played, *, key: int) -> dict[str, JSON]:
    """Returns how much higher the score and how much lower the regret of one arm is than another's, paired by seed."""
    return {
        "score": _interval(paired_gain(other.scores, better.scores, seed=key)),
        "regret": _interval(paired_gain(better.regrets, other.regrets, seed=key)),
        "found": better.found - other.found,
    }


def _of(values: Sequence[float], *, key: int) -> Interval:
    return paired_gain([0.0] * len(values), values, seed=derive(key, "arm"))


def _interval(interval: Interval) -> dict[str, JSON]:
    return {"n": interval.n, "mean": interval.mean, "low": interval.low, "high": interval.high}

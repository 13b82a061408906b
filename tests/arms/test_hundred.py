"""A hundred generations: what the engine itself spends on one does not grow with those before it."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tests.arms import toy
from tests.helpers import kernel

from rung.arms.records import Step
from rung.kernel.ledger.verify import verify_chain

GENERATIONS = 100


def test_a_hundred_generations_cost_the_same_each(tmp_path: Path) -> None:
    """CPU of this process alone: medians of the first and the last 25 generations in which nothing was judged."""
    k = kernel(tmp_path / "w")
    on = toy.suite(
        rules=replace(toy.PLAN.rules, plan=5),
        work=1e9,
        practice=2,
        probe=4,
        recheck=0,
        patience=1.0,
        canary=2,
        generations=GENERATIONS,
        stationary=True,
    )
    marks = [time.process_time()]

    def tell(_arm: str, _seed: int, _step: Step) -> None:
        marks.append(time.process_time())

    results = list(toy.bench(k, on=on, key="abc", tell=tell).run())
    spent = [after - before for before, after in pairwise(marks)]
    plain = [
        cost
        for cost, step in zip(spent, results[0].steps, strict=True)
        if step.verdict is None and step.stage != "canary" and step.proposal is None
    ]
    assert len(results[0].steps) == GENERATIONS
    assert len(plain) >= 50
    first, last = statistics.median(plain[:25]), statistics.median(plain[-25:])
    assert last <= 1.5 * first
    assert verify_chain(tmp_path / "w" / "ledger.sqlite").problems == ()

"""Sequences under a shaped cost: annealing at several temperatures, then iterated local search, with restarts.

The edits are those of any list: delete, insert, replace, move, swap. The elements come from the problem.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

ROUND = 60_000
SLICE = 12_000
TEMPERATURES = (0.6, 1.2, 2.4)
COLDEST = 0.05
WORK_OF_COST = 0.012
FROM_BEST = 0.35


def fits(problem: Any) -> bool:
    """Returns whether the problem draws elements and prices sequences of them."""
    return all(hasattr(problem, name) for name in ("element", "cost", "start"))


def search(problem: Any, rng_seed: int, start: list[Any] | None = None) -> Iterator[tuple[float, list[Any], float]]:
    """Yields (minus the lowest cost, its sequence, work since the last yield), without end.

    A shaped cost can price a wrong sequence below a right one, so only what problem.valid accepts can be the best.
    start: a valid sequence to refine first; None takes the problem's own.
    """
    rng = random.Random(rng_seed)
    valid = getattr(problem, "valid", lambda _: True)
    best = list(problem.start() if start is None else start)
    lowest = problem.cost(best)
    first, done = best, 0
    while True:
        hottest = rng.choice(TEMPERATURES)
        here, price = list(first), problem.cost(first)
        for step in range(ROUND):
            temperature = hottest * (1 - step / ROUND) + COLDEST
            trial = _edited(here, problem.element, rng)
            cost = problem.cost(trial)
            if cost <= price or rng.random() < math.exp((price - cost) / temperature):
                here, price = trial, cost
                if cost < lowest and valid(trial):
                    best, lowest = trial, cost
            done += 1
            if done == SLICE:
                yield -lowest, list(best), SLICE * WORK_OF_COST
                done = 0
        first = best if rng.random() < FROM_BEST else list(problem.start())


def _edited(sequence: list[Any], element: Any, rng: random.Random) -> list[Any]:
    """Returns a copy with one element deleted, inserted, replaced, moved, or two exchanged."""
    child, kind, count = sequence[:], rng.random(), len(sequence)
    if count < 2 or kind < 0.25:
        child.insert(int(rng.random() * (count + 1)), element(rng))
    elif kind < 0.5:
        del child[int(rng.random() * count)]
    elif kind < 0.75:
        child[int(rng.random() * count)] = element(rng)
    elif kind < 0.9:
        moved = child.pop(int(rng.random() * count))
        child.insert(int(rng.random() * count), moved)
    else:
        one, two = int(rng.random() * count), int(rng.random() * count)
        child[one], child[two] = child[two], child[one]
    return child

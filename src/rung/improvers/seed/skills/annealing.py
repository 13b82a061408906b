"""Simulated annealing for what no other skill fits: boxes with nothing but an objective, and bare subsets.

Boxes: Gaussian steps whose length follows the temperature. Subsets without symmetries: add an element, drop what it
conflicts with.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

ROUND = 20_000
SLICE = 2_000
WORK_OF_OBJECTIVE = 0.03
COLDEST = 1e-4
LONGEST = 0.3
SHORTEST = 1e-4
HOTTEST = 1.0


def fits(problem: Any) -> bool:
    """Returns whether the problem is a box with an objective, or elements with forbidden triples."""
    return all(hasattr(problem, name) for name in ("low", "high", "objective")) or all(
        hasattr(problem, name) for name in ("size", "completions")
    )


def search(problem: Any, rng_seed: int, start: Any = None) -> Iterator[tuple[float, Any, float]]:
    """Yields (best value, its point, work since the last yield), without end.

    start: a valid point to begin with; None begins at random, or with the empty set.
    """
    rng = random.Random(rng_seed)
    return _box(problem, rng, start) if hasattr(problem, "objective") else _subset(problem, rng, start)


def _box(problem: Any, rng: random.Random, start: Any) -> Iterator[tuple[float, np.ndarray, float]]:
    low, width = np.asarray(problem.low, float), np.asarray(problem.high, float) - np.asarray(problem.low, float)
    draw = np.random.default_rng(rng.getrandbits(63))
    best = low + width * draw.random(len(low)) if start is None else np.asarray(start, float)
    highest = _valued(problem, best)
    first, done = best, 0
    while True:
        here, value = first, _valued(problem, first)
        scale = _spread(problem, low, width, draw)
        for step in range(ROUND):
            heat = (COLDEST / HOTTEST) ** (step / ROUND)
            length = max(SHORTEST, LONGEST * heat)
            chosen = draw.random(len(low)) < max(0.2, 1 / len(low))
            trial = np.clip(here + chosen * draw.normal(0, length, len(low)) * width, low, low + width)
            new = _valued(problem, trial)
            if new >= value or rng.random() < math.exp((new - value) / (scale * heat)):
                here, value = trial, new
                if new > highest:
                    best, highest = trial, new
            done += 1
            if done == SLICE:
                yield highest, best, SLICE * WORK_OF_OBJECTIVE
                done = 0
        first = best if rng.random() < 0.5 else low + width * draw.random(len(low))


def _valued(problem: Any, x: np.ndarray) -> float:
    """Returns the objective; a large negative number outside the constraints, if there are any."""
    value = float(problem.objective(x))
    if hasattr(problem, "slack"):
        missing = -float(np.minimum(problem.slack(x), 0).sum())
        return value if missing == 0 else min(value, 0.0) - 1e6 * (1 + missing)
    return value


def _spread(problem: Any, low: np.ndarray, width: np.ndarray, draw: np.random.Generator) -> float:
    """Returns how far the objective of random points spreads: the unit of temperature."""
    values = [float(problem.objective(low + width * draw.random(len(low)))) for _ in range(20)]
    return float(np.std(values)) or 1.0


def _subset(problem: Any, rng: random.Random, start: Any) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yields the largest set found by adding a random element and dropping what forbids it."""
    size = problem.size
    kept = set() if start is None else {int(element) for element in start}
    best = np.array(sorted(kept), int)
    step = 0
    while True:
        step += 1
        element = rng.randrange(size)
        if element not in kept:
            conflicts = _conflicts(problem, kept, element)
            heat = HOTTEST * (1 - step % ROUND / ROUND) + COLDEST
            if len(conflicts) <= 1 or rng.random() < math.exp((1 - len(conflicts)) / heat):
                kept = (kept - conflicts) | {element}
                if len(kept) > len(best):
                    best = np.array(sorted(kept), int)
        if step % SLICE == 0:
            yield float(len(best)), best, SLICE * WORK_OF_OBJECTIVE


def _conflicts(problem: Any, kept: set[int], element: int) -> set[int]:
    """Returns one member of every forbidden triple that the element would complete."""
    third = problem.completions(element)
    dropped: set[int] = set()
    for member in sorted(kept):
        other = int(third[member])
        if other in kept and other not in {member, element} and other not in dropped and member not in dropped:
            dropped.add(member)
    return dropped

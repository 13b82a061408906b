"""Constrained numeric refinement: iterated local search over a fast local solver, with restarts.

Fits a problem with a box, an objective to maximise and slacks that must not be negative. Kicks know nothing but the
problem's groups of coordinates: relocate a few groups, exchange a coordinate of two, jitter a neighbourhood or all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.optimize import approx_fprime

from skills import interior

PATIENCE = 150
SLICE = 150.0
FIRST_BARRIER = 1e-2
KICKED_BARRIER = 1e-3
JITTER = (0.02, 0.05, 0.1)
MOST_RELOCATED = 3
DRAWS = 8
MARGIN = 2e-9  # twice what the local solver may miss
TRUST = 4
WORTHWHILE = 1e-10


def fits(problem: Any) -> bool:
    """Returns whether the problem has a box, an objective and slacks."""
    return all(hasattr(problem, name) for name in ("low", "high", "objective", "slack"))


class Smooth:
    """A problem with the derivatives, groups and repair it may have left out."""

    def __init__(self, problem: Any) -> None:
        self.problem = problem
        self.low, self.high = np.asarray(problem.low, float), np.asarray(problem.high, float)
        self.objective, self.slack = problem.objective, problem.slack
        self.gradient = getattr(problem, "gradient", None) or (lambda x: approx_fprime(x, self.objective))
        self.jacobian = getattr(problem, "jacobian", None) or self._difference
        groups = getattr(problem, "groups", None)
        self.groups = [np.asarray(group, int) for group in (groups or np.arange(len(self.low))[:, None])]
        self.curved, self.solves, self.failures = True, 0, 0
        self.margin = 0.0 if hasattr(problem, "repair") else MARGIN

    def _difference(self, x: np.ndarray) -> np.ndarray:
        return np.atleast_2d(approx_fprime(x, self.slack))

    def finish(self, x: np.ndarray) -> np.ndarray | None:
        """Returns the nearest feasible point the problem can make of x, or None."""
        if hasattr(self.problem, "repair"):
            x = self.problem.repair(x)
        inside = (x >= self.low).all() and (x <= self.high).all()
        return x if inside and self.slack(x).min() >= -1e-12 * (self.margin == 0) else None

    def is_linear(self, rng: np.random.Generator) -> bool:
        """Returns whether the objective has the same gradient at two random points."""
        one, two = (self.low + (self.high - self.low) * rng.random(len(self.low)) for _ in range(2))
        return bool(np.allclose(self.gradient(one), self.gradient(two), rtol=1e-6, atol=1e-9))


def search(problem: Any, rng_seed: int, start: np.ndarray | None = None) -> Iterator[tuple[Any, Any, float]]:
    """Yields (best value, its point, work since the last yield), without end; None, None while nothing is feasible.

    start: [d], a feasible point to refine; None starts at random.
    """
    rng = np.random.default_rng(rng_seed)
    smooth = Smooth(problem)
    smooth.curved = not smooth.is_linear(rng)
    best: tuple[float, np.ndarray] | None = None
    here = None if start is None else _scored(smooth, np.asarray(start, float))
    trial = _random_point(smooth, rng) if here is None else here[1]
    barrier = FIRST_BARRIER if here is None else KICKED_BARRIER
    stale, work = 0, 0.0
    while True:
        climbed = _solve(smooth, trial, barrier)
        work += climbed.work
        found = _scored(smooth, climbed.point)
        stale += 1
        if found is not None and (here is None or found[0] > here[0] + WORTHWHILE * abs(here[0])):
            here, stale = found, 0
        if here is not None and (best is None or here[0] > best[0]):
            best = here
        if work >= SLICE:
            yield (*(best or (None, None)), work)
            work = 0.0
        if stale > PATIENCE:
            here, stale = None, 0
        trial = _random_point(smooth, rng) if here is None else _kick(smooth, here[1], rng)
        barrier = FIRST_BARRIER if here is None else KICKED_BARRIER


def _scored(smooth: Smooth, x: np.ndarray) -> tuple[float, np.ndarray] | None:
    point = smooth.finish(x)
    return None if point is None else (float(smooth.objective(point)), point)


def _random_point(smooth: Smooth, rng: np.random.Generator) -> np.ndarray:
    return smooth.low + (smooth.high - smooth.low) * rng.random(len(smooth.low))


def _solve(smooth: Smooth, x: np.ndarray, barrier: float) -> interior.Climb:
    """Returns a local optimum; a linear objective is tried without curvature until that fails every other time."""
    found = interior.climb(smooth, x, barrier=barrier, margin=smooth.margin, curved=smooth.curved)
    smooth.solves += 1
    smooth.failures += not found.converged
    if smooth.solves >= TRUST and 2 * smooth.failures > smooth.solves:
        smooth.curved = True
    return found


def _kick(smooth: Smooth, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    moves = (_relocate, _exchange, _jitter_all, _jitter_near)
    return np.clip(moves[rng.integers(len(moves))](smooth, x.copy(), rng), smooth.low, smooth.high)


def _relocate(smooth: Smooth, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns x with one to three groups elsewhere, mostly those the objective misses least."""
    share = smooth.gradient(x) * (x - smooth.low)
    worth = np.array([share[group].sum() for group in smooth.groups])
    order = np.argsort(worth + rng.exponential(float(worth.std()) + 1e-12, len(worth)) * rng.integers(2))
    if rng.random() < 0.5:
        order = rng.permutation(len(order))
    for chosen in order[: rng.integers(1, MOST_RELOCATED + 1)]:
        group = smooth.groups[chosen]
        x[group] = _best_place(smooth, x, group, rng)
    return x


def _best_place(smooth: Smooth, x: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the coordinates, of a few random ones, that violate the constraints least."""
    low, width = smooth.low[group], (smooth.high - smooth.low)[group]
    best, least = x[group].copy(), np.inf
    trial = x.copy()
    for _ in range(DRAWS):
        trial[group] = low + width * rng.random(len(group)) ** rng.integers(1, 4, len(group))
        violation = -float(np.minimum(smooth.slack(trial), 0).sum())
        if violation < least:
            best, least = trial[group].copy(), violation
    return best


def _exchange(smooth: Smooth, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns x with one coordinate of two groups exchanged."""
    if len(smooth.groups) < 2:
        return _jitter_all(smooth, x, rng)
    one, two = (smooth.groups[chosen] for chosen in rng.choice(len(smooth.groups), 2, replace=False))
    slot = rng.integers(min(len(one), len(two)))
    x[one[slot]], x[two[slot]] = x[two[slot]], x[one[slot]]
    return x


def _jitter_all(smooth: Smooth, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return x + rng.normal(0, rng.choice(JITTER), len(x)) * (smooth.high - smooth.low)


def _jitter_near(smooth: Smooth, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns x with the groups around a random one shaken hard."""
    scaled = (x - smooth.low) / (smooth.high - smooth.low)
    centre = scaled[smooth.groups[rng.integers(len(smooth.groups))]]
    size = len(centre)
    distance = [np.abs(scaled[group][:size] - centre[: len(group)]).sum() for group in smooth.groups]
    count = max(1, int(rng.integers(1, 2 + len(smooth.groups) // 4)))
    for chosen in np.argsort(distance)[:count]:
        group = smooth.groups[chosen]
        x[group] += rng.normal(0, JITTER[-1], len(group)) * (smooth.high - smooth.low)[group]
    return x

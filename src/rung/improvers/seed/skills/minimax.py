"""Minimax problems: make the largest of many smooth pieces as small as possible.

The pieces become constraints under one more variable, their ceiling. A local solve is the interior-point method, then
a few rounds of sequential linear programming (tangents of the pieces inside a trust region) where those still gain.
Around it: iterated local search with restarts, half of them among points that a declared mirror leaves unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linprog

from skills import interior

SLICE = 150.0
PATIENCE = 60
FIRST_BARRIER = 1e-2
KICKED_BARRIER = 1e-3
CENTRING = 0.5
ROUNDS = 100
TANGENT_ROUNDS = 4
TANGENT_RADIUS = 1e-3
WORTHWHILE = 1e-8
JITTER = (0.02, 0.05, 0.1, 0.2)
MOST_REDRAWN = 4


class Found(NamedTuple):
    """A feasible point and its largest piece."""

    point: np.ndarray
    largest: float


def fits(problem: Any) -> bool:
    """Returns whether the problem has a box and pieces with derivatives."""
    return all(hasattr(problem, name) for name in ("low", "high", "pieces", "pieces_jacobian"))


class Ceiling:
    """A minimax problem as a constrained one: maximise minus the ceiling of the pieces.

    A point is [d + 1], the ceiling last. fold: [D, d] matrix from the point to the problem's own D coordinates.
    """

    def __init__(self, problem: Any, fold: np.ndarray) -> None:
        self.problem, self.fold = problem, fold
        owner = fold.argmax(axis=0)
        self.ground, self.top = problem.low[owner], problem.high[owner]
        self.reach = max(1.0, *(float(np.abs(problem.pieces(x)).max()) for x in (problem.low, problem.high)))
        self.low = np.append(self.ground, -self.reach)
        self.high = np.append(self.top, self.reach)
        self.sides = None
        if hasattr(problem, "equality"):
            matrix, right = problem.equality
            self.sides = (matrix @ fold, right)
            self.equality = (np.hstack([self.sides[0], np.zeros((len(right), 1))]), right)
        _, self.rows = np.unique(np.round(problem.pieces(fold @ self._sample()), 10), return_index=True)

    def _sample(self) -> np.ndarray:
        """Returns a point without accidents, at which two pieces are equal only when they always are."""
        return self.ground + (self.top - self.ground) * np.modf(np.sqrt(2.0 + np.arange(len(self.ground))))[0]

    def pieces(self, x: np.ndarray) -> np.ndarray:
        """Returns the distinct pieces at [d] coordinates."""
        return np.asarray(self.problem.pieces(self.fold @ x))[self.rows]

    def slopes(self, x: np.ndarray) -> np.ndarray:
        """Returns their derivatives."""
        return np.asarray(self.problem.pieces_jacobian(self.fold @ x))[self.rows] @ self.fold

    def gradient(self, v: np.ndarray) -> np.ndarray:
        """Returns the derivative of minus the ceiling."""
        out = np.zeros(len(v))
        out[-1] = -1
        return out

    def slack(self, v: np.ndarray) -> np.ndarray:
        """Returns how far each piece stays below the ceiling."""
        return v[-1] - self.pieces(v[:-1])

    def jacobian(self, v: np.ndarray) -> np.ndarray:
        """Returns the derivative of the slacks."""
        return np.hstack([-self.slopes(v[:-1]), np.ones((len(self.rows), 1))])

    def feasible(self, x: np.ndarray) -> Found:
        """Returns a point near x in the box and on the equalities, with its largest piece."""
        x = np.clip(x, self.ground, self.top)
        for _ in range(200 if self.sides else 0):
            matrix, right = self.sides
            missing = right - matrix @ x
            if float(np.abs(missing).max()) < 1e-13 * max(1.0, float(np.abs(right).max())):
                break
            x = np.clip(x + matrix.T @ np.linalg.lstsq(matrix @ matrix.T, missing)[0], self.ground, self.top)
        return Found(x, float(self.pieces(x).max()))


def search(problem: Any, rng_seed: int, start: np.ndarray | None = None) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yields (minus the lowest maximum, its point, work since the last yield), without end.

    start: [d], a feasible point to refine; None starts at random.
    """
    rng = np.random.default_rng(rng_seed)
    views = [Ceiling(problem, fold) for fold in _folds(problem)]
    view, best, best_point, work = views[-1], np.inf, None, 0.0
    here: Found | None = None
    stale = 0
    if start is not None:
        view = views[0]
        here = view.feasible(np.asarray(start, float))
    while True:
        if here is None:
            view = views[rng.integers(len(views))]
            trial, barrier = view.ground + (view.top - view.ground) * rng.random(len(view.top)), FIRST_BARRIER
        else:
            trial, barrier = _kick(view, here.point, rng), KICKED_BARRIER
        found, price = _solve(view, trial, barrier, np.inf if here is None else here.largest)
        work += price
        stale += 1
        if here is None or found.largest < here.largest - WORTHWHILE:
            here, stale = found, 0
        if here.largest < best:
            best, best_point = here.largest, view.fold @ here.point
        if stale > PATIENCE:
            here, stale = None, 0
        if work >= SLICE and best_point is not None:
            yield -best, best_point, work
            work = 0.0


def _folds(problem: Any) -> list[np.ndarray]:
    """Returns matrices from free coordinates to all: the identity, and one that ties what the mirror exchanges."""
    identity = np.eye(len(problem.low))
    if not hasattr(problem, "mirror"):
        return [identity]
    first = np.minimum(problem.mirror, np.arange(len(identity)))
    kept = np.unique(first)
    return [identity, np.maximum(identity[:, kept], identity[problem.mirror][:, kept])]


def _solve(view: Ceiling, x: np.ndarray, barrier: float, target: float) -> tuple[Found, float]:
    """Returns a local minimum of the largest piece, and the work."""
    first = view.feasible(x)
    start = np.append(first.point, first.largest + 0.1 * barrier * view.reach)
    climbed = interior.climb(view, start, barrier=barrier, centring=CENTRING, curved=True, rounds=ROUNDS)
    found, work = view.feasible(climbed.point[:-1]), climbed.work
    radius = TANGENT_RADIUS
    for _ in range(TANGENT_ROUNDS if found.largest < target else 0):
        better, price = _tangent_step(view, found, radius)
        work += price
        radius = radius / 4 if better.largest >= found.largest else radius * 2
        found = min(found, better, key=lambda state: state.largest)
    return found, work


def _tangent_step(view: Ceiling, here: Found, radius: float) -> tuple[Found, float]:
    """Returns the feasible point that the linear program of the pieces' tangents promises most, and the work."""
    x, columns = here.point, len(here.point)
    pieces, slopes = view.pieces(x), view.slopes(x)
    width = view.top - view.ground
    change = radius * (np.abs(slopes) @ width)
    near = pieces + change >= here.largest - change.max()
    rows = int(near.sum())
    low = np.maximum(view.ground - x, -radius * width)
    high = np.minimum(view.top - x, radius * width)
    bounds = np.vstack([np.column_stack([low, np.maximum(high, low)]), [-np.inf, np.inf]])
    equality: dict[str, Any] = {}
    if view.sides:
        matrix, right = view.sides
        equality = {"A_eq": np.hstack([matrix, np.zeros((len(matrix), 1))]), "b_eq": right - matrix @ x}
    found = linprog(
        np.append(np.zeros(columns), 1.0),
        A_ub=np.hstack([slopes[near], -np.ones((rows, 1))]),
        b_ub=-pieces[near],
        bounds=bounds,
        method="highs",
        **equality,
    )
    work = 2.0 + rows * columns * 1e-3
    return (here if found.x is None else view.feasible(x + found.x[:-1])), work


def _kick(view: Ceiling, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns x shaken: all coordinates, a few drawn again, two exchanged, or a run of neighbours."""
    x, width, count = x.copy(), view.top - view.ground, len(x)
    kind = rng.integers(4)
    if kind == 0:
        x += rng.normal(0, rng.choice(JITTER[:-1]), count) * width
    elif kind == 1:
        chosen = rng.choice(count, min(count, int(rng.integers(1, MOST_REDRAWN + 1))), replace=False)
        x[chosen] = view.ground[chosen] + width[chosen] * rng.random(len(chosen))
    elif kind == 2:
        one, two = rng.integers(count, size=2)
        x[one], x[two] = x[two], x[one]
    else:
        first = int(rng.integers(count))
        chosen = np.arange(first, min(count, first + int(rng.integers(2, 8))))
        x[chosen] += rng.normal(0, JITTER[-1], len(chosen)) * width[chosen]
    return np.clip(x, view.ground, view.top)

"""Sequential linear programming for minimax problems: make the largest of many smooth pieces as small as possible.

Each round replaces the pieces by their tangents inside a trust region and solves the linear program; the region grows
after a good step and shrinks after a bad one. Around it: iterated local search with restarts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linprog

ROUNDS = 60
FIRST_RADIUS = 0.2
SMALLEST_RADIUS = 1e-7
SLICE = 150.0
PATIENCE = 12
JITTER = (0.01, 0.03, 0.1)


class State(NamedTuple):
    """A feasible point, its largest piece, and the radius of the trust region around it."""

    point: np.ndarray
    largest: float
    radius: float


def fits(problem: Any) -> bool:
    """Returns whether the problem has a box and pieces with derivatives."""
    return all(hasattr(problem, name) for name in ("low", "high", "pieces", "pieces_jacobian"))


def search(problem: Any, rng_seed: int, start: np.ndarray | None = None) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yields (minus the lowest maximum, its point, work since the last yield), without end.

    start: [d], a feasible point to refine; None starts at random.
    """
    rng = np.random.default_rng(rng_seed)
    width = problem.high - problem.low
    here: State | None = None
    best: State | None = None
    stale, work = 0, 0.0
    trial = problem.low + width * rng.random(len(width)) if start is None else np.asarray(start, float)
    while True:
        state = State(_feasible(problem, trial), np.inf, FIRST_RADIUS if here is None else FIRST_RADIUS / 4)
        state = state._replace(largest=float(problem.pieces(state.point).max()))
        for _ in range(ROUNDS):
            before = state
            state, price = _round(problem, state)
            work += price
            if best is None or state.largest < best.largest:
                best = state
            if work >= SLICE:
                yield -best.largest, best.point, work
                work = 0.0
            if state.radius < SMALLEST_RADIUS or (before.largest - state.largest) < 1e-9 < 0:
                break
        stale += 1
        if here is None or state.largest < here.largest - 1e-9:
            here, stale = state, 0
        if stale > PATIENCE:
            here, stale = None, 0
        if here is None:
            trial = problem.low + width * rng.random(len(width))
        else:
            trial = here.point + rng.normal(0, rng.choice(JITTER), len(width)) * width


def _feasible(problem: Any, x: np.ndarray) -> np.ndarray:
    """Returns a point near x in the box and on the equalities."""
    x = np.clip(x, problem.low, problem.high)
    if not hasattr(problem, "equality"):
        return x
    matrix, right = problem.equality
    for _ in range(100):
        x = x + matrix.T @ np.linalg.solve(matrix @ matrix.T, right - matrix @ x)
        if (x >= problem.low).all() and (x <= problem.high).all():
            return x
        x = np.clip(x, problem.low, problem.high)
    return x


def _round(problem: Any, state: State) -> tuple[State, float]:
    """Returns the state after one linear program, and the work."""
    x, columns = state.point, len(state.point)
    pieces, slope = problem.pieces(x), problem.pieces_jacobian(x)
    reach = np.abs(slope).sum(axis=1) * state.radius * (problem.high - problem.low).max()
    near = pieces + reach >= state.largest - reach.max()
    rows = int(near.sum())
    left = np.hstack([slope[near], -np.ones((rows, 1))])
    width = problem.high - problem.low
    low = np.maximum(problem.low - x, -state.radius * width)
    high = np.minimum(problem.high - x, state.radius * width)
    bounds = np.vstack([np.column_stack([low, np.maximum(high, low)]), [-np.inf, np.inf]])
    equality: dict[str, Any] = {}
    if hasattr(problem, "equality"):
        matrix, right = problem.equality
        equality = {"A_eq": np.hstack([matrix, np.zeros((len(matrix), 1))]), "b_eq": right - matrix @ x}
    goal = np.zeros(columns + 1)
    goal[-1] = 1
    found = linprog(goal, A_ub=left, b_ub=-pieces[near], bounds=bounds, method="highs", **equality)
    work = 2.0 + rows * columns * 2e-3
    if found.x is None:
        return state._replace(radius=state.radius / 4), work
    trial = np.clip(x + found.x[:-1], problem.low, problem.high)
    largest, promised = float(problem.pieces(trial).max()), state.largest - found.x[-1]
    gained = state.largest - largest
    if gained <= 0 or promised <= 0:
        return state._replace(radius=state.radius / 4), work
    radius = state.radius * (2 if gained > 0.75 * promised else 0.5 if gained < 0.25 * promised else 1)  # noqa: PLR2004
    return State(trial, largest, radius), work

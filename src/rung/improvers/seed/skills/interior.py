"""A primal-dual interior-point method for a linear objective under smooth constraints; used by other skills.

At an optimum that is a vertex (as many active constraints as variables) the curvature of the constraints does not
matter, so it is left out of the Newton system: every round is one small Cholesky solve, a run takes about twenty.
Not covered: objectives with curvature, whose optima lie between vertices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv

CENTRING = 0.1
KEEP_FROM_BOUNDARY = 0.995
LONGEST_STEP = 0.1
SMALLEST_GAP = 1e-2
DAMPING = 1e-6
NEGLIGIBLE = 1e-9


class Climb(NamedTuple):
    """Where a climb ended (not necessarily feasible to the last bit) and how many rounds it took."""

    point: np.ndarray
    rounds: int


def work_of_round(rows: int, columns: int) -> float:
    """Returns the price of one round for [rows, columns] constraints, about CPU-milliseconds."""
    return 0.08 + rows * columns * 2e-6 + rows * columns * columns * 2e-8


def climb(problem: Any, start: np.ndarray, *, barrier: float, margin: float = 0.0, rounds: int = 60) -> Climb:
    """Returns a local maximum of problem.objective where problem.slack(x) >= margin, from any start in the box.

    start: [d]. barrier: first value of the barrier parameter, relative to the objective; small keeps near the start.
    """
    low, width = problem.low, problem.high - problem.low
    x = np.clip((start - low) / width, 1e-3, 1 - 1e-3)
    cost = -problem.gradient(low + width * x) * width
    scale = float(np.abs(cost).max()) or 1.0
    cost = cost / scale
    slack = problem.slack(low + width * x) - margin
    s = np.concatenate([np.maximum(slack, SMALLEST_GAP), x, 1 - x])
    z = barrier / s
    rows, done = len(slack), 0
    for done in range(1, rounds + 1):
        jacobian = problem.jacobian(low + width * x) * width
        gap = float(s @ z) / len(s)
        dx, ds, dz = _direction(jacobian, cost, s, z, (slack, CENTRING * gap))
        primal = min(_longest(s, ds), LONGEST_STEP / max(float(np.abs(dx).max()), 1e-12), 1.0)
        dual = min(_longest(z, dz), 1.0)
        x = np.clip(x + primal * dx, 1e-14, 1 - 1e-14)
        s, z = s + primal * ds, z + dual * dz
        s[rows : rows + len(x)], s[rows + len(x) :] = x, 1 - x
        slack = problem.slack(low + width * x) - margin
        if gap < 1e-11 and slack.min() > -NEGLIGIBLE:
            break
    return Climb(low + width * x, done)


def _direction(
    jacobian: np.ndarray, cost: np.ndarray, s: np.ndarray, z: np.ndarray, target: tuple[np.ndarray, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the Newton step in the variables, the slacks and the multipliers.

    s, z: [rows + 2 d], the constraints first, then the lower and the upper bounds. target: [rows] slacks as they are
    at the point, and the barrier parameter to aim at.
    """
    slack, mu = target
    rows, columns = jacobian.shape
    weight = z / s
    residual = slack - s[:rows]
    pull = mu / s
    pull[:rows] -= weight[:rows] * residual
    active = weight[:rows] > NEGLIGIBLE * weight.max()
    near = jacobian[active]
    root = np.sqrt(weight[:rows][active])[:, None] * near
    system = root.T @ root
    system.flat[:: columns + 1] += weight[rows : rows + columns] + weight[rows + columns :] + DAMPING
    right = near.T @ pull[:rows][active] + pull[rows : rows + columns] - pull[rows + columns :] - cost
    _, dx, failed = dposv(system, right)
    if failed:
        system.flat[:: columns + 1] += 1e-3 * float(np.trace(system)) / columns
        _, dx, failed = dposv(system, right)
    if failed or not np.isfinite(dx).all():
        dx = np.zeros(columns)
    ds = np.concatenate([jacobian @ dx + residual, dx, -dx])
    return dx, ds, mu / s - z - weight * ds


def _longest(value: np.ndarray, step: np.ndarray) -> float:
    """Returns the longest step that keeps every value positive, at most 1."""
    rate = float((-step / value).max())
    return 1.0 if rate <= KEEP_FROM_BOUNDARY else KEEP_FROM_BOUNDARY / rate

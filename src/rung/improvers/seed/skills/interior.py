"""A primal-dual interior-point method for smooth constrained maximisation; the other numeric skills stand on it.

Every round is one small Cholesky solve, and a run takes twenty to forty. At an optimum that is a vertex (as many
active constraints as variables) curvature does not matter and is left out; elsewhere `curved` learns it from the change
of the gradients, damped so that it stays positive. Not covered: certificates of global optimality.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv

KEEP_FROM_BOUNDARY = 0.995
LONGEST_STEP = 0.1
DAMPING = 1e-6
FIRST_CURVATURE = 1e-3
NEGLIGIBLE = 1e-9
EQUALITY_WEIGHT = 1e3
SMALLEST_GAP = 1e-11
SMALLEST, LARGEST = 1e-16, 1e12


class Climb(NamedTuple):
    """Where a climb ended (not necessarily feasible to the last bit).

    work: about CPU-milliseconds. converged: False when the rounds ran out first.
    """

    point: np.ndarray
    work: float
    converged: bool


class Model:
    """The problem in coordinates scaled to [0, 1], with its current point, slacks and multipliers.

    s, z: [rows + 2 d] distances and multipliers: the constraints first, then the lower and the upper bounds.
    """

    def __init__(self, problem: Any, start: np.ndarray, barrier: float, margin: float) -> None:
        self.problem, self.margin = problem, margin
        self.low, self.width = problem.low, problem.high - problem.low
        edge = min(1e-3, barrier)
        self.x = np.clip((start - self.low) / self.width, edge, 1 - edge)
        gradient = problem.gradient(self.low + self.width * self.x) * self.width
        self.scale = float(np.abs(gradient).max()) or 1.0
        self.look()
        nearest = min(1e-2, 10 * barrier)
        self.s = np.concatenate([np.maximum(self.slack, nearest), self.x, 1 - self.x])
        self.z = barrier / self.s
        self.curvature: np.ndarray | None = None
        matrix, right = getattr(problem, "equality", None) or (np.zeros((0, len(start))), np.zeros(0))
        self.matrix, self.right = matrix * self.width, right - matrix @ self.low

    def look(self) -> None:
        """Evaluates slacks and derivatives at the current point."""
        point = self.low + self.width * self.x
        self.slack = self.problem.slack(point) - self.margin
        self.jacobian = self.problem.jacobian(point) * self.width
        self.cost = self.problem.gradient(point) * self.width / -self.scale

    def step(self, mu: float) -> None:
        """Takes one Newton step towards the barrier parameter mu."""
        rows, columns = self.jacobian.shape
        dx, ds, dz = self._direction(mu)
        primal = min(_longest(self.s, ds), LONGEST_STEP / max(float(np.abs(dx).max()), 1e-12), 1.0)
        dual = min(_longest(self.z, dz), 1.0)
        self.x = np.clip(self.x + primal * dx, 1e-14, 1 - 1e-14)
        self.s = np.maximum(self.s + primal * ds, SMALLEST)
        self.z = np.clip(self.z + dual * dz, SMALLEST, LARGEST)
        self.s[rows : rows + columns], self.s[rows + columns :] = self.x, 1 - self.x
        before = (self.jacobian, self.cost)
        self.look()
        if self.curvature is not None:
            change = self.cost - before[1] - (self.jacobian - before[0]).T @ self.z[:rows]
            self.curvature = _updated(self.curvature, primal * dx, change)

    def _direction(self, mu: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, columns = self.jacobian.shape
        weight = self.z / self.s
        residual = self.slack - self.s[:rows]
        pull = mu / self.s
        pull[:rows] -= weight[:rows] * residual
        active = weight[:rows] > NEGLIGIBLE * weight.max()
        near = self.jacobian[active]
        root = np.sqrt(weight[:rows][active])[:, None] * near
        system = root.T @ root + EQUALITY_WEIGHT * (self.matrix.T @ self.matrix)
        if self.curvature is not None:
            system += self.curvature
        system.flat[:: columns + 1] += weight[rows : rows + columns] + weight[rows + columns :] + DAMPING
        right = near.T @ pull[:rows][active] + pull[rows : rows + columns] - pull[rows + columns :] - self.cost
        right += EQUALITY_WEIGHT * (self.matrix.T @ (self.right - self.matrix @ self.x))
        dx = _solved(system, right)
        ds = np.concatenate([self.jacobian @ dx + residual, dx, -dx])
        return dx, ds, mu / self.s - self.z - weight * ds


def climb(
    problem: Any,
    start: np.ndarray,
    *,
    barrier: float,
    centring: float = 0.1,
    margin: float = 0.0,
    curved: bool = False,
    rounds: int = 60,
) -> Climb:
    """Returns a local maximum of problem.objective where problem.slack(x) >= margin, from any start in the box.

    start: [d]. barrier: first value of the barrier parameter, relative to the objective; small keeps near the start.
    centring: how fast it falls, in (0, 1). curved: learn curvature; needed unless the optimum is a vertex.
    """
    model = Model(problem, start, barrier, margin)
    rows, columns = model.jacobian.shape
    if curved:
        model.curvature = np.eye(columns) * FIRST_CURVATURE
    price = 0.1 + 0.06 * curved + rows * columns * 2e-6 + rows * columns * columns * 2e-8
    work = 0.0
    for _ in range(rounds):
        work += price
        gap = float(model.s @ model.z) / len(model.s)
        model.step(centring * gap)
        if gap < SMALLEST_GAP and model.slack.min() > -NEGLIGIBLE:
            return Climb(model.low + model.width * model.x, work, converged=True)
    return Climb(model.low + model.width * model.x, work, converged=False)


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns the solution of a positive system, with more damping where rounding made it indefinite; else zeros."""
    columns = len(right)
    _, solution, failed = dposv(system, right)
    if failed:
        system.flat[:: columns + 1] += 1e-9 * float(np.trace(system)) / columns
        _, solution, failed = dposv(system, right)
    return np.zeros(columns) if failed or not np.isfinite(solution).all() else solution


def _updated(curvature: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Returns the BFGS update of a curvature matrix, damped after Powell so that it stays positive."""
    along = curvature @ step
    size = float(step @ along)
    if size < 1e-18:
        return curvature
    seen = float(step @ change)
    share = 1.0 if seen >= 0.2 * size else 0.8 * size / (size - seen)
    change = share * change + (1 - share) * along
    return curvature - np.outer(along, along) / size + np.outer(change, change) / float(step @ change)


def _longest(value: np.ndarray, step: np.ndarray) -> float:
    """Returns the longest step that keeps every value positive, at most 1."""
    rate = float((-step / value).max())
    return 1.0 if rate <= KEEP_FROM_BOUNDARY else KEEP_FROM_BOUNDARY / rate

"""Laws of growth, fitted by least squares to the logarithm of progress, with their corrected information criterion.

metrics.md, takeoff shape: power law, exponential, hyperbolic or logistic, by AICc. Errors are taken as multiplicative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rung.observatory.bootstrap import Array

NOISE_FLOOR = 1e-6  # root mean square error in the logarithm below which a fit is as good as exact
FINE = 4  # times that a grid is laid more finely around its best point


@dataclass(frozen=True, slots=True)
class Fit:
    """One law on one curve. error: sum of squares in the natural logarithm. parameters: fitted, the noise included."""

    law: str
    error: float
    parameters: int
    criterion: float


def fits(work: Array, progress: Array) -> list[Fit]:
    """Returns the fits of all laws, best criterion first.

    work, progress: [n >= 8], above 0. "none" is a constant: no growth at all.
    """
    logs = np.log(progress)
    scaled = work / work.max()
    found = [_fit(law, errors(scaled, logs), parameters, len(logs)) for law, (errors, parameters) in LAWS.items()]
    return sorted(found, key=lambda fit: fit.criterion)


def _fit(law: str, error: float, parameters: int, n: int) -> Fit:
    floored = max(error, n * NOISE_FLOOR**2)
    criterion = n * np.log(floored / n) + 2 * parameters + 2 * parameters * (parameters + 1) / (n - parameters - 1)
    return Fit(law, error, parameters, float(criterion))


def _constant(work: Array, logs: Array) -> float:  # noqa: ARG001 - one law among others
    return float(np.sum((logs - logs.mean()) ** 2))


def _line(x: Array, logs: Array) -> float:
    centred, residual = x - x.mean(), logs - logs.mean()
    slope = max(0.0, float(centred @ residual) / float(centred @ centred))
    return float(np.sum((residual - slope * centred) ** 2))


def _power(work: Array, logs: Array) -> float:
    return _line(np.log(work), logs)


def _exponential(work: Array, logs: Array) -> float:
    return _line(work, logs)


def _hyperbolic(work: Array, logs: Array) -> float:
    """Fits y = a / (end - x): the closed loop dy/dx = k y^r with r = 2, which ends in finite time."""

    def errors(gap: Array) -> Array:
        return _around(logs + np.log(work.max() + np.exp(gap)[:, None] - work))

    return _lowest(errors, (np.linspace(np.log(1e-4), np.log(1e2), 200),))


def _logistic(work: Array, logs: Array) -> float:
    """Fits y = top / (1 + exp(-rate * (x - middle)))."""

    def errors(rate: Array, middle: Array) -> Array:
        return _around(logs + np.logaddexp(0.0, -np.exp(rate)[:, None] * (work - middle[:, None])))

    return _lowest(errors, (np.linspace(np.log(0.3), np.log(300.0), 60), np.linspace(-0.5, 1.5, 60)))


def _around(rows: Array) -> Array:
    squares: Array = np.sum((rows - rows.mean(axis=1, keepdims=True)) ** 2, axis=1)
    return squares


def _lowest(errors: Callable[..., Array], axes: tuple[Array, ...]) -> float:
    lowest = np.inf
    for _ in range(FINE):
        grid = [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]
        values = errors(*grid)
        best = int(np.argmin(values))
        lowest = min(lowest, float(values[best]))
        axes = tuple(
            np.linspace(flat[best] - (axis[1] - axis[0]), flat[best] + (axis[1] - axis[0]), len(axis))
            for flat, axis in zip(grid, axes, strict=True)
        )
    return lowest


LAWS: dict[str, tuple[Callable[[Array, Array], float], int]] = {
    "none": (_constant, 2),
    "power law": (_power, 3),
    "exponential": (_exponential, 3),
    "hyperbolic": (_hyperbolic, 3),
    "logistic": (_logistic, 4),
}

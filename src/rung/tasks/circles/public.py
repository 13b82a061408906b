"""The public half of a packing of circles in the unit square: objective, constraints, repair; no answers.

A point is [x (n), y (n), r (n)]; an answer is a list of [x, y, r], one per circle.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Packing:
    """Circles in the unit square, as large in sum of radii as their constraints allow."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.low = np.zeros(3 * n)
        self.high = np.repeat([1.0, 1.0, 0.5], n)
        index = np.arange(n)
        self.groups = [np.array([i, n + i, 2 * n + i]) for i in range(n)]
        self._first, self._second = np.triu_indices(n, 1)
        self._gradient = np.repeat([0.0, 0.0, 1.0], n)
        pairs, columns = len(self._first), 3 * n
        self._constant = np.zeros((pairs + 4 * n, columns))
        rows = np.arange(pairs)
        self._constant[rows, 2 * n + self._first] = -1
        self._constant[rows, 2 * n + self._second] = -1
        for wall, (axis, sign) in enumerate([(0, 1), (0, -1), (n, 1), (n, -1)]):
            self._constant[pairs + wall * n + index, axis + index] = sign
            self._constant[pairs + wall * n + index, 2 * n + index] = -1
        base = rows * columns
        self._varying = np.concatenate(
            [base + self._first, base + self._second, base + n + self._first, base + n + self._second]
        )

    def objective(self, x: np.ndarray) -> float:
        """Returns the sum of radii, to be maximised."""
        return float(x[2 * self.n :].sum())

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Returns the [3n] gradient of the objective, which does not depend on the point."""
        del x
        return self._gradient

    def slack(self, x: np.ndarray) -> np.ndarray:
        """Returns [pairs + 4n] slacks: the gap between two circles, and between a circle and a wall."""
        n = self.n
        horizontal, vertical, radius = x[:n], x[n : 2 * n], x[2 * n :]
        dx = horizontal[self._first] - horizontal[self._second]
        dy = vertical[self._first] - vertical[self._second]
        gap = np.sqrt(dx * dx + dy * dy) - radius[self._first] - radius[self._second]
        return np.concatenate(
            [gap, horizontal - radius, 1 - horizontal - radius, vertical - radius, 1 - vertical - radius]
        )

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Returns the [pairs + 4n, 3n] derivative of the slacks."""
        n = self.n
        dx = x[self._first] - x[self._second]
        dy = x[n : 2 * n][self._first] - x[n : 2 * n][self._second]
        distance = np.sqrt(dx * dx + dy * dy) + 1e-15
        dx, dy = dx / distance, dy / distance
        out = self._constant.copy()
        out.flat[self._varying] = np.concatenate([dx, -dx, dy, -dy])
        return out

    def repair(self, x: np.ndarray) -> np.ndarray:
        """Returns the point with each radius shrunk as far as its own constraints ask, and a hair more for rounding."""
        n = self.n
        out = np.clip(x, self.low, self.high)
        radius = out[2 * n :]
        room = self.slack(out)
        room += np.concatenate([radius[self._first] + radius[self._second], np.tile(radius, 4)])
        pairs = len(self._first)
        need = np.maximum(radius[self._first] + radius[self._second], 1e-300)
        fit = np.minimum(1.0, room[:pairs] / need)
        walls = room[pairs:].reshape(4, n).min(axis=0) / np.maximum(radius, 1e-300)
        scale = np.minimum(1.0, walls)
        np.minimum.at(scale, self._first, fit)
        np.minimum.at(scale, self._second, fit)
        out[2 * n :] = np.maximum(0.0, radius * scale * (1 - 1e-14) - 1e-15)
        return out

    def output(self, point: np.ndarray) -> list[list[float]]:
        """Returns what a program answers for the point."""
        return [[float(value) for value in point[group]] for group in self.groups]

    def point(self, output: Any) -> np.ndarray:
        """Returns the point of an answer."""
        return np.asarray(output, dtype=float).T.ravel().copy()


def problem(input: dict[str, int]) -> Packing:
    """Returns the packing problem for {"n": circles}."""
    return Packing(input["n"])

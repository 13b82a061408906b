"""The public half of the minimum overlap problem on step functions: the overlaps to be kept low, and the constraints.

A point is the [n] heights of a step function on [0, 2]; an answer is the list of heights.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Overlap:
    """Heights in [0, 1] of mean 1/2 whose largest overlap is to be as small as possible."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.low, self.high = np.zeros(n), np.ones(n)
        self.equality = (np.ones((1, n)), np.array([n / 2]))
        self.mirror = np.arange(n)[::-1]
        shift, index = np.meshgrid(np.arange(1 - n, n), np.arange(n), indexing="ij")
        self._ahead = shift + index
        self._inside = (self._ahead >= 0) & (self._ahead < n)
        self._ahead = np.where(self._inside, self._ahead, 0)
        behind = index - shift
        self._has_behind = (behind >= 0) & (behind < n)
        self._behind = np.where(self._has_behind, behind, 0)

    def pieces(self, x: np.ndarray) -> np.ndarray:
        """Returns the [2n - 1] overlaps, one per whole shift, whose largest is to be minimised."""
        return np.correlate(1 - x, x, "full") * (2 / self.n)

    def pieces_jacobian(self, x: np.ndarray) -> np.ndarray:
        """Returns the [2n - 1, n] derivative of the overlaps."""
        gained = np.where(self._inside, 1 - x[self._ahead], 0)
        lost = np.where(self._has_behind, x[self._behind], 0)
        return (gained - lost) * (2 / self.n)

    def output(self, point: np.ndarray) -> list[float]:
        """Returns what a program answers for the point: the heights, a hair away from 0 and 1 for rounding's sake."""
        inner = 0.5 + (np.clip(point, 0, 1) - 0.5) * (1 - 1e-11)
        return [float(value) for value in inner]

    def point(self, output: Any) -> np.ndarray:
        """Returns the point of an answer: its heights, scaled to mean 1/2."""
        heights = np.asarray(output, dtype=float)
        return heights * (0.5 / heights.mean())


def problem(input: dict[str, int]) -> Overlap:
    """Returns the problem for {"steps": n}."""
    return Overlap(input["steps"])

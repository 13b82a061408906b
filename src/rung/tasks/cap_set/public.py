"""The public half of cap sets in (Z/3)^n: which triples are forbidden and what leaves the space unchanged; no answers.

A point is an array of element numbers; an answer is a list of vectors with entries 0, 1, 2.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np


class Space:
    """The 3**n vectors; element e has digit (e // 3**j) % 3 at place j; a line: a + b + c = 0, all distinct."""

    def __init__(self, n: int) -> None:
        self.n, self.size = n, 3**n
        self._power = 3 ** np.arange(n)
        self._vectors = (np.arange(self.size)[:, None] // self._power) % 3
        self._half = 3 ** (n // 2)
        self._third = self._thirds(n // 2), self._thirds(n - n // 2)
        self.features = np.count_nonzero(self._vectors, axis=1)

    def completions(self, a: int) -> np.ndarray:
        """Returns, for every b, the element c that completes a line with a and b (c = a when b = a)."""
        low, high = self._third[0][a % self._half], self._third[1][a // self._half]
        return (high[:, None] * self._half + low).ravel()

    def _thirds(self, places: int) -> np.ndarray:
        """Returns the table of -(a + b), place by place modulo 3, for all vectors of so many places."""
        vectors = self._vectors[: 3**places, :places]
        return ((-vectors[:, None] - vectors) % 3) @ self._power[:places]

    def symmetry(self, rng: random.Random) -> np.ndarray:
        """Returns a random signed permutation of the coordinates, as a permutation of the elements."""
        places = rng.sample(range(self.n), self.n)
        signs = np.array([rng.choice((1, 2)) for _ in places])
        return ((self._vectors[:, places] * signs) % 3) @ self._power

    def output(self, point: Sequence[int] | np.ndarray) -> list[list[int]]:
        """Returns what a program answers for the elements."""
        return [[int(digit) for digit in self._vectors[element]] for element in point]

    def point(self, output: Any) -> np.ndarray:
        """Returns the elements of an answer."""
        return np.asarray(output, dtype=int).reshape(-1, self.n) @ self._power


def problem(input: dict[str, int]) -> Space:
    """Returns the problem for {"dimension": n}."""
    return Space(input["dimension"])

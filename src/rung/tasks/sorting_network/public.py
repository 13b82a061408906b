"""The public half of sorting networks: what a comparator is and what a network costs; no answers.

A point and an answer are the same: a list of comparators [i, j], i < j, which put the smaller value on wire i.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

WRONG = 1.0
PER_WRONG_INPUT = 0.35


class Network:
    """Networks on n wires; all 2**n zero-one inputs travel at once, one bit each, in n integers."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._wires = [sum(1 << x for x in range(1 << n) if x >> wire & 1) for wire in range(n)]

    def start(self) -> list[list[int]]:
        """Returns bubble sort."""
        return [[j, j + 1] for i in range(self.n) for j in range(self.n - 1 - i)]

    def element(self, rng: random.Random) -> list[int]:
        """Returns a random comparator."""
        low = rng.randrange(self.n - 1)
        return [low, rng.randrange(low + 1, self.n)] if rng.random() < 0.5 else sorted(rng.sample(range(self.n), 2))

    def wrong(self, sequence: Sequence[Sequence[int]]) -> int:
        """Returns how many zero-one inputs leave the network unsorted."""
        wires = self._wires[:]
        for i, j in sequence:
            a, b = wires[i], wires[j]
            wires[i], wires[j] = a & b, a | b
        bad = 0
        for low, high in itertools.pairwise(wires):
            bad |= low & ~high
        return bad.bit_count()

    def cost(self, sequence: Sequence[Sequence[int]]) -> float:
        """Returns the length, plus a penalty that grows with the inputs left unsorted; to be minimised."""
        bad = self.wrong(sequence)
        return len(sequence) + (WRONG + PER_WRONG_INPUT * bad if bad else 0.0)

    def valid(self, sequence: Sequence[Sequence[int]]) -> bool:
        """Returns whether every input ends up sorted."""
        return self.wrong(sequence) == 0

    def output(self, point: Sequence[Sequence[int]]) -> list[list[int]]:
        """Returns what a program answers for the sequence."""
        return [[int(i), int(j)] for i, j in point]

    def point(self, output: Sequence[Sequence[int]]) -> list[list[int]]:
        """Returns the sequence of an answer."""
        return [[int(i), int(j)] for i, j in output]


def problem(input: dict[str, int]) -> Network:
    """Returns the problem for {"wires": n}."""
    return Network(input["wires"])

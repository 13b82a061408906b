"""The programs of the suite: rows of unary operations on numbers modulo a prime, spelled with one letter each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

MODULUS = 10007
OPERATIONS: Mapping[str, Callable[[int], int]] = {
    "i": lambda v: (v + 1) % MODULUS,
    "d": lambda v: 2 * v % MODULUS,
    "s": lambda v: v * v % MODULUS,
    "n": lambda v: -v % MODULUS,
    "t": lambda v: (3 * v + 1) % MODULUS,
    "x": lambda v: (v ^ 5) % MODULUS,
}
LETTERS = "".join(OPERATIONS)


def apply(program: str, value: int) -> int:
    """Returns what the operations make of a value, the first letter first.

    Raises:
      KeyError: a letter is no operation.
    """
    for letter in program:
        value = OPERATIONS[letter](value)
    return value


def spelling(length: int, rng: random.Random) -> str:
    """Returns a random program."""
    return "".join(rng.choice(LETTERS) for _ in range(length))

"""Cap sets: vectors modulo 3, no three distinct ones of which lie on a line; every pair is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import rung

if TYPE_CHECKING:
    from rung.kernel.trial import Trial
    from rung.records import Case

DIMENSION = 8
LARGEST_IN_SIX_DIMENSIONS = 112


def cap_set(case: Case, trial: Trial) -> float:
    """Returns the number of vectors.

    Raises:
      rung.Invalid: the answer is no list of distinct vectors, or three of them add up to zero.
    """
    dimension = cast("dict[str, int]", case.input)["dimension"]
    vectors = _vectors(trial.run(case.input), dimension)
    have = set(vectors)
    if len(have) != len(vectors):
        raise rung.Invalid("a vector appears twice")
    # Two vectors decide the third of their line; half a vector is looked up at a time.
    third = _third(3 ** (dimension // 2)), _third(3 ** (dimension - dimension // 2))
    for number, (high, low) in enumerate(vectors):
        of_high, of_low = third[0][high], third[1][low]
        for other_high, other_low in vectors[:number]:
            if (of_high[other_high], of_low[other_low]) in have:
                raise rung.Invalid(f"vector {number} lies on a line with two others")
    return float(len(vectors))


def _vectors(answer: object, dimension: int) -> list[tuple[int, int]]:
    """Returns each vector as two numbers in base 3, its first half and its second."""
    if not isinstance(answer, list) or len(answer) > 3**dimension:
        raise rung.Invalid("the answer must be a list of vectors")
    found = []
    for number, vector in enumerate(answer):
        if type(vector) is not list or len(vector) != dimension:
            raise rung.Invalid(f"vector {number} must be a list of {dimension} entries")
        if any(type(entry) is not int or entry not in {0, 1, 2} for entry in vector):
            raise rung.Invalid(f"vector {number} has an entry that is not 0, 1 or 2")
        half = dimension // 2
        found.append((_number(vector[:half]), _number(vector[half:])))
    return found


def _number(digits: list[int]) -> int:
    value = 0
    for digit in digits:
        value = 3 * value + digit
    return value


def _third(count: int) -> list[list[int]]:
    """Returns the table of -(a + b), digit by digit modulo 3, for all numbers below `count`, a power of 3."""
    if count == 1:
        return [[0]]
    smaller = _third(count // 3)
    return [[3 * smaller[a // 3][b // 3] + -(a + b) % 3 for b in range(count)] for a in range(count)]


cap_set_8 = rung.task(
    name=f"cap-set-{DIMENSION}",
    goal=f"Find many vectors of {DIMENSION} entries 0, 1, 2 so that no three distinct ones add up to zero modulo 3.",
    program="program/",
    entry="cap.py:cap",
    public="public.py",
    train=[{"dimension": DIMENSION}],
    validation=[{"dimension": DIMENSION}],
    held_out=[{"dimension": DIMENSION}],
    limits=rung.Limits(cpu_seconds=2.0, wall_seconds=30.0),
    attempts=2000,
    bound=9.0 * LARGEST_IN_SIX_DIMENSIONS,
    known={"before FunSearch": 496, "FunSearch": 512},
    unit="vectors",
)(cap_set)

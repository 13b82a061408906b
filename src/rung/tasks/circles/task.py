"""Circles in the unit square, as large in sum of radii as they can be, checked in whole numbers at zero tolerance.

Every float is a whole number over a power of two, so all coordinates become integers over one common denominator, and
"do not overlap" is a comparison of integers: the square of a distance with the square of a sum of radii.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import rung

if TYPE_CHECKING:
    from rung.kernel.trial import Trial
    from rung.records import Case


def circles(case: Case, trial: Trial) -> float:
    """Returns the sum of the radii, rounded once.

    Raises:
      rung.Invalid: the answer is not n circles [x, y, radius] inside the square without overlap.
    """
    n = cast("dict[str, int]", case.input)["n"]
    exact, unit = _common(_numbers(trial.run(case.input), n))
    for number, (x, y, radius) in enumerate(exact):
        if radius < 0:
            raise rung.Invalid(f"circle {number} has a negative radius")
        if min(x, y, unit - x, unit - y) < radius:
            raise rung.Invalid(f"circle {number} leaves the unit square")
    for number, (x, y, radius) in enumerate(exact):
        for other in range(number):
            u, v, second = exact[other]
            if (x - u) ** 2 + (y - v) ** 2 < (radius + second) ** 2:
                raise rung.Invalid(f"circles {other} and {number} overlap")
    return float(Fraction(sum(radius for _, _, radius in exact), unit))


def _numbers(answer: object, n: int) -> list[list[float]]:
    """Returns the answer when it is n lists of three finite numbers."""
    if not isinstance(answer, list) or len(answer) != n:
        raise rung.Invalid(f"the answer must be a list of {n} circles [x, y, radius]")
    for number, circle in enumerate(answer):
        if type(circle) is not list or len(circle) != 3:
            raise rung.Invalid(f"circle {number} must be a list [x, y, radius]")
        for value in circle:
            if type(value) not in {int, float} or not -2 <= value <= 2:
                raise rung.Invalid(f"circle {number} holds something that is no number near the unit square")
    return answer


def _common(rows: list[list[float]]) -> tuple[list[tuple[int, int, int]], int]:
    """Returns the rows as whole numbers over one denominator, and the denominator."""
    ratios = [[value.as_integer_ratio() for value in row] for row in rows]
    unit = math.lcm(*(bottom for row in ratios for _, bottom in row))
    scaled = [[top * (unit // bottom) for top, bottom in row] for row in ratios]
    return [(x, y, radius) for x, y, radius in scaled], unit


def _task(n: int, known: dict[str, float]) -> rung.Task:
    return rung.task(
        name=f"circles-{n}",
        goal=f"Place {n} circles that do not overlap in the unit square so that the sum of their radii is largest.",
        program="program/",
        entry="pack.py:pack",
        public="public.py",
        train=[{"n": n}],
        validation=[{"n": n}],
        held_out=[{"n": n}],
        limits=rung.Limits(cpu_seconds=2.0, wall_seconds=30.0),
        attempts=2000,
        bound=math.nextafter(math.sqrt(n / math.pi), math.inf),
        known=known,
        unit="sum of radii",
    )(circles)


circles_26 = _task(26, {"before AlphaEvolve": 2.634, "AlphaEvolve": 2.6358627564136983, "best": 2.6359830773881194})
circles_32 = _task(32, {"before AlphaEvolve": 2.936, "AlphaEvolve": 2.937944526205518})

"""Erdos' minimum overlap problem on step functions, computed in whole numbers.

A step function h on [0, 2] with values in [0, 1] and integral 1; its overlap at shift k is the integral of
h(x) (1 - h(x + k)) over the x for which both lie in [0, 2]. Between whole steps the overlap is linear in k, so its
maximum is attained at a shift by whole steps.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import rung

if TYPE_CHECKING:
    from rung.kernel.trial import Trial
    from rung.records import Case

STEPS = 95
LOWER_BOUND = 0.379005


def erdos_overlap(case: Case, trial: Trial) -> float:
    """Returns minus the largest overlap, rounded once.

    The heights may have any positive sum: they are scaled, exactly, so that the integral is 1.

    Raises:
      rung.Invalid: the answer is no list of heights, or a height is outside [0, 1] once scaled.
    """
    n = cast("dict[str, int]", case.input)["steps"]
    heights = _whole(trial.run(case.input), n)
    total = sum(heights)
    if total == 0 or min(heights) < 0:
        raise rung.Invalid("heights must not be negative, and their sum must be positive")
    if n * max(heights) > 2 * total:
        raise rung.Invalid("scaled to integral 1, a height exceeds 1")
    # A scaled height is n H / (2 S), so 1 - h is (2 S - n H) / (2 S) and a step is 2 / n wide: all over 2 S S.
    rest = [2 * total - n * height for height in heights]
    most = max(
        sum(height * other for height, other in zip(heights[max(0, -shift) :], rest[max(0, shift) :], strict=False))
        for shift in range(1 - n, n)
    )
    return -float(Fraction(most, 2 * total * total))


def _whole(answer: object, n: int) -> list[int]:
    """Returns the heights as whole numbers over one common denominator, which does not matter."""
    if not isinstance(answer, list) or len(answer) != n:
        raise rung.Invalid(f"the answer must be a list of {n} heights")
    for number, value in enumerate(answer):
        if type(value) not in {int, float} or not 0 <= value <= 2**64:
            raise rung.Invalid(f"height {number} is no finite number from 0 on")
    ratios = [value.as_integer_ratio() for value in answer]
    unit = math.lcm(*(bottom for _, bottom in ratios))
    return [top * (unit // bottom) for top, bottom in ratios]


erdos_task = rung.task(
    name="erdos-overlap",
    goal=f"Find the {STEPS} heights of a step function whose largest overlap with its complement is small.",
    program="program/",
    entry="overlap.py:overlap",
    public="public.py",
    train=[{"steps": STEPS}],
    validation=[{"steps": STEPS}],
    held_out=[{"steps": STEPS}],
    limits=rung.Limits(cpu_seconds=2.0, wall_seconds=30.0),
    attempts=2000,
    bound=-LOWER_BOUND,
    known={"Haugland 2016": -0.380927, "AlphaEvolve": -0.38092303510845016, "best": -0.380876},
    unit="-overlap",
)(erdos_overlap)

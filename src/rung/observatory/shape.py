"""The shape of progress: returns r, the law of growth or an honest "cannot tell", and whether it speeds up or slows.

metrics.md, section 1. A share of solved puzzles ends at 1 and so always looks like slowing; its odds have no end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from rung.arms.records import ArmResult
from rung.errors import BadInput
from rung.observatory.bootstrap import Rng, spread
from rung.observatory.growth import fits
from rung.records import Interval

Points: TypeAlias = Sequence[tuple[float, float]]

CANNOT_TELL = "cannot tell"
FEWEST = 8  # points; with fewer the criterion's correction alone decides
CLEAR = 2.0  # of the criterion between the best law and the next
WORDS = {
    "none": "No growth is seen in {n} points: a constant describes them best",
    "power law": "A power law describes {n} points best: its relative growth slows down",
    "exponential": "An exponential describes {n} points best: its relative growth is steady",
    "hyperbolic": "A hyperbola describes {n} points best: its relative growth speeds up",
    "logistic": "A logistic curve describes {n} points best: it levels off",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The law of growth of some curves.

    answer: "power law", "exponential", "hyperbolic", "logistic", "none", or "cannot tell". weights: law -> AICc weight.
    points: that the laws were fitted to. bend: mean second difference of log2 progress over the halves of the work;
    above 0 it speeds up, below it slows. None where no curve has three points.
    """

    answer: str
    sentence: str
    points: int
    weights: dict[str, float] = field(default_factory=dict)
    bend: Interval | None = None


def output(result: ArmResult) -> list[tuple[float, float]]:
    """Returns (work so far, puzzles solved in practice so far) after each generation."""
    solved = np.cumsum([step.solved for step in result.steps]) if result.steps else ()
    return [(step.work, float(count)) for step, count in zip(result.steps, solved, strict=True)]


def odds(result: ArmResult) -> list[tuple[float, float]]:
    """Returns (work, odds of solving a sealed puzzle) for the points of the curve, half a puzzle given to each side."""
    count = len(result.held_out)
    if not count:
        return []
    return [
        (point.work, (point.held_out * count + 0.5) / ((1.0 - point.held_out) * count + 0.5)) for point in result.curve
    ]


def returns(curves: Sequence[Points], *, rng: Rng) -> Interval | None:
    """Returns r, doublings of output per doubling of cumulative input, as the mean over curves.

    curves: for each seed (input, output); r is the slope of log2 output on log2 input, 1 at a steady pace. Curves with
    fewer than three points above 0 say nothing; None when no other is left.

    Raises:
      BadInput: a figure is not finite.
    """
    slopes = []
    for points in curves:
        x, y = _positive(points)
        if len(set(x)) >= 3:
            slopes.append(float(np.polyfit(np.log2(x), np.log2(y), 1)[0]))
    return spread(slopes, rng=rng)


def takeoff(curves: Sequence[Points], *, rng: Rng) -> Shape:
    """Returns which law the mean curve follows, with the honest "cannot tell".

    curves: for each seed (work, progress), progress on a scale without end. The mean is taken in the logarithm at as
    many works as a curve has points in the middle, so that interpolation adds no evidence.

    Raises:
      BadInput: a figure is not finite.
    """
    known = [(x, y) for x, y in map(_positive, curves) if len(x)]
    bend = spread([value for value in (_bend(x, y) for x, y in known) if value is not None], rng=rng)
    sizes = sorted(len(set(x)) for x, _ in known)
    n = sizes[len(sizes) // 2] if sizes else 0
    if n < FEWEST:
        sentence = f"The shape cannot be told: a curve has {n} points with work and progress, and {FEWEST} are needed."
        return Shape(CANNOT_TELL, sentence, n, bend=bend)
    most = min(max(x) for x, _ in known)
    work = np.linspace(most / n, most, n) if len(known) > 1 else np.array(known[0][0])
    rows = [np.log(_held(x, y, work)) for x, y in known] if len(known) > 1 else [np.log(known[0][1])]
    ranked = fits(work, np.exp(np.mean(rows, axis=0)))
    apart = [math.exp((ranked[0].criterion - fit.criterion) / 2) for fit in ranked]
    weights = {fit.law: share / sum(apart) for fit, share in zip(ranked, apart, strict=True)}
    lead = ranked[1].criterion - ranked[0].criterion
    if lead < CLEAR:
        sentence = (
            f"The shape cannot be told: {ranked[0].law} and {ranked[1].law} describe {n} points about equally well "
            f"(AICc differs by {lead:.1f}, less than {CLEAR:.0f})."
        )
        return Shape(CANNOT_TELL, sentence, n, weights, bend)
    words = WORDS[ranked[0].law].format(n=n)
    return Shape(ranked[0].law, f"{words} (AICc ahead of {ranked[1].law} by {lead:.1f}).", n, weights, bend)


def _positive(points: Points) -> tuple[list[float], list[float]]:
    if not all(math.isfinite(value) for point in points for value in point):
        raise BadInput("a curve has a figure that is not finite: its record is broken")
    kept = {float(work): float(progress) for work, progress in sorted(points) if work > 0 and progress > 0}
    return list(kept), list(kept.values())


def _held(x: Sequence[float], y: Sequence[float], work: np.typing.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.interp(work, x, y)]


def _bend(x: Sequence[float], y: Sequence[float]) -> float | None:
    if len(x) < 3:
        return None
    first, last = x[0], x[-1]
    scaled = [(value - first) / (last - first) for value in x]
    # Of a parabola a + bx + cx^2 on [0, 1], y(1) - 2 y(1/2) + y(0) is c / 2.
    return float(np.polyfit(scaled, np.log2(y), 2)[0]) / 2

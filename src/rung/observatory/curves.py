"""Held-out curves over work: the mean over seeds of one arm, with a band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rung.arms.records import ARMS, ArmResult
from rung.errors import BadInput
from rung.observatory.bootstrap import Array, Rng
from rung.observatory.pairing import Results, by_seed
from rung.records import Interval

GRID = 201
REPLICATES = 2000
MOVED = "no-meta"
NO_CURVE = "aa"  # it calibrates the gate and improves nothing


@dataclass(frozen=True, slots=True)
class Band:
    """The curve of one arm.

    n: seeds. work, mean, low, high: [points]. what: low and high in words. climbs: whether any seed was measured more
    than once; else the arm has one figure and no curve. moved: whether that figure is of held-out puzzles on which all
    its work acted (metrics.md, fairness check), as NO-META's is.
    """

    arm: str
    n: int
    work: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    what: str
    climbs: bool
    moved: bool

    @property
    def end(self) -> Interval:
        """Where the curve ends, with its limits."""
        return Interval(self.n, self.mean[-1], self.low[-1], self.high[-1])


Limits: TypeAlias = Callable[[Array, Rng], tuple[Array, Array, str]]


def steps(result: ArmResult, work: Array) -> Array:
    """Returns the share that a result's curve has at each work: a share holds until the next point.

    Raises:
      BadInput: the curve has no point, its work falls, or a figure is not finite.
    """
    at = np.array([point.work for point in result.curve], dtype=float)
    shares = np.array([point.held_out for point in result.curve], dtype=float)
    if not len(at) or not (np.isfinite(at).all() and np.isfinite(shares).all()) or (np.diff(at) < 0).any():
        raise BadInput(
            f"{result.arm}, seed {result.seed}: a curve needs points with finite figures, in the order of their work"
        )
    held: Array = shares[np.maximum(np.searchsorted(at, work, side="right") - 1, 0)]
    return held


def mean_limits(shares: Array, rng: Rng) -> tuple[Array, Array, str]:
    """Returns the 95 % interval of the mean over seeds, seeds drawn again. shares: [seeds, points]."""
    drawn = shares[rng.integers(len(shares), size=(REPLICATES, len(shares)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high, "95 % of the mean over seeds"


def seed_limits(shares: Array, rng: Rng) -> tuple[Array, Array, str]:  # noqa: ARG001 - one kind of limits beside another
    """Returns where 80 % of the seeds lie. shares: [seeds, points]."""
    low, high = np.quantile(shares, [0.1, 0.9], axis=0)
    return low, high, "10 to 90 % of the seeds"


def bands(results: Results, *, rng: Rng, limits: Limits = mean_limits, grid: int = GRID) -> list[Band]:
    """Returns the band of every arm that has curves but A/A, all on the same works from 0 to the most that one spent.

    Raises:
      BadInput: a curve is broken.
    """
    shown = [arm for arm in ARMS if arm != NO_CURVE]
    chosen = {arm: [result for result in by_seed(results, arm).values() if result.curve] for arm in shown}
    most = max((result.curve[-1].work for group in chosen.values() for result in group), default=0.0)
    work = np.linspace(0.0, most, grid)
    return [_band(arm, group, work=work, limits=limits, rng=rng) for arm, group in chosen.items() if group]


def _band(arm: str, group: Sequence[ArmResult], *, work: Array, limits: Limits, rng: Rng) -> Band:
    moved = arm == MOVED and all(result.moved for result in group)
    shares = np.array([np.full(len(work), np.mean(one.moved)) if moved else steps(one, work) for one in group])
    low, high, what = limits(shares, rng)
    at, mean, lowest, highest = (tuple(map(float, row)) for row in (work, shares.mean(axis=0), low, high))
    climbs = any(len(result.curve) > 1 for result in group) and not moved
    return Band(arm, len(group), at, mean, lowest, highest, what, climbs, moved)

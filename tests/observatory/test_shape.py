"""The shape of progress is named where it can be told, and "cannot tell" is said where it cannot."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from tests.observatory.made import bits, result, step

from rung.arms.records import Point
from rung.errors import BadInput
from rung.observatory.shape import CANNOT_TELL, odds, output, returns, takeoff

LAWS: dict[str, Callable[[float], float]] = {
    "power law": lambda work: 2.0 * work**1.5,
    "exponential": lambda work: 0.5 * math.exp(0.2 * work),
    "hyperbolic": lambda work: 10.0 / (22.0 - work),
    "logistic": lambda work: 30.0 / (1.0 + math.exp(-0.5 * (work - 9.0))),
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def curve(law: Callable[[float], float], *, points: int, noise: float, seed: int) -> list[tuple[float, float]]:
    dice = rng(seed)
    works = np.linspace(1.0, 20.0, points)
    return [(float(work), law(float(work)) * math.exp(noise * dice.normal())) for work in works]


@pytest.mark.parametrize("name", LAWS)
def test_the_right_law_is_named(name: str) -> None:
    found = takeoff([curve(LAWS[name], points=16, noise=0.03, seed=1)], rng=rng())
    assert found.answer == name
    assert found.points == 16
    assert max(found.weights, key=found.weights.__getitem__) == name
    assert sum(found.weights.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", LAWS)
def test_the_mean_of_several_seeds_names_it_too(name: str) -> None:
    curves = [curve(LAWS[name], points=14, noise=0.05, seed=seed) for seed in range(6)]
    found = takeoff(curves, rng=rng())
    assert found.answer == name
    assert found.points == 14


@pytest.mark.parametrize("name", LAWS)
def test_four_points_cannot_tell(name: str) -> None:
    found = takeoff([curve(LAWS[name], points=4, noise=0.1, seed=seed) for seed in range(3)], rng=rng())
    assert found.answer == CANNOT_TELL
    assert "4 points" in found.sentence


def test_two_laws_that_fit_alike_cannot_be_told_apart() -> None:
    """Over a small part of its way every law is a straight line."""
    points = [(100.0 + work, math.exp(0.01 * work)) for work in np.linspace(0.0, 2.0, 12)]
    dice = rng(3)
    noisy = [(work, value * math.exp(0.002 * dice.normal())) for work, value in points]
    found = takeoff([noisy], rng=rng())
    assert found.answer == CANNOT_TELL
    assert "equally well" in found.sentence


def test_a_flat_curve_shows_no_growth() -> None:
    found = takeoff([curve(lambda _: 3.0, points=16, noise=0.05, seed=4)], rng=rng())
    assert found.answer == "none"
    assert found.sentence.startswith("No growth is seen")


def test_nothing_cannot_tell() -> None:
    nothing: list[list[list[tuple[float, float]]]] = [[], [[]], [[(0.0, 1.0), (5.0, 0.0)]]]
    for curves in nothing:
        found = takeoff(curves, rng=rng())
        assert (found.answer, found.points, found.bend) == (CANNOT_TELL, 0, None)


def test_the_sign_of_the_second_difference() -> None:
    """2^(x^2) on [0, 1] bends by 1 - 2/4; a power law slows down on a logarithmic scale."""
    up = [[(1.0 + x, 2.0 ** (x * x)) for x in np.linspace(0, 1, 9)] for _ in range(6)]
    rising = takeoff(up, rng=rng()).bend
    assert rising is not None
    assert rising.mean == pytest.approx(0.5)
    falling = takeoff([curve(LAWS["power law"], points=9, noise=0.02, seed=seed) for seed in range(6)], rng=rng()).bend
    assert falling is not None
    assert falling.high < 0


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.7])
def test_returns_are_doublings_per_doubling(slope: float) -> None:
    found = returns([[(work, 3.0 * work**slope) for work in (0.0, 1.0, 2.0, 4.0, 8.0)] for _ in range(6)], rng=rng())
    assert found is not None
    assert found.mean == pytest.approx(slope)
    assert [found.low, found.high] == pytest.approx([slope, slope])


def test_returns_need_three_points() -> None:
    assert returns([], rng=rng()) is None
    assert returns([[(1.0, 1.0), (2.0, 2.0)]], rng=rng()) is None


def test_figures_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match="not finite"):
        takeoff([[(1.0, float("inf"))]], rng=rng())
    with pytest.raises(BadInput, match="not finite"):
        returns([[(float("nan"), 1.0)]], rng=rng())


def test_what_is_fitted_comes_from_the_record() -> None:
    one = result("self", 0, steps=(step(1, "a", solved=3), step(2, "a", solved=4)), held_out=bits(0, 9))
    assert output(one) == [(100.0, 3.0), (200.0, 7.0)]
    sealed = result("self", 0, curve=(Point(0, 0.0, 0.0), Point(1, 50.0, 1.0)), held_out=bits(9, 9))
    assert [work for work, _ in odds(sealed)] == [0.0, 50.0]
    assert [value for _, value in odds(sealed)] == pytest.approx([0.5 / 9.5, 9.5 / 0.5])
    assert odds(result("self", 0, held_out=())) == []

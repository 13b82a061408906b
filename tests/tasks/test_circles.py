"""The circle evaluator: exact at zero tolerance, strict about types, and nothing to gain without a packing."""

from __future__ import annotations

import copy
import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.tasks.construction import public, score, seed_answer

from rung.authoring import find_task
from rung.errors import Invalid

TASK = find_task("circles-26")
SEED = seed_answer(TASK)
FLOOR = score(TASK, SEED)


def two_and(first: list[float], second: list[float]) -> list[list[float]]:
    """Two circles, and 24 of radius zero in a corner."""
    return [first, second, *([0.0, 0.0, 0.0] for _ in range(24))]


def test_the_seed_program_is_correct() -> None:
    assert FLOOR == float(sum(Fraction(circle[2]) for circle in SEED)) == pytest.approx(26 * 0.499 / 6)


def test_both_sizes_ship_with_a_bound_beyond_everything_known() -> None:
    for name in ("circles-26", "circles-32"):
        task = find_task(name)
        assert task.bound is not None
        assert score(task, seed_answer(task)) < min(task.known.values()) < task.bound


def test_touching_is_allowed_and_one_ulp_of_overlap_is_not() -> None:
    assert score(TASK, two_and([0.25, 0.5, 0.25], [0.75, 0.5, 0.25])) == 0.5
    for spot in (0, 1):
        for axis, value in (
            (0, [math.nextafter(0.25, 1), math.nextafter(0.75, 0)][spot]),
            (2, math.nextafter(0.25, 1)),
        ):
            answer = two_and([0.25, 0.5, 0.25], [0.75, 0.5, 0.25])
            answer[spot][axis] = value
            with pytest.raises(Invalid, match=r"overlap|leaves"):
                score(TASK, answer)


def test_an_irrational_distance_is_decided_exactly() -> None:
    """Two circles along a diagonal: the sum of radii may be the float below the distance, not the one above."""
    centres = ([0.3125, 0.3125], [0.6875, 0.6875])
    square = 2 * Fraction(3, 8) ** 2
    radius = math.sqrt(float(square)) / 2
    while (2 * Fraction(radius)) ** 2 > square:
        radius = math.nextafter(radius, 0)
    while (2 * Fraction(math.nextafter(radius, 1))) ** 2 <= square:
        radius = math.nextafter(radius, 1)
    assert score(TASK, two_and([*centres[0], radius], [*centres[1], radius])) == 2 * radius
    with pytest.raises(Invalid, match="overlap"):
        score(TASK, two_and([*centres[0], radius], [*centres[1], math.nextafter(math.nextafter(radius, 1), 1)]))


def test_walls_are_exact() -> None:
    outside = math.nextafter(0.5, 1)
    for circle in ([0.5, 0.5, outside], [outside, 0.5, 0.5], [0.5, math.nextafter(0.5, 0), 0.5]):
        with pytest.raises(Invalid, match="leaves"):
            score(TASK, two_and(circle, [0.0, 0.0, 0.0]))
    assert score(TASK, two_and([0.5, 0.5, 0.5], [0.0, 0.0, 0.0])) == 0.5


@pytest.mark.parametrize(
    "answer",
    [
        None, True, 0, "26", {}, [], [[]], {"n": 26}, [[0.5, 0.5, 0.1]] * 26, SEED[:25], [*SEED, SEED[0]],
        [*SEED[:25], [0.0, 0.0]], [*SEED[:25], [0.0, 0.0, True]], [*SEED[:25], ["0", 0.0, 0.0]],
        [*SEED[:25], [0.0, 0.0, math.nan]], [*SEED[:25], [0.0, 0.0, math.inf]], [*SEED[:25], [0.0, 0.0, -0.01]],
        [*SEED[:25], [0.0, 0.0, None]], [*SEED[:25], [0, 0, 10**400]], [*SEED[:25], [3.0, 0.0, 0.0]],
        [tuple(circle) for circle in SEED], [[y, x, 2 * r] for x, y, r in SEED],
    ],
)  # fmt: skip
def test_what_is_no_packing_is_invalid(answer: Any) -> None:
    with pytest.raises(Invalid):
        score(TASK, answer)


def test_nothing_cheap_beats_the_floor() -> None:
    assert score(TASK, [[0.0, 0.0, 0.0]] * 26) == 0.0 < FLOOR
    assert score(TASK, [[0.5, 0.5, 5e-324]] + [[0, 1, 0]] * 25) < FLOOR
    rng = random.Random(0)
    for _ in range(20):
        with pytest.raises(Invalid):
            score(TASK, [[rng.random(), rng.random(), rng.random() / 2] for _ in range(26)])


def test_every_near_miss_of_a_tight_packing_is_rejected() -> None:
    """Mutation: in a row of touching circles, any radius one ulp larger overlaps."""
    row = [[(2 * k + 1) / 64, 0.5, 1 / 64] for k in range(26)]
    assert score(TASK, row) == 26 / 64
    for k in range(26):
        worse = copy.deepcopy(row)
        worse[k][2] = math.nextafter(1 / 64, 1)
        with pytest.raises(Invalid):
            score(TASK, worse)


def test_the_public_part_agrees_with_the_evaluator() -> None:
    problem = public(TASK)
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = problem.low + (problem.high - problem.low) * rng.random(78)
        point = problem.repair(start)
        assert score(TASK, problem.output(point)) == pytest.approx(problem.objective(point), abs=1e-12)
        assert np.array_equal(problem.point(problem.output(point)), point)


def test_the_public_derivatives_are_those_of_the_slacks() -> None:
    problem, step = public(TASK, n=4), 1e-6
    x = np.random.default_rng(1).random(12)
    for column in range(12):
        change = np.eye(12)[column] * step
        slope = (problem.slack(x + change) - problem.slack(x - change)) / (2 * step)
        assert np.allclose(problem.jacobian(x)[:, column], slope, atol=1e-6)

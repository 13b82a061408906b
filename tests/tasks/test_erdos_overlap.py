"""The overlap evaluator: exact, invariant to scale, strict about what a step function is."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from tests.tasks.construction import Answer, public, score, seed_answer

from rung.authoring import find_task
from rung.errors import Invalid
from rung.records import Case

TASK = find_task("erdos-overlap")
SEED = seed_answer(TASK)
FLOOR = score(TASK, SEED)
STEPS = len(SEED)


def small(heights: list[Any]) -> float:
    """The score of a short step function."""
    answer: Any = Answer(heights)
    return TASK.evaluate(Case("small", {"steps": len(heights)}), answer)


def by_definition(heights: list[Fraction]) -> Fraction:
    """The largest overlap over a fine grid of real shifts, by integrating piece by piece."""
    n = len(heights)
    mean = sum(heights, Fraction(0)) / n
    scaled = [height / (2 * mean) for height in heights]
    width, fine = Fraction(2, n), 4

    def at(x: Fraction) -> Fraction:
        return scaled[min(int(x / width), n - 1)]

    best = Fraction(0)
    for tick in range(-n * fine, n * fine + 1):
        shift, total, cell = tick * width / fine, Fraction(0), width / fine
        for part in range(n * fine):
            x = (part + Fraction(1, 2)) * cell
            if 0 <= x + shift <= 2:
                total += at(x) * (1 - at(x + shift)) * cell
        best = max(best, total)
    return best


def test_known_step_functions_have_their_published_overlaps() -> None:
    """Haugland's records with one, two and three steps: 1/2, 4/9 and 2/5."""
    assert small([1]) == -0.5
    assert small([1, 2]) == -float(Fraction(4, 9))
    low, high = 0.5 - math.sqrt(1 / 40), 0.5 + math.sqrt(1 / 10)
    assert small([low, high, low]) == pytest.approx(-0.4, abs=1e-15)


def test_it_is_the_integral_of_the_definition() -> None:
    rng = random.Random(1)
    for n in (2, 3, 5):
        heights = [rng.randint(40, 60) for _ in range(n)]
        assert small(heights) == -float(by_definition([Fraction(height) for height in heights]))


def test_scale_does_not_matter() -> None:
    assert (
        score(TASK, [height * 2.0**-1000 for height in SEED]) == FLOOR == score(TASK, [8 * height for height in SEED])
    )


def test_the_seed_beats_the_constant_and_nothing_known() -> None:
    assert TASK.bound is not None
    assert score(TASK, [0.5] * STEPS) == -0.5 < FLOOR < min(TASK.known.values()) < TASK.bound


def test_a_height_may_be_one_and_not_an_ulp_more() -> None:
    """Mutation: [1, 0, 1, 0] has integral 1 exactly; any height raised pushes itself above 1."""
    assert small([1.0, 0.0, 1.0, 0.0]) <= -0.5
    with pytest.raises(Invalid, match="exceeds"):
        small([1.0, 0.0, math.nextafter(1.0, 2), 0.0])


@pytest.mark.parametrize(
    "answer",
    [
        None, True, 0, "0.5", {}, [], {"steps": 95}, [0.5] * (STEPS - 1), [0.5] * (STEPS + 1), [0.0] * STEPS,
        [*SEED[:-1], True], [*SEED[:-1], "0.5"], [*SEED[:-1], None], [*SEED[:-1], math.nan], [*SEED[:-1], math.inf],
        [*SEED[:-1], -1e-300], [1e-161] * (STEPS - 1) + [1.0], [*SEED[:-1], 10**400], [*SEED[:-1], [0.5]], tuple(SEED),
    ],
)  # fmt: skip
def test_what_is_no_step_function_is_invalid(answer: Any) -> None:
    with pytest.raises(Invalid):
        score(TASK, answer)


def test_random_heights_stay_far_from_what_is_known() -> None:
    rng = random.Random(0)
    assert all(score(TASK, [rng.uniform(0.2, 0.8) for _ in range(STEPS)]) < -0.45 for _ in range(5))


def test_the_public_part_agrees_with_the_evaluator() -> None:
    problem, rng = public(TASK), np.random.default_rng(0)
    for _ in range(5):
        point = problem.point(np.clip(0.5 + 0.3 * rng.normal(size=STEPS), 0.1, 0.9))
        assert score(TASK, problem.output(point)) == pytest.approx(-problem.pieces(point).max(), abs=1e-9)
        assert np.allclose(np.sort(problem.pieces(point)), np.sort(problem.pieces(point[problem.mirror])))


def test_the_public_derivatives_are_those_of_the_pieces() -> None:
    problem, step = public(TASK, steps=6), 1e-6
    x = np.random.default_rng(1).random(6)
    for column in range(6):
        change = np.eye(6)[column] * step
        slope = (problem.pieces(x + change) - problem.pieces(x - change)) / (2 * step)
        assert np.allclose(problem.pieces_jacobian(x)[:, column], slope, atol=1e-8)

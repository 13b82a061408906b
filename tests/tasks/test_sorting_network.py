"""The sorting network evaluator: a network sorts everything or it is invalid, and length is all that counts."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest
from tests.tasks.construction import Answer, public, score, seed_answer

from rung.authoring import find_task
from rung.errors import Invalid
from rung.records import Case

SIZES = {7: 21, 8: 28, 9: 36}
TASKS = {wires: find_task(f"sorting-network-{wires}") for wires in SIZES}
SEVEN = seed_answer(TASKS[7])
FOUR = [[0, 1], [2, 3], [0, 2], [1, 3], [1, 2]]


def on_four(network: Any) -> float:
    """The score of a network on four wires."""
    answer: Any = Answer(network)
    return TASKS[7].evaluate(Case("small", {"wires": 4}), answer)


def sorts(network: list[list[int]], wires: int) -> bool:
    """The definition: every permutation comes out sorted."""
    for start in permutations(range(wires)):
        values = list(start)
        for low, high in network:
            values[low], values[high] = sorted((values[low], values[high]))
        if values != sorted(values):
            return False
    return True


def test_the_seed_programs_are_correct_and_not_optimal() -> None:
    for wires, length in SIZES.items():
        bound = TASKS[wires].bound
        assert bound is not None
        assert score(TASKS[wires], seed_answer(TASKS[wires])) == -length < bound == TASKS[wires].known["optimum"]


def test_the_optimum_on_four_wires_passes_and_nothing_less() -> None:
    assert on_four(FOUR) == -5
    for missing in range(5):
        with pytest.raises(Invalid, match="not sorted"):
            on_four(FOUR[:missing] + FOUR[missing + 1 :])


def test_it_is_the_definition() -> None:
    rng = random.Random(0)
    accepted = 0
    for _ in range(300):
        network = [sorted(rng.sample(range(4), 2)) for _ in range(rng.randint(5, 14))]
        if sorts(network, 4):
            accepted += 1
            assert on_four(network) == -len(network)
        else:
            with pytest.raises(Invalid):
                on_four(network)
    assert 20 < accepted < 280


@pytest.mark.parametrize(
    "answer",
    [
        None, True, 16, "", {}, [], {"wires": 7}, [[0, 1]] * 21, SEVEN[:-1], SEVEN[1:], [*SEVEN, [1, 0]],
        [*SEVEN, [0, 0]], [*SEVEN, [0, 7]], [*SEVEN, [-1, 0]], [*SEVEN, [0, 1, 2]], [*SEVEN, [False, True]],
        [*SEVEN, [0.0, 1.0]], [*SEVEN, None], [*SEVEN, "01"], [tuple(comparator) for comparator in SEVEN], SEVEN * 10,
    ],
)  # fmt: skip
def test_what_is_no_sorting_network_is_invalid(answer: Any) -> None:
    with pytest.raises(Invalid):
        score(TASKS[7], answer)


def test_length_is_all_that_counts() -> None:
    assert score(TASKS[7], [*SEVEN, [0, 1]]) == -22


def test_the_public_cost_is_length_exactly_for_valid_networks() -> None:
    problem, rng = public(TASKS[7]), random.Random(0)
    assert problem.valid(problem.start())
    assert problem.cost(problem.start()) == 21
    for _ in range(100):
        network = [problem.element(rng) for _ in range(12)]
        assert problem.valid(network) == (problem.cost(network) == 12) == sorts(network, 7) is False
    assert problem.output(problem.point(SEVEN)) == SEVEN

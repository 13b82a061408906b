"""The cap set evaluator: every pair is checked, and sizes are counted of distinct vectors only."""

from __future__ import annotations

import random
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from tests.tasks.construction import Answer, public, score, seed_answer

from rung.authoring import find_task
from rung.errors import Invalid
from rung.records import Case

TASK = find_task("cap-set-8")
SEED = seed_answer(TASK)
FLOOR = score(TASK, SEED)


def in_dimension(dimension: int, vectors: list[Any]) -> float:
    """The score of vectors in another dimension."""
    answer: Any = Answer(vectors)
    return TASK.evaluate(Case("small", {"dimension": dimension}), answer)


def is_cap(vectors: list[tuple[int, ...]]) -> bool:
    """The definition: no three distinct vectors add up to zero."""
    return not any(
        all(sum(entries) % 3 == 0 for entries in zip(*triple, strict=True)) for triple in combinations(vectors, 3)
    )


def test_the_seed_program_is_correct_and_below_what_is_known() -> None:
    assert TASK.bound is not None
    assert FLOOR == 256 < min(TASK.known.values()) < TASK.bound == 1008


def test_it_is_the_definition() -> None:
    rng = random.Random(0)
    space = list(product(range(3), repeat=3))
    accepted = 0
    for _ in range(300):
        vectors = rng.sample(space, rng.randint(0, 7))
        if is_cap(vectors):
            accepted += 1
            assert in_dimension(3, [list(vector) for vector in vectors]) == len(vectors)
        else:
            with pytest.raises(Invalid, match="line"):
                in_dimension(3, [list(vector) for vector in vectors])
    assert 30 < accepted < 290


def test_any_vector_more_than_a_complete_cap_is_rejected() -> None:
    """Mutation: the zeros and ones are complete; each vector with a two lies on a line with two of them."""
    rng = random.Random(1)
    for _ in range(20):
        vector = [rng.choice((0, 1)) for _ in range(8)]
        vector[rng.randrange(8)] = 2
        with pytest.raises(Invalid, match="line"):
            score(TASK, [*SEED, vector])


@pytest.mark.parametrize(
    "answer",
    [
        None, True, 512, "cap", {}, {"dimension": 8}, [[]], [SEED], [*SEED, SEED[0]], [SEED[0]] * 600,
        [[0] * 7], [[0] * 9], [[0] * 7 + [3]], [[0] * 7 + [-1]], [[0] * 7 + [True]], [[0] * 7 + [1.0]],
        [[0] * 7 + ["1"]], [tuple(SEED[0])], [list(vector) for vector in product(range(3), repeat=8)],
    ],
)  # fmt: skip
def test_what_is_no_cap_is_invalid(answer: Any) -> None:
    with pytest.raises(Invalid):
        score(TASK, answer)


def test_nothing_cheap_beats_the_floor() -> None:
    assert score(TASK, []) == 0 < FLOOR
    assert score(TASK, [[0] * 8]) == 1 < FLOOR


def test_the_public_part_agrees_with_the_definition() -> None:
    problem = public(TASK, dimension=4)
    vectors = np.array(problem.output(range(problem.size)))
    for a in range(0, problem.size, 7):
        assert not ((vectors[a] + vectors + vectors[problem.completions(a)]) % 3).any()
    assert problem.completions(5)[5] == 5
    assert np.array_equal(problem.point(problem.output([3, 1, 80])), [3, 1, 80])


def test_the_public_symmetries_keep_lines() -> None:
    problem, rng = public(TASK, dimension=4), random.Random(0)
    for _ in range(10):
        image = problem.symmetry(rng)
        assert sorted(image.tolist()) == list(range(problem.size))
        for a in (0, 17, 80):
            assert np.array_equal(image[problem.completions(a)], problem.completions(int(image[a]))[image])

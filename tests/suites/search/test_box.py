from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.suites.search import small

from rung.errors import Invalid
from rung.suites.search.box import Box, Episode, Labels, mixed

BOX = small.box()
RIGHT: Any = [0, 0, 0, 0]
OTHER: Any = [1, 1, 1, 1]


def episode(budget: int = 10, seed: int = 1) -> Episode:
    return Episode(BOX, budget=budget, seed=seed)


def means() -> list[float]:
    return [sum(found) / len(found) for found in small.measurements().values()]


def test_the_score_is_one_at_the_best_and_falls_with_the_rank() -> None:
    order = np.argsort(means())[::-1]
    scores = [BOX.score(int(configuration)) for configuration in order]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] == pytest.approx(0.0)
    assert scores[1] == pytest.approx(1 - math.log(2) / math.log(BOX.size))


def test_the_regret_follows_from_the_score_alone() -> None:
    best = max(means())
    for configuration, mean in enumerate(means()):
        assert BOX.regret_at(BOX.score(configuration)) == pytest.approx(best - mean)


def test_only_real_measurements_are_seen_and_each_of_them() -> None:
    rows = list(small.measurements().values())
    for configuration in (0, 1, 7):
        seen = {BOX.measured(configuration, chance=mixed(chance)) for chance in range(50)}
        assert seen == set(rows[configuration])


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None)
def test_labels_rename_and_lose_nothing(seed: int) -> None:
    labels = Labels.drawn(BOX, seed)
    assert sorted(labels.order) == list(range(4))
    for place, shown in zip(labels.order, labels.choices, strict=True):
        size = BOX.sizes[place]
        assert sorted(shown) == list(range(size))
        if BOX.ordered[place]:
            assert shown in (tuple(range(size)), tuple(range(size))[::-1])


def test_nothing_can_be_learned_by_heart() -> None:
    seen = {BOX.score(episode(seed=seed)._configuration(RIGHT)) for seed in range(40)}
    assert len(seen) > 15


def test_every_policy_meets_the_same_measurements() -> None:
    first, second = episode(), episode()
    a = first.take({"points": [RIGHT, RIGHT, OTHER]})
    b = second.take({"points": [OTHER, RIGHT]}) + second.take({"points": [RIGHT]})
    assert a == [b[1], b[2], b[0]]
    assert episode().opening() == episode().opening()
    assert episode(seed=2).opening() != episode().opening()


def test_the_opening_says_what_the_space_is_like_and_no_more() -> None:
    opening: dict[str, Any] = episode().opening()
    assert set(opening) == {"space", "ordered", "budget", "seed"}
    shown = sorted(zip(opening["space"], opening["ordered"], strict=True))
    assert shown == sorted(zip(small.SPACE.sizes, small.SPACE.ordered, strict=True))
    assert 0 <= opening["seed"] < 2**53


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"points": [RIGHT] * 11}, "11 measurements were asked for, and the budget is 10"),
        ({"points": [[0, 0, 0, 9]]}, "outside the space"),
        ({"points": [[0, 0, 0, -1]]}, "outside the space"),
        ({"points": [[0, 0, 0, True]]}, "outside the space"),
        ({"points": [[0, 0, 0, 0.0]]}, "outside the space"),
        ({"points": [[0, 0, 0, float("nan")]]}, "outside the space"),
        ({"points": [[0, 0, 0]]}, "list of 4 whole numbers"),
        ({"points": ["0000"]}, "list of 4 whole numbers"),
        ({"points": []}, "at least one point"),
        ({"points": None}, "at least one point"),
        ({"points": [RIGHT], "choice": RIGHT}, "an answer is"),
        ({"points": [RIGHT], "score": 1.0}, "an answer is"),
        ({"choice": RIGHT}, "nothing was measured"),
        ({"choice": None}, "nothing was measured"),
        ([RIGHT], "an object with points or a choice"),
        (None, "an object with points or a choice"),
    ],
)
def test_an_answer_that_breaks_the_rules_is_refused(answer: Any, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        episode().take(answer)


def test_the_budget_counts_over_all_answers() -> None:
    one = episode(budget=3)
    one.take({"points": [RIGHT, RIGHT]})
    with pytest.raises(Invalid, match="4 measurements"):
        one.take({"points": [RIGHT, RIGHT]})


def test_what_was_never_measured_cannot_be_chosen() -> None:
    one = episode()
    one.take({"points": [RIGHT]})
    with pytest.raises(Invalid, match="never measured"):
        one.take({"choice": OTHER})
    before = one.done
    one.take({"choice": RIGHT})
    assert (before, one.done) == (False, True)
    assert one.score() == BOX.score(one._configuration(RIGHT))


def test_without_a_choice_the_best_result_counts() -> None:
    one = episode()
    points: Any = [RIGHT, OTHER, [0, 1, 0, 1]]
    results = one.take({"points": points})
    one.take({"choice": None})
    place = results.index(max(results))
    assert one.score() == BOX.score(one._configuration(points[place]))


def test_equal_means_have_equal_ranks() -> None:
    table = small.table()
    table.values[:] = 0.5
    flat = Box(table)
    assert {flat.score(configuration) for configuration in range(flat.size)} == {1.0}

"""The bin packing evaluator: FunSearch's rules, two independent simulations, and rules that try to be clever."""

from __future__ import annotations

import random
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rung.authoring import BUILT_IN, load_tasks
from rung.errors import Invalid

TASKS = load_tasks(BUILT_IN / "bin_packing" / "task.py")
PACKING = sys.modules[TASKS["bin-packing-or"].evaluate.__module__]

BEST_FIT = "item - bins"
FIRST_FIT = "0.0 * bins"
TIES = "np.where(bins - item < 8, 1.0, np.where(bins == bins.max(), 0.0, 0.5))"
THRESHOLD = "np.where(bins - item < 3, 100.0 - bins, np.where(bins - item < 25, -100.0 - bins, -bins * 1.0))"
POSITION = "-np.arange(len(bins)) % 3 + 0.0 * item"
MEAN = "-np.abs(bins - bins.mean())"


class FakeTrial:
    """A trial that runs the program in this process."""

    def __init__(self, expression: str, *, seed: int = 0) -> None:
        files = TASKS["bin-packing-or"].program.files
        rule, skeleton = ModuleType("priority"), ModuleType("skeleton")
        exec(f"import numpy as np\ndef priority(item, bins):\n    return {expression}\n", rule.__dict__)
        known = sys.modules.get("priority")
        sys.modules["priority"] = rule
        try:
            exec(str(files["skeleton.py"]), skeleton.__dict__)
        finally:
            sys.modules.pop("priority")
            if known is not None:
                sys.modules["priority"] = known
        self.decide = skeleton.decide
        self.rng = random.Random(seed)
        self.asked: list[Any] = []

    def run(self, document: Any) -> Any:
        self.asked.append(document)
        return self.decide(document)


def literal(family: Any, expression: str, items: list[int]) -> int:
    """The published skeleton, written down once more: arrays, argmax, one item after the other."""
    import numpy as np

    rule = eval(f"lambda item, bins: {expression}", {"np": np})  # noqa: S307 - the test's own text
    bins = np.array([family.capacity for _ in items])
    for item in items:
        valid = np.nonzero((bins - item) >= 0)[0]
        priorities = np.broadcast_to(np.asarray(rule(item, bins[valid]), float), valid.shape)
        bins[valid[np.argmax(priorities)]] -= item
    return int((bins != family.capacity).sum())


@pytest.mark.parametrize("name", ["bin-packing-or", "bin-packing-weibull"])
@pytest.mark.parametrize("expression", [BEST_FIT, FIRST_FIT, TIES, THRESHOLD])
def test_table_and_literal_simulation_agree(name: str, expression: str) -> None:
    family = PACKING.OR_LIKE if name == "bin-packing-or" else PACKING.WEIBULL
    lists, _ = PACKING.instances(family, {"seed": 5, "count": 2, "items": 150})
    trial = FakeTrial(expression)
    table = PACKING.preferences(trial, family, sorted({size for items in lists for size in items}))
    by_table = [PACKING.table_bins(family, table, items) for items in lists]
    assert by_table == PACKING.literal_bins(FakeTrial(expression), family, lists)
    assert by_table == [literal(family, expression, items) for items in lists]


@pytest.mark.parametrize("expression", [POSITION, MEAN])
def test_a_rule_that_sees_more_than_one_bin_is_simulated_literally(expression: str) -> None:
    family = PACKING.OR_LIKE
    case = SimpleNamespace(id="c", input={"seed": 6, "count": 2, "items": 120})
    trial = FakeTrial(expression)
    score = PACKING.excess(case, trial, family)
    lists, _ = PACKING.instances(family, case.input)
    used = sum(literal(family, expression, items) for items in lists)
    bound = sum(PACKING.lower_bound(family, items) for items in lists)
    assert score == pytest.approx(-100.0 * (used - bound) / bound)
    assert len(trial.asked) == 2 + 120


def test_best_fit_beats_first_fit_and_both_are_where_they_are_known_to_be() -> None:
    case = SimpleNamespace(id="c", input={"seed": 7, "count": 8, "items": 500})
    best, first = (PACKING.excess(case, FakeTrial(rule), PACKING.OR_LIKE) for rule in (BEST_FIT, FIRST_FIT))
    assert first < best < 0.0
    assert best == pytest.approx(-5.3, abs=0.5)
    case = SimpleNamespace(id="c", input={"seed": 7, "count": 1, "items": 5000})
    assert PACKING.excess(case, FakeTrial(BEST_FIT), PACKING.WEIBULL) == pytest.approx(-4.0, abs=0.4)


def test_nothing_that_is_asked_tells_what_comes_next() -> None:
    """Audits come from an instance that is not scored: no state of a scored one is ever shown to a table rule."""
    case = SimpleNamespace(id="c", input={"seed": 8, "count": 1, "items": 200})
    trial = FakeTrial(BEST_FIT)
    PACKING.excess(case, trial, PACKING.OR_LIKE)
    table, audits = trial.asked
    assert set(table) == {"rank"}
    assert [item for item, _ in table["rank"]] == sorted({item for item, _ in table["rank"]})
    assert all(bins == sorted(bins) for _, bins in table["rank"])
    assert set(audits) == {"choose"}
    assert len(audits["choose"]) <= PACKING.AUDITS + 1


@pytest.mark.parametrize("expression", ["np.inf * bins", "bins / 0.0", "np.full(len(bins), np.nan)"])
def test_priorities_that_are_not_finite_are_invalid(expression: str) -> None:
    case = SimpleNamespace(id="c", input={"seed": 8, "count": 1, "items": 50})
    with pytest.warns(RuntimeWarning) if "/ 0.0" in expression else _nothing(), pytest.raises(Invalid, match="finite"):
        PACKING.excess(case, FakeTrial(expression), PACKING.OR_LIKE)


@pytest.mark.parametrize("answer", [None, {}, [], [1], [[True, 0]], "x", [[0.5] * 131]])
def test_answers_of_another_form_are_invalid(answer: Any) -> None:
    case = SimpleNamespace(id="c", input={"seed": 8, "count": 1, "items": 50})
    trial = SimpleNamespace(run=lambda _: answer, rng=random.Random(0))
    with pytest.raises(Invalid):
        PACKING.excess(case, trial, PACKING.OR_LIKE)


@pytest.mark.parametrize("place", [-1, 10_000, True, 0.0, "0"])
def test_a_place_that_is_no_bin_is_invalid(place: Any) -> None:
    honest = FakeTrial(BEST_FIT)

    def run(document: Any) -> Any:
        return honest.run(document) if "rank" in document else [place for _ in document["choose"]]

    case = SimpleNamespace(id="c", input={"seed": 8, "count": 1, "items": 50})
    with pytest.raises(Invalid):
        PACKING.excess(case, SimpleNamespace(run=run, rng=random.Random(0)), PACKING.OR_LIKE)


def test_no_score_is_above_the_bound() -> None:
    case = SimpleNamespace(id="c", input=123456789012345678)
    for rule in (BEST_FIT, THRESHOLD):
        assert PACKING.excess(case, FakeTrial(rule), PACKING.OR_LIKE) <= TASKS["bin-packing-or"].bound


def _nothing() -> Any:
    import contextlib

    return contextlib.nullcontext()

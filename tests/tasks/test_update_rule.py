"""The task `update-rule`: gradients are right, known optimisers are ranked as they should be, cheats gain nothing."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rung.authoring import BUILT_IN, load_tasks
from rung.errors import Invalid

TASK = load_tasks(BUILT_IN / "update_rule" / "task.py")["update-rule"]
RULE = sys.modules[TASK.evaluate.__module__]

SGD = "delta = -0.01 * gradient"
ADAM = """first = 0.9 * first + 0.1 * gradient
    second = 0.999 * second + 0.001 * gradient ** 2
    delta = -0.1 * (first / (1 - 0.9 ** step)) / (np.sqrt(second / (1 - 0.999 ** step)) + 1e-8)"""
TO_ZERO = "delta = -weights"
TO_ONE = "delta = 1.0 - weights"
EXPLODES = "delta = 10.0 * weights + 1e5 * gradient"


class FakeTrial:
    """A trial that runs the program in this process."""

    def __init__(self, body: str) -> None:
        rule, skeleton = ModuleType("rule"), ModuleType("skeleton")
        source = "import numpy as np\ndef update(step, weights, gradient, memory):\n    first, second = memory\n"
        exec(f"{source}    {body}\n    return delta, (first, second)\n", rule.__dict__)
        known = sys.modules.get("rule")
        sys.modules["rule"] = rule
        try:
            exec(str(TASK.program.files["skeleton.py"]), skeleton.__dict__)
        finally:
            sys.modules.pop("rule")
            if known is not None:
                sys.modules["rule"] = known
        self.run = skeleton.optimise


def score(body: str, source: Any, case_id: str = "train-0") -> float:
    with np.errstate(all="ignore"):
        return float(RULE.update_rule(SimpleNamespace(id=case_id, input=source), FakeTrial(body)))


@pytest.mark.parametrize("family", RULE.SHOWN + RULE.UNSEEN)
def test_gradients_are_those_of_the_losses(family: Any) -> None:
    rng = np.random.default_rng(4)
    problem = family(rng)
    at = problem.start + 0.1 * rng.standard_normal(len(problem.start))
    gradient = problem.evaluate(at)[1]
    for k, step in enumerate(1e-6 * np.eye(len(at))):
        slope = (problem.evaluate(at + step)[0] - problem.evaluate(at - step)[0]) / 2e-6
        assert slope == pytest.approx(gradient[k], abs=1e-5)


def test_the_seed_program_is_plain_descent() -> None:
    files = TASK.program.files
    assert "-rate * gradient" in str(files["rule.py"])
    assert 0.3 < score(SGD, {"seed": 31}) < 1.2


def test_adam_beats_plain_descent_on_shown_and_unseen_families() -> None:
    for source, case_id in (({"seed": 31}, "train-0"), ({"seed": 32}, "train-1"), (987654321987654321, "held_out-0")):
        assert score(ADAM, source, case_id) > score(SGD, source, case_id) + 0.3


@pytest.mark.parametrize("body", [TO_ZERO, TO_ONE, "delta = 0.0 * gradient"])
def test_no_point_is_a_good_guess(body: str) -> None:
    assert np.mean([score(body, {"seed": seed}) for seed in range(50, 56)]) < score(SGD, {"seed": 31})


def test_a_rule_that_diverges_gets_the_lowest_score() -> None:
    assert score(EXPLODES, {"seed": 31}) == RULE.LOWEST
    assert score("delta = gradient / 0.0", {"seed": 31}) == RULE.LOWEST
    assert score("delta = gradient * np.nan", {"seed": 31}) == RULE.LOWEST


def test_held_out_has_families_that_training_has_not() -> None:
    def asked(split: str) -> int:
        sizes: list[int] = []

        def run(document: dict[str, Any]) -> list[Any]:
            sizes.append(len(document.get("start", document.get("gradients", []))))
            return [] if "start" in document else [None] * sizes[0]

        RULE.update_rule(SimpleNamespace(id=f"{split}-0", input=1), SimpleNamespace(run=run))
        return sizes[0]

    assert asked("train") == asked("validation") == len(RULE.SHOWN)
    assert asked("held_out") == len(RULE.SHOWN) + len(RULE.UNSEEN)


@pytest.mark.parametrize("answer", [None, {}, [], [[1.0]] * 4, [["1"] * 12] * 4, [[True] * 12] * 4, [[1] * 12] * 4])
def test_answers_of_another_form_are_invalid(answer: Any) -> None:
    trial = SimpleNamespace(run=lambda document: [] if "start" in document else answer)
    with pytest.raises(Invalid):
        RULE.update_rule(SimpleNamespace(id="c", input={"seed": 31}), trial)

"""The improvers that ask a model, in the sandbox, with the real kernel and a model that answers from a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.helpers import LINE_TASK, bodies, kernel, line, logged
from tests.models.setting import MODEL, broker, said

from rung.authoring import IMPROVERS, find_improver
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.models.door import Door, Proposer
from rung.models.pace import Pace
from rung.models.port import Completion, Prompt

WIDE = Allowance(tokens=10_000_000, usd=100.0)
TASK = replace(LINE_TASK, attempts=60)


class Scripted:
    """A model that answers by a function of how many questions came before."""

    name, endpoint = MODEL, "toy"

    def __init__(self, answer: Callable[[int], str]) -> None:
        self.asked: list[Prompt] = []
        self._answer = answer

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        assert timeout > 0
        self.asked.append(prompt)
        return said(self._answer(len(self.asked)), prompt_tokens=20, completion_tokens=4)


class Settled(Scripted):
    """A model whose answer follows from the question, in whatever order questions come."""

    def __init__(self) -> None:
        super().__init__(climbing)

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        assert timeout > 0
        return said(climbing(int(prompt.request[:8], 16) % 50), prompt_tokens=20, completion_tokens=4)


def climbing(number: int) -> str:
    """Better and better slopes, between them what cannot be used and what was tried before."""
    if number % 3 == 0:
        return "I would rather not."
    if number % 5 == 0:
        return "<<<<<<< SEARCH\nK = nothing\n=======\nK = 1\n>>>>>>> REPLACE"
    return f"```python\n{line(3.25 - 1 / (1 + number // 2))}```"


def improved(workspace: Path, improver: str, model: Any, allowance: Allowance = WIDE) -> tuple[Any, Any]:
    made = kernel(workspace)
    made._models = Door(
        broker(model, pace=Pace(attempts=2, at_once=1)), proposers=(Proposer(MODEL, 1.0),), rollouts=MODEL
    )
    return made, made.improve(TASK, find_improver(improver), Request(seed=1, allowance=allowance))


def test_the_seed_improver_asks_its_model(tmp_path: Path) -> None:
    model = Scripted(climbing)
    made, outcome = improved(tmp_path, "seed", model)
    assert outcome.gain > 0
    operators = {body["operator"].partition(" ")[0] for body in bodies(made, "evaluation")}
    assert {"model:anew", "constants"} <= operators
    counts = {key: value for body in logged(made) for key, value in body.items()}
    assert counts["model.usable"] > counts["model.same"]
    assert counts["model.unusable"] > 0
    assert 0 < counts["model.share"] < 1
    texts = " ".join(message.content for prompt in model.asked for message in prompt.messages)
    assert TASK.goal in texts
    assert "K = 1.0" in texts


def test_answers_of_any_kind_end_no_run(tmp_path: Path) -> None:
    hostile = ["", "\0\1\2", "```" * 3000, "<<<<<<< SEARCH\n" * 500, "x" * 250_000, "../../etc/passwd.txt\n```\nx\n```"]
    model = Scripted(lambda number: hostile[number % len(hostile)])
    _, outcome = improved(tmp_path, "seed", model)
    assert outcome.stop_reason == "attempts used up"
    assert len(model.asked) > len(hostile)


def test_the_search_outlives_the_models_budget(tmp_path: Path) -> None:
    model = Scripted(climbing)
    _, outcome = improved(tmp_path, "seed", model, Allowance(tokens=9_000, usd=100.0))
    assert outcome.stop_reason == "attempts used up"
    assert 0 < outcome.spent.tokens <= 9_000


def test_samples_of_a_model_alone(tmp_path: Path) -> None:
    model = Scripted(climbing)
    made, outcome = improved(tmp_path, "best_of_model", model)
    assert outcome.gain > 0
    assert len({prompt.canonical for prompt in model.asked}) == 1
    evaluations = bodies(made, "evaluation")[1:]
    assert {body["operator"] for body in evaluations} == {"model"}
    assert {tuple(body["parents"]) for body in evaluations} == {(TASK.program.id,)}
    assert logged(made)[-1]["model.same"] > 0


def test_without_a_model_that_baseline_does_nothing_and_says_so(tmp_path: Path) -> None:
    outcome = kernel(tmp_path).improve(TASK, find_improver("best_of_model"), Request(seed=1))
    assert outcome.stop_reason.startswith("the improver ended: this baseline needs a model")
    assert outcome.gain is None or outcome.gain == 0


def test_both_read_a_whole_file_in_the_same_way() -> None:
    for name in ("fences.py", "whole.py"):
        first, second = ((IMPROVERS / folder / "model" / name).read_bytes() for folder in ("seed", "best_of_model"))
        assert first == second


def test_the_same_answers_give_the_same_run(tmp_path: Path) -> None:
    runs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made, outcome = improved(tmp_path / name, "seed", Settled())
        runs.append(
            ([body["program"] for body in bodies(made, "evaluation")], logged(made), outcome.incumbent.program.id)
        )
    assert runs[0] == runs[1]
    assert len(runs[0][0]) > 50

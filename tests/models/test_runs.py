"""Models inside runs: what improvers and evaluators get, what is charged, and what a later sitting begins with."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import LINE_TASK, bodies, improver, kernel, logged
from tests.models.setting import MODEL, broker, said

from rung.errors import BadInput
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.kernel.trial import Trial
from rung.models.door import Door, Proposer
from rung.models.errors import Refused, Unavailable
from rung.models.pace import Pace
from rung.models.port import Completion, Prompt
from rung.models.prices import Price, Prices
from rung.records import Case, Program, Task, as_cases

WIDE = Allowance(tokens=1_000_000, usd=100.0)
ASKING = improver("""
from rung_host import Child

def improve(brief, host):
    host.log(models=len(brief.models), name=brief.models[0]["name"] if brief.models else "-")
    for n in range(4):
        prompt = {"messages": [{"role": "user", "content": f"a slope, please ({n})"}], "max_tokens": 50}
        for answer in host.generate([prompt, prompt]):
            host.log(finish=answer.finish, tokens=answer.tokens, usd=answer.usd, error=answer.error)
            if not answer.error:
                source = f"K = {answer.text}\\n\\n\\ndef f(x):\\n    return K * x\\n"
                host.evaluate([Child({"line.py": source}, brief.program["id"], "model")])
    host.evaluate([Child({"line.py": "K = 1.5\\n\\n\\ndef f(x):\\n    return K * x\\n"}, brief.program["id"], "own")])
""")


class Slopes:
    """A model that answers with a slope nearer and nearer to the right one; it can break down at a call."""

    name, endpoint = MODEL, "toy"

    def __init__(self, *, down_at: int | None = None) -> None:
        self.asked: list[Prompt] = []
        self._down_at = down_at

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        assert timeout > 0
        if self._down_at is not None and len(self.asked) >= self._down_at:
            raise Unavailable("it is down")
        self.asked.append(prompt)
        return said(str(3.25 - 1 / (1 + len(self.asked))), prompt_tokens=20, completion_tokens=4)


def door(model: Any, **more: Any) -> Door:
    return Door(
        broker(model, pace=Pace(attempts=2, at_once=1), **more), proposers=(Proposer(MODEL, 2.0),), rollouts=MODEL
    )


def asking(workspace: Path, model: Any, **more: Any) -> Any:
    made = kernel(workspace)
    made._models = door(model, **more)
    return made


def test_an_improver_asks_and_everything_is_charged_and_on_record(tmp_path: Path) -> None:
    model = Slopes()
    made = asking(tmp_path, model)
    outcome = made.improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    assert len(model.asked) == 8
    assert outcome.incumbent.program.files["line.py"].startswith("K = 3.138")
    assert outcome.spent.tokens == 8 * 24
    assert outcome.spent.usd == pytest.approx(8 * (20 * 0.15 + 4 * 0.60) / 1e6, rel=1e-6)
    assert logged(made)[0] == {"models": 1, "name": MODEL}
    assert {(each["finish"], each["tokens"], each["error"]) for each in logged(made)[1:]} == {("stop", 24, "")}
    requests, answers = bodies(made, "model_request"), bodies(made, "model_answer")
    assert [each["request"] for each in requests] == [each["request"] for each in answers]
    assert all(b"a slope, please" in made.ledger.get(each["request"]) for each in requests)
    assert [each["spent"]["tokens"] for each in answers] == [24 * n for n in range(1, 9)]


def test_without_a_model_an_improver_is_told_so(tmp_path: Path) -> None:
    made = kernel(tmp_path)
    outcome = made.improve(LINE_TASK, ASKING, Request(seed=1))
    assert logged(made) == [{"models": 0, "name": "-"}]
    assert "no model was given to this run" in outcome.stop_reason


@pytest.mark.parametrize(
    ("prompts", "said_of_it"),
    [
        ("{}", "broke the protocol"),
        ("[1]", "question 1 must be an object"),
        ("[{'messages': 'hi', 'max_tokens': 5}]", "question 1 needs messages"),
        ("[{'messages': [{'role': 'user'}], 'max_tokens': 5}]", "question 1 needs messages"),
        ("[{'messages': [{'role': 'root', 'content': 'x'}], 'max_tokens': 5}]", "role 'root'"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}]}]", "max_tokens is None"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': True}]", "max_tokens is True"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': 10**9}]", "max_tokens is 1000000000"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': 5, 'model': 'gpt'}]", "no model 'gpt'"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': 5, 'tools': []}]", "must be an object of"),
        ("[{'messages': [{'role': 'user', 'content': 'x' * (5 << 20)}], 'max_tokens': 5}]", "at most 4 MB"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': 5}] * 65", "at most 64 questions"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': 5, 'stop': [3]}]", "stop is a list"),
        ("[{'messages': [{'role': 'user', 'content': 'x'}], 'max_tokens': 5, 'temperature': 9}]", "temperature is 9"),
    ],
)
def test_a_prompt_that_is_none_is_refused_in_words(tmp_path: Path, prompts: str, said_of_it: str) -> None:
    model = Slopes()
    made = asking(tmp_path, model)
    subject = improver(f"def improve(brief, host):\n    host.generate({prompts})\n")
    outcome = made.improve(LINE_TASK, subject, Request(seed=1, allowance=WIDE))
    assert said_of_it in outcome.stop_reason
    assert model.asked == []


def test_tokens_that_are_used_up_stop_the_model_and_not_the_search(tmp_path: Path) -> None:
    model = Slopes()
    made = asking(tmp_path, model)
    outcome = made.improve(LINE_TASK, ASKING, Request(seed=1, allowance=Allowance(tokens=400)))
    finishes = [each["finish"] for each in logged(made)[1:]]
    assert 0 < len(model.asked) < 8
    assert finishes == ["stop"] * len(model.asked) + ["budget"] * (8 - len(model.asked))
    assert outcome.spent.tokens <= 400
    assert outcome.stop_reason == "the improver ended"
    assert bodies(made, "evaluation")[-1]["operator"] == "own"


def test_when_every_model_is_down_the_run_stops_and_the_same_request_goes_on(tmp_path: Path) -> None:
    whole = asking(tmp_path / "whole", Slopes()).improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    broken = Slopes(down_at=4)
    made = asking(tmp_path / "broken", broken)
    with pytest.raises(Unavailable, match="gave no answer in 2 attempts; the last one: it is down"):
        made.improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    assert bodies(made, "run_end") == []
    assert len(bodies(made, "evaluation")) == 1 + 4
    mended = Slopes()
    mended.asked = list(broken.asked)
    again = asking(tmp_path / "broken", mended).improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    assert len(mended.asked) == 8, "what was answered before is not asked again"
    assert again.incumbent == whole.incumbent
    assert again.spent.tokens == whole.spent.tokens


def test_one_model_of_two_that_is_down_is_an_answer_like_any_other(tmp_path: Path) -> None:
    class Other(Slopes):
        name, endpoint = "toy:other", "elsewhere"

        def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
            raise Unavailable(f"down for {timeout:.0f} s") if "down" in str(prompt) else Refused("no such name")

    subject = improver("""
def improve(brief, host):
    ask = lambda text, model: {"messages": [{"role": "user", "content": text}], "max_tokens": 9, "model": model}
    for answer in host.generate([ask("hi", "toy:small"), ask("down", "toy:other"), ask("hi", "toy:other")]):
        host.log(finish=answer.finish, model=answer.model, error=answer.error)
""")
    made = kernel(tmp_path)
    both = broker(Slopes(), Other(), pace=Pace(attempts=2, at_once=1))
    made._models = Door(both, proposers=(Proposer(MODEL), Proposer("toy:other")), rollouts=MODEL)
    made.improve(LINE_TASK, subject, Request(seed=1, allowance=WIDE))
    assert [(each["finish"], each["model"]) for each in logged(made)] == [
        ("stop", MODEL),
        ("unavailable", "toy:other"),
        ("refused", "toy:other"),
    ]


def test_the_models_are_a_part_of_what_a_run_is(tmp_path: Path) -> None:
    plain = kernel(tmp_path).improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    asked = asking(tmp_path, Slopes()).improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    assert plain.run != asked.run


SHOUT = Program(
    {"prompt.md": "Say it.", "ask.py": "def ask(case):\n    return open('prompt.md').read() + ' ' + case\n"},
    "ask.py:ask",
)


def obeys(case: Case, trial: Trial) -> float:
    """Returns how much of what the model answers is in capitals."""
    answer = trial.generate(trial.run(case.input), max_tokens=20)
    return sum(letter.isupper() for letter in answer) / max(1, len(answer))


PROMPT_TASK = Task(
    name="shout",
    goal="A prompt that makes the model shout.",
    program=SHOUT,
    evaluate=obeys,
    train=as_cases("train", ["one", "two"]),
    validation=as_cases("validation", ["three"]),
    held_out=as_cases("held_out", ["four", "five"]),
    editable=("prompt.md",),
    attempts=10,
)


class Parrot(Slopes):
    """A model that repeats the last word, in capitals when it is told to."""

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        assert timeout > 0
        self.asked.append(prompt)
        text = prompt.messages[0].content
        word = text.split()[-1]
        return said(word.upper() if "capitals" in text else word, prompt_tokens=len(text.split()), completion_tokens=1)


PROMPTER = improver("""
from rung_host import Child

def improve(brief, host):
    for text in ("Please.", "In capitals:", "Please.", "IN capitals:"):
        result = host.evaluate([Child({"prompt.md": text}, brief.program["id"], "word")])[0]
        host.log(value=result.value, tokens=result.measures.get("tokens"), status=result.status)
""")


def test_a_prompt_is_a_program_and_its_rollouts_are_paid_once(tmp_path: Path) -> None:
    model = Parrot()
    outcome = asking(tmp_path, model).improve(PROMPT_TASK, PROMPTER, Request(seed=1, allowance=WIDE))
    assert outcome.incumbent.program.files["prompt.md"] == "In capitals:"
    assert outcome.held_out is not None
    assert outcome.held_out.mean == 1.0
    texts = [prompt.messages[0].content for prompt in model.asked]
    assert len(texts) == len(set(texts)), "the second backend, and a program that comes again, ask nothing anew"
    assert len(texts) == 4 * 2 + 2 + 2 * 2  # four prompts on train, two on validation, two on held-out
    assert outcome.spent.tokens == sum(len(text.split()) + 1 for text in texts)


def test_what_the_held_out_cases_cost_is_put_aside(tmp_path: Path) -> None:
    def spent(tokens: int) -> Any:
        made = asking(tmp_path / str(tokens), Parrot())
        return made.improve(PROMPT_TASK, PROMPTER, Request(seed=1, allowance=Allowance(tokens=tokens)))

    whole = spent(10_000)
    tight = spent(340)  # the next reservation of a long prompt no longer fits above what is put aside
    assert tight.spent.tokens < whole.spent.tokens
    assert re.search(r"budget of models used up", tight.stop_reason)
    assert tight.held_out is not None


def test_a_task_that_asks_a_model_says_so_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name one with --task-model or --model"):
        kernel(tmp_path).improve(PROMPT_TASK, PROMPTER, Request(seed=1))


@pytest.mark.parametrize("output", ["5", "[{'role': 'root', 'content': 'x'}]", "{}"])
def test_messages_that_are_none_are_the_program_s_fault(tmp_path: Path, output: str) -> None:
    made = asking(tmp_path, Parrot())
    bad = SHOUT.edit({"ask.py": f"def ask(case):\n    return {output}\n"})
    evaluation = made.evaluate(PROMPT_TASK, bad, split="train", allowance=WIDE).evaluation
    assert evaluation.status == "invalid"
    assert "the model cannot be asked this" in evaluation.feedback[0]


@pytest.mark.parametrize(
    ("allowance", "sentence"),
    [(Allowance(), "costs money: cap the tokens or the US dollars"), (Allowance(cpu_seconds=5.0), "costs money")],
)
def test_spending_without_an_end_is_refused(allowance: Allowance, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        door(Slopes()).refuse_uncapped(allowance)


def test_a_model_that_costs_nothing_needs_another_end() -> None:
    free = door(Slopes(), prices=Prices("today", {MODEL: Price(Decimal(0), Decimal(0))}))
    for allowance in (Allowance(), Allowance(usd=5.0), Allowance(cpu_seconds=5.0)):
        with pytest.raises(BadInput, match="costs no money, so nothing would end its spending"):
            free.refuse_uncapped(allowance)
    for allowance in (Allowance(tokens=5), Allowance(seconds=5.0)):
        free.refuse_uncapped(allowance)

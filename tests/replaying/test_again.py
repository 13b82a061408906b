"""Runs of every kind, recorded here and executed again: interruptions, outages, runs inside runs, budgets, alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import CLIMB, LINE_TASK, bodies, improver, kernel, line, proposing
from tests.models.setting import MODEL, broker
from tests.models.test_runs import ASKING, PROMPT_TASK, PROMPTER, WIDE, Parrot, Slopes, asking
from tests.replaying.again import again
from tests.test_recursion import IMPROVER
from tests.test_recursion import line as slope_task

from rung.errors import IntegrityAlarm
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.kernel.kernel import Kernel
from rung.models.door import Door, Proposer
from rung.models.errors import Unavailable
from rung.models.pace import Pace
from rung.models.port import Completion, Prompt
from rung.records import Program, Task
from rung.recursion import improver_task

SEED = Request(seed=5)


class Died(BaseException):
    """The engine ended, as by kill -9: nothing that it would have done afterwards is done."""


class Dying(Slopes):
    """A model in a call of which the engine ends."""

    def __init__(self, *, dies_at: int) -> None:
        super().__init__()
        self._dies_at = dies_at

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        if len(self.asked) == self._dies_at:
            raise Died
        return super().complete(prompt, timeout=timeout)


def one_by_one(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return [function(item) for item in items]


def asked_one_by_one(workspace: Path, model: Any) -> Kernel:
    made = kernel(workspace)
    made._models = Door(broker(model), proposers=(Proposer(MODEL, 2.0),), rollouts=MODEL, together=one_by_one)
    return made


def run_of(made: Kernel) -> str:
    return next(event.run for event in made.ledger.read(types=("run_start",)))


@pytest.mark.parametrize("dies_at", [0, 3, 4])
def test_a_run_that_was_killed_in_a_call_is_interrupted_there_again(tmp_path: Path, dies_at: int) -> None:
    request = Request(seed=1, allowance=WIDE)
    with pytest.raises(Died):
        asked_one_by_one(tmp_path, Dying(dies_at=dies_at)).improve(LINE_TASK, ASKING, request)
    made = asked_one_by_one(tmp_path, Slopes())
    outcome = made.improve(LINE_TASK, ASKING, request)
    assert "lost" in {body["status"] for body in bodies(made, "model_answer")}
    done = again(tmp_path, outcome.run, LINE_TASK)
    assert (done.difference, done.same, done.head) == (None, True, made.ledger.head())


def test_a_run_that_was_killed_in_a_call_and_never_taken_up_is_replayed_up_to_there(tmp_path: Path) -> None:
    made = asked_one_by_one(tmp_path, Dying(dies_at=3))
    with pytest.raises(Died):
        made.improve(LINE_TASK, ASKING, Request(seed=1, allowance=WIDE))
    done = again(tmp_path, run_of(made), LINE_TASK)
    assert (done.difference, done.same, done.record.end) == (None, True, False)


def test_a_run_in_which_no_model_answered_for_a_while_is_replayed_with_the_outage(tmp_path: Path) -> None:
    request = Request(seed=1, allowance=WIDE)
    for times in (2, 4):
        down = Slopes(down_at=times)
        with pytest.raises(Unavailable):
            asked_one_by_one(tmp_path, down).improve(LINE_TASK, ASKING, request)
    made = asked_one_by_one(tmp_path, Slopes())
    outcome = made.improve(LINE_TASK, ASKING, request)
    assert len(bodies(made, "model_outage")) == 2
    done = again(tmp_path, outcome.run, LINE_TASK)
    assert (done.difference, done.same) == (None, True)


@pytest.mark.parametrize("tokens", [10_000, 400])
def test_the_tokens_end_where_they_ended(tmp_path: Path, tokens: int) -> None:
    request = Request(seed=1, allowance=Allowance(tokens=tokens))
    outcome = asking(tmp_path / "asked", Slopes()).improve(LINE_TASK, ASKING, request)
    assert again(tmp_path / "asked", outcome.run, LINE_TASK).same
    outcome = asking(tmp_path / "rolled", Parrot()).improve(PROMPT_TASK, PROMPTER, request)
    assert again(tmp_path / "rolled", outcome.run, PROMPT_TASK).same


def test_calls_side_by_side_that_ended_in_any_order(tmp_path: Path) -> None:
    subject = improver("""
from rung_host import Child

def improve(brief, host):
    for turn in range(3):
        prompts = [{"messages": [{"role": "user", "content": f"{turn} {n}"}], "max_tokens": 50} for n in range(16)]
        told = host.generate(prompts)
        host.log(texts=[answer.text for answer in told], finishes=[answer.finish for answer in told])
""")
    made = kernel(tmp_path)
    made._models = Door(broker(Slopes(), pace=Pace(at_once=16)), proposers=(Proposer(MODEL),), rollouts=MODEL)
    outcome = made.improve(LINE_TASK, subject, Request(seed=1, allowance=Allowance(tokens=900)))
    logs = bodies(made, "log")
    assert "budget" in {finish for body in logs for finish in body["measures"]["finishes"]}
    assert again(tmp_path, outcome.run, LINE_TASK).same


def test_runs_inside_the_run_come_again(tmp_path: Path) -> None:
    task = improver_task(IMPROVER, slope_task, train=1, validation=1, attempts=1)
    made = kernel(tmp_path)
    outcome = made.improve(task, IMPROVER, Request(seed=3))
    done = again(tmp_path, outcome.run, task)
    assert done.same
    assert done.events == made.ledger.head()[0]
    assert len(done.record.family) > 4


@pytest.mark.parametrize("allowance", [Allowance(cpu_seconds=0.4), Allowance(seconds=0.8)])
def test_seconds_are_used_up_where_they_were(tmp_path: Path, allowance: Allowance) -> None:
    """However fast or slow the machine is now."""
    made = kernel(tmp_path)
    outcome = made.improve(LINE_TASK, improver(CLIMB), Request(seed=5, attempts=100_000, allowance=allowance))
    assert "seconds used up" in outcome.stop_reason
    assert again(tmp_path, outcome.run, LINE_TASK).same


def test_an_improver_that_thinks_until_its_seconds_are_used_up_does_so_again(tmp_path: Path) -> None:
    subject = improver("def improve(brief, host):\n    host.log(thinks=True)\n    while True:\n        pass\n")
    outcome = kernel(tmp_path).improve(LINE_TASK, subject, replace(SEED, allowance=Allowance(cpu_seconds=0.5)))
    assert "CPU seconds used up" in outcome.stop_reason
    assert again(tmp_path, outcome.run, LINE_TASK).same


def test_several_workers_may_have_finished_in_any_order(tmp_path: Path) -> None:
    made = kernel(tmp_path, workers=3)
    outcome = made.improve(LINE_TASK, improver(CLIMB), Request(seed=5, attempts=60))
    assert again(tmp_path, outcome.run, LINE_TASK).same


def test_an_improver_that_fails_does_so_again(tmp_path: Path) -> None:
    subject = improver("def improve(brief, host):\n    host.log(n=1)\n    raise OSError('no idea left')\n")
    outcome = kernel(tmp_path).improve(LINE_TASK, subject, SEED)
    assert outcome.stop_reason.startswith("the improver failed")
    assert again(tmp_path, outcome.run, LINE_TASK).same


def test_an_alarm_is_raised_again(tmp_path: Path) -> None:
    def evaluate(case: Any, trial: Any) -> float:
        return float(trial.run(case.input))

    task = replace(LINE_TASK, name="too-good", evaluate=evaluate, bound=10.0)
    made = kernel(tmp_path)
    for _ in range(2):
        with pytest.raises(IntegrityAlarm):
            made.improve(task, proposing(line(2.0), line(50.0)), SEED)
    assert len(bodies(made, "alarm")) == 2
    done = again(tmp_path, run_of(made), task)
    assert (done.difference, done.same, done.record.end) == (None, True, False)


def test_an_improver_that_looks_at_the_clock_is_found_out(tmp_path: Path) -> None:
    subject = improver("import time\n\ndef improve(brief, host):\n    host.log(now=time.time())\n")
    outcome = kernel(tmp_path).improve(LINE_TASK, subject, SEED)
    done = again(tmp_path, outcome.run, LINE_TASK)
    assert done.difference is not None
    assert (done.difference.type, done.difference.field) == ("log", "measures.now")
    assert not done.same


def test_where_a_program_differs_is_shown(tmp_path: Path) -> None:
    subject = improver("""
import time
from rung_host import Child

def improve(brief, host):
    text = brief.program["files"]["line.py"] + "#" * 200 + f"\\nK = {time.time_ns() % 1000 + 1}.5\\n"
    host.evaluate([Child({"line.py": text}, brief.program["id"], "clock")])
""")
    outcome = kernel(tmp_path).improve(LINE_TASK, subject, SEED)
    found = again(tmp_path, outcome.run, LINE_TASK).difference
    assert found is not None
    assert (found.type, found.field) == ("evaluation", "program.files.line.py")
    assert "K = " in found.recorded
    assert found.recorded != found.now


def test_an_evaluator_that_throws_dice_of_its_own_is_found_out(tmp_path: Path) -> None:
    import random

    dice = random.Random(7)

    def evaluate(_: Any, trial: Any) -> float:
        return float(trial.run(1)) + dice.random()

    task: Task = replace(LINE_TASK, name="dice", evaluate=evaluate, bound=None, exact=False)
    outcome = kernel(tmp_path).improve(task, proposing(line(2.0)), SEED)
    found = again(tmp_path, outcome.run, task).difference
    assert found is not None
    assert found.field == "evaluation.scores[0]"


def test_a_program_that_is_kept_is_one_of_bytes(tmp_path: Path) -> None:
    task = replace(LINE_TASK, program=Program({"line.py": line(1.0), "data.bin": b"\xff\x00"}, "line.py:f"))
    outcome = kernel(tmp_path).improve(task, proposing(line(2.0)), SEED)
    assert again(tmp_path, outcome.run, task).same

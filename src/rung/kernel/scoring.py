"""Turns a program and cases into an Evaluation: the evaluator runs here, the program in the sandbox."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.errors import EvaluatorFailed, IntegrityAlarm, ProgramFailed, Status
from rung.kernel.draw import derive
from rung.kernel.trial import Subject, Trial
from rung.kernel.wall import Raised, attempt
from rung.records import Case, Cost, Evaluation, Program, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from rung.kernel.models import Generator
    from rung.kernel.sandbox.port import Sandbox
    from rung.records import Outcome
    from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Scored:
    """An evaluation with what the program returned: per case, what each call of the evaluator got."""

    evaluation: Evaluation
    outputs: tuple[tuple[JSON, ...], ...]
    denied: str | None


def score(
    task: Task,
    program: Program,
    cases: tuple[Case, ...],
    *,
    sandbox: Sandbox,
    seed: int,
    improve: Callable[[Task, Program, int], Outcome] | None = None,
    models: Generator | None = None,
) -> Scored:
    """Returns how the program did on the cases; the first case it fails ends the evaluation.

    improve: how a trial improves another task with the program, when the program is an improver. models: whom a trial
    may ask. seed: the run's; the evaluator's own randomness on a case follows from it, the same for every program.

    Raises:
      EvaluatorFailed: the evaluator raised or returned no finite number for the task's own program; for another
        program that is an answer nobody can score, and INVALID.
      IntegrityAlarm: a score beyond the task's proven bound.
      SandboxBroken: the sandbox failed.
    """
    began, began_cpu = time.monotonic(), time.thread_time()
    subject = Subject(program, task.limits, sandbox)
    scores: list[float] = []
    outputs: list[tuple[JSON, ...]] = []
    feedback: list[str] = []
    measures: dict[str, float] = {}
    status = Status.OK
    try:
        for case in cases:
            chance = derive(seed, "trial", task.name, case.id)
            trial = Trial(subject, task.program, seed=chance, improve=improve, models=models)
            scores.append(_score_case(task, case, trial))
            outputs.append(tuple(subject.outputs))
            subject.outputs.clear()
            feedback.extend(trial.notes)
            measures.update(trial.measures)
    except ProgramFailed as failure:
        status = failure.status
        feedback.append(f"case {cases[len(scores)].id}: {failure}")
    except EvaluatorFailed as failure:
        if program.id == task.program.id:
            raise
        # It digested what the task's own program returned, and could not digest this: the answer is no valid one.
        status = Status.INVALID
        feedback.append(f"what this program returned could not be scored: {failure}")
    finally:
        subject.close()
    if subject.rolled.tokens:
        measures |= {"tokens": float(subject.rolled.tokens), "usd": subject.rolled.usd}
    cost = subject.cost + Cost(1, time.thread_time() - began_cpu, time.monotonic() - began)
    value = math.fsum(scores) / len(scores) if status is Status.OK else None
    evaluation = Evaluation(status, tuple(scores), value, measures, tuple(feedback[:20]), cost, sandbox.name)
    return Scored(evaluation, tuple(outputs), subject.denied)


def _score_case(task: Task, case: Case, trial: Trial) -> float:
    file = getattr(getattr(task.evaluate, "__code__", None), "co_filename", "")
    result = attempt(lambda: task.evaluate(case, trial), file=file)
    where = f"the evaluator of task {task.name!r} ({file}), case {case.id}"
    if isinstance(result, Raised):
        raise EvaluatorFailed(f"{where}, raised {result}; mend the evaluator")
    value: object = result.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluatorFailed(f"{where}, returned {type(value).__name__} where a number was expected; return a float")
    number = float(value)
    if not math.isfinite(number):
        raise EvaluatorFailed(f"{where}, returned {number}; scores are finite, raise rung.Invalid for bad answers")
    if task.bound is not None and number > task.bound:
        raise IntegrityAlarm(f"{where}: a score of {number!r} is beyond the proven bound {task.bound!r}")
    return number

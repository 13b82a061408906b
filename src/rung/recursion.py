"""The whole of the recursion: an improver as a task, and climbing with the same two verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rung.kernel.gate import Pair, Rules, Verdict, decide
from rung.kernel.identity import Request
from rung.records import Fresh, Limits, Task, as_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rung.kernel.kernel import Kernel
    from rung.kernel.trial import Trial
    from rung.records import Case, Outcome, Program
    from rung.wire import JSON


def improver_task(
    improver: Program,
    draw: Callable[[Any], Task],
    *,
    train: int,
    validation: int,
    attempts: int,
    epoch: int = 0,
    limits: Limits = Limits(cpu_seconds=60.0, wall_seconds=600.0),
    name: str = "improver",
    extra: Mapping[str, JSON] | None = None,
) -> Task:
    """Returns the task of making an improver better.

    draw: a seed -> the task that the improver is tried on; a task of improvers makes a level more. train, validation:
    how many tasks. epoch: tasks of another are others. limits: of one run on one task. extra: what else it is told.
    """

    def evaluate(case: Case, trial: Trial) -> float:
        outcome = trial.improve(task := draw(case.input))
        trial.note(task.program.diff(outcome.incumbent.program))
        return headway(task, outcome)

    first = 10**6 * epoch
    return Task(
        name=name,
        goal="Make this improver better at making programs better.",
        program=improver,
        evaluate=evaluate,
        train=as_cases(f"train-{epoch}", list(range(first, first + train))),
        validation=as_cases(f"validation-{epoch}", list(range(first + 500_000, first + 500_000 + validation))),
        held_out=Fresh(1),
        limits=limits,
        attempts=attempts,
        bound=1.0,
        extra=extra or {},
    )


def headway(task: Task, outcome: Outcome) -> float:
    """Returns the held-out gain as a share of what there was to gain, in [0, 1]; without a bound, gain / (1 + gain)."""
    gain = max(0.0, outcome.gain or 0.0)
    room = 0.0 if task.bound is None else task.bound - outcome.start.value
    return min(1.0, gain / room) if room else gain / (1.0 + gain)


@dataclass(frozen=True, slots=True)
class Generation:
    """One step: the run that proposed, what the gate said, and who is in force afterwards."""

    number: int
    run: str
    verdict: Verdict | None
    improver: Program


def ascend(
    improver: Program,
    draw: Callable[[Any], Task],
    *,
    kernel: Kernel,
    rules: Rules,
    generations: int,
    seed: int,
    tasks: int = 8,
) -> Iterator[Generation]:
    """Yields generations: the improver in force improves itself on `tasks` tasks, and on as many that only select."""
    tests = admitted = 0
    for number in range(1, generations + 1):
        task = improver_task(improver, draw, train=tasks, validation=tasks, attempts=4, epoch=number)
        outcome = kernel.improve(task, improver, Request(seed))
        successor, verdict = outcome.incumbent.program, None
        if successor.id != improver.id:
            tests += 1
            pairs = (Pair(new, old) for old, new in kernel.pairs(task, outcome, count=rules.most))
            verdict = decide(pairs, rules=rules, test=tests, admitted=admitted)
            admitted += verdict.admitted
            improver = successor if verdict.admitted else improver
        yield Generation(number, outcome.run, verdict, improver)

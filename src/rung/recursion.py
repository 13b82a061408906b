"""The whole of the recursion: an improver as a task, and climbing with the same two verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rung.kernel.gate import Pair, Rules, Verdict, decide
from rung.kernel.kernel import Request
from rung.records import Fresh, Limits, Task, as_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.kernel.kernel import Kernel
    from rung.kernel.trial import Trial
    from rung.records import Case, Outcome, Program

GOAL = "Make this improver better at making programs better."
INNER_RUN = Limits(cpu_seconds=60.0, wall_seconds=600.0)


def improver_task(
    improver: Program,
    draw: Callable[[int], Task],
    *,
    train: int,
    validation: int,
    attempts: int,
    epoch: int = 0,
    held_out: int = 1,
    limits: Limits = INNER_RUN,
    name: str = "improver",
) -> Task:
    """Returns the task of making an improver better.

    draw: a seed -> the task that the improver is tried on; a task of improvers makes a level more. train, validation,
    held_out: how many tasks of each split. epoch: tasks of another epoch are others. limits: of one run on one task.
    """

    def evaluate(case: Case, trial: Trial) -> float:
        seed: Any = case.input
        task = draw(seed)
        outcome = trial.improve(task)
        trial.note(task.program.diff(outcome.incumbent.program))
        return headway(task, outcome)

    first = 1_000_000 * epoch
    return Task(
        name=name,
        goal=GOAL,
        program=improver,
        evaluate=evaluate,
        train=as_cases(f"train-{epoch}", list(range(first, first + train))),
        validation=as_cases(f"validation-{epoch}", list(range(first + 500_000, first + 500_000 + validation))),
        held_out=Fresh(held_out),
        limits=limits,
        attempts=attempts,
        bound=1.0,
    )


def headway(task: Task, outcome: Outcome) -> float:
    """Returns the held-out gain as a share of what there was to gain, in [0, 1]; without a bound, gain / (1 + gain)."""
    gain = max(0.0, outcome.gain or 0.0)
    room = None if task.bound is None else task.bound - outcome.start.value
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
    draw: Callable[[int], Task],
    *,
    kernel: Kernel,
    rules: Rules,
    generations: int,
    seed: int,
    train: int = 8,
    validation: int = 8,
    attempts: int = 4,
) -> Iterator[Generation]:
    """Yields one generation after the other: the improver in force improves itself, and the gate decides."""
    tests = admitted = 0
    for number in range(1, generations + 1):
        task = improver_task(improver, draw, train=train, validation=validation, attempts=attempts, epoch=number)
        outcome = kernel.improve(task, improver, Request(seed=seed, attempts=attempts))
        successor, verdict = outcome.incumbent.program, None
        if successor.id != improver.id:
            tests += 1
            pairs = (Pair(new, old) for old, new in kernel.pairs(task, outcome, count=rules.most))
            verdict = decide(pairs, rules=rules, test=tests, admitted=admitted)
            admitted += verdict.admitted
            improver = successor if verdict.admitted else improver
        yield Generation(number, outcome.run, verdict, improver)

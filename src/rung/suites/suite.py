"""What a suite is to the arms that climb on it: a world of puzzles for each seed, and the plan of a comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rung.kernel.gate import Rules
from rung.records import Task, as_cases

if TYPE_CHECKING:
    import random

    from rung.records import Evaluator, Limits, Program
    from rung.wire import JSON

EASY = 20.0


@dataclass(frozen=True, slots=True)
class Block:
    """Some puzzles as one task.

    task: its train, validation and held-out cases are the same puzzles in the same order, judged on other hidden
    examples; a score is 0 for an unsolved puzzle, else `effort`. puzzles: their names, in that order.
    work: what an improver may spend on each, in the suite's unit; the brief says so as extra["work"].
    following: where the stream goes on. reference: how the very same block is made again from a ledger.
    """

    task: Task
    puzzles: tuple[str, ...]
    work: int
    following: int = 0
    reference: str = ""


class World(Protocol):
    """What all arms of one seed meet, in the same order."""

    @property
    def grades(self) -> Mapping[str, int]:
        """Name of a puzzle -> its depth, where it is known."""

    @property
    def stream(self) -> tuple[str, ...]:
        """Names of all puzzles of a finite stream, empty where it never ends."""

    def block(self, at: int, size: int, *, salt: int, solved: frozenset[str]) -> Block | None:
        """Returns the next puzzles of the stream from position `at` on, None when it has ended.

        salt: decides what is drawn for it; derived after whatever is judged on it was committed.
        solved: names that need no further attempt; a stream that never repeats has no use for them.
        """

    def screen(self, size: int, *, salt: int) -> Block:
        """Returns puzzles to try proposals on before the gate; like the stream's, but not its next ones."""

    def held_out(self, work: int | None = None) -> Block:
        """Returns the sealed puzzles of this world; work: other than the common budget per puzzle."""

    def out_of_domain(self, work: int | None = None) -> Block:
        """Returns sealed puzzles of another world."""

    def solutions(self, answered: Program, solved: Sequence[str]) -> list[str]:
        """Returns the source text of the solution of each of these puzzles, out of a block's answered program."""

    def scramble(self, solutions: Sequence[str], rng: random.Random) -> list[str]:
        """Returns as many texts of about the same size that are no evidence of anything."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides what a comparison costs and means; registered before the first evaluation.

    work: what one arm may spend in all, in the suite's unit, gate and screen included.
    practice, practice_work: at least so many puzzles and so much work between two proposals.
    probe: puzzles that the gate asks for at once. rules: of the gate. margins: by how much the share of solved puzzles
    ("solved") may fall for other gains, none where it is not named.
    recheck: fresh puzzles on which an adopted gain is estimated again.
    patience: stop after this part of the work without an adoption, or a refusal that one test at alpha would have
    admitted, and let the rest act on the held-out puzzles.
    screen: whether an improver may hold back proposals that it does not believe in; after `insist` generations without
    one it may not.
    memory: solutions that a learner is shown, at most.
    watch, canary: generations under watch, beside the predecessor on so many puzzles each.
    cpu_seconds_per_work: more CPU than this is unmetered work. primary: "held_out", "moved" or "stream".
    generations: at most so many. stationary: the stream does not get harder, so that what a change earned can be
    compared with what was earned before it.
    """

    work: float
    practice: int
    probe: int
    rules: Rules
    recheck: int = 0
    patience: float = 1.0
    practice_work: float = 0.0
    screen: bool = True
    insist: int = 1000
    memory: int = 400
    watch: int = 2
    canary: int = 8
    cpu_seconds_per_work: float = 1e-4
    primary: str = "held_out"
    generations: int = 1000
    stationary: bool = True
    margins: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suite:
    """A name, the folder name of the improver that starts, the unit of work, worlds by name, and the plan.

    worlds: variant ("" is the usual one) -> seed -> world.
    """

    name: str
    goal: str
    improver: str
    unit: str
    worlds: Mapping[str, Callable[[int], World]]
    plan: Plan


def puzzle_task(
    name: str,
    *,
    goal: str,
    program: Program,
    evaluate: Evaluator,
    shown: Sequence[JSON],
    hidden: Sequence[JSON],
    limits: Limits,
    work: int,
    editable: tuple[str, ...] | None = None,
) -> Task:
    """Returns the task of a block: train and validation are the puzzles as shown, held-out cases are judged on more.

    shown, hidden: [puzzles] inputs of the evaluator, in the same order. work: allowed for each.
    """
    return Task(
        name=name,
        goal=goal,
        program=program,
        evaluate=evaluate,
        train=as_cases("train", shown),
        validation=as_cases("validation", shown),
        held_out=as_cases("held_out", hidden),
        limits=limits,
        attempts=1,
        bound=1.0,
        editable=editable,
        extra={"work": work},
    )


def effort(work: float, most: float) -> float:
    """Returns the score of a solved puzzle in [0.5, 1]: half for solving it, half for the log of the work it took.

    work: declared by the improver and bounded by its CPU time. most: what it was allowed.
    """
    if most <= EASY:
        return 1.0
    return 1.0 - 0.5 * min(1.0, math.log(max(work, EASY) / EASY) / math.log(most / EASY))

"""Many functions of the suite as one task: one program answers for all of them, and says what each one cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rung.errors import ProgramFailed
from rung.records import Case, Limits, Program
from rung.suites.induction.catalogue import FUNCTIONS
from rung.suites.induction.tasks import HELD_OUT, VISIBLE, VISIBLE_OTHERS, equal, examples
from rung.suites.suite import Block, effort, puzzle_task

if TYPE_CHECKING:
    from rung.kernel.trial import Trial

GOAL = (
    "Write a function solve_NAME(args) for as many puzzles as possible, so that it gives the expected result of every "
    "example, and of examples not shown; say in SOLVED which they are, and the work that each took."
)
FILE, ENTRY = "functions.py", "functions.py:answer"
SEED_PROGRAM = '''"""Functions that were found from examples, and the work that finding each of them took."""

SOLVED = {}


def answer(question):
    if question["puzzle"] not in SOLVED:
        return None
    solve, work = SOLVED[question["puzzle"]]
    return work if question.get("ask") == "work" else solve(question["args"])
'''
LIMITS = Limits(cpu_seconds=2.0, wall_seconds=5.0, memory_mb=128, output_bytes=1 << 16, disk_mb=1)


def make_block(names: Sequence[str], *, title: str, seed: int, work: int, following: int = 0) -> Block:
    """Returns functions of the suite as one task.

    title: of the task; whatever the evaluator draws depends on it. seed: what decides on the visible examples, which
    are the same whenever a function is met. work: applications that each function may take.
    """
    statements = [statement(name, seed) for name in names]
    fresh = [{**each, "fresh": HELD_OUT} for each in statements]

    def evaluate(case: Case, trial: Trial) -> float:
        return judge(case.input, trial, work)

    task = puzzle_task(
        f"induction/{title}",
        goal=GOAL,
        program=Program({FILE: SEED_PROGRAM}, ENTRY),
        evaluate=evaluate,
        shown=statements,
        hidden=fresh,
        limits=LIMITS,
        work=work,
    )
    return Block(task=task, puzzles=tuple(names), work=work, following=following)


def statement(name: str, seed: int) -> dict[str, Any]:
    """Returns what is said about a function: its types, its constants, and visible examples."""
    entry = FUNCTIONS[name]
    rng = random.Random(f"train {name} {seed}")  # noqa: S311 - seeded, no secrets
    return {
        "puzzle": name,
        "arguments": list(entry.arguments),
        "result": entry.result,
        "constants": list(entry.constants),
        "examples": examples(entry, rng, VISIBLE.get(entry.result, VISIBLE_OTHERS)),
    }


def judge(puzzle: Any, trial: Trial, most: int) -> float:  # noqa: ANN401 - a statement that went through JSON
    """Returns the score of one function: 0 unless it is right on every example, else what its declared work leaves.

    A function that raises or never ends is unsolved; the others are asked in a fresh process.
    """
    name = puzzle["puzzle"]
    try:
        shown = puzzle["examples"]
        work, *values = trial.run_many([{"puzzle": name, "ask": "work"}, *map(_question(name), shown)])
        if type(work) is not int or not 1 <= work <= most or not _right(values, shown):
            return 0.0
        if "fresh" in puzzle:
            hidden = examples(FUNCTIONS[name], trial.rng, puzzle["fresh"])
            if not _right(trial.run_many(list(map(_question(name), hidden))), hidden):
                return 0.0
    except ProgramFailed:
        return 0.0
    return effort(work, most)


def _question(name: str) -> Any:  # noqa: ANN401 - a small function of JSON
    return lambda row: {"puzzle": name, "args": row["args"]}


def _right(values: Sequence[Any], rows: Sequence[dict[str, Any]]) -> bool:
    return all(equal(value, row["expected"]) for value, row in zip(values, rows, strict=True))

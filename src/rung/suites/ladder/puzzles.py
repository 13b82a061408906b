"""A row of puzzles as one task: examples that are shown, and examples that are not to judge by."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rung.records import Case, Limits, Program
from rung.suites.ladder.programs import LETTERS, MODULUS, apply
from rung.suites.suite import Block, effort, puzzle_task

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from rung.kernel.trial import Trial
    from rung.wire import JSON

GOAL = (
    f"For each puzzle, find the operations that make its outputs of its inputs, modulo {MODULUS}: i v+1, d 2v, s v*v, "
    "n -v, t 3v+1, x v xor 5. Answer {program: their letters, the first applied first, work: nodes spent on it}."
)
EXAMPLES, HIDDEN, SMALLEST, LARGEST = 3, 8, 2, 500
WORK = 1500
LONGEST = 64
ANSWERS = "answers.json"
SOURCE = f'''import json

ANSWERS = json.loads(__loader__.get_data("{ANSWERS}"))


def answer(question):
    """Returns {{"program", "work"}} for a puzzle, None when it is not solved."""
    return ANSWERS.get(question["puzzle"])
'''
PROGRAM = Program({"answers.py": SOURCE, ANSWERS: "{}\n"}, "answers.py:answer")
LIMITS = Limits(cpu_seconds=2.0, wall_seconds=20.0, memory_mb=64, output_bytes=1 << 14, disk_mb=1)


def block(name: str, programs: Mapping[str, str], rng: random.Random, *, work: int, following: int = 0) -> Block:
    """Returns the puzzles as a block; programs: puzzle -> the true program. rng: draws the examples."""
    shown, hidden = (
        [question(puzzle, program, rng, count=count, work=work) for puzzle, program in programs.items()]
        for count in (EXAMPLES, HIDDEN)
    )
    task = puzzle_task(
        name,
        goal=GOAL,
        program=PROGRAM,
        evaluate=evaluate,
        shown=shown,
        hidden=hidden,
        limits=LIMITS,
        work=work,
        editable=(ANSWERS,),
    )
    return Block(task, tuple(programs), work, following)


def question(puzzle: str, program: str, rng: random.Random, *, count: int, work: int) -> JSON:
    """Returns a case's input: the puzzle's name, examples of its true program, and the nodes that may be spent."""
    inputs = [rng.randrange(SMALLEST, LARGEST) for _ in range(count)]
    return {"puzzle": puzzle, "examples": [[value, apply(program, value)] for value in inputs], "work": work}


def evaluate(case: Case, trial: Trial) -> float:
    """Returns `effort` when the answered program makes the case's outputs of its inputs, else 0."""
    asked: Any = case.input
    answer = understood(trial.run({"puzzle": asked["puzzle"]}), most=asked["work"])
    if answer is None:
        return 0.0
    program, work = answer
    right = all(apply(program, value) == expected for value, expected in asked["examples"])
    return effort(work, asked["work"]) if right else 0.0


def understood(answer: JSON, *, most: int) -> tuple[str, int] | None:
    """Returns (program, work) of an answer, None when it has not exactly the agreed form."""
    if type(answer) is not dict or answer.keys() != {"program", "work"}:
        return None
    program, work = answer["program"], answer["work"]
    if type(program) is not str or not 1 <= len(program) <= LONGEST or not set(program) <= set(LETTERS):
        return None
    if type(work) is not int or not 1 <= work <= most:
        return None
    return program, work


def answers_of(program: Program) -> dict[str, str]:
    """Returns the program text for each puzzle that a block's program answers in the agreed form."""
    try:
        answers: Any = json.loads(program.files[ANSWERS])
    except (KeyError, ValueError, RecursionError):
        return {}
    if type(answers) is not dict:
        return {}
    found = {puzzle: understood(answer, most=1 << 62) for puzzle, answer in answers.items()}
    return {puzzle: answer[0] for puzzle, answer in found.items() if answer is not None}

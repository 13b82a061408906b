"""A trial without a sandbox for evaluators of constructions: it returns the answer it was given."""

from __future__ import annotations

import random
import sys
from types import ModuleType
from typing import Any, cast

from rung.records import Case, Task


class Answer:
    """A trial of a program that always returns the same."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.rng = answer, random.Random(0)

    def run(self, document: Any) -> Any:
        del document
        return self.answer


def case_of(task: Task) -> Case:
    """Returns the task's one train case."""
    return cast("tuple[Case, ...]", task.train)[0]


def score(task: Task, answer: Any) -> float:
    """Returns what the evaluator makes of an answer."""
    return task.evaluate(case_of(task), cast("Any", Answer(answer)))


def seed_answer(task: Task) -> Any:
    """Returns what the seed program answers."""
    file, _, function = task.program.entry.partition(":")
    module = ModuleType("seed_program")
    exec(str(task.program.files[file]), module.__dict__)
    return vars(module)[function](case_of(task).input)


def public(task: Task, **changes: int) -> Any:
    """Returns the public problem of the task, its input changed."""
    module = sys.modules["public_of_a_task"] = ModuleType("public_of_a_task")
    exec(str(task.public), module.__dict__)
    return module.problem({**cast("dict[str, Any]", case_of(task).input), **changes})

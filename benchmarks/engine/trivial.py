"""The trivial task that every row of the engine's table is measured on, so that what is seen is the engine."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import rung
from rung.kernel.kernel import Kernel, Settings
from rung.kernel.ledger.sqlite import open_ledger
from rung.records import Case, Program, Task, as_cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rung.kernel.ledger.port import Event
    from rung.kernel.trial import Trial

SOURCE = "def f(x):\n    return 2 * x\n"
BATCH = 50

# Every child is another text and the same function: none can win, so that only the ordinary path is measured.
_IMPROVER = """
from rung_host import Child


def improve(brief, host):
    number = 0
    while True:
        children = []
        for _ in range({batch}):
            number += 1
            text = brief.program["files"]["double.py"] + f"# {{number}}\\n"
            children.append(Child({{"double.py": text}}, brief.program["id"]))
        host.evaluate(children)
"""


def evaluate(case: Case, trial: Trial) -> float:
    """Returns minus the distance to twice the input."""
    answer = trial.run(case.input)
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not isinstance(case.input, int):
        raise rung.Invalid("no number")
    return -abs(answer - 2.0 * case.input)


def trivial_task(*, attempts: int) -> Task:
    """Returns the task: one case, one short program."""
    return Task(
        name="trivial",
        goal="Double a number.",
        program=child(0),
        evaluate=evaluate,
        train=as_cases("train", [1]),
        validation=as_cases("validation", [1]),
        held_out=as_cases("held_out", [3]),
        attempts=attempts,
    )


def child(number: int) -> Program:
    """Returns a program that differs from every other by its number alone."""
    comment = f"# {number}\n" if number else ""
    return Program({"double.py": SOURCE + comment}, "double.py:f")


def proposer(*, batch: int) -> Program:
    """Returns an improver that proposes children, `batch` at a time, until it is stopped."""
    return Program({"improver.py": _IMPROVER.format(batch=batch)}, "improver.py:improve")


def kernel(workspace: Path, *, workers: int, observe: Callable[[Event], None] = lambda _: None) -> Kernel:
    """Returns a kernel on a new workspace."""
    sdk = resources.files("rung").joinpath("sdk", "host.py").read_text(encoding="utf-8")
    return Kernel(open_ledger(workspace), sdk=sdk, settings=Settings(workers=workers), observe=observe)

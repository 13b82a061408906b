"""rung: an engine for recursive self-improvement whose judge ships with it; `__version__` says which."""

from __future__ import annotations

import typing

from rung.authoring import fresh, task
from rung.errors import (
    BadInput,
    BudgetExhausted,
    EvaluatorFailed,
    IntegrityAlarm,
    Invalid,
    LedgerError,
    NoSandbox,
    ProgramFailed,
    RungError,
    Status,
)
from rung.records import Candidate, Case, Cost, Evaluation, Fresh, Interval, Limits, Outcome, Program, Task
from rung.version import VERSION as __version__  # noqa: N811 - the name every package has

if typing.TYPE_CHECKING:
    from rung.api import improve

__all__ = [
    "BadInput",
    "BudgetExhausted",
    "Candidate",
    "Case",
    "Cost",
    "Evaluation",
    "EvaluatorFailed",
    "Fresh",
    "IntegrityAlarm",
    "Interval",
    "Invalid",
    "LedgerError",
    "Limits",
    "NoSandbox",
    "Outcome",
    "Program",
    "ProgramFailed",
    "RungError",
    "Status",
    "Task",
    "__version__",
    "fresh",
    "improve",
    "task",
]


def __getattr__(name: str) -> object:
    """Returns `improve`: to load it is to load the engine, and a command such as `rung stop` must not wait for that."""
    if name != "improve":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rung.api import improve  # noqa: PLC0415 - why this is here

    globals()[name] = improve
    return improve

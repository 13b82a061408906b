"""rung: an engine for recursive self-improvement whose judge ships with it; `__version__` says which."""

from __future__ import annotations

from rung.api import improve
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

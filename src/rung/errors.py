"""The exception tree of rung: what the harness says when it, or the person using it, must act.

RungError                     anything rung says in one sentence; the command line prints it and exits non-zero
├── BadInput                  a task file, program, option or workspace of the user's is wrong
├── LedgerError               the ledger cannot be read or written; nothing was lost
│   └── LedgerDamaged         its bytes are not those that were written; `rung verify` says where
├── NoSandbox                 nothing here isolates untrusted code well enough
├── SandboxBroken             the sandbox itself failed (not the program in it)
├── EvaluatorFailed           the trusted evaluator of a task raised or returned nonsense
├── IntegrityAlarm            a score beyond the proven bound, or two backends that disagree
├── BudgetExhausted           a normal ending: the caller keeps what was found so far
└── ProgramFailed             a program under evaluation failed: becomes a recorded status
    └── Invalid               raised by evaluators: what the program returned is not a valid answer
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """How one evaluation ended."""

    OK = "ok"
    INVALID = "invalid"
    ERROR = "error"
    TIMEOUT = "timeout"
    EXHAUSTED = "exhausted"


class RungError(Exception):
    """Base of everything rung raises on purpose; `str(error)` is a sentence for a person."""


class BadInput(RungError):
    """Something the user handed in is wrong; the message says what, where, and what to do."""


class LedgerError(RungError):
    """The ledger cannot be read or written as asked."""


class LedgerDamaged(LedgerError):
    """The ledger's own bytes contradict themselves."""


class NoSandbox(RungError):
    """No isolating backend passed its self-test on this machine."""


class SandboxBroken(RungError):
    """The sandbox failed, not the program that ran in it."""


class EvaluatorFailed(RungError):
    """A task's own evaluator raised, or returned something that is not a finite number."""


class IntegrityAlarm(RungError):
    """Evidence that a result cannot be what it claims; the run halts."""


class BudgetExhausted(RungError):
    """A budget or an attempt cap is used up; a normal ending."""


class ProgramFailed(RungError):
    """The program under evaluation failed.

    status: INVALID, ERROR, TIMEOUT or EXHAUSTED.
    """

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


class Invalid(ProgramFailed):
    """What a program returned is not a valid answer; evaluators raise it with the reason."""

    def __init__(self, message: str) -> None:
        super().__init__(Status.INVALID, message)

"""The ports of the sandbox: what the kernel holds when untrusted code runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rung.records import Limits, Program
from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended, as the operating system tells it.

    exit_status: the exit code, minus the signal that killed it, or None when it still ran and was ended by close().
    denied: why the kernel killed it (a system call no ordinary program makes), None when it did not.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    exit_status: int | None
    denied: str | None


class Session(Protocol):
    """One fresh process that runs one program.

    waited: seconds that were spent waiting for it, without those in which nobody could run.
    """

    waited: float

    def send(self, document: JSON, *, seconds: float | None = None) -> None:
        """Sends one JSON line to the process, which must have read it in time; as long as its limits say by default.

        Raises:
          ProgramFailed: the process is gone, or does not read.
        """

    def receive(self, *, seconds: float, cpu_seconds: float | None = None) -> JSON:
        """Returns the next strict JSON line from the process.

        cpu_seconds: how much more CPU it may use for this one; never more in all than its limits say.

        Raises:
          ProgramFailed: TIMEOUT, ERROR (it died) or INVALID (what it sent is not one strict document).
          SandboxBroken: the sandbox failed, not the program.
        """

    def cpu_seconds(self) -> float:
        """Returns what the process has used so far, by the clock of the operating system."""

    def close(self) -> Ending:
        """Kills whatever is left and returns how it ended; may be called twice."""


class Sandbox(Protocol):
    """Where untrusted code runs.

    name: the backend. layers: what is really in force. isolated: False for bare processes alone.
    """

    name: str
    layers: tuple[str, ...]
    isolated: bool

    def open(self, program: Program, limits: Limits, *, sdk: str | None = None) -> Session:
        """Returns a fresh process that has been given the program and waits for its first input.

        sdk: source of the SDK, for improvers only.

        Raises:
          SandboxBroken: no process could be made, twice.
        """

    def close(self) -> None:
        """Ends the sandbox and whatever still runs in it."""

"""An agent as the kernel sees it: a session that speaks the improver's side of the wall, one attempt after the other.

The agent itself never speaks to the kernel. What it changed is proposed for it; what came of that is in its next brief.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from rung import wire
from rung.agents.attempt import Attempt
from rung.agents.checkout import Trial, brief_files
from rung.agents.talk import Talk
from rung.errors import ProgramFailed, Status
from rung.kernel.sandbox.port import Ending
from rung.records import Program
from rung.wire import JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rung.agents.attempt import Result
    from rung.agents.command import Agent
    from rung.agents.recorded import Step
    from rung.agents.talk import Asking
    from rung.records import Limits

BETWEEN_LOOKS: Final = 0.2  # seconds


@dataclass(slots=True)
class Allowed:
    """For how long, and to how many CPU seconds in all, the agent may go on before the kernel must be heard."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


class AgentSession:
    """Runs an agent again and again, each time in a fresh box, until the attempts, the budget or its ideas end.

    recorded: what the same run asked in earlier sittings; it is asked again first, and costs nothing. keep: stores a
    program before it is judged.
    """

    def __init__(
        self,
        agent: Agent,
        limits: Limits,
        *,
        isolated: bool,
        recorded: Iterator[Step],
        keep: Callable[[Program], object],
    ) -> None:
        self._agent, self._limits, self._isolated = agent, limits, isolated
        self._recorded, self._keep = recorded, keep
        self._began = time.monotonic()
        self._spent = self._peak_mb = 0.0
        self.waited = 0.0  # it is not asked in turns, so nobody counts this
        self._now: Attempt | None = None
        self._talk: Asking | None = None
        self._answer: dict[str, Any] | None = None
        self._allowed = Allowed()
        self._closed = False

    def send(self, document: JSON, *, seconds: float | None = None) -> None:
        """Takes the brief, and then one answer after the other; see the port."""
        del seconds  # nobody has to read it in time: it is taken at once
        if self._closed:
            raise ProgramFailed(Status.ERROR, "the agent's session is closed")
        message: Any = document
        if self._talk is None:
            self._talk = self._begin(message["input"])
        else:
            self._answer = message["answer"]

    def receive(self, *, seconds: float, cpu_seconds: float | None = None) -> JSON:
        """Returns what is asked next, having run the agent when there was nothing else to ask; see the port."""
        if self._talk is None or self._closed:
            raise ProgramFailed(Status.ERROR, "the agent was given no brief")
        most = self._limits.cpu_seconds
        if cpu_seconds is not None:
            most = min(most, self.cpu_seconds() + cpu_seconds)
        self._allowed = Allowed(seconds, most)
        answer, self._answer = self._answer, None
        try:
            return {"ask": next(self._talk) if answer is None else self._talk.send(answer)}
        except StopIteration as end:
            return {"output": end.value}

    def cpu_seconds(self) -> float:
        """Returns what all processes of all attempts have used so far."""
        return self._spent + (0.0 if self._now is None else self._now.cpu_seconds())

    def close(self) -> Ending:
        """Ends whatever is left; see the port."""
        self._closed = True
        self._end_attempt()
        return Ending(self._spent, time.monotonic() - self._began, self._peak_mb, exit_status=None, denied=None)

    def _end_attempt(self) -> None:
        if self._now is not None:
            attempt, self._now = self._now, None
            self._spent += attempt.close()
            self._peak_mb = max(self._peak_mb, attempt.peak_memory_mb)

    def _begin(self, brief: Mapping[str, Any]) -> Asking:
        given, effort = brief["program"], self._agent.effort
        start = Program(wire.files_from_json(given["files"]), given["entry"])
        best = Trial(0, "this is the start", start, "ok", brief["value"], tuple(brief["feedback"]))
        talk = Talk(start, best, most=brief["attempts"], bound=brief["bound"])

        def run() -> Result:
            left = brief["attempts"] - talk.used
            told = brief_files(brief, start=start, best=talk.best, trials=talk.trials, left=left, effort=effort)
            return self._run(talk.best.program or start, told)

        return talk.attempts(run, recorded=self._recorded, keep=self._keep, most_idle=effort.idle)

    def _run(self, program: Program, told: Mapping[str, str]) -> Result:
        """Returns what came of one attempt.

        Raises:
          ProgramFailed: what the kernel allowed is used up; the attempt is lost.
          SandboxBroken: there was no box to run it in.
        """
        began = time.monotonic()
        self._now = Attempt(self._agent, limits=self._limits, files=program.files, brief=told, isolated=self._isolated)
        box = f"{'bubblewrap' if self._isolated else 'process'}: {' '.join(self._now.layers)}"
        while (result := self._now.step(BETWEEN_LOOKS)) is None:
            self._allowed.seconds -= BETWEEN_LOOKS  # however long it took: who was paused did not live that time
            if self._allowed.seconds < 0:
                self._end_attempt()
                raise ProgramFailed(Status.TIMEOUT, "the time of the run was up while the agent worked")
            if self.cpu_seconds() > self._allowed.cpu_seconds:
                self._end_attempt()
                raise ProgramFailed(Status.TIMEOUT, f"more than {self._limits.cpu_seconds:g} CPU seconds used")
        before = self._spent
        self._end_attempt()
        used = self._spent - before
        return replace(result, box=box, cpu_seconds=used, seconds=time.monotonic() - began)

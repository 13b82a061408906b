"""The door through which the kernel gets a session for an improver that is an agent, and none for any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rung.agents.box import ADVICE, bubblewrap
from rung.agents.command import ENTRY, agent_of
from rung.agents.recorded import recorded_steps
from rung.agents.selftest import leaks
from rung.agents.session import AgentSession
from rung.errors import NoSandbox, ProgramFailed, Status
from rung.kernel.codec import program_bytes
from rung.kernel.sandbox.choice import UNISOLATED

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.records import Limits, Program


class AgentDoor:
    """Opens sessions for agents.

    ledger: where a run's record is. named: the improver that a person named; no other program may be an agent, for one
    that was proposed could name any command and any folder. sandbox: what the person named; by "process" alone an agent
    runs without a box, which isolates nothing.
    """

    def __init__(self, ledger: Ledger, *, named: Program, sandbox: str = "auto") -> None:
        self._ledger, self._named = ledger, named.id
        self._isolated, self._tested = sandbox != UNISOLATED, False

    def open(self, improver: Program, limits: Limits, run: str) -> AgentSession | None:
        """Returns a session that goes on with the run, None for an improver that is no command.

        Raises:
          NoSandbox: nothing here can hold an agent; the message says what to do.
          ProgramFailed: it is an agent, and not the one that was named.
          BadInput: the improver says it is an agent, and is not one.
        """
        if improver.entry == ENTRY and improver.id != self._named:
            raise ProgramFailed(Status.INVALID, "an agent runs only when a person named it, and nobody named this one")
        agent = agent_of(improver)
        if agent is None:
            return None
        if self._isolated and not self._tested:
            check_box()
            self._tested = True
        steps = recorded_steps(self._ledger, run)
        return AgentSession(agent, limits, isolated=self._isolated, recorded=steps, keep=self._keep)

    def _keep(self, program: Program) -> None:
        self._ledger.put(program_bytes(program))


def check_box() -> None:
    """Does nothing when agents can be held here; what `rung doctor` asks.

    Raises:
      NoSandbox: bubblewrap is not installed, or the box it builds here failed its self-test.
    """
    bubblewrap()
    if found := leaks():
        raise NoSandbox(f"what bubblewrap builds here does not hold an agent ({', '.join(found[:5])}): {ADVICE}")


__all__: Final = ["AgentDoor", "check_box"]

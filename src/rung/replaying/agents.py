"""Agents in a replay: what they proposed comes from the record, as answers of models do; no agent is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rung.agents.command import agent_of
from rung.agents.door import AgentDoor
from rung.agents.recorded import recorded_steps
from rung.agents.session import AgentSession
from rung.errors import ProgramFailed, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.agents.attempt import Result
    from rung.kernel.ledger.port import Ledger
    from rung.records import Limits, Program


class RecordedAgents(AgentDoor):
    """Opens sessions that say what agents said in the record. named: the improver of the run."""

    def __init__(self, recorded: Ledger, *, named: Program) -> None:
        super().__init__(recorded, named=named)
        self._recorded, self._improver = recorded, named

    def open(self, improver: Program, limits: Limits, run: str) -> AgentSession | None:
        """Returns the session of the run's own agent; everybody else gets what they would get from the door itself.

        Raises:
          ProgramFailed, BadInput: as the door.
        """
        agent = agent_of(self._improver)
        if agent is None or improver.id != self._improver.id:
            return super().open(improver, limits, run)
        steps = recorded_steps(self._recorded, run)
        return RecordedAgent(agent, limits, isolated=True, recorded=steps, keep=self._keep)


class RecordedAgent(AgentSession):
    """An agent that says nothing beyond the record."""

    def _run(self, program: Program, told: Mapping[str, str]) -> Result:
        del program, told
        raise ProgramFailed(Status.TIMEOUT, "the record of the agent ends here")

"""The budget of a replay: seconds are used up where the record says they were, whatever this machine needs.

What is measured never comes again to the last bit; where it ended a run is on record, and that is where it ends again.
Tokens and money are counted as always.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rung.kernel.budget import Allowance, Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.replaying.script import Script

AMPLE: Final = 1e6  # seconds; what is left while the record goes on
KINDS: Final = {"CPU seconds": "cpu_seconds", "seconds": "seconds"}
AFTERWARDS: Final = frozenset(
    {"validation", "rescore", "incumbent"}
)  # what still comes of evaluations when all is used


@dataclass(frozen=True, slots=True)
class Ending:
    """How the search of a run ended.

    after: its last event that needs something left. kind: what was used up, as Allowance names it; "" for neither kind
    of seconds.
    """

    after: int
    kind: str = ""


class RecordedBudget(Budget):
    """A budget of which seconds are left until the record says otherwise; its children are those of runs."""

    def __init__(
        self,
        allowance: Allowance,
        *,
        script: Script,
        endings: Mapping[str, Ending],
        parent: Budget | None = None,
        run: str = "",
    ) -> None:
        super().__init__(allowance, parent=parent)
        self._script, self._endings, self._run = script, endings, run

    def child(self, allowance: Allowance) -> Budget:
        """Returns the budget of the run that was opened last."""
        run = self._script.opened
        return RecordedBudget(allowance, script=self._script, endings=self._endings, parent=self, run=run)

    def left(self) -> Allowance:
        """Returns what is left: of tokens and money by count, of seconds by the record."""
        left = super().left()
        ending = self._endings.get(self._run)
        used_up = ending.kind if ending is not None and self._script.through >= ending.after else ""
        return replace(
            left,
            cpu_seconds=_seconds(left.cpu_seconds, used_up=used_up == "cpu_seconds"),
            seconds=_seconds(left.seconds, used_up=used_up == "seconds"),
        )


def _seconds(counted: float | None, *, used_up: bool) -> float | None:
    return None if counted is None else 0.0 if used_up else AMPLE


def kind_of(stop_reason: str) -> str:
    """Returns which seconds were used up, as Allowance names them; "" when it was something else."""
    return next((kind for words, kind in KINDS.items() if stop_reason.startswith(f"budget of {words} used up")), "")

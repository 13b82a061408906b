"""The principles of a charter, held against the record of a run before anything irreversible is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Event, Ledger
    from rung.oversight.charter import Charter

BARE: Final = "process"  # the backend that isolates nothing
_TYPES: Final = ("run_start", "run_end", "evaluation", "validation", "rescore", "incumbent", "alarm")


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds of a run and of all runs inside it, by type."""

    events: Mapping[str, Sequence[Event]]

    def bodies(self, event_type: str) -> list[Any]:
        """Returns the bodies of all events of a type."""
        return [event.body for event in self.events.get(event_type, ())]


def broken(ledger: Ledger, charter: Charter, run: str) -> list[str]:
    """Returns one sentence per principle whose check fails for this run."""
    named = [principle for principle in charter.principles if principle.check]
    if not named:
        return []
    record = record_of(ledger, run)
    failed = ((principle, _CHECKS[principle.check](record)) for principle in named)
    return [f"{principle.name}: {reason} ({principle.text})" for principle, reason in failed if reason]


def questions(charter: Charter) -> tuple[str, ...]:
    """Returns what whoever approves answers by signing."""
    return tuple(principle.question for principle in charter.principles if principle.question)


def record_of(ledger: Ledger, run: str) -> Record:
    """Returns the record of a run and of those inside it."""
    family, events = {run}, {event_type: list[Any]() for event_type in _TYPES}
    for event in ledger.read(types=_TYPES):
        if event.run in family or event.parent_run in family:
            family.add(event.run)
            events[event.type].append(event)
    return Record(MappingProxyType(events))


def _held_out_measured(record: Record) -> str | None:
    ends = record.bodies("run_end")
    return None if any(body["held_out"] is not None for body in ends) else "no held-out gain was measured"


def _incumbent_rescored(record: Record) -> str | None:
    again = {(event.run, _number(event)) for event in record.events["rescore"]}
    for event in record.events["incumbent"]:
        if (event.run, _number(event)) not in again:
            return f"incumbent {_number(event)} of run {event.run} was not scored again by a second sandbox"
    return None


def _isolated(record: Record) -> str | None:
    starts = record.bodies("run_start")
    if not starts:
        return "nothing is on record of this run"
    scored = [body["evaluation"] for kind in ("evaluation", "validation") for body in record.bodies(kind)]
    bare = any(body["sandbox"] == BARE for body in (*starts, *scored))
    return "a program ran in a sandbox that isolates nothing" if bare else None


def _no_denied_calls(record: Record) -> str | None:
    denied = [body["denied"] for body in record.bodies("evaluation") if body.get("denied")]
    return f"a program made a system call that was denied: {denied[0]}" if denied else None


def _no_alarm(record: Record) -> str | None:
    alarms = record.bodies("alarm")
    return f"an alarm was raised: {alarms[0].get('message')}" if alarms else None


_CHECKS: Final[Mapping[str, Callable[[Record], str | None]]] = MappingProxyType(
    {
        "held_out_measured": _held_out_measured,
        "incumbent_rescored": _incumbent_rescored,
        "isolated": _isolated,
        "no_denied_calls": _no_denied_calls,
        "no_alarm": _no_alarm,
    }
)


def _number(event: Event) -> int:
    body: Any = event.body
    return int(body["number"])

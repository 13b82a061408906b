"""When a charter's triggers start a run: decided from the ledger alone, so that a restart neither forgets nor repeats.

A time that passed while nobody watched is made up for once. Several events count as one. Events of runs that a trigger
started start nothing, or a trigger on `run_end` would never end. Not covered: webhooks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rung.errors import BadInput
from rung.oversight.permit import DAY
from rung.oversight.standing import EVENT

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Event, Ledger
    from rung.oversight.charter import Charter, Trigger
    from rung.wire import JSON

FIRED: Final = "trigger"
ENDED: Final = "trigger_end"


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is to be started now. cause: the newest event that asks for it, 0 when the time does.

    fired: the event that says it was started already and has not ended, 0 for a new one.
    """

    trigger: Trigger
    cause: int = 0
    fired: int = 0


def due(ledger: Ledger, charter: Charter, *, now: float) -> list[Due]:
    """Returns what is to be started now, oldest duty first: what was begun and not ended comes before all."""
    since = _in_force_since(ledger, charter)
    fired = [event for event in ledger.read(types=(FIRED,)) if _body(event).get("charter") == charter.hash]
    ends = [_body(event) for event in ledger.read(types=(ENDED,))]
    over = {body.get("fired") for body in ends}
    known = {trigger.name: trigger for trigger in charter.triggers}
    begun = [event for event in fired if event.seq not in over and _body(event).get("name") in known]
    found = [Due(known[_body(event)["name"]], _body(event).get("cause", 0), event.seq) for event in begun]
    own = {str(body.get("run")) for body in ends}
    for trigger in charter.triggers:
        last = next((event for event in reversed(fired) if _body(event).get("name") == trigger.name), None)
        if any(each.trigger == trigger for each in found):
            continue
        if trigger.on == "time" and _time_has_come(trigger, last.at if last else since.at, now=now):
            found.append(Due(trigger))
        if trigger.on == "event":
            after = max(since.seq, _body(last).get("cause", 0) if last else 0)
            causes = [event.seq for event in ledger.read(types=(trigger.event,), after=after) if event.run not in own]
            found += [Due(trigger, causes[-1])] if causes else []
    return found


def begin(ledger: Ledger, charter: Charter, duty: Due) -> int:
    """Returns the event that says that a run is started for a duty, now or earlier."""
    if duty.fired:
        return duty.fired
    body: dict[str, JSON] = {"name": duty.trigger.name, "cause": duty.cause, "charter": charter.hash}
    return ledger.append(FIRED, body, run=f"trigger-{charter.hash[:12]}").seq


def end(ledger: Ledger, duty: Due, *, fired: int, run: str, words: str) -> None:
    """Records how the run of a duty ended. run: "" when there was none. words: its stop reason, or what went wrong."""
    body: dict[str, JSON] = {"name": duty.trigger.name, "fired": fired, "run": run, "words": words[:1000]}
    ledger.append(ENDED, body, run=run or "trigger")


def refuse_triggers(charter: Charter) -> None:
    """Does nothing while a charter asks for nothing that rung cannot do yet.

    Raises:
      BadInput: it has a trigger that nothing would start a run for.
    """
    for trigger in charter.triggers:
        if trigger.on == "webhook":
            raise BadInput(
                f"the charter has a trigger on a webhook ({trigger.name}), and this rung listens to none yet: take it "
                "out, or write one on time or event"
            )


def _time_has_come(trigger: Trigger, last: float, *, now: float) -> bool:
    if trigger.every_hours is not None:
        return now >= last + trigger.every_hours * 3600
    hours, _, minutes = trigger.at.partition(":")
    today = now - now % DAY + int(hours) * 3600 + int(minutes) * 60
    passed = today if today <= now else today - DAY
    return last < passed


def _in_force_since(ledger: Ledger, charter: Charter) -> Event:
    """Returns the event that put a charter in force; it is in force, so there is one."""
    return [event for event in ledger.read(types=(EVENT,)) if _body(event).get("charter") == charter.hash][-1]


def _body(event: Event | None) -> dict[str, Any]:
    return event.body if event is not None and isinstance(event.body, dict) else {}

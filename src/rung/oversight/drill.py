"""Drills: what oversight promises, rehearsed on a real run, with what happened and how fast."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rung.errors import RungError
from rung.oversight.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rung.kernel.ledger.port import Event, Ledger
    from rung.wire import JSON

EVENT = "drill"


@dataclass(frozen=True, slots=True)
class Drill:
    """One rehearsal.

    requirement: what must hold. mechanism: what makes it hold. tried, happened: in words. seconds: that it took to act.
    """

    requirement: str
    mechanism: str
    tried: str
    happened: str
    seconds: float
    passed: bool


# What rehearses one requirement on the ground that all drills share: it leaves a run there that may be gone on with.
Rehearsal = Callable[[Ground], Drill]


def rehearse(rehearsals: Sequence[Rehearsal], ground: Ground) -> Iterator[Drill]:
    """Yields what came of each; one that could not be rehearsed has failed."""
    try:
        for rehearsal in rehearsals:
            began = time.monotonic()
            try:
                yield rehearsal(ground)
            except (RungError, OSError) as error:
                name = rehearsal.__name__.replace("_", " ")
                happened = f"it could not be rehearsed: {' '.join(str(error).split())}"
                yield Drill(name, "", rehearsal.__doc__ or "", happened, time.monotonic() - began, passed=False)
    finally:
        ground.close()


def record(ledger: Ledger, drills: Sequence[Drill], *, run: str, cpu_seconds: float) -> Event:
    """Returns the event that says which drills were held and what came of them."""
    rows: list[JSON] = [asdict(drill) for drill in drills]
    passed = all(drill.passed for drill in drills)
    return ledger.append(EVENT, {"passed": passed, "drills": rows, "cpu_seconds": cpu_seconds}, run=run)


def last_drill(ledger: Ledger) -> bool | None:
    """Returns whether everything passed when drills were last held; None when there never were any."""
    held: list[Any] = [event.body for event in ledger.read(types=(EVENT,))]
    return bool(held[-1]["passed"]) if held else None


def cpu_seconds() -> float:
    """Returns what this process and all that it waited for have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

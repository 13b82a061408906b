"""What a run already has on record of an agent's attempts: it is asked for again, in order, instead of paid again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rung.kernel.codec import program_from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rung.kernel.ledger.port import Ledger
    from rung.records import Program
    from rung.wire import JSON


OPERATOR: Final = "agent"


@dataclass(frozen=True, slots=True)
class Log:
    """What the session said about an attempt, as it said it."""

    measures: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A child that was judged. parent: the program it was made from."""

    program: Program
    parent: Program
    operator: str


Step = Log | Proposed


def recorded_steps(ledger: Ledger, run: str) -> Iterator[Step]:
    """Yields what the session of an agent asked in earlier sittings of a run, oldest first.

    The last proposal may have been interrupted while it was judged: it was paid for, so it is asked for as well.
    """
    unjudged: dict[str, Any] = {}
    for event in ledger.read(run=run, types=("evaluation", "log")):
        body: Any = event.body
        if event.type == "log":
            unjudged = body["measures"] if "program" in body["measures"] else {}
            yield Log(body["measures"])
        elif body["number"] > 0:
            unjudged = {}
            yield _proposed(ledger, body["program"], body["parents"][0], body["operator"])
    if unjudged:
        yield _proposed(ledger, unjudged["program"], unjudged["parent"], OPERATOR)


def _proposed(ledger: Ledger, program: str, parent: str, operator: str) -> Proposed:
    return Proposed(program_from_bytes(ledger.get(program)), program_from_bytes(ledger.get(parent)), operator)

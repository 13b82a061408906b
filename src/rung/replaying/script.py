"""The recorded events as a script: each that comes again is looked up in it, and what does not fit ends the replay.

Events come in the recorded order, with two exceptions. Calls of models side by side are recorded as they ended, and
so are evaluations by several workers: within an unbroken row of such events of one run, any order is taken.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from rung import wire
from rung.errors import RungError
from rung.models.errors import NotRecorded
from rung.models.replay import ANSWER, LOST, REQUEST
from rung.oversight.control import FROM_OUTSIDE
from rung.replaying.compare import Difference, comparable, differing, first_difference, inside, sums

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rung.kernel.ledger.port import Entry, Event, Ledger
    from rung.wire import JSON

ROWS: Final = {REQUEST: "models", ANSWER: "models", "evaluation": "evaluations"}
NAMED_BY: Final = {REQUEST: ("request", "number", "attempt"), ANSWER: ("request", "number", "attempt")}


class Differs(RungError):
    """What comes now is not what was recorded."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.sentence)
        self.difference = difference


class Interrupted(NotRecorded):
    """Here the recorded run was interrupted in a call; the replay is, too, and goes on as the recorded one did.

    What the call cost was charged when the run was taken up again, so nothing is charged now.
    """


class EndOfRecord(RungError):
    """Everything on record has come again, and the run would go on."""


@dataclass(slots=True, eq=False)
class Slot:
    """One recorded event. ours: whether it must come again. blobs: what came with it, None until it came."""

    event: Event
    ours: bool
    blobs: tuple[bytes, ...] | None = None

    @property
    def open(self) -> bool:
        """Whether it must come again and has not."""
        return self.ours and self.blobs is None


class Script:
    """The record up to its event `last`.

    family: the runs whose events must come again. resumed: the events that show that a run was taken up again there.
    """

    def __init__(self, recorded: Ledger, *, family: Collection[str], last: int, resumed: Collection[int]) -> None:
        self.recorded, self.last = recorded, last
        self._family, self._resumed = family, resumed
        self._events = recorded.read()
        self._ahead: deque[Slot] = deque()
        self._read = self.through = self.matched = 0
        self.opened = self.asking = ""  # the run that was opened last, and the one whose call was written last
        self.sandbox = ""  # where the run is executed now
        self._difference: Differs | None = None
        self._sums: tuple[Event, JSON] | None = None  # of the latest event by the record, and of the latest now

    @property
    def over(self) -> bool:
        """Whether all that must come again has come."""
        return next(self._open(), None) is None

    def next(self) -> Event | None:
        """Returns the recorded event that must come next."""
        slot = next(self._open(), None)
        return None if slot is None else slot.event

    def match(self, entry: Entry) -> Event:
        """Returns the recorded event that came again now.

        Raises:
          Differs: there is none; from then on, always. EndOfRecord: all of them came before. Interrupted: it is a call
            that the recorded run made only when it was taken up again.
        """
        if self._difference is not None:
            raise self._difference
        body, blobs = wire.parse(wire.canonical(entry.body)), tuple(entry.blobs)
        key = _key(entry.run, entry.type, body)
        row = list(self._until(key))
        if not row:
            raise EndOfRecord(f"the record ends at event {self.last}")
        if _key_of(row[-1].event) != key:
            self._break_off(beyond=entry.type == REQUEST)
            alike = next((slot for slot in row if slot.event.type == entry.type), row[0])
            self._refuse(self._unlike(alike.event, entry, body, blobs))
        slot = row[-1]
        event = slot.event
        if found := first_difference(comparable(event.type, event.body), comparable(event.type, body)):
            self._refuse(differing(event.seq, event.type, self._deeper(found, blobs)))
        self._add_up(event, body)
        slot.blobs = blobs
        self.matched += 1
        if event.type == REQUEST:
            self.asking = event.run
        elif event.type == "run_start" and type(body) is dict:
            self.sandbox = self.sandbox or str(body["sandbox"])
        return event

    def answer(self, body: dict[str, JSON]) -> Event | None:
        """Returns the recorded answer to the call that was written last, None when there is none.

        Raises:
          Interrupted: the recorded run ended in this call.
        """
        key = _key(self.asking, ANSWER, body)
        found = next((slot.event for slot in self._row() if _key_of(slot.event) == key), None)
        if found is None or lost(found):
            self._break_off(beyond=True)
        return found

    def row(self) -> Iterator[Event]:
        """Yields the recorded events that may come next, in the recorded order."""
        return (slot.event for slot in self._row())

    def take(self) -> Iterator[Slot]:
        """Yields what may be written now, in the recorded order, and forgets it: what came, and what is not ours."""
        while (slot := next(self._slots(), None)) is not None and not slot.open:
            self._ahead.popleft()
            self.through = slot.event.seq
            yield slot

    def close(self) -> None:
        """Does nothing when all sums that were left open are as recorded.

        Raises:
          Differs: one is not.
        """
        if self._sums is not None:
            event, now = self._sums
            self._sums = None
            if found := first_difference(sums(event.body), now, "spent"):
                self._refuse(differing(event.seq, event.type, found))

    def _add_up(self, event: Event, body: JSON) -> None:
        """Compares sums where a row is over: within it they depend on the order."""
        before = None if self._sums is None else self._sums[0]
        if before is None or not _same_row(before, event):
            self.close()
            before = None
        if (now := sums(body)) is not None:
            self._sums = (event if before is None or event.seq > before.seq else before, now)

    def _break_off(self, *, beyond: bool) -> None:
        """Does nothing when no interruption is on record here. beyond: also where the present row is over.

        Raises:
          Interrupted: what comes next in the record was written when the run was taken up again.
        """
        places = (0, sum(1 for _ in self._row())) if beyond else (0,)
        slots = [next(islice(self._open(), place, None), None) for place in places]
        if any(slot is not None and slot.event.seq in self._resumed for slot in slots):
            raise Interrupted(f"the engine ended before event {self.through + 1}")

    def _refuse(self, difference: Difference) -> None:
        self._difference = Differs(difference)
        raise self._difference

    def _unlike(self, event: Event, entry: Entry, body: JSON, blobs: tuple[bytes, ...]) -> Difference:
        if event.type != entry.type or event.run != entry.run:
            sentence = f"event {event.seq} is {_what(event.type, event.run)} in the record; now comes "
            return Difference(
                event.seq, event.type, "", event.type, entry.type, sentence + _what(entry.type, entry.run)
            )
        found = first_difference(comparable(event.type, event.body), comparable(event.type, body))
        return differing(event.seq, event.type, self._deeper(found or ("", event.body, body), blobs))

    def _deeper(self, found: tuple[str, Any, Any], blobs: tuple[bytes, ...]) -> tuple[str, Any, Any]:
        ours = {hashlib.sha256(blob).hexdigest(): blob for blob in blobs}
        return inside(found, recorded=self._stored, now=ours.__getitem__)

    def _stored(self, digest: str) -> bytes:
        try:
            return self.recorded.get(digest)
        except RungError as error:
            raise KeyError(digest) from error

    def _until(self, key: tuple[object, ...]) -> Iterator[Slot]:
        """Yields the present row up to the event with this key; only the calls that were lost, where there are some."""
        for slot in self._row():
            yield slot
            if lost(slot.event) and key[1] == REQUEST:
                return
            if _key_of(slot.event) == key:
                return

    def _row(self) -> Iterator[Slot]:
        first: Slot | None = None
        for slot in self._open():
            if first is not None and not _same_row(first.event, slot.event):
                return
            first = slot
            yield slot

    def _open(self) -> Iterator[Slot]:
        return (slot for slot in self._slots() if slot.open)

    def _slots(self) -> Iterator[Slot]:
        number = 0
        while number < len(self._ahead) or self._fetch():
            yield self._ahead[number]
            number += 1

    def _fetch(self) -> bool:
        if self._read >= self.last:
            return False
        event = next(self._events)
        self._read = event.seq
        self._ahead.append(Slot(event, event.run in self._family and event.type not in FROM_OUTSIDE))
        return True


def _same_row(one: Event, other: Event) -> bool:
    alike = one.run == other.run and one.type in ROWS and ROWS[one.type] == ROWS.get(other.type)
    return alike and (lost(one) or not lost(other))


def lost(event: Event) -> bool:
    """Returns whether an event says that a call was lost: it is the first thing that a run says when it is taken up."""
    body: Any = event.body
    return event.type == ANSWER and type(body) is dict and body.get("status") == LOST


def _key(run: str, event_type: str, body: JSON) -> tuple[object, ...]:
    names = NAMED_BY.get(event_type, ("number",) if event_type in ROWS else ())
    return (run, event_type, *(body.get(name) if type(body) is dict else None for name in names))


def _key_of(event: Event) -> tuple[object, ...]:
    return _key(event.run, event.type, event.body)


def _what(event_type: str, run: str) -> str:
    return f"{event_type} of run {run}"

"""One run's slice of the ledger: what happened is looked up, what happens now is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rung.kernel import codec
from rung.kernel.ledger.port import Entry
from rung.records import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rung.kernel.ledger.port import Event, Ledger
    from rung.wire import JSON

REPLAYED = ("evaluation", "validation", "rescore", "incumbent")


class Run:
    """A run that is being worked on, perhaps not for the first time.

    Replay: the improver starts anew with the same seed and asks the same questions; what is recorded under a question's
    number is answered from here instead of being computed again. Only where it stands is kept in memory: what is
    asked for comes in about the order in which it was written, so one more pass over the ledger finds it.
    """

    def __init__(self, ledger: Ledger, run: str, *, parent: str | None, observe: Callable[[Event], None]) -> None:
        self.id, self.ledger = run, ledger
        self.parent, self._observe = parent, observe
        self._recorded: dict[tuple[str, int], int] = {}
        self._passed: dict[int, Any] = {}
        self._logs = 0
        self._again = ledger.read(run=run, types=REPLAYED)
        self.spent_before = Cost()
        self.start: Any = None
        self.end: Any = None
        self.first_value = 0.0
        self.held_out: Any = None
        self.rescored_by = ""
        for event in ledger.read(run=run):
            body: Any = event.body
            if event.type in REPLAYED:
                self._recorded[event.type, body["number"]] = event.seq
            self._logs += event.type == "log"
            if isinstance(body, dict) and "spent" in body:
                self.spent_before = codec.cost_from_json(body["spent"])
            self._learn(event)

    def _learn(self, event: Event) -> None:
        """Takes notice of an event, recorded now or earlier."""
        body: Any = event.body
        if event.type == "run_start":
            self.start = body
        elif event.type == "run_end":
            self.end = body
        elif event.type == "held_out":
            self.held_out = body["evaluations"]
        elif event.type == "incumbent" and body["number"] == 0:
            self.first_value = body["value"]
        elif event.type == "rescore":
            self.rescored_by = body["evaluation"]["sandbox"]
        self._observe(event)

    @property
    def replaying(self) -> bool:
        """Whether something recorded has not been asked for again yet."""
        return bool(self._recorded) or self._logs > 0

    def relogged(self) -> bool:
        """Returns whether a log entry that comes now is one that was recorded, and paid for, in an earlier sitting."""
        again = self._logs > 0
        self._logs -= again
        return again

    def recall(self, event_type: str, number: int, *, program: str) -> Any | None:  # noqa: ANN401 - canonical JSON
        """Returns the recorded body under this number when it is about this program, else None."""
        seq = self._recorded.pop((event_type, number), None)
        if seq is None:
            return None
        body = self._body(seq)
        if body["program"] != program:
            self._recorded.clear()  # the improver took another way: its old future is no longer ours to answer from
            self._passed.clear()
            self._logs = 0
            return None
        return body

    def _body(self, seq: int) -> Any:  # noqa: ANN401 - canonical JSON
        while seq not in self._passed:
            event = next(self._again)
            body: Any = event.body
            if event.seq == seq or self._recorded.get((event.type, body["number"])) == event.seq:
                self._passed[event.seq] = body
        return self._passed.pop(seq)

    def record(self, event_type: str, body: dict[str, JSON], *, blobs: tuple[bytes, ...] = ()) -> None:
        """Appends an event of this run, durable when this returns."""
        self.record_all(event_type, [(body, blobs)])

    def record_all(self, event_type: str, bodies: Sequence[tuple[dict[str, JSON], tuple[bytes, ...]]]) -> None:
        """Appends events of this run, with their blobs, in one durable commit."""
        entries = [Entry(event_type, body, self.id, self.parent, blobs) for body, blobs in bodies]
        for event in self.ledger.append_all(entries):
            self._learn(event)

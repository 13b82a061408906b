"""One recorded run, executed again: programs, evaluator, improver and selection really, models from the record.

Covered: runs with and without models or agents, runs inside the run, interruptions (also in a call of a model, also
when every model was down), runs that are not finished, budgets of any kind, several workers, other runs in the same
ledger. Not covered: what no execution brings again, such as scores that are measurements, or programs close to a limit
of time.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rung.errors import BadInput, IntegrityAlarm, RungError
from rung.kernel import codec
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.kernel.scope import Bounds
from rung.models.errors import ModelError, NotRecorded
from rung.models.replay import ANSWER
from rung.oversight.control import FROM_OUTSIDE
from rung.replaying.compare import Difference
from rung.replaying.ledger import ReplayLedger
from rung.replaying.script import Differs, EndOfRecord, Interrupted, Script, lost
from rung.replaying.spending import AFTERWARDS, Ending, RecordedBudget, kind_of
from rung.replaying.voices import recorded_door

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from rung.kernel.kernel import Kernel
    from rung.kernel.ledger.port import Event, Ledger
    from rung.models.door import Door
    from rung.records import Task

    class MakeKernel(Protocol):
        """Makes a kernel on a ledger."""

        def __call__(self, ledger: Ledger, /, *, models: Door | None) -> Kernel:
            """Returns it."""


GOES_ON: Final = (ModelError, IntegrityAlarm)  # after which the same command may have been given again


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds of one run.

    family: the run and those inside it. last: its last event that must come again, with its hash; end: whether that is
    the end of the run. answers: of models. endings: how the search of each run of the family ended. resumed: events
    that a run writes only when it is taken up again after an interruption.
    """

    run: str
    start: Any
    family: frozenset[str]
    last: tuple[int, str]
    end: bool
    answers: int
    endings: dict[str, Ending]
    resumed: frozenset[int]


@dataclass(frozen=True, slots=True)
class Replayed:
    """How it went. events: of the run that came again. head: of the new ledger. difference: None when all is equal."""

    record: Record
    events: int
    head: tuple[int, str]
    sandbox: str
    difference: Difference | None

    @property
    def same(self) -> bool:
        """Whether the new ledger has the recorded head."""
        return self.difference is None and self.head == self.record.last


def read_record(ledger: Ledger, run: str) -> Record:
    """Returns what the ledger holds of a run: up to its end, or all there is of one that has none.

    Raises:
      BadInput: there is no such run.
    """
    start: Any = None
    family: set[str] = set()
    latest: dict[str, int] = {}
    endings: dict[str, Ending] = {}
    resumed: set[int] = set()
    last, end, answers = (0, ""), False, 0
    for event in ledger.read():
        body: Any = event.body
        if event.type == "run_start" and (event.run == run or event.parent_run in family):
            family.add(event.run)
            start = body if event.run == run else start
        if event.run not in family or event.type in FROM_OUTSIDE:
            continue
        last = (event.seq, event.hash)
        answers += event.type == ANSWER
        if lost(event) or (event.type == "commit" and event.run in endings):
            resumed.add(event.seq)
        if event.type == "commit":
            endings[event.run] = Ending(latest.get(event.run, 0))
        elif event.type == "run_end":
            after = endings[event.run].after if event.run in endings else 0
            endings[event.run] = Ending(after, kind_of(body["stop_reason"]))
            if end := event.run == run:
                break
        elif event.type not in AFTERWARDS and event.run not in endings:
            latest[event.run] = event.seq
    if start is None:
        raise BadInput(f"there is no run {run} in this ledger")
    return Record(run, start, frozenset(family), last, end, answers, endings, frozenset(resumed))


def request_of(record: Record) -> Request:
    """Returns what was asked for when the run was started."""
    start = record.start
    allowance = Allowance(**start["allowance"])
    models, bounds = start.get("models", ""), Bounds(start.get("charter", ""))
    return Request(int(start["seed"]), start["attempts"], allowance, start["reference"], models, bounds)


def replay_run(
    recorded: Ledger,
    record: Record,
    *,
    task: Task,
    make_kernel: MakeKernel,
    parent: str | None = None,
    kept: bool = True,
) -> Replayed:
    """Returns how the run went when it was executed again, in a new ledger in a folder that is gone afterwards.

    task: the very task of the run. make_kernel: on the new ledger, with the door of the replay. parent, kept: as the
    kernel was told then.

    Raises:
      RungError: the harness failed now, and did not when the run was recorded.
    """
    script = Script(recorded, family=record.family, last=record.last[0], resumed=record.resumed)
    improver = codec.program_from_bytes(recorded.get(record.start["improver"]))
    models = record.start.get("models", "")
    with tempfile.TemporaryDirectory(prefix="rung-replay-") as folder, closing(_new(folder, script)) as ledger:
        kernel = make_kernel(ledger, models=recorded_door(models, script) if models else None)

        def sitting() -> None:
            budget = RecordedBudget(Allowance(), script=script, endings=record.endings)
            kernel.improve(task, improver, request_of(record), budget=budget, parent=parent, kept=kept)

        difference = None
        try:
            _again(sitting, script, finished=record.end)
            script.close()
        except Differs as differs:
            difference = differs.difference
        return Replayed(record, script.matched, ledger.head(), script.sandbox, difference)


def _new(folder: str, script: Script) -> ReplayLedger:
    return ReplayLedger(Path(folder), script)


def _again(sitting: Callable[[], None], script: Script, *, finished: bool) -> None:
    """Executes the run, as often as the recorded one was taken up.

    Raises:
      Differs: it did not come to the end of the record.
    """
    while True:
        before, reason = script.matched, "the run ended now"
        try:
            sitting()
        except (Differs, EndOfRecord) as end:
            if isinstance(end, Differs):
                raise
        except RungError as error:
            reason = f"the run stopped now ({error})"
            missing = isinstance(error, NotRecorded) and not isinstance(error, Interrupted)
            goes_on = isinstance(error, GOES_ON) and not missing
            if finished and not (goes_on or missing):
                raise
            if goes_on and script.matched > before and script.next() is not None:
                continue
        if (event := script.next()) is not None:
            raise Differs(_missing(event, reason))
        return


def _missing(event: Event, reason: str) -> Difference:
    sentence = f"{reason}, and the record goes on with event {event.seq}, {event.type} of run {event.run}"
    return Difference(event.seq, event.type, "", event.type, "nothing", sentence)

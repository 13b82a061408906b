"""What happened in a run, as far as people ask: a fold over its events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rung.errors import BadInput
from rung.kernel import codec
from rung.records import Cost, Interval

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Event, Ledger

REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class Step:
    """A program that became the incumbent. at: seconds since 1970."""

    number: int
    program: str
    operator: str
    value: float
    cpu_seconds: float
    at: float


class Story:
    """A run so far; `add` takes its events in order and costs the same however many there were."""

    def __init__(self) -> None:
        self.run = ""
        self.parent: str | None = None
        self.start: Any = None
        self.end: Any = None
        self.began = self.latest = 0.0
        self.attempts = 0
        self.statuses: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.steps: list[Step] = []
        self.arms: dict[str, dict[str, float]] = {}
        self.spent = Cost()
        self.rescored_by = ""
        self.alarm = ""
        self.committed = self.paused = False
        self.failures: dict[str, str] = {}
        self._operators: list[str] = []
        self._scored: dict[str, int] = {}
        self._words: dict[str, str] = {}

    def add(self, event: Event) -> None:
        """Takes the next event of the run."""
        body: Any = event.body
        self.run, self.latest = event.run, event.at
        self.paused = event.type == "pause"  # whatever comes after it, comes from a run that goes on
        if isinstance(body, dict) and "spent" in body:
            self.spent = codec.cost_from_json(body["spent"])
        self._call(event.type, body)
        match event.type:
            case "run_start":
                self.start, self.began, self.parent = body, event.at, event.parent_run
            case "evaluation":
                self._evaluation(body)
            case "rescore":
                self.rescored_by = body["evaluation"]["sandbox"]
            case "incumbent":
                number = body["number"]
                operator = self._operators[number] if number < len(self._operators) else ""
                self.steps.append(
                    Step(number, body["program"], operator, body["value"], self.spent.cpu_seconds, event.at)
                )
            case "log":
                self._log(body["measures"])
            case "commit":
                self.committed = True
            case "run_end":
                self.end = body
            case "alarm":
                self.alarm = body["message"]

    def _call(self, event_type: str, body: Any) -> None:  # noqa: ANN401 - canonical JSON
        """Takes notice of a call of a model."""
        if event_type == "model_request":
            self.asked[body["model"]] += 1
        elif event_type == "model_answer":
            self.answers[body["status"]] += 1

    def _evaluation(self, body: Any) -> None:  # noqa: ANN401 - canonical JSON
        number, status = body["number"], body["evaluation"]["status"]
        self._operators.extend([""] * (number + 1 - len(self._operators)))
        operator = body["operator"]
        self._operators[number] = self._words.setdefault(operator, operator)
        if number == 0 or self._completes(body):
            return
        self.attempts += 1
        self.statuses[status] += 1
        feedback = body["evaluation"]["feedback"]
        if status != "ok" and feedback:
            self.failures[status] = feedback[-1]

    def _completes(self, body: Any) -> bool:  # noqa: ANN401 - canonical JSON
        """Returns whether this is the rest of an attempt that was first scored on some of the cases only."""
        scores, status = len(body["evaluation"]["scores"]), body["evaluation"]["status"]
        before = self._scored.pop(body["program"], None)
        if status == "ok":
            self._scored[body["program"]] = scores
            if len(self._scored) > REMEMBERED:
                del self._scored[next(iter(self._scored))]
        return before is not None and (scores > before or status != "ok")

    def _log(self, measures: Any) -> None:  # noqa: ANN401 - whatever an improver wrote
        for key, value in measures.items() if isinstance(measures, dict) else ():
            name, _, what = key.rpartition(".")
            if name and isinstance(value, int | float):
                self.arms.setdefault(name, {})[what] = float(value)

    @property
    def first(self) -> float | None:
        """The seed program's value on validation."""
        return self.steps[0].value if self.steps else None

    @property
    def best(self) -> float | None:
        """The incumbent's value on validation."""
        return self.steps[-1].value if self.steps else None

    @property
    def held_out(self) -> Interval | None:
        """The gain on held-out cases, if the run came to measure it."""
        return Interval(**self.end["held_out"]) if self.end and self.end["held_out"] else None

    @property
    def state(self) -> str:
        """How the run stands, in a word or two."""
        standing = "paused" if self.paused else "halted by an alarm" if self.alarm else "unfinished"
        return "finished" if self.end else standing


def find_run(ledger: Ledger, prefix: str) -> str:
    """Returns the run that a person means by the first characters of its name.

    Raises:
      BadInput: none, or several, start like that.
    """
    runs = [event.run for event in ledger.read(types=("run_start",))]
    found = [run for run in runs if run == prefix] or [run for run in runs if run.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if not runs:
        raise BadInput("there is no run in this workspace yet; `rung improve TASK` starts one")
    if not found:
        raise BadInput(f"no run starts with {prefix!r}; `rung show` lists them")
    raise BadInput(f"several runs start with {prefix!r}: {', '.join(found[:8])}; give more characters")


def story_of(ledger: Ledger, run: str) -> Story:
    """Returns the story of one run."""
    story = Story()
    for event in ledger.read(run=run):
        story.add(event)
    return story


def stories(ledger: Ledger) -> list[Story]:
    """Returns the runs of a ledger, oldest first."""
    found: dict[str, Story] = {}
    types = ("run_start", "evaluation", "rescore", "incumbent", "run_end", "alarm", "pause", "resume", "stop")
    for event in ledger.read(types=types):
        if event.type == "run_start" or event.run in found:
            found.setdefault(event.run, Story()).add(event)
    return list(found.values())

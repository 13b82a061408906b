"""Learning: an improver is handed its own source and what was solved with it, and proposes a successor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rung.arms.practice import HARD, SEALED_CPU_SECONDS, SLOW, WAIT_SECONDS
from rung.errors import BadInput
from rung.kernel import codec
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.records import Limits
from rung.recursion import improver_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.arms.practice import Field
    from rung.records import Program
    from rung.wire import JSON

ATTEMPTS = 2
LEARNING_CPU_SECONDS = 20.0  # of one learning step, the runs of its proposals included, whatever was declared
LOOK = 1  # puzzles: a proposal must run at all; whether it is better is for the gate


@dataclass(frozen=True, slots=True)
class Lesson:
    """A solution that a learner is shown: of which puzzle, the text, and the generation that found it."""

    puzzle: str
    source: str
    generation: int

    def to_json(self) -> dict[str, JSON]:
        """Returns it as the brief holds it."""
        return {"puzzle": self.puzzle, "source": self.source, "generation": self.generation}


@dataclass(frozen=True, slots=True)
class Proposed:
    """The successor that came out of a learning step, None when there is none, and what the step cost."""

    run: str
    successor: Program | None
    work: float
    cpu_seconds: float


def learn(field: Field, improver: Program, lessons: Sequence[Lesson], *, generation: int, screened: bool) -> Proposed:
    """Returns what the improver makes of itself: its newest proposal that works; the gate says whether it is better.

    screened: whether the improver may hold back a proposal that it does not believe in.

    Raises:
      RungError: see errors.py.
    """
    plan = field.suite.plan
    block = field.screen(LOOK, salt=field.salt("look", str(generation)))
    seconds = SEALED_CPU_SECONDS + HARD * block.work * LOOK * plan.cpu_seconds_per_work
    task = improver_task(
        improver,
        lambda seed: field.screen(LOOK, salt=field.salt("screen", str(seed))).task,
        train=1,
        validation=1,
        attempts=ATTEMPTS,
        epoch=generation,
        limits=Limits(cpu_seconds=seconds, wall_seconds=60.0 + 20.0 * seconds),
        name=f"{field.suite.name}/learn",
        extra={
            "solutions": [lesson.to_json() for lesson in lessons],
            "generation": generation,
            "screen": screened,
        },
    )
    task = replace(task, bound=None)  # one puzzle solved at once must not end the search: it is only a look
    allowed = LEARNING_CPU_SECONDS + HARD * block.work * plan.practice * plan.cpu_seconds_per_work
    allowance = Allowance(cpu_seconds=allowed, seconds=WAIT_SECONDS + SLOW * allowed)
    request = Request(seed=field.salt("learn", str(generation)), attempts=ATTEMPTS, allowance=allowance)
    try:
        outcome = field.kernel.improve(task, improver, request, parent=field.run)
    except BadInput:
        return Proposed("", None, 0.0, 0.0)  # it cannot even answer a block any more: nothing to build on
    successor = _last_tried(field, outcome.run)
    if successor is not None and successor.id == improver.id:
        successor = None
    work, cpu_seconds = outcome.spent.work, outcome.spent.cpu_seconds
    if cpu_seconds > LEARNING_CPU_SECONDS + work * plan.cpu_seconds_per_work:  # unmetered work
        successor, work = None, max(work, cpu_seconds / plan.cpu_seconds_per_work)
    return Proposed(outcome.run, successor, min(work, plan.work), cpu_seconds)


def _last_tried(field: Field, run: str) -> Program | None:
    """Returns the newest proposal of a run that worked at all."""
    found: str | None = None
    for event in field.kernel.ledger.read(run=run, types=("evaluation",)):
        body: Any = event.body
        if body["number"] > 0 and body["evaluation"]["status"] == "ok":
            found = body["program"]
    return None if found is None else codec.program_from_bytes(field.kernel.ledger.get(found))

"""Scoring again what a ledger holds: the task is found through its reference and must still be the very same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rung import api
from rung.errors import BadInput
from rung.kernel import codec
from rung.kernel.budget import Allowance
from rung.kernel.draw import draw_cases
from rung.kernel.identity import Request, run_key
from rung.kernel.scope import Bounds
from rung.suites.registry import REFERENCE, find_block

PLACES = ("outside", "inside", "confirming")  # where a part of another run may have been made

if TYPE_CHECKING:
    from pathlib import Path

    from rung.cli.story import Story
    from rung.kernel.ledger.port import Ledger
    from rung.models.recorded import RecordedModels
    from rung.records import Case, Task


def recorded_task(ledger: Ledger, story: Story, *, workspace: Path) -> Task:
    """Returns the task that a run was about.

    Raises:
      BadInput: it is gone, or it is another one by now, so that its scores would mean something else.
    """
    start = story.start
    if start["task"].endswith("/learn"):
        raise BadInput(
            "an improver that proposed: what it was judged by are runs of their own, with scores of their own"
        )
    block = start["reference"].startswith(REFERENCE)
    task = find_block(start["reference"]) if block else api.find_again(start["reference"], workspace)
    improver = codec.program_from_bytes(ledger.get(start["improver"]))
    allowance = Allowance(**start["allowance"])
    models, bounds = start.get("models", ""), Bounds(start.get("charter", ""))
    request = Request(int(start["seed"]), start["attempts"], allowance, models=models, bounds=bounds)
    parents = [None, *(f"{story.parent} {place}" for place in PLACES if story.parent)]
    if story.run not in {run_key(task, improver, request, parent=parent) for parent in parents}:
        raise BadInput(
            f"the task {start['reference']} has changed since run {story.run}: its scores would mean something else; "
            "bring the task back as it was, or improve it anew"
        )
    return task


def recorded_models(ledger: Ledger, story: Story) -> RecordedModels | None:
    """Returns what answers the evaluator of a run when its programs are scored again; None when it asked no model.

    Raises:
      BadInput: what the run says of its models cannot be read.
    """
    identity = story.start.get("models")
    if not identity:
        return None
    from rung.models.recorded import RecordedModels  # noqa: PLC0415 - most runs ask no model

    return RecordedModels(ledger, story.run, identity=identity)


def validation_cases(task: Task, story: Story) -> tuple[Case, ...]:
    """Returns the cases that selected the run's incumbents: those of train where both splits have the same inputs."""
    seed = int(story.start["seed"])
    train = draw_cases(task.train, name="train", seed=seed, after="")
    validation = draw_cases(task.validation, name="validation", seed=seed, after="")
    return train if [case.input for case in train] == [case.input for case in validation] else validation

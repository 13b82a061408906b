"""`rung replay`: a recorded run is executed again, and must come to the same ledger head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.cli.options import AS_JSON, RUN, SANDBOX, WORKSPACE, existing_ledger, named_again
from rung.cli.recheck import recorded_task
from rung.cli.screen import foreign_talk, plain, print_json, results, table, talk
from rung.cli.story import find_run, story_of
from rung.errors import BadInput
from rung.kernel import codec
from rung.kernel.identity import run_key
from rung.oversight.standing import stored_blob
from rung.replaying.agents import RecordedAgents
from rung.replaying.replay import read_record, replay_run, request_of
from rung.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from rung.cli.story import Story
    from rung.kernel.kernel import Kernel
    from rung.kernel.ledger.port import Ledger
    from rung.models.door import Door
    from rung.records import Task
    from rung.replaying.replay import Record, Replayed
    from rung.wire import JSON


def replay(
    run: RUN,
    workspace: WORKSPACE = api.WORKSPACE,
    sandbox: SANDBOX = "auto",
    json: AS_JSON = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Execute a recorded run again, without models or network: does it come to the same ledger head?"""
    ledger = existing_ledger(workspace)
    try:
        story = story_of(ledger, find_run(ledger, run))
        _refuse_part(ledger, story)
        record = read_record(ledger, story.run)
        with foreign_talk():
            task = recorded_task(ledger, story, workspace=workspace)
            kept = story.parent is None or _kept(ledger, story, record, task)
            if not quiet:
                _greet(record)
            law = stored_blob(ledger, record.start["charter"]) if "charter" in record.start else None
            agents = RecordedAgents(ledger, named=codec.program_from_bytes(ledger.get(record.start["improver"])))

            def make_kernel(again: Ledger, /, *, models: Door | None) -> Kernel:
                return api.open_kernel(again, sandbox=sandbox, models=models, agents=agents, charter=law)

            done = replay_run(ledger, record, task=task, make_kernel=make_kernel, parent=story.parent, kept=kept)
    finally:
        ledger.close()
    if json:
        print_json(document(done))
    else:
        print_replayed(done, whole=story.end is not None)
    if not done.same:
        complaint = plain("; ".join(complaints(done, task, workspace=workspace)), limit=1200)
        talk().print(f"rung: {complaint}", soft_wrap=True)
        raise typer.Exit(1)


def _greet(record: Record) -> None:
    answers = f", {record.answers:,} answers of models from the record" if record.answers else ""
    talk().print(f"run {record.run} of {plain(record.start['task'])} is executed again{answers}", soft_wrap=True)


def _refuse_part(ledger: Ledger, story: Story) -> None:
    if str(story.start["task"]).endswith("/learn"):
        raise BadInput(
            f"run {story.run} is a step of a comparison, which drew its tasks on the way: `rung bench` with the same "
            "--key makes the whole comparison again"
        )
    if story.parent is not None and any(event.run == story.parent for event in ledger.read(types=("run_start",))):
        raise BadInput(f"run {story.run} is a part of run {story.parent}: replay that one")


def _kept(ledger: Ledger, story: Story, record: Record, task: Task) -> bool:
    """Returns whether what a run of a comparison found was built on: its name tells, for it follows from the place."""
    improver = codec.program_from_bytes(ledger.get(story.start["improver"]))
    return story.run == run_key(task, improver, request_of(record), parent=f"{story.parent} outside")


def complaints(done: Replayed, task: Task, *, workspace: Path) -> list[str]:
    """Returns what is not as recorded, what may be why though nothing is wrong, and where to look."""
    start, difference, run = done.record.start, done.difference, done.record.run
    what = difference.sentence if difference else "all events came again, and yet the heads differ"
    found = [f"run {run} does not come to the recorded head: {what}"]
    if not task.exact:
        found.append("the scores of this task are measurements, which do not come again to the last bit")
    if start["version"] != VERSION:
        found.append(f"it was recorded by rung {start['version']}, and this is {VERSION}")
    if done.sandbox and start["sandbox"] != done.sandbox:
        found.append(f"it was recorded in sandbox {start['sandbox']}, and this is {done.sandbox}")
    if difference and {"timeout", "exhausted"} & {difference.recorded.strip("'"), difference.now.strip("'")}:
        found.append("a program that needs about as much time or memory as it may have can end either way")
    return [*found, f"`rung show {run}{named_again(workspace)}` has the record"]


def document(done: Replayed) -> dict[str, JSON]:
    """Returns what `replay --json` prints."""
    record, found = done.record, done.difference
    difference: JSON = None
    if found is not None:
        difference = {
            "seq": found.seq,
            "type": found.type,
            "field": found.field,
            "recorded": found.recorded,
            "now": found.now,
            "sentence": found.sentence,
        }
    return {
        "run": record.run,
        "task": record.start["task"],
        "same": done.same,
        "finished": record.end,
        "events": done.events,
        "model_answers": record.answers,
        "head": {"seq": done.head[0], "hash": done.head[1]},
        "recorded_head": {"seq": record.last[0], "hash": record.last[1]},
        "sandbox": {"recorded": record.start["sandbox"], "now": done.sandbox},
        "version": {"recorded": record.start["version"], "now": VERSION},
        "difference": difference,
    }


def print_replayed(done: Replayed, *, whole: bool) -> None:
    """Prints for people how it went."""
    record, out = done.record, results()
    rows = table("", "")
    rows.show_header = False
    unfinished = "" if whole else ", which is not finished: as far as it goes"
    rows.add_row("run", f"{record.run} of {plain(record.start['task'])}{unfinished}")
    rows.add_row("came again", f"{done.events:,} events; {record.answers:,} answers of models were in the record")
    rows.add_row("head", f"{done.head[0]} {done.head[1]}")
    rows.add_row("recorded", f"{record.last[0]} {record.last[1]}")
    rows.add_row("sandbox", f"{done.sandbox or '-'}, recorded in {record.start['sandbox']}")
    out.print(rows)
    if done.same:
        out.print("the same ledger head")

"""`rung show` and `rung diff`: what happened in a workspace, from its ledger alone."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rung import api
from rung.authoring import built_in_improvers, find_improver
from rung.cli.options import AS_JSON, RUN, WORKSPACE, existing_ledger
from rung.cli.progress import arms_table, story_curve
from rung.cli.screen import (
    colour_diff,
    cost_line,
    gain_words,
    interval_document,
    number,
    plain,
    print_json,
    results,
    signed,
    table,
)
from rung.cli.story import Story, find_run, stories, story_of
from rung.kernel import codec

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from rung.kernel.ledger.port import Ledger
    from rung.wire import JSON

STEPS_SHOWN = 12


def show(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; without it, all of them.")] = None,
    inner: Annotated[bool, typer.Option("--inner", help="Also runs that are a part of another one.")] = False,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Show the runs of a workspace, or one of them."""
    ledger = existing_ledger(workspace)
    try:
        if run is None:
            _show_all(ledger, json=json, inner=inner)
            return
        story = story_of(ledger, find_run(ledger, run))
    finally:
        ledger.close()
    if json:
        print_json(run_document(story))
    else:
        _print_run(results(), story)


def _show_all(ledger: Ledger, *, json: bool, inner: bool) -> None:
    found = [story for story in stories(ledger) if inner or story.parent is None]
    if json:
        print_json([_summary(story) for story in found])
        return
    rows = table("run", "task", "improver", "#attempts", "#seed", "#incumbent", "#held-out gain", "state", "began")
    for story in found:
        rows.add_row(
            story.run,
            plain(story.start["task"], limit=40),
            improver_name(story.start["improver"]),
            f"{story.attempts:,}" if story.attempts else "-",
            number(story.first),
            number(story.best),
            signed(story.held_out.mean) if story.held_out else "-",
            story.state,
            datetime.fromtimestamp(story.began, UTC).strftime("%Y-%m-%d %H:%M"),
        )
    out, compared = results(), _comparisons(ledger)
    if found:
        out.print(rows)
    if compared.row_count:
        out.print(compared)
    if not found and not compared.row_count:
        out.print("no run yet; `rung improve TASK` starts one")


def _comparisons(ledger: Ledger) -> Table:
    rows = table("comparison", "suite", "world", "arms", "#seeds", "state", "key")
    events = list(ledger.read(types=("registration", "bench_end", "pause", "resume", "stop")))
    ended = {event.run for event in events if event.type == "bench_end"}
    paused = {run for run, kind in {event.run: event.type for event in events}.items() if kind == "pause"}
    for event in events:
        body: Any = event.body
        if event.type == "registration":
            state = "finished" if event.run in ended else "paused" if event.run in paused else "unfinished"
            world, arms = body["variant"] or "-", ", ".join(body["arms"])
            rows.add_row(event.run, body["suite"], world, arms, str(body["seeds"]), state, body["key"])
    return rows


def improver_name(improver: str) -> str:
    """Returns the name of an improver that ships, else the first characters of its id."""
    names = (name for name in built_in_improvers() if find_improver(name).id == improver)
    return next(names, improver[:12])


def _summary(story: Story) -> dict[str, JSON]:
    return {
        "run": story.run,
        "task": story.start["task"],
        "reference": story.start["reference"],
        "improver": improver_name(story.start["improver"]),
        "improver_id": story.start["improver"],
        "run_seed": int(story.start["seed"]),
        "state": story.state,
        "attempts": story.attempts,
        "seed": {"id": story.start["program"], "value": story.first},
        "incumbent": {"id": story.steps[-1].program, "value": story.best} if story.steps else None,
        "held_out": None if story.held_out is None else interval_document(story.held_out),
        "began": story.began,
    }


def run_document(story: Story) -> dict[str, JSON]:
    """Returns what `show RUN --json` prints."""
    return {
        **_summary(story),
        "sandbox": story.start["sandbox"],
        "layers": story.start["layers"],
        "rescored_by": story.rescored_by,
        "incumbents": [
            {
                "number": s.number,
                "id": s.program,
                "operator": s.operator,
                "value": s.value,
                "cpu_seconds": s.cpu_seconds,
            }
            for s in story.steps
        ],
        "statuses": dict(story.statuses),
        "arms": {name: dict(earned) for name, earned in story.arms.items()},
        "models": {"calls": dict(story.asked), "answers": dict(story.answers)},
        "spent": codec.cost_to_json(story.spent),
        "stop_reason": story.end["stop_reason"] if story.end else None,
        "alarm": story.alarm or None,
    }


def _print_run(out: Console, story: Story) -> None:
    start = story.start
    out.print(f"run {story.run} of {plain(start['task'])}, {story.state}: {plain(start['goal'])}", soft_wrap=True)
    out.print(f"improver {improver_name(start['improver'])}, seed {start['seed']}, rung {start['version']}")
    out.print(f"sandbox {start['sandbox']}, incumbents re-scored by {story.rescored_by or '-'}", soft_wrap=True)
    if story.alarm:
        out.print(f"ALARM: {plain(story.alarm)}", style="bold red", soft_wrap=True)
    for row in story_curve(story):
        out.print(row, style="green")
    out.print(f"{story.attempts:,} attempts: {', '.join(f'{n:,} {s}' for s, n in story.statuses.most_common()) or '-'}")
    _print_incumbents(out, story)
    for status, sentence in story.failures.items():
        out.print(f"last {status}: {plain(sentence)}", style="dim", soft_wrap=True)
    if (arms := arms_table(story)) is not None:
        out.print()
        out.print(arms)
    if story.asked:
        calls = ", ".join(f"{count:,} calls of {plain(model)}" for model, count in story.asked.most_common())
        ended = ", ".join(f"{count:,} {status}" for status, count in story.answers.most_common())
        out.print(f"\n{calls}: {ended}", soft_wrap=True)
    out.print(f"\nspent {cost_line(story.spent)}")
    if story.end:
        out.print(f"stopped: {plain(story.end['stop_reason'])}", soft_wrap=True)
        out.print(f"held-out gain: {gain_words(story.held_out) if story.held_out else 'not measured'}")


def _print_incumbents(out: Console, story: Story) -> None:
    rows = table("#attempt", "operator", "#value", "#CPU-s", "program")
    left_out = max(0, len(story.steps) - STEPS_SHOWN)
    for step in story.steps[:1] + story.steps[1:][left_out:] if left_out else story.steps:
        value = number(step.value, digits=12)
        rows.add_row(
            str(step.number), plain(step.operator, limit=40), value, f"{step.cpu_seconds:.1f}", step.program[:12]
        )
    out.print()
    out.print(rows)
    if left_out:
        out.print(f"({left_out} incumbents between the first and these are left out; --json has all)")
    out.print()


def diff(run: RUN, workspace: WORKSPACE = api.WORKSPACE) -> None:
    """Print what was changed from the seed program to the incumbent, as a unified diff."""
    ledger = existing_ledger(workspace)
    try:
        story = story_of(ledger, find_run(ledger, run))
        seed = codec.program_from_bytes(ledger.get(story.start["program"]))
        incumbent = codec.program_from_bytes(ledger.get(story.steps[-1].program)) if story.steps else seed
    finally:
        ledger.close()
    text = seed.diff(incumbent)
    out = results()
    if out.is_terminal:
        out.print(colour_diff(text), end="", soft_wrap=True)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())  # a patch is about bytes, whatever the encoding of the terminal
    sys.stdout.buffer.flush()

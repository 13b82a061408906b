"""`rung ascend`, `rung stages` and `rung rollback`: the improver in force, how it came to be, and the way back."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from rung import api
from rung.arms.compare import Ask, Compared, Watcher, compare
from rung.cli.bench import comparison_document
from rung.cli.bench_report import print_report
from rung.cli.bench_view import View
from rung.cli.carry_out import promotion_action, told
from rung.cli.options import AS_JSON, DEAD_MAN, SANDBOX, WORKSPACE, existing_ledger, named_again
from rung.cli.screen import foreign_talk, print_json, results, table
from rung.kernel import codec
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.dead_man import watched
from rung.oversight.permit import permit
from rung.promotion import SUFFIX, forward, promote, promotions, roll_back, step_to
from rung.suites.registry import find_suite

ARMS = "self,control,frozen,sham"
NAME = Annotated[str, typer.Argument(metavar="IMPROVER", help="As it was called when it was promoted.")]


def ascend(  # noqa: PLR0913 - the options of the command
    suite: Annotated[str, typer.Option(help="ladder, null or induction.")] = "induction",
    *,
    generations: Annotated[int, typer.Option(min=1, max=1000, help="At most.")] = 1000,
    arms: Annotated[str, typer.Option(help="Arms beside SELF, with commas between them.")] = ARMS,
    improver: Annotated[
        str | None,
        typer.Option(help="Where to start, NAME@main for the promoted one.  [default: the suite's]"),
    ] = None,
    world: Annotated[str, typer.Option(help="A variant of the suite's worlds.")] = "",
    key: Annotated[str | None, typer.Option(help="Of a climb to repeat.  [default: drawn]")] = None,
    workspace: WORKSPACE = api.WORKSPACE,
    sandbox: SANDBOX = "auto",
    dead_man: DEAD_MAN = None,
    json: AS_JSON = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Let an improver improve itself, beside arms of equal cost, and promote what passed the gate."""
    found = find_suite(suite)
    names = ("self", *(name.strip() for name in arms.split(",") if name.strip() and name.strip() != "self"))
    ask = Ask(names, 1, world, key, {"generations": generations}, improver)
    with watched(workspace, dead_man), foreign_talk(), View(found, quiet=quiet) as view:
        watcher = Watcher(view.begun, view.step, view.ended)
        compared = compare(found, ask, workspace=workspace, sandbox=sandbox, watcher=watcher)
    promoted = promote_result(compared, workspace=workspace)
    document = comparison_document(compared, workspace=workspace)
    if json:
        print_json({**document, "promoted": promoted})
        return
    print_report(compared, document, workspace=workspace)
    out = results()
    name = found.improver
    if promoted is None:
        out.print(f"nothing was promoted: {name} stays as it is")
    else:
        out.print(
            f"promoted to {promoted['stage']}: {name} is now {str(promoted['program'])[:8]}. Use it with --improver "
            f"{name}{SUFFIX}; `rung rollback {name}{named_again(workspace)}` goes back",
            soft_wrap=True,
        )


def promote_result(compared: Compared, *, workspace: Path) -> dict[str, Any] | None:
    """Returns the promotion of what SELF came to, recorded now or earlier; None when it adopted nothing."""
    result, name = compared.results["self"][0], compared.suite.improver
    ledger = open_ledger(workspace)
    try:
        known = promotions(ledger, name)
        same = [step for step in known if step.run == result.run]
        if same:
            return asdict(same[-1])
        seed = result.steps[0].solver if result.steps else result.improver
        if result.improver == seed:
            return None
        start = codec.program_from_bytes(ledger.get(seed))
        if not known:
            promote(ledger, name, start, stage="seed", by="person", run=result.run, reason="where it began")
        for step in result.steps:
            if step.verdict is not None and step.proposal is not None:
                judged = codec.program_from_bytes(ledger.get(step.proposal))
                promote(ledger, name, judged, stage="shadow", by="kernel", run=result.run, reason=step.verdict.reason)
            if step.verdict is not None and step.verdict.admitted:
                promote(ledger, name, judged, stage="canary", by="kernel", run=result.run, reason=step.verdict.reason)
        final = codec.program_from_bytes(ledger.get(result.improver))
        stage = result.steps[-1].stage
        if stage == "main":
            reason = "it kept what it gained while it was under watch"
            with told():
                permit(ledger, promotion_action(name, final.id, run=result.run, reason=reason), now=time.time())
                promote(ledger, name, final, stage="main", by="kernel", run=result.run, reason=reason)
        return asdict(promotions(ledger, name)[-1])
    finally:
        ledger.close()


def stages(name: NAME, *, workspace: WORKSPACE = api.WORKSPACE, json: AS_JSON = False) -> None:
    """List the stages that an improver went through, oldest first; the last one that is no shadow is in force."""
    with closing(existing_ledger(workspace)) as ledger:
        steps = promotions(ledger, name)
    if json:
        print_json([asdict(step) for step in steps])
        return
    rows = table("#number", "improver", "stage", "by", "run", "why")
    for step in steps:
        rows.add_row(str(step.number), step.program[:8], step.stage, step.by, step.run, step.reason)
    results().print(rows if steps else f"no improver was promoted under {name!r} in this workspace")


def rollback(
    name: NAME,
    to: Annotated[str | None, typer.Argument(metavar="STEP", help="Its number, or the start of its id.")] = None,
    *,
    reason: Annotated[str, typer.Option(help="For the record.")] = "rolled back by hand",
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Put an earlier improver in force again; nothing is erased."""
    with closing(existing_ledger(workspace)):
        pass  # a workspace that is not there is refused before one is made
    with closing(open_ledger(workspace)) as ledger:
        step = step_to(ledger, name, to=to)
        if forward(ledger, name, step):  # the way back needs nobody's leave
            permit(ledger, promotion_action(name, step.program, run=step.run, reason=reason), now=time.time())
        step = roll_back(ledger, name, to=to, reason=reason)
    if json:
        print_json(asdict(step))
    else:
        results().print(f"{name} is {step.program[:8]} again ({step.stage}), step {step.number}")

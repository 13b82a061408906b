"""`rung bench`: a suite, its arms at equal cost, and what can be said afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.arms.compare import Ask, Compared, Watcher, compare
from rung.arms.records import ARMS
from rung.cli.bench_report import figure_text, print_report
from rung.cli.bench_search import search
from rung.cli.bench_view import View
from rung.cli.options import AS_JSON, DEAD_MAN, SANDBOX, WORKSPACE
from rung.cli.screen import foreign_talk, print_json, talk
from rung.errors import BadInput
from rung.kernel.ledger.sqlite import read_ledger
from rung.observatory.closure import Facts, closure
from rung.observatory.document import document
from rung.oversight.dead_man import watched
from rung.suites.registry import find_suite

if TYPE_CHECKING:
    from rung.wire import JSON

EVERY = ",".join(ARMS)
SEEDS = 4


def bench(  # noqa: PLR0913 - the options of the command
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="ladder, null, induction or search.")],
    *,
    arms: Annotated[str, typer.Option(help="Which arms, with commas between them.")] = EVERY,
    seeds: Annotated[int | None, typer.Option(min=1, max=1000, help="Paired seeds.  [default: 4; search: 200]")] = None,
    world: Annotated[str, typer.Option(help="A variant of the suite's worlds.")] = "",
    screen: Annotated[
        bool, typer.Option("--screen/--no-screen", help="Whether improvers may hold back proposals.")
    ] = True,
    key: Annotated[str | None, typer.Option(help="Of a comparison to repeat.  [default: drawn]")] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Where to write the curves.")] = None,
    workspace: WORKSPACE = api.WORKSPACE,
    sandbox: SANDBOX = "auto",
    dead_man: DEAD_MAN = None,
    json: AS_JSON = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Measure what recursion buys on a suite. The same command again goes on with one that was interrupted."""
    if suite == "search":
        given = {"--arms": arms != EVERY, "--world": bool(world), "--no-screen": not screen, "--figure": bool(figure)}
        unknown = [name for name, there in given.items() if there]
        with watched(workspace, dead_man):
            search(seeds=seeds, key=key, workspace=workspace, sandbox=sandbox, json=json, quiet=quiet, unknown=unknown)
        return
    found = find_suite(suite)
    names = tuple(name.strip() for name in arms.split(",") if name.strip())
    if figure is not None and (figure.suffix != ".svg" or not figure.resolve().parent.is_dir()):
        raise BadInput(f"a figure is written to a file NAME.svg in a folder that exists, not to {figure}")
    ask = Ask(names, seeds or SEEDS, world, key, None if screen else {"screen": False})
    with watched(workspace, dead_man), foreign_talk(), View(found, quiet=quiet) as view:
        watcher = Watcher(view.begun, view.step, view.ended)
        compared = compare(found, ask, workspace=workspace, sandbox=sandbox, watcher=watcher)
    made = comparison_document(compared, workspace=workspace)
    if figure is not None:
        figure.write_text(figure_text(compared, caption=str(made["sentence"])), encoding="utf-8")
        talk().print(f"curves: {figure}", soft_wrap=True)
    if json:
        print_json(made)
    else:
        print_report(compared, made, workspace=workspace)


def comparison_document(compared: Compared, *, workspace: Path) -> dict[str, JSON]:
    """Returns what `bench --json` prints."""
    registration, suite = compared.registration, compared.suite
    ledger = read_ledger(workspace)
    try:
        facts = Facts(suite.name, registration.id, compared.sandbox)
        events = ledger.read(
            types=("registration", "arm_start", "verdict", "adopted", "undone", "generation", "commit", "pairs")
        )
        decisions = closure(compared.results.get("self", []), facts, events=events)
    finally:
        ledger.close()
    body: JSON = registration.document
    return document(
        compared.results,
        registration={**(body if isinstance(body, dict) else {}), "id": registration.id},
        closure=decisions,
        primary=suite.plan.primary,
        null_edits=compared.tallies,
        diffs=compared.diffs,
        shared=not (suite.name == "null" and not registration.variant),
    )

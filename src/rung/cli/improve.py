"""`rung improve` and `rung evaluate`: the two verbs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.authoring import find_task, read_program
from rung.cli.options import (
    AS_JSON,
    CHARTER,
    DEAD_MAN,
    MAX_TOKENS,
    MAX_USD,
    MODELS,
    PRICES,
    SANDBOX,
    SEED,
    TASK,
    TASK_MODEL,
    WORKSPACE,
    named_again,
    named_agent,
    named_models,
    naming,
)
from rung.cli.progress import Progress
from rung.cli.screen import (
    colour_diff,
    cost_line,
    foreign_talk,
    gain_words,
    interval_document,
    number,
    plain,
    print_json,
    results,
    table,
    talk,
)
from rung.errors import Status
from rung.kernel import codec
from rung.kernel.budget import Allowance
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.dead_man import watched

if TYPE_CHECKING:
    from rung.records import Evaluation, Outcome
    from rung.wire import JSON

DIFF_LINES = 24
FAILED = "the improver failed"


def improve(  # noqa: PLR0913 - the options of the command
    task: TASK,
    *,
    attempts: Annotated[int | None, typer.Option(min=1, help="Programs to try.  [default: the task's]")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of all chance.  [default: drawn]")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that score.")] = 1,
    improver: Annotated[
        str, typer.Option(help='One that ships (`rung improvers`), a folder, or an agent: "cmd:my-agent --flag".')
    ] = "seed",
    agent_show: Annotated[
        list[Path] | None, typer.Option(metavar="PATH", help="What an agent may read besides the system's folders.")
    ] = None,
    agent_seconds: Annotated[float | None, typer.Option(min=0.1, help="Of one attempt of an agent.  [600]")] = None,
    workspace: WORKSPACE = api.WORKSPACE,
    cpu_seconds: Annotated[float | None, typer.Option(min=0.001, help="CPU of everything the run causes.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="Wall time of the run.")] = None,
    model: MODELS = None,
    task_model: TASK_MODEL = None,
    max_tokens: MAX_TOKENS = None,
    max_usd: MAX_USD = None,
    prices: PRICES = None,
    charter: CHARTER = None,
    sandbox: SANDBOX = "auto",
    dead_man: DEAD_MAN = None,
    json: AS_JSON = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> None:
    """Make a program better. The same command again goes on with a run that was interrupted."""
    with watched(workspace, dead_man), foreign_talk(), naming(task), Progress(quiet=quiet) as progress:
        outcome = api.improve(
            task,
            attempts=attempts,
            seed=seed,
            workers=workers,
            improver=named_agent(improver, agent_show, agent_seconds),
            workspace=workspace,
            cpu_seconds=cpu_seconds,
            seconds=seconds,
            sandbox=sandbox,
            models=named_models(model, task_model, prices),
            max_tokens=max_tokens,
            max_usd=max_usd,
            charter=charter,
            observe=progress.observe,
        )
    if json:
        print_json(outcome_document(outcome, improver=improver))
    else:
        print_outcome(outcome, workspace=workspace)
    if complaint := _complaint(outcome, workspace=workspace):
        talk().print(f"rung: {complaint}", soft_wrap=True)
        raise typer.Exit(1)


def _complaint(outcome: Outcome, *, workspace: Path) -> str | None:
    """Returns why what was asked was not done, or None."""
    if outcome.stop_reason.startswith(FAILED):
        return plain(f"{outcome.stop_reason}; what it had found until then is recorded", limit=600)
    if outcome.held_out is None:
        return (
            "the start or the incumbent fails on held-out cases, so no gain could be measured; "
            f"the incumbent is in the ledger: `rung show {outcome.run}{named_again(workspace)}`"
        )
    return None


def outcome_document(outcome: Outcome, *, improver: str) -> dict[str, JSON]:
    """Returns what `improve --json` prints. improver: as it was named."""
    return {
        "run": outcome.run,
        "task": outcome.task,
        "improver": improver,
        "improver_id": outcome.improver,
        "run_seed": outcome.seed,
        "seed": {"id": outcome.start.program.id, "value": outcome.start.value},
        "incumbent": {"id": outcome.incumbent.program.id, "value": outcome.incumbent.value},
        "held_out": None if outcome.held_out is None else interval_document(outcome.held_out),
        "spent": codec.cost_to_json(outcome.spent),
        "stop_reason": outcome.stop_reason,
        "sandbox": outcome.sandbox,
        "rescored_by": outcome.rescored_by,
    }


def print_outcome(outcome: Outcome, *, workspace: Path) -> None:
    """Prints an outcome for people: what became of the program, its diff, and what to type next."""
    out = results()
    rows = table("", "")
    rows.add_row("run", f"{outcome.run}  (seed {outcome.seed})")
    rows.add_row("value", f"{number(outcome.start.value, digits=10)} → {number(outcome.incumbent.value, digits=10)}")
    rows.add_row("held-out gain", gain_words(outcome.held_out) if outcome.held_out else "not measured")
    rows.add_row("spent", cost_line(outcome.spent))
    rows.add_row("stopped", plain(outcome.stop_reason))
    rows.add_row("sandbox", f"{outcome.sandbox}, incumbents re-scored by {outcome.rescored_by}")
    rows.show_header = False
    out.print(rows)
    diff = outcome.start.program.diff(outcome.incumbent.program)
    lines = diff.splitlines()
    if lines:
        out.print()
        out.print(colour_diff("\n".join(lines[:DIFF_LINES])), end="", soft_wrap=True)
        if len(lines) > DIFF_LINES:
            out.print(f"… {len(lines) - DIFF_LINES} more lines of the diff")
    where = named_again(workspace)
    if outcome.incumbent.program.id == outcome.start.program.id:
        out.print("\nno better program was found; give it more --attempts, or another --seed", soft_wrap=True)
        out.print(f"next: rung show {outcome.run}{where}", soft_wrap=True)
        return
    out.print(f"\nnext: rung diff {outcome.run}{where}", soft_wrap=True)
    out.print(f"      rung export {outcome.run} DIR{where}", soft_wrap=True)
    out.print(f"      rung verify{where}", soft_wrap=True)


def evaluate(  # noqa: PLR0913 - the options of the command
    task: TASK,
    *,
    program: Annotated[Path, typer.Option("--program", metavar="DIR", help="The program: a folder, or a file.")],
    split: Annotated[str, typer.Option(help="train or validation.")] = "validation",
    seed: SEED = 0,
    workspace: WORKSPACE = api.WORKSPACE,
    task_model: TASK_MODEL = None,
    max_tokens: MAX_TOKENS = None,
    max_usd: MAX_USD = None,
    prices: PRICES = None,
    sandbox: SANDBOX = "auto",
    json: AS_JSON = False,
) -> None:
    """Judge a program as it is: status, value and scores."""
    with foreign_talk():
        with naming(task):
            found = find_task(task)
        subject = read_program(program, entry=found.program.entry)
        models, allowance = named_models(None, task_model, prices), Allowance(tokens=max_tokens, usd=max_usd)
        api.check_models(models, allowance)
        ledger = open_ledger(api.checked_workspace(workspace))
        try:
            kernel = api.open_kernel(ledger, sandbox=sandbox, models=models)
            evaluation = kernel.evaluate(found, subject, split=split, seed=seed, allowance=allowance).evaluation
        finally:
            ledger.close()
    if json:
        print_json({"task": found.name, "program": subject.id, "split": split, **codec.evaluation_to_json(evaluation)})
    else:
        _print_evaluation(evaluation, unit=found.unit)
    if evaluation.status is not Status.OK:
        raise typer.Exit(1)


def _print_evaluation(evaluation: Evaluation, *, unit: str) -> None:
    out = results()
    rows = table("", "")
    rows.show_header = False
    rows.add_row("status", str(evaluation.status))
    rows.add_row("value", f"{number(evaluation.value, digits=12)}  ({unit}, higher is better)")
    rows.add_row("scores", " ".join(number(score) for score in evaluation.scores[:20]) or "-")
    rows.add_row("spent", cost_line(evaluation.cost))
    rows.add_row("sandbox", evaluation.sandbox)
    out.print(rows)
    for sentence in evaluation.feedback:
        out.print(plain(sentence), soft_wrap=True)

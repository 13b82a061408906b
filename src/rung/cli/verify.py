"""`rung verify`: the chain from its bytes, and a sample of incumbents scored again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.audit import parcel
from rung.audit.second_look import Looked, joined, second_look
from rung.cli.options import AS_JSON, WORKSPACE, existing_ledger
from rung.cli.recheck import recorded_models, recorded_task, validation_cases
from rung.cli.screen import foreign_talk, number, plain, print_json, results, talk
from rung.cli.story import Story, stories
from rung.errors import BadInput, LedgerDamaged, LedgerError, NoSandbox, Status
from rung.kernel import codec
from rung.kernel.ledger import layout
from rung.kernel.ledger.verify import verify_chain
from rung.kernel.sandbox import open_rescorer
from rung.kernel.scoring import score
from rung.kernel.shared import preloads
from rung.models.errors import ModelError

if TYPE_CHECKING:
    from rung.cli.story import Step
    from rung.kernel.ledger.port import Ledger
    from rung.kernel.ledger.verify import Verification
    from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Rescored:
    """One incumbent scored again.

    value: now. problem: how it differs from what was recorded. skipped: why it was not scored.
    """

    run: str
    task: str
    program: str
    recorded: float
    value: float | None = None
    sandbox: str = ""
    problem: str | None = None
    skipped: str | None = None


def verify(
    workspace: WORKSPACE = api.WORKSPACE,
    sample: Annotated[int, typer.Option(min=0, help="Incumbents to score again.")] = 10,
    json: AS_JSON = False,
    witness: Annotated[
        list[Path] | None, typer.Option("--witness", metavar="FILE", help="A checkpoint that was kept elsewhere.")
    ] = None,
    git: Annotated[
        list[str] | None, typer.Option("--git", metavar="DIR[@BRANCH]", help="Checkpoints in a git repository.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Whom you trust: the witness, and the log itself.")
    ] = None,
    clock_back: Annotated[
        float, typer.Option("--clock-back", min=0.0, help="By how many seconds a clock may have been reset.")
    ] = 2.0,
    alone: Annotated[
        Path | None,
        typer.Option("--alone", metavar="FILE", help="Write the verifier that needs no rung, and do nothing else."),
    ] = None,
) -> None:
    """Recheck the ledger from its bytes, twice over, and score a sample of incumbents again on the second backend."""
    if alone is not None:
        parcel.write_verifier(alone)
        return
    chain = _chain(workspace)
    options = [f"--clock-back={clock_back}", *(f"--witness={each}" for each in witness or ())]
    options += [*(f"--git={each}" for each in git or ()), *(f"--key={each}" for each in key or ())]
    looked = second_look(workspace / layout.FILE, options)
    chain = joined(chain, looked)
    rescored: list[Rescored] = []
    if not chain.problems:  # what a broken ledger says about its programs is worth nothing
        ledger = existing_ledger(workspace)
        try:
            rescored = rescore(ledger, workspace=workspace, sample=sample)
        finally:
            ledger.close()
    if json:
        print_json(_document(chain, rescored, looked))
    else:
        print_verification(chain, rescored)
        _print_witnessed(chain, looked)
    if unscored(rescored):
        talk().print("rung: no incumbent could be scored again, so their values are only what the ledger says")
    if not _holds(chain, rescored):
        raise typer.Exit(1)


def _chain(workspace: Path) -> Verification:
    file = workspace / layout.FILE
    try:
        existing_ledger(workspace).close()
        return verify_chain(file)
    except LedgerDamaged as error:
        raise LedgerError(
            f"{file} is damaged or cut short, so far that none of it can be read as a ledger ({error.__cause__}): "
            "put a copy that is whole in its place, or go on in another --workspace"
        ) from error


def unscored(rescored: list[Rescored]) -> bool:
    """Returns whether incumbents were to be scored again and not one of them could be."""
    return bool(rescored) and all(one.skipped for one in rescored)


def _holds(chain: Verification, rescored: list[Rescored]) -> bool:
    return not (chain.problems or any(one.problem for one in rescored) or unscored(rescored))


def rescore(ledger: Ledger, *, workspace: Path, sample: int) -> list[Rescored]:
    """Returns up to `sample` incumbents scored again from their stored bytes: the last of every run first."""
    found = [story for story in stories(ledger) if story.steps]
    chosen = [(story, story.steps[-1]) for story in reversed(found)][:sample]
    others = [(story, step) for story in found for step in story.steps[:-1]]
    rng = random.Random(ledger.head()[1])  # noqa: S311 - nobody can steer what the hash of all events picks
    chosen += rng.sample(others, min(len(others), sample - len(chosen)))
    with foreign_talk():
        return [_rescore(ledger, story, step, workspace=workspace) for story, step in chosen]


def _rescore(ledger: Ledger, story: Story, step: Step, *, workspace: Path) -> Rescored:
    about = (story.run, str(story.start["task"]), step.program, step.value)
    try:
        task = recorded_task(ledger, story, workspace=workspace)
        models = recorded_models(ledger, story)
    except BadInput as reason:
        return Rescored(*about, skipped=str(reason))
    program = codec.program_from_bytes(ledger.get(step.program))
    try:
        box = open_rescorer(preload=preloads(task.program, program))
    except NoSandbox as reason:
        return Rescored(*about, skipped=str(reason))
    try:
        cases, seed = validation_cases(task, story), int(story.start["seed"])
        evaluation = score(task, program, cases, sandbox=box, seed=seed, models=models).evaluation
    except ModelError as error:
        return Rescored(*about, problem=str(error))
    finally:
        box.close()
    problem = None
    if evaluation.status is not Status.OK:
        problem = f"it ends with {evaluation.status}: {evaluation.feedback[-1] if evaluation.feedback else 'no reason'}"
    elif task.exact and evaluation.value != step.value:
        problem = f"it scores {evaluation.value!r}, {step.value!r} is recorded"
    return Rescored(*about, value=evaluation.value, sandbox=evaluation.sandbox, problem=problem)


def _print_witnessed(chain: Verification, looked: Looked) -> None:
    """Prints which checkpoints hold, and of which events nobody elsewhere knows."""
    out = results()
    for row in looked.witnessed:
        by = ", ".join(row["by"]) or ("whoever commits there" if row["in_git"] else "nobody whose --key was given")
        out.print(plain(f"  witnessed: the first {row['size']:,} events, {row['source']}, by {by}"), soft_wrap=True)
    if looked.witnessed and looked.covered < chain.events:
        out.print(f"  not covered: no checkpoint speaks for events {looked.covered + 1} to {chain.events}")


def _document(chain: Verification, rescored: list[Rescored], looked: Looked) -> JSON:
    return {
        "ok": _holds(chain, rescored),
        "events": chain.events,
        "blobs": chain.blobs,
        "head": {"seq": chain.head[0], "hash": chain.head[1]},
        "problems": [{"seq": problem.seq, "what": problem.what} for problem in chain.problems],
        "witnessed": list(looked.witnessed),
        "covered": looked.covered,
        "rescored": [
            {
                "run": one.run,
                "task": one.task,
                "program": one.program,
                "recorded": one.recorded,
                "value": one.value,
                "sandbox": one.sandbox,
                "problem": one.problem,
                "skipped": one.skipped,
            }
            for one in rescored
        ],
    }


def print_verification(chain: Verification, rescored: list[Rescored]) -> None:
    """Prints what was rechecked, problem by problem."""
    out = results()
    if not (chain.events or chain.blobs or chain.problems):
        out.print("the ledger is empty: nothing was run in this workspace yet, so there is nothing to recheck")
        return
    verdict = "broken" if chain.problems else "whole"
    out.print(
        f"chain {verdict}: {chain.events:,} events, {chain.blobs:,} blobs, head {chain.head[0]} {chain.head[1]}",
        soft_wrap=True,
    )
    for problem in chain.problems[:20]:
        where = "" if problem.seq is None else f"event {problem.seq}: "
        out.print(f"  PROBLEM {where}{plain(problem.what)}", soft_wrap=True)
    if chain.problems:
        out.print(_advice(chain), soft_wrap=True)
    for one in rescored:
        what = f"{plain(one.task)}, run {one.run}, program {one.program[:12]}"
        if one.problem:
            out.print(f"  PROBLEM {what}: {plain(one.problem)}", soft_wrap=True)
        elif one.skipped:
            out.print(f"  not scored again: {what}: {plain(one.skipped)}", soft_wrap=True)
        else:
            agrees = (
                "scores the same again" if one.value == one.recorded else f"recorded {number(one.recorded)}, measured"
            )
            out.print(f"  {what}: {agrees}, {number(one.value, digits=12)}, in sandbox {one.sandbox}", soft_wrap=True)


def _advice(chain: Verification) -> str:
    """Returns what a person can do about a chain that does not hold."""
    broken = [problem.seq for problem in chain.problems if problem.seq is not None]
    intact = min(broken) - 1 if broken else chain.head[0]
    kept = (
        f"the chain holds up to event {intact}; what comes after it proves nothing"
        if intact > 0
        else "no event of it can be relied on"
    )
    return f"  {kept}: put a copy of the ledger that is whole in its place, or go on in another --workspace"

"""`rung demo`: a program is made better before your eyes, cheats try and fail, the ledger is rechecked."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.authoring import find_task
from rung.cli.demo_climb import WORK, climb
from rung.cli.improve import DIFF_LINES
from rung.cli.options import named_again
from rung.cli.progress import Progress, story_curve
from rung.cli.screen import colour_diff, cost_line, number, plain, results, signed, table
from rung.cli.verify import print_verification, rescore
from rung.errors import NoSandbox, RungError, Status
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.kernel.sandbox import open_sandbox
from rung.records import Limits, Program

if TYPE_CHECKING:
    from rich.console import Console

    from rung.kernel.scoring import Scored
    from rung.records import Outcome, Task

TASK = "circles-26"
CPU_SECONDS = 6.0
CHEATS = Path(__file__).parent.parent / "demo" / "cheats"
# What the cheats get: enough for any honest program, little enough that nobody waits for a loop.
CHEAT_LIMITS = Limits(cpu_seconds=0.5, wall_seconds=2.0, memory_mb=256)
HARMLESS = ("claims_a_score", "too_large_by_a_billionth", "returns_no_numbers")


class DemoFailed(RungError):
    """What the demo promises did not come true on this machine."""


def demo(
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", metavar="DIR", help="Keep the ledger there.  [default: a temporary one]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance.")] = 1,
    cpu_seconds: Annotated[float, typer.Option(min=0.1, help="For making the program better.")] = CPU_SECONDS,
    work: Annotated[float, typer.Option(min=1000, help="Of each arm of the climb, in applications.")] = WORK,
) -> None:
    """See a program made better, an improver that improves itself, cheats that fail, and the ledger rechecked."""
    out = results()
    began, began_cpu = time.monotonic(), time.process_time()
    sandbox = _sandbox(out)
    with tempfile.TemporaryDirectory(prefix="rung-demo-") as temporary:
        place = workspace or Path(temporary)
        task = find_task(TASK)
        out.print(f"1. Making a program better: {task.name}. {plain(task.goal)}", style="bold", soft_wrap=True)
        with Progress(quiet=False) as progress:
            outcome = api.improve(
                task, seed=seed, cpu_seconds=cpu_seconds, workspace=place, sandbox=sandbox, observe=progress.observe
            )
        _print_run(out, task, outcome, progress)
        out.print("\n2. An improver that improves itself, on real functions given by examples", style="bold")
        compared = climb(out, place, sandbox=sandbox, work=work)
        out.print(f"\n3. Cheats: {task.name} again, judged the same way", style="bold")
        _cheat(out, task, place, sandbox=sandbox)
        out.print("\n4. Rechecking the ledger from its bytes", style="bold")
        _recheck(place)
    spent = outcome.spent.cpu_seconds + sum(one.cpu_seconds for group in compared.results.values() for one in group)
    seconds, own = time.monotonic() - began, time.process_time() - began_cpu
    out.print(f"\nThat took {seconds:.0f} s: {spent:.0f} CPU-s of programs and improvers, {own:.0f} of the engine.")
    _print_next(out, outcome, workspace)
    if outcome.incumbent.program.id == task.program.id:
        raise DemoFailed(f"nothing better was found in {cpu_seconds:g} CPU-s; give it more --cpu-seconds")


def _sandbox(out: Console) -> str:
    try:
        box = open_sandbox("auto")
    except NoSandbox as refusal:
        out.rule("NOTHING ISOLATES PROGRAMS HERE", style="bold red")
        out.print(plain(str(refusal), limit=1000), soft_wrap=True)
        out.print(
            "The demo runs rung's own code only, so it goes on with bare processes. Every other command refuses, "
            "unless you say --sandbox process.",
            soft_wrap=True,
        )
        out.rule(style="bold red")
        return "process"
    box.close()
    return "auto"


def _print_run(out: Console, task: Task, outcome: Outcome, progress: Progress) -> None:
    for row in story_curve(progress.story):
        out.print(row, style="green")
    rows = table("", "")
    rows.show_header = False
    rows.add_row(f"{task.unit}, before", number(outcome.start.value, digits=11))
    rows.add_row("after", number(outcome.incumbent.value, digits=11))
    for name, value in task.known.items():
        rows.add_row(f"known: {name}", number(value, digits=11))
    if outcome.held_out is not None:
        rows.add_row("held-out gain", signed(outcome.held_out.mean))
    rows.add_row("spent", cost_line(outcome.spent))
    rows.add_row("stopped", plain(outcome.stop_reason))
    rows.add_row("sandbox", f"{outcome.sandbox}; incumbents re-scored by {outcome.rescored_by}")
    out.print(rows)
    lines = outcome.start.program.diff(outcome.incumbent.program).splitlines()
    out.print("\nWhat it changed:")
    out.print(colour_diff("\n".join(lines[:DIFF_LINES])), end="", soft_wrap=True)
    if len(lines) > DIFF_LINES:
        out.print(f"… {len(lines) - DIFF_LINES} more lines")


@dataclass(frozen=True, slots=True)
class Cheat:
    """A program that wants a score without earning it."""

    name: str
    tries: str
    program: Program


def cheats(task: Task) -> list[Cheat]:
    """Returns the cheats that ship; each has an honest answer at hand, to return once its trick has worked."""
    file, _, function = task.program.entry.partition(":")
    module = file.removesuffix(".py").replace("/", ".")
    found = []
    for path in sorted(CHEATS.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        files = {**task.program.files, "honest.py": f"from {module} import {function} as answer  # noqa: F401\n"}
        program = Program({**files, "cheat.py": text}, "cheat.py:cheat")
        found.append(Cheat(path.stem, text.split('"""')[1], program))
    return found


def _cheat(out: Console, task: Task, workspace: Path, *, sandbox: str) -> None:
    rows = table("cheat", "recorded as", "what the kernel saw")
    skipped, won = [], []
    ledger = open_ledger(workspace)
    try:
        kernel = api.open_kernel(ledger, sandbox=sandbox)
        for cheat in cheats(task):
            if sandbox == "process" and cheat.name not in HARMLESS:
                skipped.append(cheat.name)
                continue
            scored = kernel.evaluate(replace(task, limits=CHEAT_LIMITS), cheat.program, split="validation")
            evaluation = scored.evaluation
            rows.add_row(cheat.tries, str(evaluation.status), _saw(scored))
            won += [cheat.name] if evaluation.status is Status.OK else []
    finally:
        ledger.close()
    out.print(rows)
    if skipped:
        out.print(f"not tried, because nothing would stop them here: {', '.join(skipped)}", soft_wrap=True)
    if won:
        raise DemoFailed(f"{', '.join(won)} got a score: do not trust results from this machine, and report this")
    out.print(f"{rows.row_count} tried, none got a score, and the engine is still here.")


def _saw(scored: Scored) -> str:
    if scored.evaluation.status is Status.OK:
        return f"a value of {scored.evaluation.value}"
    reason = scored.denied or scored.evaluation.feedback[-1]
    return plain(reason.partition(": ")[2].partition(", in cheat.py")[0].rstrip(": ") or reason, limit=90)


def _recheck(workspace: Path) -> None:
    chain = verify_chain(workspace / layout.FILE)
    ledger = open_ledger(workspace)
    try:
        rescored = rescore(ledger, workspace=workspace, sample=2)
    finally:
        ledger.close()
    print_verification(chain, rescored)
    if chain.problems or any(one.problem for one in rescored):
        raise DemoFailed("the ledger of the demo does not hold: see the problems above, and report this")


def _print_next(out: Console, outcome: Outcome, workspace: Path | None) -> None:
    out.print("\nNext, type:", style="bold")
    rows = table("", "")
    rows.show_header = False
    activate = Path(sys.executable).with_name("activate")
    if shutil.which("rung") is None and activate.is_file():
        near = activate.relative_to(Path.cwd()) if activate.is_relative_to(Path.cwd()) else activate
        rows.add_row(f"  . {shlex.quote(str(near))}", "puts rung on your PATH, where it is not yet")
    rows.add_row("  rung tasks", "what else ships")
    rows.add_row(f"  rung improve {TASK} --cpu-seconds 60", "the same, with more time; then rung show, diff, export")
    rows.add_row("  rung bench ladder --seeds 6", "what recursion buys, with arms of equal cost and intervals")
    rows.add_row("  rung ascend", "the same climb on new functions, and the result promoted")
    rows.add_row("  rung doctor", "what isolates programs on this machine")
    rows.add_row("  rung improve your_task.py", "your own program: README.md has the 20 lines it takes")
    if workspace is not None:
        rows.add_row(f"  rung show {outcome.run}{named_again(workspace)}", "this run again")
    out.print(rows)

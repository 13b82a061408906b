"""The part of the demo in which an improver improves itself, beside arms of equal cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rung.arms.compare import Ask, Watcher, compare
from rung.cli.bench import comparison_document
from rung.cli.bench_report import DIFF_LINES, curves_of, evidence, print_arms
from rung.cli.bench_view import View
from rung.cli.screen import colour_diff, plain
from rung.observatory.picture import picture
from rung.suites.registry import find_suite

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from rung.arms.compare import Compared
    from rung.arms.records import ArmResult, Step

SUITE, WORLD, KEY, WORK = "induction", "small", "7", 1.2e6
ARMS = ("self", "control", "frozen")


def climb(out: Console, workspace: Path, *, sandbox: str, work: float) -> Compared:
    """Returns the comparison that was shown.

    Raises:
      RungError: see errors.py.
    """
    suite = find_suite(SUITE)
    out.print(
        "SELF learns from what it solved, and each change passes a gate on functions drawn after the change was "
        "fixed; in CONTROL the improver that ships does the solving; FROZEN never changes. All three may spend the "
        "same.",
        soft_wrap=True,
    )
    ask = Ask(ARMS, 1, WORLD, KEY, {"work": work, "recheck": 10})
    with View(suite, quiet=False) as view:
        watcher = Watcher(view.begun, view.step, view.ended)
        compared = compare(suite, ask, workspace=workspace, sandbox=sandbox, watcher=watcher)
    for line in picture(curves_of(compared), unit=suite.unit, height=8):
        out.print(line, style="green", soft_wrap=True)
    print_arms(out, compared)
    result = compared.results["self"][0]
    judged = [step for step in result.steps if step.verdict is not None]
    adopted = [step for step in judged if step.verdict is not None and step.verdict.admitted]
    out.print(f"\n{len(result.steps)} generations, {len(judged)} proposals judged, {len(adopted)} adopted.")
    if adopted:
        _explain(out, compared, result, adopted[0])
    refused = next((step for step in judged if step not in adopted), None)
    if refused is not None and refused.verdict is not None:
        verdict = refused.verdict
        out.print(
            f"Refused in generation {refused.number}, after {verdict.cases} functions: {plain(verdict.reason)}.",
            soft_wrap=True,
        )
    document = comparison_document(compared, workspace=workspace)
    out.print(
        f"{document['sentence']} One seed proves nothing: `rung bench induction --seeds 10` does.", soft_wrap=True
    )
    return compared


def _explain(out: Console, compared: Compared, result: ArmResult, step: Step) -> None:
    diff = compared.diffs.get(step.proposal or "", "")
    files = [line.removeprefix("+++ b/") for line in diff.splitlines() if line.startswith("+++ b/")]
    out.print(f"The first one: {evidence(result, step)}.", soft_wrap=True)
    out.print(
        f"It changed {', '.join(files)} of its own source: functions that it had solved became words of its "
        "vocabulary, and what it learned stands nowhere else.",
        soft_wrap=True,
    )
    lines = [line for line in diff.splitlines() if not line.startswith(("-", " ")) or line.startswith("---")]
    out.print(colour_diff("\n".join(line[:110] for line in lines[:DIFF_LINES])), end="", soft_wrap=True)
    if len(lines) > DIFF_LINES:
        out.print(f"… {len(lines) - DIFF_LINES} more lines of what it learned")

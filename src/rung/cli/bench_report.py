"""What a person reads when a comparison is done: figures with intervals, curves, what was adopted and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rung.cli.options import named_again
from rung.cli.screen import colour_diff, results, table
from rung.observatory.curves import bands
from rung.observatory.figure import figure
from rung.observatory.picture import picture

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from rung.arms.compare import Compared
    from rung.arms.records import ArmResult, Step
    from rung.observatory.curves import Band

DIFF_LINES = 24


def curves_of(compared: Compared) -> list[Band]:
    """Returns the held-out curves of a comparison."""
    return bands(compared.results, rng=np.random.default_rng(0))


def figure_text(compared: Compared, *, caption: str) -> str:
    """Returns the figure of a comparison as SVG."""
    name = compared.suite.name + (f", {compared.registration.variant}" if compared.registration.variant else "")
    return figure(curves_of(compared), title=f"What recursion buys: {name}", caption=caption, unit=compared.suite.unit)


def print_report(compared: Compared, document: dict[str, Any], *, workspace: Path) -> None:
    """Prints the report on stdout."""
    out = results()
    for line in picture(curves_of(compared), unit=compared.suite.unit):
        out.print(line, soft_wrap=True)
    out.print()
    print_arms(out, compared)
    out.print()
    _print_gains(out, document)
    _print_adopted(out, compared)
    out.print()
    out.print(str(document["sentence"]), style="bold")
    out.print(
        f"comparison {compared.registration.id}, key {compared.registration.key}: "
        f"`rung verify{named_again(workspace)}` rechecks the ledger",
        soft_wrap=True,
    )


def print_arms(out: Console, compared: Compared) -> None:
    """Prints a line for each arm: means over its seeds."""
    finite = any(result.stream for group in compared.results.values() for result in group)
    rows = table(
        "arm", "#held-out", "#with what was left", "#another world", *(["#stream"] if finite else []),
        f"#{compared.suite.unit}", "#CPU-s", "#adopted", "#undone",
    )  # fmt: skip
    for arm, group in compared.results.items():
        if not group:
            continue
        stream = [f"{_mean([sum(r.stream.values()) for r in group]):.1f}"] if finite else []
        rows.add_row(
            arm,
            _share([r.held_out for r in group]),
            _share([r.moved for r in group]),
            _share([r.out_of_domain for r in group]),
            *stream,
            f"{_mean([r.work for r in group]):,.0f}",
            f"{_mean([r.cpu_seconds for r in group]):.1f}",
            f"{_mean([sum(bool(s.verdict and s.verdict.admitted) for s in r.steps) for r in group]):.1f}",
            f"{_mean([sum(bool(s.undone) for s in r.steps) for r in group]):.1f}",
        )
    out.print(rows)


def _print_gains(out: Console, document: dict[str, Any]) -> None:
    rows = table("difference", "#mean", "95 % interval", "#wins", "#ties", "#losses")
    for name, gain in document["gains"].items():
        comparison = document["metrics"]["comparisons"][name]
        rows.add_row(
            name.upper(),
            f"{gain['mean']:+.3f}",
            f"[{gain['low']:+.3f}, {gain['high']:+.3f}]",
            *(str(comparison[kind]) for kind in ("wins", "ties", "losses")),
        )
    out.print(rows)
    for name, ratio in document["ratios"].items():
        if ratio:
            out.print(f"stream, {name}: {ratio['mean']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]")
    loss, null = document["metrics"]["out_of_domain_loss"], document["metrics"]["false_accepts"]
    if loss:
        gain = loss["gain"]
        out.print(f"lost on another world: {gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]")
    if null:
        rate = null["rate"]
        out.print(
            f"null edits that the gate let pass: {null['admitted']} of {null['edits']}, "
            f"{rate['mean']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] at alpha {null['alpha']:.0%}"
        )
    claims = document["metrics"]["claimed_over_redrawn"]
    if claims:
        out.print(f"claimed effects over the same drawn again: {claims['mean']:.2f} over {claims['n']} seeds")
    out.print()
    words = {True: "met", False: "NOT MET", None: "not measured"}
    for check in document["checks"]:
        figure = f"  {check['figure']}" if check["figure"] else ""
        out.print(f"{words[check['met']]:>12}  {check['criterion']}{figure}", soft_wrap=True)


def _print_adopted(out: Console, compared: Compared) -> None:
    """Prints the first adopted change in full, the others in a line each."""
    shown = False
    for result in compared.results.get("self", [])[:1]:
        for step in result.steps:
            if step.verdict is None or not step.verdict.admitted:
                continue
            out.print(f"\n{evidence(result, step)}", soft_wrap=True)
            diff = compared.diffs.get(step.proposal or "", "")
            lines = diff.splitlines()
            out.print(colour_diff("\n".join(lines[: 4 if shown else DIFF_LINES])), end="")
            if len(lines) > DIFF_LINES and not shown:
                out.print(f"… {len(lines) - DIFF_LINES} more lines")
            shown = True


def evidence(result: ArmResult, step: Step) -> str:
    """Returns what an adoption rests on, in words."""
    verdict = step.verdict
    assert verdict is not None  # noqa: S101 - the caller looked
    claim = ""
    if step.claimed is not None:
        claim = (
            f"; on {step.claimed.n} fresh puzzles afterwards {step.claimed.mean:+.3f} "
            f"[{step.claimed.low:+.3f}, {step.claimed.high:+.3f}]"
        )
    return (
        f"seed {result.seed + 1}, generation {step.number}: adopted {str(step.proposal)[:8]} after {verdict.cases} "
        f"fresh puzzles, odds {verdict.wealth:,.0f} to 1 where {1 / verdict.level:,.0f} were needed{claim}"
    )


def _share(groups: list[tuple[int, ...]]) -> str:
    values = [sum(group) / len(group) for group in groups if group]
    return f"{_mean(values):.3f}" if values else "-"


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / max(len(values), 1)

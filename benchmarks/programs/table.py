"""The table of the programs: one part per task, one line per improver, every seed in it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.programs.goals import GOALS, NO_GOAL
from benchmarks.programs.runs import Found

_HEAD = ("improver", "values by seed", "median", "held-out gain (95 %)", "evaluations", "CPU s", "wall s", "target")


def part(task: str, found: Iterable[Found]) -> str:
    """Returns the part of one task in Markdown: its target, its start, and a line per improver."""
    rows = sorted(found, key=lambda each: each.seed)
    goal = GOALS.get(task, NO_GOAL)
    starts = sorted({each.start for each in rows if each.start is not None})
    title = f"**{task}**, target: {goal}; seed program {', '.join(f'{start:.8g}' for start in starts) or '-'}"
    improvers = dict.fromkeys(each.improver for each in rows)
    lines = [_HEAD, ("---",) * len(_HEAD)]
    lines += [_line(task, [each for each in rows if each.improver == improver]) for improver in improvers]
    failures = [f"- {each.improver}, seed {each.seed}: {each.failure}" for each in rows if each.failure]
    return "\n".join([title, "", *("| " + " | ".join(line) + " |" for line in lines), *failures])


def _line(task: str, rows: Sequence[Found]) -> tuple[str, ...]:
    goal = GOALS.get(task, NO_GOAL)
    judged = [each.held_out if goal.held_out else each.value for each in rows]
    values = [value for value in judged if value is not None]
    is_met = goal.is_met(values)
    if is_met and len(values) < len(rows):
        is_met = False  # a seed that failed has not met anything
    versions = sorted({each.improver_id[:8] for each in rows if each.improver_id})
    return (
        f"{rows[0].improver} ({', '.join(versions)})",
        ", ".join("-" if value is None else f"{value:.10g}" for value in judged),
        f"{statistics.median(values):.10g}" if values else "-",
        "; ".join(_gain(each) for each in rows),
        ", ".join(str(each.evaluations) for each in rows),
        ", ".join(f"{each.cpu_seconds:.0f}" for each in rows),
        ", ".join(f"{each.seconds:.0f}" for each in rows),
        {None: "-", True: "met", False: "**not met**"}[is_met],
    )


def _gain(each: Found) -> str:
    if each.gain is None or each.low is None or each.high is None:
        return "-"
    if each.cases == 1:
        return f"{each.gain:+.4g}"
    return f"{each.gain:+.4g} [{each.low:+.3g}, {each.high:+.3g}]"

"""The tables of the comparison: what each arm reached, what it cost, and what became of the model's answers."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from itertools import product

from benchmarks.models.arms import ARMS, Found


def tables(found: Sequence[Found]) -> str:
    """Returns all tables in Markdown."""
    tasks = list(dict.fromkeys(each.task for each in found))
    head = ("task", "arm", "values by seed", "held-out gain (95 %)", "cost, $", "CPU s", "tokens", "attempts")
    lines = [head, ("---",) * len(head)]
    for task, arm in product(tasks, ARMS):
        if rows := [each for each in found if (each.task, each.arm) == (task, arm.name)]:
            lines.append(_line(rows))
    parts = [_markdown(lines), "", _answers([each for each in found if each.calls])]
    failures = [f"- {each.task}, {each.arm}, seed {each.seed}: {each.failure}" for each in found if each.failure]
    return "\n".join([*parts, *failures])


def _line(rows: Sequence[Found]) -> tuple[str, ...]:
    return (
        rows[0].task,
        rows[0].arm,
        ", ".join("-" if each.value is None else f"{each.value:.6g}" for each in rows),
        "; ".join(_gain(each) for each in rows),
        f"{_mean(each.cost for each in rows):.5f}",
        f"{_mean(each.cpu_seconds for each in rows):.0f}",
        f"{_mean(each.tokens for each in rows):,.0f}",
        f"{_mean(each.attempts for each in rows):,.0f}",
    )


def _answers(rows: Sequence[Found]) -> str:
    """Returns what became of the model's answers, one line per task and arm that asked."""
    head = (
        "task",
        "arm",
        "answers",
        "usable",
        "not evaluated: same + near + behaves alike",
        "share of the gain that is the model's",
    )
    lines = [head, ("---",) * len(head)]
    for task, arm in dict.fromkeys((each.task, each.arm) for each in rows):
        mine = [each for each in rows if (each.task, each.arm) == (task, arm)]
        usable, same, near, alike = (sum(each.counts.get(f"model.{key}", 0) for each in mine) for key in KEYS)
        answers = sum(each.calls for each in mine)
        total = sum(sum(each.steps.values()) for each in mine)
        models = sum(value for each in mine for name, value in each.steps.items() if name == "model")
        rate = f"{usable:.0f} ({usable / answers:.0%})"
        share = f"{models / total:.0%}" if total else "no gain"
        lines.append((task, arm, str(answers), rate, f"{same:.0f} + {near:.0f} + {alike:.0f}", share))
    return _markdown(lines)


KEYS = ("usable", "same", "near", "alike")


def _gain(each: Found) -> str:
    if each.gain is None or each.low is None or each.high is None:
        return "-"
    return f"{each.gain:+.4g} [{each.low:+.3g}, {each.high:+.3g}]"


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

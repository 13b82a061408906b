"""`rung tasks` and `rung improvers`: what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rung.authoring import built_in_improvers, built_in_tasks, find_improver
from rung.cli.options import AS_JSON
from rung.cli.screen import number, print_json, results, table
from rung.records import Fresh

if TYPE_CHECKING:
    from rung.records import Split, Task
    from rung.wire import JSON


def tasks(json: AS_JSON = False) -> None:
    """List the tasks that ship."""
    found = list(built_in_tasks().values())
    if json:
        print_json([_task_document(task) for task in found])
        return
    rows = table("task", "goal", "unit", "known values")
    for task in found:
        known = ", ".join(f"{name} {number(value, digits=10)}" for name, value in task.known.items())
        rows.add_row(task.name, task.goal, task.unit, known)
    results().print(rows)


def _task_document(task: Task) -> JSON:
    return {
        "name": task.name,
        "goal": task.goal,
        "program": task.program.id,
        "entry": task.program.entry,
        "attempts": task.attempts,
        "bound": task.bound,
        "unit": task.unit,
        "known": dict(task.known),
        "cases": {"train": _size(task.train), "validation": _size(task.validation), "held_out": _size(task.held_out)},
    }


def _size(split: Split) -> int:
    return split.count if isinstance(split, Fresh) else len(split)


def improvers(json: AS_JSON = False) -> None:
    """List the improvers that ship."""
    found = {name: find_improver(name) for name in built_in_improvers()}
    if json:
        print_json([{"name": name, "id": program.id, "files": list(program.files)} for name, program in found.items()])
        return
    rows = table("improver", "id", "what it says of itself")
    for name, program in found.items():
        first = str(program.files["improver.py"]).lstrip().lstrip("\"'").split("\n", 1)[0]
        rows.add_row(name, program.id[:12], first.rstrip("\"'"))
    results().print(rows)

"""What a run is called: a hash of everything that decides what it finds."""

from __future__ import annotations

import hashlib
import inspect
import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rung import wire
from rung.kernel.budget import Allowance
from rung.kernel.scope import Bounds

if TYPE_CHECKING:
    from rung.records import Program, Task
    from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Request:
    """What `improve` was asked for, as far as it decides what is found; its hash is the run.

    models: their identity. bounds: what the charter says under which it is made.
    """

    seed: int | None = None
    attempts: int | None = None
    allowance: Allowance = Allowance()
    reference: str = ""
    models: str = ""
    bounds: Bounds = Bounds()


def task_hash(task: Task) -> str:
    """Returns a hash of everything that decides what a score means; a changed evaluator is another task."""
    document: JSON = {
        "name": task.name,
        "goal": task.goal,
        "program": task.program.id,
        "evaluate": evaluator_source(task),
        "splits": [str(task.train), str(task.validation), str(task.held_out)],
        "limits": str(task.limits),
        "editable": None if task.editable is None else list(task.editable),
        "public": task.public,
        "bound": task.bound,
        "exact": task.exact,
        **({"extra": dict(task.extra)} if task.extra else {}),
    }
    return hashlib.sha256(wire.canonical(document)).hexdigest()


def evaluator_source(task: Task) -> str:
    """Returns the text of the evaluator's module, and of the modules beside it that it names; what it can be told by.

    Not covered: what those import in turn, data files, and what a function closes over; name tasks by what they hold.
    """
    home = getattr(inspect.getmodule(task.evaluate), "__file__", None)
    if home is None:
        return ""
    named = {home}
    for value in getattr(task.evaluate, "__globals__", {}).values():
        module = sys.modules.get(str(getattr(value, "__module__", None) or getattr(value, "__name__", "")))
        file = getattr(module, "__file__", None) or ""
        named |= {file} if Path(file).parent == Path(home).parent else set()
    for file in named:
        linecache.checkcache(file)  # a file may have changed while this process lived
    return "".join("".join(linecache.getlines(file)) for file in sorted(named))


def run_key(task: Task, improver: Program, request: Request, *, parent: str | None = None) -> str:
    """Returns the run's name: 12 hex digits that follow from what was asked for."""
    document: JSON = {
        "task": task_hash(task),
        "improver": improver.id,
        "seed": None if request.seed is None else str(request.seed),
        "attempts": task.attempts if request.attempts is None else request.attempts,
        "allowance": allowance_to_json(request.allowance),
        "parent": parent,
        **({"models": request.models} if request.models else {}),
        **({"charter": request.bounds.charter} if request.bounds.charter else {}),
    }
    return hashlib.sha256(wire.canonical(document)).hexdigest()[:12]


def allowance_to_json(allowance: Allowance) -> JSON:
    """Returns an allowance as an object."""
    return {
        "cpu_seconds": allowance.cpu_seconds,
        "seconds": allowance.seconds,
        "tokens": allowance.tokens,
        "usd": allowance.usd,
    }

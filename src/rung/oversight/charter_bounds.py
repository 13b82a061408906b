"""What a charter means for one run: caps that tighten a request, models it may ask, and what a proposal may change."""

from __future__ import annotations

import ast
import sys
import warnings
from typing import TYPE_CHECKING, Final

from rung.errors import BadInput
from rung.kernel.budget import Allowance
from rung.kernel.scope import Bounds, may_edit
from rung.oversight.triggers import refuse_triggers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from rung.oversight.charter import Charter
    from rung.records import Program, Task

HOST: Final = "rung_host"  # the improver's side of the wall, which no charter takes away
BY_NAME: Final = "__import__"
OPTIONS: Final = {"cpu_seconds": "--cpu-seconds", "tokens": "--max-tokens", "usd": "--max-usd"}


def bounds_of(charter: Charter | None) -> Bounds:
    """Returns what the kernel holds every run under a charter to."""
    if charter is None:
        return Bounds()
    scope = charter.scope

    def refuse(seed: Program, child: Program) -> str | None:
        for name in sorted({*seed.files, *child.files}):
            if seed.files.get(name) == child.files.get(name):
                continue
            if not may_edit(name, scope.files):
                return f"{name} may not be changed, says the charter (scope.files)"
            if name in child.files and (foreign := foreign_import(child, name, scope.imports)):
                return f"{name} {foreign}, which the charter does not allow (scope.imports)"
        return None

    return Bounds(charter.hash, scope.depth, refuse)


def allowance_under(
    charter: Charter | None, asked: Allowance, *, task: Task, models: Mapping[str, str] | None
) -> Allowance:
    """Returns the allowance of a run of a task: what was asked for, where there is no charter.

    models: see `refuse_models`; None when the run has none.

    Raises:
      BadInput: something was asked for that the charter does not allow.
    """
    if charter is None:
        return asked
    refuse_triggers(charter)
    refuse_task(charter, task)
    refuse_models(charter, models or {})
    return tightened(charter, asked, models=models is not None)


def tightened(charter: Charter, allowance: Allowance, *, models: bool) -> Allowance:
    """Returns the allowance of a run under a charter: what was asked for, and the charter's caps for the rest.

    models: whether any may be asked; without one there is nothing that tokens and money could limit.

    Raises:
      BadInput: an option asks for more than the charter allows; the message names both.
    """
    caps: dict[str, float] = {"cpu_seconds": charter.scope.cpu_seconds}
    if models:
        caps |= {"tokens": charter.scope.tokens, "usd": charter.scope.usd}
    for key, most in caps.items():
        asked = getattr(allowance, key)
        if asked is not None and asked > most:
            raise BadInput(
                f"{OPTIONS[key]} {asked:g} is beyond the charter, which allows {most:g} (scope.{key} of charter "
                f"{charter.hash[:8]}): ask for less, or have the charter changed"
            )
    scope = charter.scope
    return Allowance(
        cpu_seconds=scope.cpu_seconds if allowance.cpu_seconds is None else allowance.cpu_seconds,
        seconds=allowance.seconds,
        tokens=scope.tokens if models and allowance.tokens is None else allowance.tokens,
        usd=scope.usd if models and allowance.usd is None else allowance.usd,
    )


def refuse_models(charter: Charter, asked: Mapping[str, str]) -> None:
    """Does nothing when every model may be asked where it is. asked: name -> "host:port", "" for one on this machine.

    Raises:
      BadInput: one may not; the message names it and what the charter allows.
    """
    scope = charter.scope
    for name, endpoint in asked.items():
        if name not in scope.models:
            allowed = ", ".join(scope.models) or "none"
            raise BadInput(f"model {name!r} may not be asked: the charter allows {allowed} (scope.models)")
        if endpoint and endpoint not in scope.endpoints and endpoint.rpartition(":")[0] not in scope.endpoints:
            granted = ", ".join(scope.endpoints) or "none"
            raise BadInput(
                f"model {name!r} is at {endpoint}, and the charter grants {granted} (scope.endpoints): add it there, "
                "or name a model on this machine"
            )


def refuse_task(charter: Charter, task: Task) -> None:
    """Does nothing when the task's own program keeps the charter, so that proposals can.

    Raises:
      BadInput: a file that may be changed imports what no proposal may.
    """
    program = task.program
    open_files = [
        name for name in program.files if may_edit(name, task.editable) and may_edit(name, charter.scope.files)
    ]
    if not open_files:
        raise BadInput(
            f"nothing of task {task.name!r} may be changed: it has {', '.join(program.files)}, and the charter allows "
            f"{', '.join(charter.scope.files)} (scope.files)"
        )
    for name in open_files:
        if foreign := foreign_import(program, name, charter.scope.imports):
            raise BadInput(
                f"{name} of task {task.name!r} {foreign}, which the charter does not allow (scope.imports): no change "
                "of that file could be accepted; add it there, or take the file out of scope.files"
            )


def foreign_import(program: Program, name: str, allowed: Collection[str]) -> str | None:
    """Returns what a Python file imports and may not, in words, or None; for any other file None.

    Modules of the program's own are its own, unless they are named like one of the standard library. Covered: what the
    text says. Not covered: what code does at run time; the sandbox holds that.
    """
    if not name.endswith(".py"):
        return None
    text = program.files[name]
    if not isinstance(text, str):
        return "is not UTF-8 text, so nobody can tell what it imports"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "cannot be read as Python, so nobody can tell what it imports"
    own = {file.partition("/")[0].removesuffix(".py") for file in program.files if file.endswith(".py")}
    known = {*allowed, HOST, *(own - sys.stdlib_module_names)}
    for node in nodes:
        for choices in _imported(node):
            if not any(_within(each, known) for each in choices):
                return "imports by name" if choices == (BY_NAME,) else f"imports {choices[0]}"
    return None


def _imported(node: ast.AST) -> Iterator[tuple[str, ...]]:
    """Yields what a node imports: for each thing the names of which one must be allowed."""
    if isinstance(node, ast.Import):
        yield from ((alias.name,) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield from ((node.module, f"{node.module}.{alias.name}") for alias in node.names)
    elif BY_NAME in {getattr(node, "id", None), getattr(node, "attr", None), _constant(node)}:
        yield (BY_NAME,)


def _constant(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _within(name: str, known: Iterable[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in known)

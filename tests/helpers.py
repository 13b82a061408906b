"""Small tasks and improvers that many tests share."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import rung
from rung.kernel.kernel import Kernel, Settings
from rung.kernel.ledger.port import Event
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.trial import Trial
from rung.records import Case, Limits, Program, Task, as_cases

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "rung"


@contextmanager
def imported(name: str, modules: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Yields an improver's modules and `files`, imported as a sandbox would: by the names they have inside it."""
    folder = PACKAGE / "improvers" / name
    host = ModuleType("rung_host")
    before = {each: sys.modules.pop(each, None) for each in modules}
    sys.modules["rung_host"] = host
    exec(compile((PACKAGE / "sdk" / "host.py").read_text(), "rung_host", "exec"), host.__dict__)
    monkeypatch.syspath_prepend(str(folder))
    found = {each: importlib.import_module(each) for each in modules if each != "rung_host"}
    files = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    try:
        yield SimpleNamespace(files=files, **found)
    finally:
        for each in modules:
            sys.modules.pop(each, None)
        sys.modules.update({each: module for each, module in before.items() if module is not None})


LINE = "K = 1.0\n\n\ndef f(x):\n    return K * x\n"
QUICK = Limits(cpu_seconds=1.0, wall_seconds=2.0, memory_mb=128, disk_mb=2)

CLIMB = """
import random
from rung_host import Child

def improve(brief, host):
    rng = random.Random(brief.seed)
    best, k, parent = brief.value, 1.0, brief.program["id"]
    while True:
        tries = [k + rng.gauss(0, 1) for _ in range(4)]
        sources = [f"K = {v!r}\\n\\n\\ndef f(x):\\n    return K * x\\n" for v in tries]
        children = [Child({"line.py": source}, parent, "tune") for source in sources]
        for v, result in zip(tries, host.evaluate(children)):
            if result.value is not None and result.value > best:
                best, k, parent = result.value, v, result.id
"""


def slope_error(case: Case, trial: Trial) -> float:
    """Returns minus the distance to a line of slope 3.25."""
    assert isinstance(case.input, int)
    x = case.input % 1000
    y = trial.run(x)
    if not isinstance(y, int | float) or isinstance(y, bool):
        raise rung.Invalid("no number")
    return -abs(y - 3.25 * x)


LINE_TASK = Task(
    name="line",
    goal="Find the slope.",
    program=Program({"line.py": LINE}, "line.py:f"),
    evaluate=slope_error,
    train=as_cases("train", [1, 2, 3]),
    validation=as_cases("validation", [4, 5]),
    held_out=rung.fresh(5),
    limits=QUICK,
    attempts=40,
    bound=0.0,
)


def line(k: float) -> str:
    """Returns the source of a line of another slope."""
    return LINE.replace("1.0", repr(k))


def improver(source: str) -> Program:
    """Returns a one-file improver."""
    return Program({"improver.py": source}, "improver.py:improve")


def proposing(*sources: str, file: str = "line.py") -> Program:
    """Returns an improver that proposes these versions of one file, one by one, and returns the results it got."""
    return improver(f"""
from rung_host import Child

def improve(brief, host):
    results = []
    for source in {list(sources)!r}:
        result = host.evaluate([Child({{{file!r}: source}}, brief.program["id"], "given")])[0]
        host.log(status=result.status, value=result.value, feedback=list(result.feedback), incumbent=result.incumbent)
    return None
""")


def kernel(workspace: Path, *, workers: int = 1, observe: Callable[[Event], None] | None = None) -> Kernel:
    """Returns a kernel on a workspace."""
    workspace.mkdir(exist_ok=True)
    sdk = (resources.files("rung") / "sdk" / "host.py").read_text(encoding="utf-8")
    more: dict[str, Any] = {} if observe is None else {"observe": observe}
    return Kernel(open_ledger(workspace), sdk=sdk, settings=Settings(workers=workers), **more)


def bodies(kernel: Kernel, event_type: str) -> list[Any]:
    """Returns the bodies of all events of a type, in order."""
    return [event.body for event in kernel.ledger.read(types=(event_type,))]


def logged(kernel: Kernel) -> list[Any]:
    """Returns what an improver logged."""
    return [body["measures"] for body in bodies(kernel, "log")]


def with_inputs(task: Task, *, train: Sequence[Any]) -> Task:
    """Returns the task with other train cases."""
    return replace(task, train=as_cases("train", list(train)))

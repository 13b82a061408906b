"""The two verbs from Python: what the command line does, without the command line."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from rung.authoring import BUILT_IN, find_improver, find_task
from rung.errors import BadInput
from rung.kernel.budget import Allowance
from rung.kernel.kernel import Kernel, Request, Settings, run_key
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger
from rung.records import Program, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from rung.kernel.ledger.port import Event, Ledger
    from rung.records import Outcome

WORKSPACE = Path(".rung")


def improve(  # noqa: PLR0913 - the options of the command, keyword-only
    task: Task | str,
    *,
    attempts: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    improver: Program | str = "seed",
    workspace: str | Path = WORKSPACE,
    cpu_seconds: float | None = None,
    seconds: float | None = None,
    sandbox: str = "auto",
    observe: Callable[[Event], None] = lambda event: None,
) -> Outcome:
    """Returns what the improver made of the task's program; an unfinished run of the same request is resumed.

    task, improver: the thing itself, or what a person calls it on the command line. attempts: programs that may be
    tried (None: as many as the task says). seed: of all chance (None: drawn). cpu_seconds, seconds: of the whole run.
    observe: called with every event of the run, recorded now or earlier.

    Raises:
      RungError: see errors.py; what was recorded so far stays, and the same call goes on from there.
    """
    workspace = Path(workspace)
    found = find_task(task) if isinstance(task, str) else task
    program = find_improver(improver) if isinstance(improver, str) else improver
    request = Request(seed, attempts, Allowance(cpu_seconds, seconds), reference_of(task, workspace))
    ledger = open_ledger(workspace)
    try:
        kernel = open_kernel(ledger, sandbox=sandbox, workers=workers, observe=observe)
        with ExitStack() as locks:
            if seed is None:
                # Who holds the request may choose a seed for it; two who choose at once would start the work twice.
                locks.enter_context(run_lock(workspace, run_key(found, program, request)))
                request = replace(request, seed=kernel.unfinished_seed(found, program, request))
            locks.enter_context(run_lock(workspace, run_key(found, program, request)))
            return kernel.improve(found, program, request)
    finally:
        ledger.close()


def open_kernel(
    ledger: Ledger, *, sandbox: str = "auto", workers: int = 1, observe: Callable[[Event], None] = lambda event: None
) -> Kernel:
    """Returns a kernel that ships the improver's side of the wall from this package."""
    sdk = resources.files("rung").joinpath("sdk", "host.py").read_text(encoding="utf-8")
    return Kernel(ledger, sdk=sdk, settings=Settings(sandbox=sandbox, workers=workers), observe=observe)


def reference_of(task: Task | str, workspace: Path) -> str:
    """Returns how the task is found again from the ledger: its name, or "file.py:name".

    The file is named as seen from the folder of the workspace, so that both can be moved together.
    """
    found = find_task(task) if isinstance(task, str) else task
    code = getattr(found.evaluate, "__code__", None)
    file = Path(code.co_filename if code else "")
    if isinstance(task, str):
        path = Path(task.partition(":")[0])
        file = path / "task.py" if path.is_dir() else path if path.suffix == ".py" else BUILT_IN / task
    file, home = file.resolve(), workspace.resolve().parent
    if BUILT_IN in file.parents:
        return found.name
    return f"{file.relative_to(home) if file.is_relative_to(home) else file}:{found.name}"


def find_again(reference: str, workspace: Path) -> Task:
    """Returns the task that a ledger refers to.

    Raises:
      BadInput: it is not where it was.
    """
    path, _, name = reference.rpartition(":")
    if not path:
        return find_task(reference)
    file = workspace.resolve().parent / path
    if not file.is_file():
        raise BadInput(f"the task file {file} is no longer there; put it back, what it judged needs it")
    return find_task(f"{file}:{name}")

"""Which process works on a run: the holder of the run's lock, if it is there, alive, and of the user who asks."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from rung.errors import BadInput
from rung.oversight.tree import Process, find

if TYPE_CHECKING:
    from pathlib import Path

    from rung.kernel.ledger.port import Event, Ledger

STARTS: Final = ("run_start", "registration", "search_start")
ENDS: Final = ("run_end", "bench_end", "search_end")
LOCKS: Final = {"search_start": "search"}  # one at a time in a workspace, under a name of its own
PATIENCE: Final = 0.2  # seconds in which a holder has written down who it is


@dataclass(frozen=True, slots=True)
class Engine:
    """A run that is being worked on now. run: the outermost one, which holds the lock."""

    run: str
    process: Process


def find_engine(ledger: Ledger, workspace: Path, prefix: str) -> Engine:
    """Returns who works on the run that a person means by the first characters of its name.

    A run that is part of another one has no process of its own: who works on the other one is meant.

    Raises:
      BadInput: there is no such run, several are meant, nobody works on it, or another user does.
    """
    # The few locks are looked at before the ledger, which may hold many thousands of runs: this must not take long.
    held = [run for run in locked_runs(workspace) if run.startswith(prefix) and next(ledger.read(run=run), None)]
    exact = [run for run in held if run == prefix] or held
    run = exact[0] if prefix and len(exact) == 1 else _outermost(ledger, _named(ledger, prefix))
    first = next(ledger.read(run=run), None)
    process = holder(workspace, LOCKS.get(first.type, run) if first else run)
    if process is None:
        raise BadInput(_idle(ledger, run))
    return Engine(run, process)


def locked_runs(workspace: Path) -> list[str]:
    """Returns the names of all locks that somebody holds."""
    return [unquote(path.stem) for path in workspace.glob("*.lock") if _is_held(path)]


def holder(workspace: Path, run: str) -> Process | None:
    """Returns who holds a run's lock, None when nobody does.

    Raises:
      BadInput: another user does, or a process that cannot be seen from here.
    """
    path = workspace / f"{run}.lock"
    until = time.monotonic() + PATIENCE
    while path.exists() and _is_held(path):
        owner = path.stat().st_uid
        words = path.read_text(encoding="ascii", errors="replace").split()
        with suppress(ValueError, OSError):
            pid, started = map(int, words)
            row = find(pid)
            if row is not None and row.process == Process(pid, started):
                _refuse_others(run, {owner, os.stat(f"/proc/{pid}").st_uid})  # noqa: PTH116 - gone by now, perhaps
                return row.process
        if time.monotonic() > until:
            raise BadInput(
                f"run {run} is locked, but not by a process that can be seen from here: if it runs on another machine "
                "or in a container, give the command there; if it was killed just now, try again"
            )
        time.sleep(0.01)
    return None


def _refuse_others(run: str, owners: set[int]) -> None:
    if others := owners - {os.geteuid()}:
        raise BadInput(f"run {run} belongs to user {others.pop()}: only that user may pause, resume or stop it")


def _is_held(path: Path) -> bool:
    with suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _named(ledger: Ledger, prefix: str) -> str:
    runs = {event.run for event in ledger.read(types=STARTS)}
    found = [run for run in runs if run == prefix] or [run for run in runs if run.startswith(prefix)]
    if len(found) == 1 and prefix:
        return found[0]
    if not found:
        raise BadInput(
            f"no run of this workspace starts with {prefix!r}; `rung show` lists them, --workspace names another"
        )
    raise BadInput(f"several runs start with {prefix!r}: {', '.join(sorted(found)[:8])}; give more characters")


def _outermost(ledger: Ledger, run: str) -> str:
    parent: Event | None = next(ledger.read(run=run), None)
    while parent is not None and parent.parent_run is not None:
        run = parent.parent_run
        parent = next(ledger.read(run=run), None)
    return run


def _idle(ledger: Ledger, run: str) -> str:
    ends: list[Any] = list(ledger.read(run=run, types=ENDS))
    if ends:
        return f"run {run} is finished: there is nothing to pause, resume or stop; `rung show {run}` tells how it ended"
    return f"run {run} is not running now; the command that began it goes on where it was"

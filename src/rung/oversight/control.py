"""Pause, resume and stop, from outside: no part of the engine takes part in it, and no improver could.

The events `pause`, `resume` and `stop` are recorded by the process that gives the command, under the run.
"""

from __future__ import annotations

import os
import pwd
import signal
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rung.errors import BadInput
from rung.kernel.ledger import layout
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight import tree
from rung.oversight.engine import Engine, find_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rung.kernel.ledger.port import Ledger
    from rung.oversight.tree import Process
    from rung.wire import JSON

EVENTS: Final = ("pause", "resume", "stop")
FROM_OUTSIDE: Final = (*EVENTS, "dead_man")  # in the slice of a run, and no part of what it did
QUIET: Final = 0.2  # seconds that a commit of the engine may take before it is frozen in the middle of one
STEP: Final = 0.02  # seconds that it then gets to end that commit, again and again
MOST_STEPS: Final = 200
GRACE: Final = 0.5  # seconds to end in as if interrupted
LOOK: Final = 0.05  # seconds between two looks at what there is to end


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did.

    action: "paused", "resumed", "ended" (the engine ended as if interrupted) or "killed". processes: that stood still,
    went on or ended. left: of these, that the system had not ended yet. seconds: from the command until that was so.
    """

    action: str
    run: str
    processes: int
    seconds: float
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Command:
    """An engine in the hand of one person at a time. began: by the monotonic clock."""

    ledger: Ledger
    engine: Engine
    began: float

    def done(self, action: str, processes: int, left: int = 0) -> Done:
        return Done(action, self.engine.run, processes, time.monotonic() - self.began, left)

    def record(self, event: str, reason: str, done: Done, **more: JSON) -> None:
        process = self.engine.process
        body: dict[str, JSON] = {
            "by": user_name(),
            "reason": reason,
            "at": time.time(),
            "engine": {"pid": process.pid, "started": process.started},
            "processes": done.processes,
            "seconds": done.seconds,
            **more,
        }
        self.ledger.append(event, body, run=self.engine.run)


def pause(workspace: Path, run: str, *, reason: str = "") -> Done:
    """Returns when nothing of a run moves any more; nothing is lost, and what it waited does not count.

    run: its name, or the first characters of it. reason: for the record.

    Raises:
      BadInput: nobody works on such a run, another user does, or it is paused already.
      LedgerError: the run is paused, and that could not be recorded.
    """
    with _command(workspace, run) as command:
        process = command.engine.process
        rows = tree.tree(process)
        if all(row.state in tree.STOPPED for row in rows) and _pause_in_force(command) is not None:
            raise BadInput(
                f"run {command.engine.run} is paused already; `rung resume` lets it go on, `rung stop` ends it"
            )
        count = _freeze(workspace, command)
        if not count:
            raise BadInput(f"run {command.engine.run} ended just now, before it could be paused")
        done = command.done("paused", count)
        command.record("pause", reason, done, clock=time.monotonic())
        return done


def resume(workspace: Path, run: str, *, reason: str = "") -> Done:
    """Returns when everything of a paused run goes on.

    Raises:
      BadInput: as for `pause`; or it is not paused.
      LedgerError: this could not be recorded, so the run stays paused.
    """
    with _command(workspace, run) as command:
        process = command.engine.process
        rows = tree.tree(process)
        if not any(row.state in tree.STOPPED for row in rows):  # the engine alone may have been let go on, by a shell
            raise BadInput(f"run {command.engine.run} is not paused: it is at work")
        began = _pause_in_force(command)
        paused = 0.0 if began is None else time.monotonic() - began
        # Recorded first: when the engine moves again it finds on record how long it must not count.
        command.record("resume", reason, command.done("resumed", len(rows)), paused=paused)
        return command.done("resumed", tree.thaw(process))


def stop(workspace: Path, run: str, *, reason: str = "", grace: float = GRACE) -> Done:
    """Returns when nothing of a run is left; what it recorded stays, and the command that began it goes on from there.

    It may end as if interrupted, and is killed when that takes longer than `grace` seconds; what it recorded is safe
    either way. If it is paused, it never moves again.

    Raises:
      BadInput: nobody works on such a run, or another user does.
      LedgerError: the run has ended, and that could not be recorded.
    """
    with _command(workspace, run) as command:
        action, known = _end(command.engine.process, grace)
        left = tree.wait(known, seconds=GRACE)
        done = command.done(action, len(known), len(left))
        command.record("stop", reason, done, how=action, left=len(left))
        return done


def user_name() -> str:
    """Returns the name of the user who gives a command, as the system knows it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


@contextmanager
def _command(workspace: Path, run: str) -> Iterator[_Command]:
    began = time.monotonic()
    if not (workspace / layout.FILE).exists():
        raise BadInput(f"there is no ledger in {workspace}: --workspace names the folder where the run is recorded")
    with closing(open_ledger(workspace)) as ledger:
        engine = find_engine(ledger, workspace, run)
        with run_lock(workspace, f"control {engine.run}"):
            yield _Command(ledger, engine, began)


def _pause_in_force(command: _Command) -> float | None:
    """Returns when this very engine was paused, by the monotonic clock, if that was its last command; else None."""
    process = command.engine.process
    mine: JSON = {"pid": process.pid, "started": process.started}
    newest: Any = None
    for kind in EVENTS:  # one by one: for a single type the ledger has an index over all runs
        for event in command.ledger.read(types=(kind,)):
            body: Any = event.body
            if event.run == command.engine.run and body["engine"] == mine and (not newest or event.seq > newest.seq):
                newest = event
    return newest.body["clock"] if newest and newest.type == "pause" else None


def _freeze(workspace: Path, command: _Command) -> int:
    """Returns how many processes stand still, none of them in the middle of a commit: others must go on recording."""
    process = command.engine.process
    with closing(layout.connect(workspace / layout.FILE, "rw")) as db:
        if _no_commit(db, seconds=QUIET):
            count = tree.freeze(process)
            db.execute("ROLLBACK")
            return count
        count = tree.freeze(process)
        for _ in range(MOST_STEPS):
            if _no_commit(db, seconds=0.0):
                db.execute("ROLLBACK")
                break
            tree.send(process, signal.SIGCONT)
            time.sleep(STEP)
            count = tree.freeze(process)
        return count


def _no_commit(db: sqlite3.Connection, *, seconds: float) -> bool:
    """Returns whether this connection has the right to write now, and so nobody else."""
    db.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
    with suppress(sqlite3.OperationalError):
        db.execute("BEGIN IMMEDIATE")
    return db.in_transaction


def _end(process: Process, grace: float) -> tuple[str, set[Process]]:
    """Returns how a process ended, and it with everything that was below it."""
    known = {row.process for row in tree.tree(process)}
    if tree.state(process) not in tree.STOPPED and tree.send(process, signal.SIGTERM):
        until = time.monotonic() + grace
        while time.monotonic() < until:
            if tree.ended(process, seconds=LOOK):
                for straggler in tree.wait(known, seconds=LOOK):
                    tree.kill(straggler)
                return "ended", known
            known |= {row.process for row in tree.tree(process)}
    return "killed", tree.kill(process, known)

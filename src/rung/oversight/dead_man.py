"""The dead-man switch: a small process beside the engine that ends everything when the engine gives no sign of life.

The sign is that the engine waits: while it does its work it gives the processor back many times a second, for a
program, a worker, the disk. Covered: an engine that is dead, that deadlocks, sleeps on, or was stopped by somebody; one
that only computes. A pause is no hang: this process stands still with the engine. Not covered: an evaluator that hangs
in a worker process, and an endless loop that waits. A model's answer, and what an evaluator computes at a stretch, must
not take longer than the switch allows.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rung.errors import BadInput, RungError
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight import tree
from rung.oversight.engine import holder, locked_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rung.wire import JSON

EVENT: Final = "dead_man"
MOST_BETWEEN: Final = 1.0  # seconds between two looks
LOOKS: Final = 8  # in the time that the engine may be silent, at least


@contextmanager
def watched(workspace: Path, seconds: float | None) -> Iterator[None]:
    """Keeps a switch beside this process; None for none."""
    row = tree.find(os.getpid())
    if seconds is None or row is None:
        yield
        return
    words = [str(row.process.pid), str(row.process.started), str(seconds), str(workspace)]
    command = [sys.executable, "-m", "rung.oversight.dead_man", *words]
    switch = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - this very interpreter with this package
    try:
        yield
    finally:
        switch.communicate(b"done")  # not only closed: what was forked meanwhile holds the pipe too


def watch(engine: tree.Process, seconds: float, workspace: Path) -> str | None:
    """Returns why the engine and everything below it was ended; None when it ended by itself, or let go of the switch.

    Time is counted in looks: what this process did not live, being paused together with the engine, is no silence.
    """
    between = min(MOST_BETWEEN, seconds / LOOKS)
    silent, before, known = 0.0, -1, set[tree.Process]()
    try:
        alive = os.pidfd_open(engine.pid)
    except ProcessLookupError:
        return None
    poll = select.poll()
    for descriptor in (alive, sys.stdin.fileno()):
        poll.register(descriptor, select.POLLIN)
    while tree.state(engine) not in tree.GONE:
        if poll.poll(between * 1000):
            if tree.ended(engine, seconds=0.0):
                _end(engine, known)
            return None
        now = _pulse(engine)
        silent, before = (silent + between if now == before else 0.0), now
        known = {row.process for row in tree.tree(engine, spare=os.getpid())}
        if silent >= seconds:
            runs = [run for run in locked_runs(workspace) if _works_on(engine, workspace, run)]
            count = _end(engine, known)
            reason = f"the engine gave no sign of life for {silent:.1f} seconds"
            _record(workspace, runs, reason=reason, processes=count)
            return reason
    _end(engine, known)
    return None


def _pulse(engine: tree.Process) -> int:
    """Returns how often the threads of the engine have waited for something."""
    total = 0
    with suppress(OSError):
        for path in Path(f"/proc/{engine.pid}/task").iterdir():
            text = (path / "status").read_text(encoding="ascii", errors="replace")
            total += int(text.partition("\nvoluntary_ctxt_switches:")[2].split(maxsplit=1)[0])
    return total


def _end(engine: tree.Process, known: set[tree.Process]) -> int:
    found = tree.kill(engine, known, spare=os.getpid())
    return len(found | {engine})


def _works_on(engine: tree.Process, workspace: Path, run: str) -> bool:
    with suppress(BadInput):
        return holder(workspace, run) == engine
    return False


def _record(workspace: Path, runs: list[str], *, reason: str, processes: int) -> None:
    if not (workspace / layout.FILE).exists():
        return
    with suppress(RungError), closing(open_ledger(workspace)) as ledger:  # all is ended, whether it can be said or not
        for run in runs:
            if next(ledger.read(run=run), None) is not None:  # a lock may be of a request that has no run yet
                body: JSON = {"by": "dead-man switch", "reason": reason, "at": time.time(), "processes": processes}
                ledger.append(EVENT, body, run=run)


def main() -> int:
    """Watches until there is nothing to watch."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pid, started, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    reason = watch(tree.Process(pid, started), seconds, Path(sys.argv[4]))
    if reason is not None:
        sys.stderr.write(f"rung: {reason}, so it was ended with everything below it; the same command goes on\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

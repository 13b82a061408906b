"""All that runs below one process: found in /proc, stopped, let go on, or ended from outside.

Every process is known by its number and its start, and signalled through a descriptor: none that got a number anew is
ever hit. Covered: children in namespaces of their own, forks while this looks. Not covered: a process whose parent
ended before the first look; in rung those die with their parent.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

STOPPED: Final = "Tt"
GONE: Final = "ZX"
STANDING: Final = STOPPED + GONE + "D"  # after a stop: a system call goes on, and no line of the program after it
SETTLING: Final = 0.3  # seconds that are waited for processes in the middle of a system call
LOOK: Final = 0.002  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this machine. started: in ticks since the machine's start."""

    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Row:
    """What /proc says about a process. state: one letter. parent: its number."""

    process: Process
    state: str
    parent: int


def find(pid: int | str) -> Row | None:
    """Returns what /proc says about a number, None when nobody has it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - for hundreds at a time, while a run goes on
            words = file.read().rpartition(b")")[2].split()
        return Row(Process(int(pid), int(words[19])), words[0].decode(), int(words[1]))
    except (OSError, IndexError):
        return None


def state(process: Process) -> str:
    """Returns the letter of a process's state; "X" when it is gone, whoever has its number now."""
    row = find(process.pid)
    return "X" if row is None or row.process != process else row.state


def tree(root: Process, *, spare: int = 0) -> list[Row]:
    """Returns the root and all that lives below it, parents before children; [] when the root is gone.

    spare: the number of a process that does not belong to it, with all below that.
    """
    names = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - as in `find`
    rows = {row.process.pid: row for row in map(find, names) if row is not None}
    top = rows.get(root.pid)
    if top is None or top.process != root:
        return []
    children: dict[int, list[Row]] = {}
    for row in rows.values():
        if row.process.pid != spare:
            children.setdefault(row.parent, []).append(row)
    found = [top]
    for row in found:
        found.extend(children.get(row.process.pid, ()))
    return [row for row in found if row.state not in GONE]


def send(process: Process, number: signal.Signals) -> bool:
    """Sends a signal, and returns whether the process was there to get it."""
    with suppress(ProcessLookupError), _descriptor(process) as descriptor:
        signal.pidfd_send_signal(descriptor, number)
        return True
    return False


def freeze(root: Process, *, spare: int = 0) -> int:
    """Returns how many processes stand still now: the root and all that lives below it.

    A fork fails once a signal waits for the process that asks for it, so what a look finds after all were signalled is
    all there is.
    """
    signalled: set[Process] = set()
    until = time.monotonic() + SETTLING
    while True:
        rows = tree(root, spare=spare)
        new = [row for row in rows if row.process not in signalled]
        for row in new:
            send(row.process, signal.SIGSTOP)
            signalled.add(row.process)
        if not new:
            moving = [row for row in rows if row.state not in STOPPED]
            if not moving or time.monotonic() > until:  # what is left stops where its system call ends
                return len(rows)
            time.sleep(LOOK)


def thaw(root: Process) -> int:
    """Returns how many processes go on; children first, so that nobody waits for one that still stands."""
    rows = tree(root)
    for row in reversed(rows):
        send(row.process, signal.SIGCONT)
    return len(rows)


def wait(processes: Collection[Process], *, seconds: float) -> set[Process]:
    """Returns those that have not ended in time."""
    until = time.monotonic() + seconds
    left = {process for process in processes if state(process) not in GONE}
    while left and time.monotonic() < until:
        time.sleep(LOOK)
        left = {process for process in left if state(process) not in GONE}
    return left


def kill(root: Process, known: Collection[Process] = (), *, spare: int = 0) -> set[Process]:
    """Returns what was killed: the root, all that lives below it, and whatever was known to."""
    freeze(root, spare=spare)
    found = {row.process for row in tree(root, spare=spare)} | {*known}
    for process in (root, *found):
        send(process, signal.SIGKILL)
    return found


def ended(process: Process, *, seconds: float) -> bool:
    """Returns whether a process ends in this time."""
    with suppress(ProcessLookupError), _descriptor(process) as descriptor:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    return True


@contextmanager
def _descriptor(process: Process) -> Iterator[int]:
    """Yields an open descriptor of a process.

    Raises:
      ProcessLookupError: it is gone; looked up once the descriptor is open, when its number cannot become another's.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        if state(process) in GONE:
            raise ProcessLookupError
        yield descriptor
    finally:
        os.close(descriptor)

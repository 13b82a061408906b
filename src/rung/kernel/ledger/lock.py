"""The right to work on a run: one process at a time, let go when that process ends, however it ends.

The file of a lock names its holder, "PID START": with its start, in ticks since the machine's, no other process that
was given the same number later is taken for it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from rung.errors import LedgerError
from rung.kernel.ledger.layout import sentences


@contextmanager
def run_lock(workspace: Path, run: str, *, patience: float = 1.0) -> Iterator[None]:
    """Holds a run, or raises LedgerError; in `patience` seconds the children of a killed holder let go of it too."""
    deadline = time.monotonic() + patience
    with sentences(workspace):
        workspace.mkdir(parents=True, exist_ok=True)
        file = os.open(workspace / f"{quote(run, safe='')}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > deadline:
                raise LedgerError(f"another process works on run {run}: wait for it, or stop it, and try again")
            time.sleep(0.02)
        started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        os.pwrite(file, f"{os.getpid()} {started}\n".ljust(40).encode(), 0)
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)  # closing alone leaves it to children that were forked meanwhile
        os.close(file)

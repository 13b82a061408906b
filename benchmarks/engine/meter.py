"""Runs a command and measures it whole: everything it starts, orphans included."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.clocks import memory_mb, tree, with_reaped

SAMPLE_SECONDS = 0.1
PATIENCE_SECONDS = 3.0
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class Used:
    """What a command used, with all below it.

    cpu_seconds: from the first mark on, start-up left out. tree_mb: largest sum of resident memory, shared pages
    counted once per process. main_mb: largest resident memory of the process that was started.
    marks: seconds of the monotonic clock. orphans: processes that outlived the command.
    """

    status: int
    cpu_seconds: float
    tree_mb: float
    main_mb: float
    marks: tuple[float, ...]
    orphans: int


class Meter:
    """Measures one command at a time; `mark` may be called from any thread while it runs."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans come here, and with them their times
        self._pid = 0
        self._marks: list[float] = []
        self._before_first = 0.0

    def mark(self) -> None:
        """Notes the moment; the first mark ends the start-up."""
        if not self._marks:
            self._before_first = sum(with_reaped(pid) for pid in tree(os.getpid())[1:])  # orphans are below this one
        self._marks.append(time.monotonic())

    def measured(
        self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], marker: str | None = None
    ) -> Used:
        """Returns what the command used; a line of its output that starts with `marker` is a mark."""
        self._marks = []
        before = _children_cpu_seconds()
        log = folder / "output.txt"
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=log.open("w"), text=True
        )
        self._pid = process.pid
        peaks = {"tree": 0.0, "main": 0.0}
        done = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process.pid, peaks, done))
        sampler.start()
        assert process.stdout is not None  # noqa: S101 - asked for above; this tells the type checker
        for line in process.stdout:
            if marker is not None and line.startswith(marker):
                self.mark()
        status = process.wait()
        done.set()
        sampler.join()
        orphans = _reap_orphans()
        used = _children_cpu_seconds() - before - self._before_first
        return Used(status, used, peaks["tree"], peaks["main"], tuple(self._marks), orphans)


def _sample(pid: int, peaks: dict[str, float], done: threading.Event) -> None:
    while not done.wait(SAMPLE_SECONDS):
        peaks["tree"] = max(peaks["tree"], sum(memory_mb(each) for each in tree(pid)))
        peaks["main"] = max(peaks["main"], memory_mb(pid))


def _reap_orphans() -> int:
    """Waits for what outlived the command, kills what stays, and returns how many had to be killed."""
    deadline, killed = time.monotonic() + PATIENCE_SECONDS, 0
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return killed
        if pid:
            continue
        if time.monotonic() > deadline:
            left = tree(os.getpid())[1:]
            killed += len(left)
            for each in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            deadline += PATIENCE_SECONDS
        time.sleep(SAMPLE_SECONDS)


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

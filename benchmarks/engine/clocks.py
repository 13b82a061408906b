"""Whose CPU time it was: clocks of processes, and the memory of whole process trees."""

from __future__ import annotations

import os
import time
from pathlib import Path

PAGE_MB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def cpu_seconds(pid: int) -> float:
    """Returns what a process has used, without its children; 0.0 when it is gone."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def children(pid: int) -> list[int]:
    """Returns the processes that a process started and that still run."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in file.read_text().split()]
        except OSError:  # it ended meanwhile
            continue
    return found


def tree(pid: int) -> list[int]:
    """Returns a process and everything below it."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def resident_mb(pid: int) -> float:
    """Returns the resident memory of one process, shared pages included; 0.0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
    except (OSError, IndexError):
        return 0.0


def is_named(pid: int, word: str) -> bool:
    """Returns whether the command line of a process holds a word."""
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False

"""Whose CPU time it was: clocks of processes, and the memory of whole process trees."""

from __future__ import annotations

import os
import time
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Returns what a process has used, without its children; 0.0 when it is gone."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def with_reaped(pid: int) -> float:
    """Returns what a process and the children it has waited for have used, in ticks of the system's clock."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(word) for word in words[11:15]) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Returns the processes that a process started and that still run."""
    found: list[int] = []
    try:
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(word) for word in file.read_text().split()]
    except OSError:  # it ended meanwhile
        return found
    return found


def tree(pid: int) -> list[int]:
    """Returns a process and everything below it."""
    found = [pid]
    for each in found:
        found += children(each)
    return found


def memory_mb(pid: int) -> float:
    """Returns the memory of one process, pages that it shares counted in parts; 0.0 when it is gone or hidden."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def is_named(pid: int, word: str) -> bool:
    """Returns whether the command line of a process holds a word."""
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False

"""What the processes below one process have used, read from /proc: the clock where no cgroup can be made."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Tree:
    """All processes below `root`, as often as somebody looks.

    What a process used is kept when it is gone. Not seen: a process that began and ended between two looks, and whose
    parent never waited for it.
    """

    root: int
    _seen: dict[tuple[int, int], int] = field(default_factory=dict)
    memory_bytes: int = 0
    peak_bytes: int = 0

    def look(self) -> float:
        """Returns the CPU seconds used so far, and takes notice of memory."""
        rows = _rows()
        below: set[int] = set()
        newest = {self.root}
        while newest:
            below |= newest
            newest = {pid for pid, (parent, *_) in rows.items() if parent in newest} - below
        self.memory_bytes = 0
        for pid in below & rows.keys():
            _, began, ticks, pages = rows[pid]
            self._seen[pid, began] = max(ticks, self._seen.get((pid, began), 0))
            self.memory_bytes += pages * _PAGE
        self.peak_bytes = max(self.peak_bytes, self.memory_bytes)
        return sum(self._seen.values()) / _TICKS


def _rows() -> dict[int, tuple[int, int, int, int]]:
    """Returns pid -> (parent, start, ticks, pages of its own that are in memory)."""
    rows: dict[int, tuple[int, int, int, int]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            resident, shared = (folder / "statm").read_bytes().split()[1:3]
        except (OSError, ValueError):
            continue  # it has just ended
        ticks = int(words[11]) + int(words[12])
        rows[int(folder.name)] = (int(words[1]), int(words[19]), ticks, int(resident) - int(shared))
    return rows

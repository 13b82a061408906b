"""A cgroup for the processes of one box: they share one limit on memory and on processes, and one clock of CPU time.

Covered: version 1, where this process may make groups (as root, or below a group that was handed to it). Not covered:
version 2; there, as without any, each process has its own limits and the clock adds up what it sees.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_CONTROLLERS: Final = ("pids", "memory", "cpuacct")
_PREFIX: Final = "rung-agent-"


class Cgroup:
    """One group per controller, gone after `close`."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self._folders = folders

    def add(self, pid: int) -> None:
        """Takes a process in, with all that it starts from now on."""
        for folder in self._folders.values():
            (folder / "cgroup.procs").write_text(str(pid))

    def cpu_seconds(self) -> float:
        """Returns what all of them have used, those that have ended included."""
        return int((self._folders["cpuacct"] / "cpuacct.usage").read_text()) / 1e9

    def peak_memory_mb(self) -> float:
        """Returns the most memory they had together."""
        return int((self._folders["memory"] / "memory.max_usage_in_bytes").read_text()) / (1 << 20)

    def out_of_memory(self) -> bool:
        """Returns whether the limit on memory ended one of them."""
        text = (self._folders["memory"] / "memory.oom_control").read_text()
        return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in text.splitlines())

    def out_of_processes(self) -> bool:
        """Returns whether a process was refused because there were too many."""
        text = (self._folders["pids"] / "pids.events").read_text()
        return any(line.startswith("max ") and line != "max 0" for line in text.splitlines())

    def close(self) -> None:
        """Removes the groups, for which their processes must be gone; a group that stays behind holds nothing."""
        for folder in self._folders.values():
            for _ in range(100):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.005)  # the last process is on its way out
                else:
                    break


def make_cgroup(*, memory_bytes: int, processes: int) -> Cgroup | None:
    """Returns a new group with these limits, None where none can be made."""
    folders: dict[str, Path] = {}
    group = Cgroup(folders)
    name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        for controller, above in _own_groups():
            _sweep(above)
            (above / name).mkdir()
            folders[controller] = above / name
        if set(folders) != set(_CONTROLLERS):
            raise OSError("a controller is missing")
        (folders["memory"] / "memory.limit_in_bytes").write_text(str(memory_bytes))
        (folders["pids"] / "pids.max").write_text(str(processes))
        with contextlib.suppress(OSError):  # swap is limited too, where it is counted
            (folders["memory"] / "memory.memsw.limit_in_bytes").write_text(str(memory_bytes))
    except OSError:
        group.close()
        return None
    return group


def _sweep(above: Path) -> None:
    """Removes the groups of engines that were killed; one that still holds a process stays."""
    for folder in above.glob(f"{_PREFIX}*"):
        engine = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", engine).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()


def _own_groups() -> Iterator[tuple[str, Path]]:
    """Yields (controller, folder) of the groups that this process is in."""
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, names, path = line.split(":", 2)
        for controller in set(names.split(",")) & set(_CONTROLLERS):
            folder = _ROOT / controller / path.lstrip("/")
            yield controller, folder if folder.is_dir() else _ROOT / controller

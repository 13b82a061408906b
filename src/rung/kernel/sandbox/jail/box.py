"""What a candidate can see of the file system: a tmpfs root with the interpreter's libraries bound read-only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TypedDict

from . import linux

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
# The private directory is mounted one level down: a Landlock rule on its parent holds for any mount below.
PARENT = "/box"
PRIVATE = "/box/private"
_TMPFS = linux.NOSUID | linux.NODEV | linux.NOEXEC


class Places(TypedDict):
    """Where the interpreter lives: the same paths outside and inside.

    readable: files and directories, none below another. hidden: parts of them that candidates must not see (rung
    itself, with the evaluators in it). search: what is added to the module search path.
    """

    readable: list[str]
    hidden: list[str]
    search: list[str]


def build(places: Places) -> None:
    """Replaces the root of this mount namespace: needs its own mount and pid namespaces and the power to mount.

    Sources are opened before anything is covered, by whoever calls: root reaches an interpreter in a private home.
    """
    linux.keep_mounts_private()
    sources = [(path, os.open(path, os.O_PATH)) for path in (*places["readable"], *DEVICES) if os.path.exists(path)]
    root = "/tmp" if os.path.isdir("/tmp") else "/mnt"  # noqa: S108 - a mount point; nothing is written to it
    linux.mount("tmpfs", root, "tmpfs", flags=linux.NOSUID | linux.NODEV, options="size=1m,nr_inodes=4096,mode=755")
    for path, descriptor in sources:
        source, target = f"/proc/self/fd/{descriptor}", root + path
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        if os.path.isdir(source):
            os.mkdir(target, mode=0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, mode=0o644))
        linux.bind(source, target, read_only=path not in DEVICES)
        os.close(descriptor)
    for path in places["hidden"]:
        cover(root + path)
    for path in ("/proc", PRIVATE):
        os.makedirs(root + path, mode=0o755)
    linux.mount("proc", root + "/proc", "proc", flags=_TMPFS)
    linux.pivot_root(root)
    linux.set_read_only("/", below=False)


def cover(path: str) -> None:
    """Hides a directory, or a file, behind nothing."""
    if os.path.isdir(path):
        linux.mount("tmpfs", path, "tmpfs", flags=_TMPFS | 1, options="size=4k,nr_inodes=2,mode=555")
    else:
        linux.bind("/dev/null", path, read_only=True)


def make_private(megabytes: int) -> None:
    """Mounts the candidate's own empty directory, and hides /proc (the fork-server needs it, candidates do not)."""
    options = f"size={max(1, megabytes)}m,nr_inodes=4096,mode=700"
    linux.mount("tmpfs", PRIVATE, "tmpfs", flags=_TMPFS, options=options)
    cover("/proc")


def ruleset(places: Places, *, private: bool) -> linux.Ruleset:
    """Returns the Landlock rules that allow the same as the box shows, for when there is no box or it leaks."""
    read = [part for path in places["readable"] for part in _around(path, places["hidden"])]
    write = ["/dev/null", *([PARENT] if private else [])]
    return linux.landlock(read=[*read, *DEVICES], listed=places["readable"], write=write)


def _around(path: str, hidden: Sequence[str]) -> Iterator[str]:
    """Yields what is left of a path when the hidden parts are taken out: as few paths as possible."""
    if path in hidden:
        return
    if not any(part.startswith(path + "/") for part in hidden):
        yield path
        return
    for name in sorted(os.listdir(path)):
        yield from _around(f"{path}/{name}", hidden)

"""Linux isolation primitives through ctypes: namespaces, mounts, privileges, limits, Landlock.

Covered: x86_64, kernel 5.12 or later. Not covered: other machines, whose system call numbers differ.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x20000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000

NOSUID, NODEV, NOEXEC = 2, 4, 8
_REC, _PRIVATE, _BIND = 16384, 1 << 18, 4096
_SET_TID, _CLEAR_TID = 0x01000000, 0x00200000

_libc = ctypes.CDLL(None, use_errno=True)
_holding_gil = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_holding_gil.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(what: str, number: int, *arguments: int | bytes | None) -> int:
    """Returns the result of a raw system call.

    Raises:
      OSError: it failed; the message begins with `what`.
    """
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *words), what)


def prctl(what: str, option: int, value: int = 0) -> int:
    """Returns what the prctl system call answers."""
    return syscall(what, 157, option, value, 0, 0, 0)


def unshare(flags: int) -> None:
    """Moves this process into new namespaces (a new pid namespace holds its next child)."""
    syscall("unshare", 272, flags)


def clone(flags: int) -> int:
    """Returns the child's pid, 0 in the child: a fork straight into new namespaces that keeps CPython consistent.

    The C library is told the child's thread id through the address it registered itself (its own fork would do that;
    a raw clone does not, and signals a thread sends to itself would miss).
    """
    address = ctypes.c_long(0)
    known = _libc.prctl(40, ctypes.byref(address), 0, 0, 0) == 0 and address.value != 0
    tid_flags = _SET_TID | _CLEAR_TID if known else 0
    api = ctypes.pythonapi
    api.PyOS_BeforeFork()
    word = ctypes.c_long
    pid: int = _holding_gil.syscall(word(56), word(flags | tid_flags | signal.SIGCHLD), None, None, address, None)
    if pid == 0:
        api.PyOS_AfterFork_Child()
    else:
        api.PyOS_AfterFork_Parent()
    return _check(pid, "clone")


def map_self(inside: int, outside_uid: int, outside_gid: int) -> None:
    """Makes this process `inside` (user and group) in the user namespace it has just entered."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside_uid} 1"),
        ("gid_map", f"{inside} {outside_gid} 1"),
    ):
        write_file(f"/proc/self/{name}", text)


def write_file(path: str, text: str) -> None:
    """Writes an existing file with a single write, as files in /proc want it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def mount(source: str, target: str, kind: str, *, flags: int = 0, options: str = "") -> None:
    """Mounts a file system."""
    arguments = (source.encode(), target.encode(), kind.encode(), flags, options.encode())
    syscall(f"mount {kind} on {target}", 165, *arguments)


def keep_mounts_private() -> None:
    """Cuts this mount namespace off from the one it was copied from."""
    mount("", "/", "", flags=_REC | _PRIVATE)


def bind(source: str, target: str, *, read_only: bool) -> None:
    """Makes `source` visible at `target`, with everything mounted below it; read-only means all of that."""
    mount(source, target, "", flags=_BIND | _REC)
    if read_only:
        set_read_only(target)


def set_read_only(target: str, *, below: bool = True) -> None:
    """Makes a mount, and the mounts below it, read-only, without set-uid programs and devices."""
    attributes = struct.pack("=QQQQ", 1 | NOSUID | NODEV, 0, 0, 0)
    recursive = 0x8000 if below else 0
    syscall(f"mount_setattr {target}", 442, -100, target.encode(), recursive, attributes, len(attributes))


def pivot_root(new: str) -> None:
    """Makes `new` the root and lets go of the old one."""
    os.chdir(new)
    syscall("pivot_root", 155, b".", b".")
    syscall("umount2", 166, b".", 2)
    os.chdir("/")


def die_with_parent() -> None:
    """Has the kernel kill this process when its parent ends."""
    prctl("PR_SET_PDEATHSIG", 1, signal.SIGKILL)


def set_dumpable(value: int) -> None:
    """Says whether others of this user may look into the process (1) or not (0)."""
    prctl("PR_SET_DUMPABLE", 4, value)


def no_new_privileges() -> None:
    """Gives up gaining privileges through exec, for good."""
    prctl("PR_SET_NO_NEW_PRIVS", 38, 1)


def drop_capabilities() -> None:
    """Gives up every capability, for good."""
    prctl("PR_CAP_AMBIENT", 47, 4)
    syscall("capset", 126, struct.pack("=Ii", 0x20080522, 0), bytes(24))


def become_user(uid: int) -> None:
    """Turns root into an unprivileged user and group, for good; stays dumpable, so that it can write its id maps."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    set_dumpable(1)


def close_from(first: int) -> None:
    """Closes every descriptor from `first` on."""
    syscall("close_range", 436, first, 0xFFFFFFFF, 0)


def address_space_bytes() -> int:
    """Returns how much address space this process uses, without /proc.

    It is the smallest limit under which one more page can be mapped, found by bisection.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 36
    _libc.mmap.restype = ctypes.c_long
    while high - low > 4096:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        page = _libc.mmap(None, ctypes.c_long(4096), 0, 0x22, -1, ctypes.c_long(0))
        if page == -1:
            low = middle
        else:
            _libc.munmap(ctypes.c_long(page), ctypes.c_long(4096))
            high = middle
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return high


def limit_resources(*, memory: int, cpu_seconds: int, file_bytes: int, processes: int) -> None:
    """Sets the limits of this process, hard: there is no signal to catch and no way back.

    memory: bytes of address space. processes: processes and threads of this user (in this user namespace).
    """
    for kind, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_STACK, 8 << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))


# Landlock access rights by the version that brought them; the first version has the first 13 bits.
_READ_FILE, _READ_DIR = 4, 8
_WRITE = 2 | 16 | 32 | 128 | 256 | 8192 | 16384
_FILE_RIGHTS = 1 | 2 | _READ_FILE | 16384


def landlock_version() -> int:
    """Returns the version of Landlock here, 0 where there is none."""
    try:
        return syscall("landlock", 444, None, 0, 1)
    except OSError:
        return 0


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A prepared Landlock ruleset: whatever it does not allow is refused once it is in force."""

    descriptor: int

    def enforce(self) -> None:
        """Puts the ruleset in force for this process, for good; needs no_new_privileges() first."""
        syscall("landlock_restrict_self", 446, self.descriptor, 0)


def landlock(*, read: Iterable[str], listed: Iterable[str], write: Iterable[str]) -> Ruleset:
    """Returns a ruleset that allows to read files below `read`, to list directories below `listed`, to write `write`.

    Also refused, where the version knows them: TCP, abstract sockets and signals to processes outside.
    """
    version = landlock_version()
    handled = (1 << 13) - 1 | sum(right for since, right in ((2, 8192), (3, 16384), (5, 32768)) if version >= since)
    fields = (handled,) + (3,) * (version >= 4) + (3,) * (version >= 6)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = syscall("landlock_create_ruleset", 444, attributes, len(attributes), 0)
    reading = _READ_FILE | _READ_DIR
    for paths, rights in ((read, reading), (listed, _READ_DIR), (write, reading | _WRITE)):
        for path in paths:
            try:
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            allowed = rights & handled & (-1 if is_directory else _FILE_RIGHTS)
            if allowed:
                syscall(f"landlock_add_rule {path}", 445, ruleset, 1, struct.pack("=Qi", allowed, descriptor), 0)
            os.close(descriptor)
    return Ruleset(ruleset)

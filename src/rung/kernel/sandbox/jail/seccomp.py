"""The system calls a candidate may make: an allow-list for x86_64, as a filter program for the kernel."""

from __future__ import annotations

import ctypes
import errno
import struct
from dataclasses import dataclass

from . import linux

# What CPython, numpy and scipy need to compute, to import and to use a private directory. Not there, among others:
# fork, exec, sockets, links, special files, mode bits, shared memory, queues, memfd, signals to others, setting ids.
_ALLOWED = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9,
    "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
    "pread64": 17, "pwrite64": 18, "readv": 19, "writev": 20, "access": 21, "pipe": 22, "select": 23,
    "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32, "dup2": 33, "pause": 34, "nanosleep": 35, "getpid": 39,
    "exit": 60, "uname": 63, "fsync": 74, "fdatasync": 75, "truncate": 76, "ftruncate": 77, "getcwd": 79,
    "chdir": 80, "rename": 82, "mkdir": 83, "rmdir": 84, "unlink": 87, "readlink": 89, "umask": 95,
    "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104,
    "geteuid": 107, "getegid": 108, "getppid": 110, "sigaltstack": 131, "arch_prctl": 158, "gettid": 186, "time": 201,
    "futex": 202, "sched_getaffinity": 204, "getdents64": 217, "set_tid_address": 218, "restart_syscall": 219,
    "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "epoll_wait": 232,
    "epoll_ctl": 233, "openat": 257, "mkdirat": 258, "newfstatat": 262, "unlinkat": 263, "renameat": 264,
    "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "epoll_pwait": 281,
    "eventfd2": 290, "epoll_create1": 291, "dup3": 292, "pipe2": 293, "renameat2": 316, "getrandom": 318,
    "statx": 332, "rseq": 334, "faccessat2": 439,
}  # fmt: skip

# No ordinary program makes these: whoever tries is killed at once, and the death is counted.
_DEADLY = {
    "ptrace": 101, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166, "init_module": 175,
    "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272, "perf_event_open": 298,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313,
    "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432, "mount_setattr": 442,
}  # fmt: skip

_IOCTL, _CLONE, _FCNTL, _TGKILL, _PRLIMIT, _CLONE3 = 16, 56, 72, 234, 302, 435
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_ARCHITECTURE, _NUMBER, _ARGUMENT = 4, 0, 16


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter program for the kernel, ready to be put in force."""

    code: bytes

    def enforce(self) -> None:
        """Puts the filter in force for this process, for good; needs no_new_privileges() first."""
        buffer = ctypes.create_string_buffer(self.code, len(self.code))
        program = struct.pack("=HxxxxxxQ", len(self.code) // 8, ctypes.addressof(buffer))
        linux.syscall("seccomp", 317, 1, 0, program)


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value & 0xFFFFFFFF)


def _only(number: int, body: list[bytes]) -> list[bytes]:
    """Returns the body, run for this system call alone; it must end in a return."""
    return [_instruction(_EQUAL, number, no=len(body)), *body]


def _argument_is(position: int, values: list[int], otherwise: int) -> list[bytes]:
    """Returns code that allows the call when the low word of an argument is one of the values."""
    lines = [_instruction(_LOAD, _ARGUMENT + 8 * position)]
    for left, value in zip(range(len(values), 0, -1), values, strict=True):
        lines.append(_instruction(_EQUAL, value, yes=left))
    return [*lines, _instruction(_RETURN, otherwise), _instruction(_RETURN, _ALLOW)]


def _prologue() -> list[bytes]:
    lines = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_EQUAL, 0xC000003E, yes=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_AT_LEAST, 0x40000000, no=1),  # the other numbering of the same calls (x32)
        _instruction(_RETURN, _KILL),
    ]
    for number in sorted(_DEADLY.values()):
        lines += _only(number, [_instruction(_RETURN, _KILL)])
    return lines


def deny_hostile() -> Filter:
    """Returns the loose filter for a process that must still exec and set itself up: deadly calls only."""
    return Filter(b"".join([*_prologue(), _instruction(_RETURN, _ALLOW)]))


def allow_computing(*, own_pid: int | None) -> Filter:
    """Returns the strict filter for candidate code: what is not on the list fails with EPERM.

    own_pid: the only process it may signal (its own threads), None for none.
    """
    refuse = _REFUSE | errno.EPERM
    lines = _prologue()
    lines += _only(_CLONE3, [_instruction(_RETURN, _REFUSE | errno.ENOSYS)])  # the C library falls back to clone
    threads = [_instruction(_LOAD, _ARGUMENT), _instruction(_ANY_BIT, 0x10000, no=1)]
    lines += _only(_CLONE, [*threads, _instruction(_RETURN, _ALLOW), _instruction(_RETURN, refuse)])
    # Reading one's own limits is a prlimit64 without new values: both words of the pointer are zero.
    reading = [
        _instruction(_LOAD, _ARGUMENT + 16),
        _instruction(_EQUAL, 0, no=3),
        _instruction(_LOAD, _ARGUMENT + 20),
        _instruction(_EQUAL, 0, no=1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, refuse),
    ]
    lines += _only(_PRLIMIT, reading)
    lines += _only(_IOCTL, _argument_is(1, [0x5401, 0x5451], _REFUSE | errno.ENOTTY))  # "a terminal?", close-on-exec
    # fcntl to duplicate and to set flags; not to have signals sent to whoever is named as a descriptor's owner.
    lines += _only(_FCNTL, _argument_is(1, [0, 1, 2, 3, 4, 1030], refuse))
    if own_pid is not None:
        lines += _only(_TGKILL, _argument_is(0, [own_pid], refuse))
    for first, last in _ranges(sorted(_ALLOWED.values())):
        lines.append(_instruction(_AT_LEAST, first, no=2))
        lines.append(_instruction(_AT_LEAST, last + 1, yes=1))
        lines.append(_instruction(_RETURN, _ALLOW))
    lines.append(_instruction(_RETURN, refuse))
    return Filter(b"".join(lines))


def _ranges(numbers: list[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges

"""What a process that may start others still may not ask of the system: a filter that refuses, and kills nobody."""

from __future__ import annotations

import errno
import struct
from typing import Final

from rung.kernel.sandbox.jail import seccomp

# Instructions of the filter machine; a return ends it, a jump skips lines, a load fills the accumulator.
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_FIRST_ARGUMENT: Final = 16
_SOCKET, _SOCKETPAIR, _CLONE, _CLONE3 = 41, 53, 56, 435
_NAMESPACES: Final = 0x7E020080  # every CLONE_NEW flag
_FAMILIES: Final = (1, 2, 10, 16)  # unix, inet, inet6, netlink: those that end at the walls of a network namespace


def filter_code() -> bytes:
    """Returns the filter, to be loaded by bubblewrap.

    Refused with an error: what kills a candidate (mounts, namespaces, tracing, keyrings, io_uring, bpf), new namespaces
    by clone, and families of sockets that reach past a network namespace, such as the one to the host of a virtual
    machine.
    """
    lines = [_softened(line) for line in _lines(seccomp.deny_hostile().code)][:-1]
    lines += _only(_CLONE3, [_line(_RETURN, _REFUSE | errno.ENOSYS)])  # the C library falls back to clone
    refuse, allow = _line(_RETURN, _REFUSE | errno.EPERM), _line(_RETURN, _ALLOW)
    lines += _only(_CLONE, [_line(_LOAD, _FIRST_ARGUMENT), _line(_ANY_BIT, _NAMESPACES, no=1), refuse, allow])
    unknown = _line(_RETURN, _REFUSE | errno.EAFNOSUPPORT)
    families = [_line(_EQUAL, family, yes=len(_FAMILIES) - at) for at, family in enumerate(_FAMILIES)]
    for call in (_SOCKET, _SOCKETPAIR):
        lines += _only(call, [_line(_LOAD, _FIRST_ARGUMENT), *families, unknown, allow])
    return b"".join([*lines, allow])


def _line(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _only(number: int, body: list[bytes]) -> list[bytes]:
    return [_line(_EQUAL, number, no=len(body)), *body]


def _lines(code: bytes) -> list[bytes]:
    return [code[at : at + 8] for at in range(0, len(code), 8)]


def _softened(line: bytes) -> bytes:
    """Returns a line that refuses where it killed: an agent's tools try much that they can do without."""
    code, _, _, value = struct.unpack("=HBBI", line)
    return _line(_RETURN, _REFUSE | errno.EPERM) if code == _RETURN and value == _KILL else line

"""Runs a command as somebody else, or on a machine that lacks something; only this process and its children notice.

`python identity.py WORD... -- COMMAND...` with the words
  nobody        become an unprivileged user (root only)
  no-landlock   Landlock's system calls answer ENOSYS
  no-userns     user namespaces are switched off, in a user namespace of our own (root only)
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = 65533


def hide_landlock() -> None:
    answer = 0x00050000 | errno.ENOSYS
    lines = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x35, 1, 0, 447), (0x06, 0, 0, answer), (0x06, 0, 0, 0x7FFF0000)]
    code = b"".join(struct.pack("=HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(code, len(code))
    if LIBC.prctl(38, 1, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    program = struct.pack("=HxxxxxxQ", len(lines), ctypes.addressof(buffer))
    if LIBC.syscall(ctypes.c_long(317), 1, 0, program) < 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def forbid_user_namespaces() -> None:
    """Enters a user namespace that maps everybody and may hold no other; the machine's own setting is left alone."""
    ready, mapped = os.pipe(), os.pipe()
    parent = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.read(ready[0], 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}/{name}").write_text("0 0 65536", encoding="ascii")
        os.write(mapped[1], b".")
        os._exit(0)
    if LIBC.unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(ready[1], b".")
    os.read(mapped[0], 1)
    os.waitpid(helper, 0)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")


def main() -> None:
    split = sys.argv.index("--")
    words, command = sys.argv[1:split], sys.argv[split + 1 :]
    if "no-userns" in words:
        forbid_user_namespaces()
    if "nobody" in words:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if "no-landlock" in words:
        hide_landlock()
    os.execvp(command[0], command)  # noqa: S606 - to run a command is what this file is for


if __name__ == "__main__":
    main()

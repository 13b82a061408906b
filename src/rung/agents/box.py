"""The box an agent runs in: bubblewrap around the keeper, with system folders to read and one small disk to write."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Final

from rung.errors import NoSandbox
from rung.kernel.sandbox.places import interpreter_binary, interpreter_places

DISK: Final = "/tmp"  # noqa: S108 - the one writable place inside
INSIDE: Final = f"{DISK}/rung"  # the checkout and the home folder lie here
KEEPER: Final = "/rung/keeper.py"
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS: Final = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/localtime", "/etc/mime.types")
BELOW_SYSTEM: Final = tuple(f"{path}/" for path in SYSTEM)
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
_NOBODY: Final = 65534
_TOOLS_PATH: Final = "/usr/bin:/bin:/usr/sbin:/sbin"
_FIRST_USER, _USERS = 40_000, 20_000
ADVICE: Final = (
    "an agent starts programs of its own, so it runs in a box that bubblewrap builds, or not at all: install "
    "bubblewrap (apt install bubblewrap, dnf install bubblewrap), or take an improver that is no command. `--sandbox "
    "process` runs it on this machine without any wall"
)


def bubblewrap() -> str:
    """Returns where bubblewrap is.

    Raises:
      NoSandbox: it is not installed.
    """
    found = shutil.which("bwrap", path=_TOOLS_PATH)
    if found is None:
        raise NoSandbox(f"bubblewrap is not installed: {ADVICE}")
    return found


def keeper() -> str:
    """Returns the source of what runs inside."""
    return str(Path(__file__).with_name("keeper.py"))


def user_of_agents() -> int | None:
    """Returns what root becomes inside, None when this is not root and a user namespace does it.

    A user of its own for each engine: the limit on processes counts by user, and root is not bound by it at all.
    """
    return _FIRST_USER + os.getpid() % _USERS if os.geteuid() == 0 else None


def command_line(*, channel: int, filter_: int, accounts: int, shown: tuple[str, ...], disk_bytes: int) -> list[str]:
    """Returns the words that start the keeper in a new box.

    channel, filter_, accounts: descriptors of the socket, the seccomp filter and a table of users. shown: what the
    agent may read besides the system.
    """
    words = [bubblewrap(), "--die-with-parent", "--new-session", "--seccomp", str(filter_), "--clearenv"]
    words += [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts", "cgroup")]
    words += ["--hostname", "agent"]
    if os.geteuid() == 0:
        # No user namespace: in one, the machine's own uid 0 would stay behind the mask; the keeper changes the user.
        words += ["--cap-drop", "ALL"]
        for capability in ("SETUID", "SETGID", "CHOWN", "DAC_OVERRIDE", "KILL"):
            words += ["--cap-add", f"CAP_{capability}"]
    else:
        words += ["--as-pid-1", "--unshare-user", "--uid", str(_NOBODY), "--gid", str(_NOBODY), "--cap-drop", "ALL"]
    words += _system_words()
    words += ["--perms", "1777", "--size", str(disk_bytes), "--tmpfs", DISK]
    visible = [*_keeper_places(), *(path for path in shown if not path.startswith(BELOW_SYSTEM))]
    above = {str(parent) for path in (*visible, *SETTINGS) for parent in Path(path).parents} - {"/"}
    for path in sorted(above):  # without this they get the modes of private homes
        if path != DISK:
            words += ["--perms", "0755", "--dir", path]
    for path in visible:
        words += ["--ro-bind", path, path]
    words += ["--ro-bind", keeper(), KEEPER]
    for path in SETTINGS:
        words += ["--ro-bind-try", path, path]
    words += ["--perms", "0644", "--ro-bind-data", str(accounts), "/etc/passwd"]
    for path in _hidden():
        words += ["--tmpfs", path, "--remount-ro", path] if Path(path).is_dir() else ["--ro-bind", "/dev/null", path]
    words += ["--chdir", DISK, "--remount-ro", "/", "--"]
    return [*words, interpreter_binary(), "-I", "-S", KEEPER, str(channel)]


def _system_words() -> list[str]:
    words: list[str] = []
    for path in SYSTEM:
        if Path(path).is_symlink():
            words += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).is_dir():
            words += ["--ro-bind", path, path]
    words += ["--proc", "/proc", "--perms", "0755", "--dir", "/dev"]
    for name in _DEVICES:
        words += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        words += ["--symlink", f"/proc/self/fd{target}", f"/dev/{name}"]
    return [*words, "--perms", "1777", "--size", str(16 << 20), "--tmpfs", "/dev/shm"]  # noqa: S108 - inside the box


def _keeper_places() -> list[str]:
    """Returns what the interpreter needs that the system folders do not hold, with the packages programs may use."""
    places = interpreter_places()
    library = [path for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))]
    wanted = dict.fromkeys([*places["readable"], *library, interpreter_binary()])
    return [path for path in wanted if not path.startswith(BELOW_SYSTEM) and path not in (*SYSTEM, *SETTINGS)]


def _hidden() -> list[str]:
    """Returns the parts of rung itself below what is shown: evaluators and known answers are in it."""
    return interpreter_places()["hidden"]


def search_path() -> str:
    """Returns where the packages lie that programs of this engine may import, as PYTHONPATH has it."""
    return os.pathsep.join(interpreter_places()["search"])

"""The second, independent path: a fresh interpreter for every program, in a box that other people's tools build.

Bubblewrap where it is installed, else the tools of util-linux. Slower than the fork-server by an interpreter's start,
and it shares neither its namespaces nor its mounts nor a warm process with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from rung import errors
from rung.kernel.sandbox.forkserver import ENVIRONMENT, INTERPRETER_OPTIONS
from rung.kernel.sandbox.jail import linux, seccomp
from rung.kernel.sandbox.jail.box import DEVICES, PRIVATE, Places
from rung.kernel.sandbox.places import interpreter_binary, interpreter_places
from rung.kernel.sandbox.session import Ended, LineSession, channel_pair
from rung.records import Limits, Program

_NOBODY = 65534
_CODE = "/rung"  # where the jail package is shown inside
_START = f"import sys; sys.path.insert(0, {_CODE!r}); from jail import fresh; del sys.path[0]; fresh.main(sys.argv[1])"
_TOOLS = {**ENVIRONMENT, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
_NAMESPACES = ("ipc", "pid", "net", "uts", "cgroup")


class FreshSandbox:
    """A fresh interpreter per program, in a box built by "bubblewrap" or by "unshare" and its relatives."""

    isolated = True

    def __init__(self, name: str, *, preload: tuple[str, ...] = ()) -> None:
        self.name = name
        self._preload, self._places = preload, interpreter_places()
        self._root = os.geteuid() == 0
        for tool in ("bwrap",) if name == "bubblewrap" else ("unshare", "mount", "umount", "pivot_root", "setpriv"):
            if shutil.which(tool, path=_TOOLS["PATH"]) is None:
                raise errors.SandboxBroken(f"the program {tool} is not installed")
        user = () if self._root else ("user",)
        landlock = ("landlock",) if linux.landlock_version() else ()
        self.layers = (*user, "pid", "mount", "net", "ipc", *landlock, "seccomp", "rlimits")

    def open(self, program: Program, limits: Limits, *, sdk: str | None = None) -> LineSession:
        """Returns a fresh process that has been given the program and waits for its first input.

        Raises:
          SandboxBroken: no process could be made.
        """
        ours, theirs = channel_pair()
        paper = os.memfd_create("paper")  # what the tool reads: a filter, or a table of mounts
        complaint = os.memfd_create("complaint")
        build = self._bubblewrap if self.name == "bubblewrap" else self._unshare
        try:
            process = subprocess.Popen(
                build(self._interpreter(theirs.fileno(), limits), limits, paper),
                env=_TOOLS,
                pass_fds=[theirs.fileno(), paper],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaint,
                start_new_session=True,
                cwd="/",
            )
        finally:
            theirs.close()
            os.close(paper)
        tool = _Tool(process, complaint, loses_kills=self.name == "unshare")
        session = LineSession(ours, tool, limits)
        try:
            session.begin(program, sdk=sdk)
        except errors.SandboxBroken as error:
            session.abandon()
            raise errors.SandboxBroken(f"{error} {tool.complaint}".strip()) from error
        tool.candidate = os.pidfd_open(session.pid)
        return session

    def close(self) -> None:
        """Does nothing: every process belongs to its session."""

    def _interpreter(self, channel: int, limits: Limits) -> list[str]:
        config = {
            "channel": channel,
            "bounds": {"cpu_seconds": limits.cpu_seconds, "memory_mb": limits.memory_mb, "disk_mb": limits.disk_mb},
            "places": self._places,
            "preload": self._preload,
            "user": _NOBODY if self._root and self.name == "bubblewrap" else None,
            "own_user_namespace": not self._root,
        }
        return [interpreter_binary(), *INTERPRETER_OPTIONS, "-c", _START, json.dumps(config)]

    def _shown(self) -> list[tuple[str, str]]:
        """Returns (outside, inside) of everything that is shown read-only."""
        same = [*self._places["readable"], interpreter_binary()]
        return [(path, path) for path in same] + [(str(Path(__file__).parent / "jail"), f"{_CODE}/jail")]

    def _bubblewrap(self, interpreter: list[str], limits: Limits, paper: int) -> list[str]:
        _write(paper, seccomp.deny_hostile().code)
        command = ["bwrap", "--die-with-parent", "--new-session", "--seccomp", str(paper)]
        command += [f"--unshare-{name}" for name in _NAMESPACES]
        if self._root:
            # No user namespace: in one, the kernel's own uid 0 would stay behind the mask. And bwrap must be the init
            # of the pid namespace: without capabilities it could not take a process of another user along when it dies.
            command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            command += [
                "--as-pid-1",
                "--unshare-user",
                "--uid",
                f"{_NOBODY}",
                "--gid",
                f"{_NOBODY}",
                "--cap-drop",
                "ALL",
            ]
        above = {str(parent) for _, inside in self._shown() for parent in Path(inside).parents if str(parent) != "/"}
        for path in sorted(above):  # without this they get the modes of private homes
            command += ["--perms", "0755", "--dir", path]
        for outside, inside in self._shown():
            command += ["--ro-bind", outside, inside]
        for path in DEVICES:
            command += ["--dev-bind", path, path]
        for path in self._places["hidden"]:
            is_folder = os.path.isdir(path)
            command += ["--tmpfs", path, "--remount-ro", path] if is_folder else ["--ro-bind", "/dev/null", path]
        command += [
            "--perms",
            "1777",
            "--size",
            str(max(1, limits.disk_mb) << 20),
            "--tmpfs",
            PRIVATE,
            "--chdir",
            PRIVATE,
        ]
        return [*command, "--remount-ro", "/", "--", *interpreter]

    def _unshare(self, interpreter: list[str], limits: Limits, paper: int) -> list[str]:
        user = [] if self._root else ["--user", "--map-root-user"]
        spaces = [f"--{name}" for name in (*_NAMESPACES, "mount")]
        shown = self._shown()
        spot = _mount_point([outside for outside, _ in shown])
        _write(paper, _table(self._places, shown, spot, limits.disk_mb).encode())
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--pdeathsig=KILL"]
        drop += [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"] if self._root else []
        script = _script(shown, spot, paper) + f"exec {shlex.join([*drop, '--', *interpreter])}\n"
        tools = ["setpriv", "--pdeathsig=KILL", "unshare", *user, *spaces, "--fork", "--kill-child", "--"]
        return [*tools, "/bin/sh", "-eu", "-c", script]


def _write(paper: int, text: bytes) -> None:
    os.write(paper, text)
    os.lseek(paper, 0, os.SEEK_SET)


def _mount_point(sources: list[str]) -> str:
    """Returns an existing directory that covers nothing that will be shown."""
    spots = ("/mnt", "/media", "/srv", "/opt", "/tmp", "/var/tmp")  # noqa: S108 - nothing is written to it
    free = [s for s in spots if os.path.isdir(s) and not any(source.startswith(s + "/") for source in sources)]
    if not free:
        raise errors.SandboxBroken(f"no directory to mount a box on: {', '.join(spots)} are missing or in use")
    return free[0]


def _tools_inside() -> list[tuple[str, str]]:
    """Returns the two tools that are still needed after the old root is out of reach."""
    found = [shutil.which(name, path=_TOOLS["PATH"]) or "" for name in ("umount", "setpriv")]
    return [(path, path) for path in found]


def _table(places: Places, shown: list[tuple[str, str]], spot: str, disk_mb: int) -> str:
    """Returns what to mount, in the form of /etc/fstab."""
    lines = [(outside, inside, "none", "rbind,ro,nosuid,nodev") for outside, inside in [*shown, *_tools_inside()]]
    lines += [(path, path, "none", "bind") for path in DEVICES]
    for path in places["hidden"]:
        is_directory = os.path.isdir(path)
        lines.append(
            ("tmpfs", path, "tmpfs", "ro,size=4k,mode=555") if is_directory else ("/dev/null", path, "none", "bind,ro")
        )
    private = f"size={max(1, disk_mb)}m,nr_inodes=4096,mode=1777,nosuid,nodev,noexec"
    lines += [("/proc", "/proc", "none", "rbind"), ("tmpfs", PRIVATE, "tmpfs", private)]
    escaped = ([word.replace("\\", "\\134").replace(" ", "\\040") for word in line] for line in lines)
    return "".join(f"{source} {spot}{target} {kind} {options} 0 0\n" for source, target, kind, options in escaped)


def _script(shown: list[tuple[str, str]], spot: str, paper: int) -> str:
    """Returns the shell script that builds the box and moves into it; /proc is there while the tools need it."""
    everything = [*shown, *_tools_inside(), *((path, path) for path in DEVICES)]
    folders = [inside if os.path.isdir(outside) else os.path.dirname(inside) for outside, inside in everything]
    folders += [PRIVATE, "/proc", "/old"]
    files = [inside for outside, inside in everything if not os.path.isdir(outside)]
    lines = [f"mount -t tmpfs -o size=1m,mode=755,nosuid,nodev tmpfs {spot}", f"cd {spot}"]
    lines += [f"mkdir -p {shlex.join('.' + folder for folder in folders)}"]
    lines += [f": > {shlex.quote('.' + file)}" for file in files]
    lines += [f"mount -a -T /proc/self/fd/{paper}", "pivot_root . old", "cd /"]
    # Read-only through the old root's own tool, the last thing it is needed for.
    lines += [f"/old{shutil.which('mount', path=_TOOLS['PATH'])} -o remount,bind,ro,nosuid,nodev /"]
    lines += ["umount -l -n /old", "umount -l -n /proc", f"cd {PRIVATE}"]
    return "\n".join([*lines, ""])


class _Tool:
    """The tool that holds the box, with the candidate inside it.

    loses_kills: it exits with 1 when its child was killed, instead of saying so.
    """

    def __init__(self, process: subprocess.Popen[bytes], complaint: int, *, loses_kills: bool) -> None:
        self._process, self._complaint, self._loses_kills = process, complaint, loses_kills
        self.candidate: int | None = None
        self.complaint = ""

    def end(self) -> Ended:
        """Kills the process if it still runs, waits for it, and returns how it ended."""
        # First the candidate alone: the tool then reaps it, and its figures are complete.
        if self.candidate is None:
            os.kill(self._process.pid, signal.SIGKILL)
        else:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.candidate, signal.SIGKILL)
            os.close(self.candidate)
        _, status, usage = os.wait4(self._process.pid, 0)
        self.complaint = os.pread(self._complaint, 500, 0).decode(errors="replace").strip()
        os.close(self._complaint)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        code = self._process.returncode
        if code == 1 and self._loses_kills:
            code = -signal.SIGKILL
        return Ended(128 - code if code > 128 else code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

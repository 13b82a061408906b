"""Runs inside the box, by path, with the standard library alone: lays out a checkout, runs the agent, collects changes.

Whatever it says is data to the engine: a limit that it misses is held outside as well. When the agent ends or its time
is up, every process in the box ends before a file is read.
"""

# The calls are those of the operating system, and pathlib would double what it takes to start.
# ruff: noqa: PTH101, PTH103, PTH118, PTH120, PTH123, PTH208, S606

from __future__ import annotations

import base64
import json
import os
import resource
import select
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

TAIL: Final = 4000  # of what the agent prints, kept for the record
DEEPEST: Final = 20
MOST_ENTRIES: Final = 20_000
CACHES: Final = frozenset({"__pycache__", "node_modules"})
GRACE: Final = 5.0
SLICE: Final = 0.2  # seconds of one look at the clock


def main() -> None:
    """Serves one job that comes over the inherited socket, then ends."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(b"R")
    with channel.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        return
    job = json.loads(line)
    if not job["boxed"]:
        _adopt_orphans()
    _lay_out(job)
    began = time.monotonic()
    child, printed = _start(job)
    if job["user"] is not None:
        _become(job["user"])
    ended, tail, count = _watch(channel, child, printed, job)
    code = _end_all(child, boxed=job["boxed"])
    report = {
        "ended": ended,
        "code": code,
        "seconds": time.monotonic() - began,
        "printed": count,
        "tail": tail.decode(errors="replace"),
        **_changes(job),
    }
    channel.settimeout(30)
    channel.sendall(json.dumps(report).encode("ascii") + b"\n")


def _adopt_orphans() -> None:
    """Makes this process the parent of all below it that lose theirs: without a namespace, how none is lost."""
    import ctypes  # noqa: PLC0415 - not needed in a box, where it would be half of what it takes to start

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _lay_out(job: dict[str, Any]) -> None:
    """Writes the checkout and gives it to the user that the agent runs as."""
    for folder in job["folders"]:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    os.chdir(job["checkout"])
    for name, content in {**job["files"], **job["brief"]}.items():
        if "/" in name:
            os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as file:
            file.write(_bytes(content))
    if job["user"] is not None:
        for folder in job["folders"]:
            for path, _, names in os.walk(folder):
                for each in (path, *(os.path.join(path, name) for name in names)):
                    os.chown(each, job["user"], job["user"])


def _bytes(content: Any) -> bytes:  # noqa: ANN401 - text, or an object with base64
    return content.encode() if isinstance(content, str) else base64.b64decode(content["base64"])


def _start(job: dict[str, Any]) -> tuple[int, int]:
    """Returns (pid, pipe): the agent, which reads its brief and prints into the pipe."""
    brief = os.open(job["stdin"], os.O_RDONLY)
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(brief)
        os.close(theirs)
        return child, ours
    try:
        os.setsid()
        _write("/proc/self/oom_score_adj", "500")  # when memory is short the agent goes first, not its keeper
        for target, source in ((0, brief), (1, theirs), (2, theirs)):
            os.dup2(source, target)
        os.closerange(3, 1 << 20)
        _limit(job["limits"])
        if job["user"] is not None:
            _become(job["user"])
        os.execve(job["command"][0], job["command"], job["environment"])
    except OSError as error:
        os.write(2, f"the command could not be started: {error}\n".encode())
    finally:
        os._exit(127)


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        return


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (least, least))


def _watch(channel: socket.socket, child: int, printed: int, job: dict[str, Any]) -> tuple[str, bytes, int]:
    """Returns (why it is over, the end of what was printed, how many bytes were)."""
    left = job["seconds"]
    alive = os.pidfd_open(child)
    poll = select.poll()
    for descriptor in (channel.fileno(), printed, alive):
        poll.register(descriptor, select.POLLIN)
    tail, count = b"", 0
    while True:
        if left <= 0:
            return "timeout", tail, count
        most, began = min(left, SLICE), time.monotonic()
        ready = {descriptor for descriptor, _ in poll.poll(most * 1000 + 1)}
        left -= min(most, time.monotonic() - began)  # what nobody here lived, being paused, is nobody's time
        if channel.fileno() in ready:
            if not channel.recv(100):
                _end_all(child, boxed=job["boxed"])
                os._exit(1)  # the engine is gone
            return "stopped", tail, count
        if printed in ready:
            chunk = os.read(printed, 1 << 16)
            if not chunk:
                poll.unregister(printed)
            tail, count = (tail + chunk)[-TAIL:], count + len(chunk)
            if count > job["output_bytes"]:
                return "output", tail, count
        elif alive in ready:
            return "exit", tail, count


def _end_all(child: int, *, boxed: bool) -> int:
    """Returns the exit code of the agent, or minus its signal, after every process beside this one has ended."""
    code = 0
    deadline = time.monotonic() + GRACE
    boxed = boxed and os.getpid() <= 2  # to kill everything is right only in a pid namespace of one's own
    os.kill(child, signal.SIGKILL)  # a process that has ended and was not waited for takes no harm
    while time.monotonic() < deadline:
        try:
            if boxed:
                os.kill(-1, signal.SIGKILL)  # everything in this pid namespace, and no more: no fork can outrun it
            else:
                for pid in _descendants():
                    os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
        elif pid == 0:
            time.sleep(0.002)
    return code


def _descendants() -> list[int]:
    """Returns the processes below this one."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    found: list[int] = []
    here = {os.getpid()}
    while here := {pid for pid, parent in parents.items() if parent in here}:
        found += here
    return found


def _changes(job: dict[str, Any]) -> dict[str, Any]:
    """Returns what is different in the checkout: plain files only; the agent's own scratch is left out."""
    before = {name: _bytes(content) for name, content in job["files"].items()}
    changed: dict[str, Any] = {}
    left_out: list[str] = []
    seen: set[str] = set()
    weight = 0
    for name, why in _plain_files(before):
        if why:
            left_out.append(f"{name[:80]!r}: {why}")
            continue
        content = _read(name, job["collect_bytes"] - weight)
        if content is None:
            left_out.append(f"{name[:80]!r}: unreadable, or the changes are too large")
            return {"files": {}, "removed": [], "left_out": left_out[-20:], "too_much": True}
        seen.add(name)
        if before.get(name) == content:
            continue
        weight += len(content)
        try:
            changed[name] = content.decode()
        except UnicodeDecodeError:
            changed[name] = {"base64": base64.b64encode(content).decode("ascii")}
        if len(changed) > job["collect_files"]:
            return {"files": {}, "removed": [], "left_out": left_out[-20:], "too_much": True}
    removed = sorted(before.keys() - seen)
    return {"files": changed, "removed": removed, "left_out": left_out[:20], "too_much": False}


def _plain_files(before: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yields (name, why it does not count) of what lies in the checkout; "" for a file that counts."""
    folders, entries = [""], 0
    kept = {"/".join(name.split("/")[:depth]) for name in before for depth in range(1, name.count("/") + 2)}
    while folders:
        folder = folders.pop()
        try:
            os.chmod(folder or ".", 0o700)
            found = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
        except OSError as error:
            yield folder, f"{error.strerror}"
            continue
        for entry in found:
            entries += 1
            name = f"{folder}/{entry.name}" if folder else entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if name not in kept and (entry.name.startswith(".") or entry.name in CACHES):
                continue
            if entries > MOST_ENTRIES:
                yield name, f"more than {MOST_ENTRIES:,} entries"
                return
            if not _is_text(name):
                yield ascii(name), "its name is not UTF-8"
            elif stat.S_ISDIR(mode):
                if name.count("/") < DEEPEST:
                    folders.append(name)
                else:
                    yield name, "nested too deeply"
            elif stat.S_ISREG(mode):
                yield name, ""
            else:
                yield name, "a link or a special file, which no program can hold"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(name: str, most: int) -> bytes | None:
    """Returns the content of a plain file, None when it is larger than that or cannot be read."""
    try:
        os.chmod(name, 0o600)
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        content = file.read(most + 1)
    return None if len(content) > most else content


if __name__ == "__main__":
    main()

"""Tries to get out of a sandbox before anything is trusted to it, and checks that ordinary programs still work in it.

Covered: one or more attempts of every class, in a second. Not covered: kernel bugs. The long table is in the tests.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rung import errors
from rung.errors import ProgramFailed, Status
from rung.kernel.sandbox.port import Sandbox, Session
from rung.records import Limits, Program
from rung.wire import JSON

_LIMITS = Limits(cpu_seconds=2, wall_seconds=10, memory_mb=256, output_bytes=1 << 16, disk_mb=4)

# Each attempt must raise or return -1; whatever gets through is named in the answer. None does harm when it succeeds:
# signals are signal 0, files get a name that nothing else has.
_ATTEMPTS = '''
import ctypes, mmap, os, resource, socket, sys

libc = ctypes.CDLL(None, use_errno=True)

def attempts(x):
    for path in x["secrets"]:
        yield "read " + path, lambda: open(path, "rb").read(1)
    for path in ("/etc/passwd", "/proc/self/environ", "/proc/1/environ", "/proc/self/mem", "/sys/kernel/notes"):
        yield "read " + path, lambda: open(path, "rb").read(1)
    for path in (os.path.dirname(x["secrets"][0]), "/proc/self", "/var", "/sys/kernel"):
        yield "list " + path, lambda: os.listdir(path)
    for path in ("", "/tmp", "/dev", "/box", "/etc", os.path.dirname(os.__file__), x["home"]):
        yield "write in " + (path or "/"), lambda: open(path + "/" + os.path.basename(x["secrets"][0]), "w")
    yield "fork", lambda: os.fork() or os._exit(0)
    yield "session", os.setsid
    yield "exec", lambda: os.execv(sys.executable or "/bin/sh", ["x"])
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17, 40):
        yield f"socket {family}", lambda: socket.socket(family, socket.SOCK_STREAM)
    yield "connect", lambda: socket.create_connection(("127.0.0.1", x["port"]), 1)
    for pid in (-1, 1, os.getppid()):
        yield f"kill {pid}", lambda: os.kill(pid, 0)
    yield "signal an owner", lambda: libc.fcntl(3, 8, x["pid"])
    for number in (29, 68, 240, 319, 434, 425 + 13):
        yield f"system call {number}", lambda: libc.syscall(number, 1, 4096, 0o600, 0)
    yield "more memory", lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))
    yield "be root", lambda: libc.setresuid(0, 0, 0)
    yield "link", lambda: os.symlink("/etc/passwd", "link")
    yield "device", lambda: os.mknod("node", 0o20600, os.makedev(1, 1))
    yield "mode", lambda: os.chmod(".", 0o777)
    yield "map 10 GB", lambda: mmap.mmap(-1, 10 << 30)
    yield "import rung", lambda: __import__("rung")

def attack(x):
    through = []
    for name, attempt in attempts(x):
        try:
            if attempt() == -1:
                continue
        except Exception:
            continue
        through.append(name)
    for name in os.environ:
        if name.split("_")[-1] not in ("LANG", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "THREADS", "CTYPE"):
            through.append("environment " + name)
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        if number > 3:
            through.append(f"descriptor {number}")
    if not 0 < resource.getrlimit(resource.RLIMIT_CPU)[1] <= 3:
        through.append("CPU limit")
    return through
'''

# Ordinary things that must work, so that a sandbox that breaks everything does not pass.
_CONTROLS = """
import threading, os

def control(x):
    seen = []
    workers = [threading.Thread(target=seen.append, args=(n,)) for n in range(4)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    done = {"threads": sorted(seen) == [0, 1, 2, 3]}
    if x["private"]:
        done["clean directory"] = os.listdir(".") == []
        with open("note", "w") as file:
            file.write("ordinary")
        done["private directory"] = open("note").read() == "ordinary"
        try:
            with open("large", "wb") as file:
                for _ in range(16):
                    file.write(bytes(1 << 20))
            done["disk limit"] = False
        except OSError:
            done["disk limit"] = True
    if x["numpy"]:
        import numpy
        done["numpy"] = float(numpy.linalg.norm(numpy.ones(4))) == 2.0
    import fractions, queue, statistics, zoneinfo
    return done
"""

_LETHAL = "import ctypes\ndef die(number):\n    return ctypes.CDLL(None).syscall(number, 0, 0, 0, 0)\n"
_LETHAL_CALLS = (101, 272)  # ptrace, unshare
_FLOOD = "import os\ndef flood(x):\n    while True:\n        os.write(3, b'[' * 65536)\n"
_SLEEP = "import time\ndef sleep(x):\n    time.sleep(1000)\n"


def leaks(sandbox: Sandbox) -> list[str]:
    """Returns what got through, or does not work, in plain words; empty when the sandbox can be trusted."""
    try:
        return _probe(sandbox)
    except (errors.SandboxBroken, ProgramFailed, OSError) as error:
        return [f"a process that could not be started: {error}"]


def _probe(sandbox: Sandbox) -> list[str]:
    private = "mount" in sandbox.layers
    with contextlib.ExitStack() as stack:
        attack_input = stack.enter_context(_bait())
        control_input: JSON = {"private": private, "numpy": importlib.util.find_spec("numpy") is not None}

        def start(source: str, entry: str, value: JSON) -> Session:
            session = sandbox.open(Program({"probe.py": source}, f"probe.py:{entry}"), _LIMITS)
            stack.callback(session.close)
            session.send({"input": value})
            return session

        controls = [start(_CONTROLS, "control", control_input)]
        if private:  # the second must not see what the first wrote
            controls.append(start(_CONTROLS, "control", {"private": True, "numpy": False}))
        attack = start(_ATTEMPTS, "attack", attack_input)
        lethal = [start(_LETHAL, "die", number) for number in _LETHAL_CALLS]
        flood, sleep = start(_FLOOD, "flood", None), start(_SLEEP, "sleep", None)
        found = [*_outcome(attack, []), *(part for session in controls for part in _broken(session))]
        if not _fails(flood, Status.INVALID, seconds=10):
            found.append("an endless answer")
        if not _fails(sleep, Status.TIMEOUT, seconds=0.1):
            found.append("sleep")
        for number, session in zip(_LETHAL_CALLS, lethal, strict=True):
            if not _fails(session, Status.ERROR, seconds=10) or session.close().denied is None:
                found.append(f"system call {number} did not kill")
        return found


@contextlib.contextmanager
def _bait() -> Iterator[dict[str, JSON]]:
    """Yields what an attack needs to know: files it must not read, a port nobody may reach."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        secret = Path(folder) / secrets.token_hex(8)
        secret.write_text("secret", encoding="utf-8")
        secret.chmod(0o644)
        Path(folder).chmod(0o755)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield {
            "secrets": [str(secret), __file__, errors.__file__],
            "home": str(Path.home()),
            "port": listener.getsockname()[1],
            "pid": os.getpid(),
        }


def _answer(session: Session) -> JSON:
    document = session.receive(seconds=10)
    return document["output"] if type(document) is dict and "output" in document else str(document)[:300]


def _outcome(session: Session, expected: list[JSON]) -> list[str]:
    try:
        answer = _answer(session)
    except ProgramFailed as error:
        answer = [f"a harmless probe ended early: {error}"]
    if answer == expected:
        return []
    return [str(item) for item in answer] if type(answer) is list else [str(answer)]


def _broken(session: Session) -> list[str]:
    try:
        answer = _answer(session)
    except ProgramFailed as error:
        return [f"an ordinary program fails: {error}"]
    if type(answer) is not dict:
        return [f"an ordinary program fails: {answer}"]
    return [f"{name} (does not work)" for name, works in answer.items() if works is not True]


def _fails(session: Session, status: Status, *, seconds: float) -> bool:
    try:
        session.receive(seconds=seconds)
    except ProgramFailed as error:
        return error.status is status
    return False

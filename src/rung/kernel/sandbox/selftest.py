"""Tries to get out of a sandbox before anything is trusted to it, and checks that ordinary programs still work in it.

Covered: one or more attempts of every class, in a second. Not covered: kernel bugs. The long table is in the tests.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from rung import errors
from rung.errors import ProgramFailed, Status
from rung.kernel.sandbox.port import Sandbox, Session
from rung.records import Limits, Program
from rung.wire import JSON

_LIMITS = Limits(cpu_seconds=2, wall_seconds=10, memory_mb=256, output_bytes=1 << 16, disk_mb=4)

_LETHAL_CALLS = (101, 272)  # ptrace, unshare


def leaks(sandbox: Sandbox) -> list[str]:
    """Returns what got through, or does not work, in plain words; empty when the sandbox can be trusted."""
    try:
        return _probe(sandbox)
    except (errors.SandboxBroken, ProgramFailed, OSError) as error:
        return [f"a process that could not be started: {error}"]


def _probe(sandbox: Sandbox) -> list[str]:
    private = "mount" in sandbox.layers
    source = Path(__file__).with_name("probe.txt").read_text(encoding="utf-8")
    with contextlib.ExitStack() as stack:
        attack_input = stack.enter_context(_bait())
        control_input: JSON = {"private": private, "numpy": importlib.util.find_spec("numpy") is not None}

        def start(entry: str, value: JSON) -> Session:
            session = sandbox.open(Program({"probe.py": source}, f"probe.py:{entry}"), _LIMITS)
            stack.callback(session.close)
            session.send({"input": value})
            return session

        controls = [start("control", control_input)]
        if private:  # the second must not see what the first wrote
            controls.append(start("control", {"private": True, "numpy": False}))
        attack = start("attack", attack_input)
        lethal = [start("die", number) for number in _LETHAL_CALLS]
        flood, sleep = start("flood", None), start("sleep", None)
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
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield {
            "secrets": [__file__, errors.__file__],
            "home": str(Path.home()),
            "name": f"rung-{secrets.token_hex(8)}",
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

"""Small agents and a kernel that knows them; what a hostile one finds out comes back as a file of its proposal."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import LINE_TASK

from rung.agents.command import Effort, agent_program
from rung.agents.door import AgentDoor
from rung.kernel.identity import Request
from rung.kernel.kernel import Kernel, Settings
from rung.kernel.ledger.port import Event
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.sandbox.places import interpreter_binary
from rung.records import Outcome, Program, Task

needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None,
    reason="bubblewrap is not installed: rung refuses to run agents here, tested elsewhere",
)
QUICK = Effort(seconds=20.0, cpu_seconds=10.0, processes=40, disk_mb=8, idle=1)
FOUND = "found.json"
SETTINGS = Settings()

# What every hostile agent begins with: `note` keeps what worked, and it is handed in as a new file of the program.
PREAMBLE = f"""
import atexit, json, os, signal, socket, subprocess, sys, time
found = []

def possible(what, attempt):
    try:
        result = attempt()
    except BaseException:
        return
    found.append(f"{{what}}: {{result!r}}"[:200])

def report():
    with open({FOUND!r}, "w") as file:
        json.dump(found, file)

"""


@dataclass(frozen=True, slots=True)
class Story:
    """What became of a run."""

    outcome: Outcome
    kernel: Kernel

    def said(self) -> list[dict[str, Any]]:
        """Returns what was logged about the attempts."""
        events: list[Any] = [event.body for event in self.kernel.ledger.read(types=("log",))]
        return [body["measures"] for body in events]

    def evaluations(self) -> list[dict[str, Any]]:
        """Returns what was judged, without the seed program."""
        events: list[Any] = [event.body for event in self.kernel.ledger.read(types=("evaluation",))]
        return [body for body in events if body["number"] > 0]

    def program(self, number: int = 0) -> Program:
        """Returns a proposal."""
        from rung.kernel.codec import program_from_bytes

        return program_from_bytes(self.kernel.ledger.get(self.evaluations()[number]["program"]))

    def found(self) -> list[str]:
        """Returns what a hostile agent reported."""
        content = self.program().files[FOUND]
        assert isinstance(content, str)
        found: list[str] = json.loads(content)
        return found


def python_agent(folder: Path, source: str, *, name: str = "agent.py") -> str:
    """Returns the command of an agent with this source."""
    path = folder / name
    path.write_text(source, encoding="utf-8")
    return f"cmd:{shlex.join([interpreter_binary(), '-I', str(path)])}"


def run(
    workspace: Path,
    command: str,
    *,
    task: Task = LINE_TASK,
    attempts: int = 1,
    effort: Effort = QUICK,
    settings: Settings = SETTINGS,
    observe: Callable[[Event], None] = lambda _: None,
    seed: int = 1,
    show: tuple[str, ...] = (),
) -> Story:
    """Returns what became of a run with an agent as its improver."""
    workspace.mkdir(exist_ok=True)
    program = agent_program(command, effort=effort, show=show)
    ledger = open_ledger(workspace)
    sdk = (resources.files("rung") / "sdk" / "host.py").read_text(encoding="utf-8")
    agents = AgentDoor(ledger, named=program, sandbox=settings.sandbox).open
    kernel = Kernel(ledger, sdk=sdk, settings=settings, observe=observe, agents=agents)
    return Story(kernel.improve(task, program, Request(seed=seed, attempts=attempts)), kernel)


def survivors(word: str) -> list[int]:
    """Returns the processes that still name this word on their command line, after a moment to go."""
    deadline = time.monotonic() + 5
    while True:
        left = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if word in _read(path)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""

"""What runs in the sandbox can neither see the commands of a person nor give them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import LINE_TASK, bodies, improver, kernel

from rung.kernel.identity import Request
from rung.kernel.trial import Trial
from rung.oversight import control, tree
from rung.oversight.ground import Ground
from rung.records import Case, Limits, Program

PRYING = """
import fcntl, os, signal

def tried(what):
    try:
        return repr(what())[:80]
    except BaseException as error:
        return "refused: " + type(error).__name__

def pry(engine, lock, folder):
    return {
        "processes": tried(lambda: os.listdir("/proc")[0]),
        "engine": tried(lambda: open(f"/proc/{engine}/stat").read()),
        "locks": tried(lambda: os.listdir(folder)),
        "holder": tried(lambda: open(lock).read()),
        "forged holder": tried(lambda: open(lock, "w")),
        "ledger": tried(lambda: open(folder + "/ledger.sqlite", "ab")),
        "pause": tried(lambda: os.kill(engine, signal.SIGSTOP)),
        "go on": tried(lambda: os.kill(engine, signal.SIGCONT)),
        "end": tried(lambda: os.kill(engine, signal.SIGTERM)),
        "descriptor": tried(lambda: os.pidfd_open(engine)),
        "command": tried(lambda: os.posix_spawn("/usr/bin/env", ["env", "true"], {})),
        "module": tried(lambda: __import__("rung.oversight.control")),
    }
"""


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    ground = Ground(tmp_path / "ground")
    yield ground
    ground.close()


def aims(ground: Ground, pid: int) -> str:
    lock = next(path for path in ground.workspace.glob("*.lock") if "control" not in path.name)
    return f"{pid}, {str(lock)!r}, {str(ground.workspace)!r}"


def refused(found: dict[str, str]) -> bool:
    return bool(found) and all(each.startswith("refused: ") for each in found.values())


def test_a_program_finds_no_engine_and_no_lock(ground: Ground, tmp_path: Path) -> None:
    run, engine = ground.busy()
    seen: list[Any] = []

    def look(case: Case, trial: Trial) -> float:
        assert case.id
        seen.append(trial.run(None))
        return -1.0

    source = f"{PRYING}\ndef f(x):\n    return pry({aims(ground, engine.pid)})\n"
    task = replace(LINE_TASK, evaluate=look, limits=Limits(cpu_seconds=5, wall_seconds=20))
    for paused in (False, True):
        if paused:
            control.pause(ground.workspace, run)
        k = kernel(tmp_path / f"pry-{paused}")
        k.evaluate(task, Program({"line.py": source}, "line.py:f"), split="validation")
        k.ledger.close()
        row = tree.find(engine.pid)
        assert row is not None
        assert (row.state in tree.STOPPED) == paused
    assert len(seen) == 4
    assert all(refused(each) for each in seen), seen


def test_an_improver_finds_no_engine_and_no_lock(ground: Ground, tmp_path: Path) -> None:
    _, engine = ground.busy()
    k = kernel(tmp_path / "pry")
    body = f"    host.log(**pry({aims(ground, engine.pid)}))\n"
    k.improve(LINE_TASK, improver(f"{PRYING}\ndef improve(brief, host):\n{body}"), Request(seed=1, attempts=1))
    found = bodies(k, "log")[0]["measures"]
    k.ledger.close()
    assert refused(found), found
    assert engine.poll() is None


def test_outside_the_sandbox_all_of_that_would_work(ground: Ground) -> None:
    _, engine = ground.busy()
    script = f"{PRYING}\nimport json\nprint(json.dumps(pry({aims(ground, engine.pid)})))"
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found = json.loads(asked.stdout)
    assert not any(each.startswith("refused: ") for each in found.values()), found  # a control: they are good questions
    engine.wait(20)

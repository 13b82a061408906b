"""The dead-man switch: an engine that hangs or dies takes everything below it along; a paused one does not hang."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rung.kernel.ledger.verify import verify_chain
from rung.oversight import control, tree
from rung.oversight.ground import TASK, Ground

HANGING = TASK.replace(
    "    if type(answer)",
    "    if answer == 2:\n        import threading\n        threading.Event().wait()\n    if type(answer)",
)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    ground = Ground(tmp_path / "ground", options=("--dead-man", "2"))
    yield ground
    ground.close()


def test_a_stopped_engine_is_ended_with_everything_below_it(ground: Ground) -> None:
    _, engine = ground.busy()
    family = ground.family()
    os.kill(engine.pid, signal.SIGSTOP)
    assert engine.wait(20) == -signal.SIGKILL
    assert tree.wait(family, seconds=3.0) == set()
    assert verify_chain(ground.workspace / "ledger.sqlite").problems == ()
    body = ground.bodies("dead_man")[0]
    assert body["by"] == "dead-man switch"
    assert "no sign of life for 2" in body["reason"]
    assert "the same command goes on" in (ground.folder / "said.txt").read_text()
    head = ground.head()
    ground.busy()
    assert ground.head() > head


def test_a_deadlocked_engine_is_ended(ground: Ground) -> None:
    ground.workers, ground.task = 1, HANGING
    _, engine = ground.busy()
    assert engine.wait(60) == -signal.SIGKILL
    assert len(ground.bodies("dead_man")) == 1


def test_a_killed_engine_leaves_nobody_and_the_switch_ends_too(ground: Ground) -> None:
    _, engine = ground.busy()
    family = ground.family()
    engine.kill()
    engine.wait()
    assert tree.wait(family, seconds=5.0) == set()
    assert ground.bodies("dead_man") == []


def test_a_pause_is_no_hang(ground: Ground) -> None:
    run, engine = ground.busy()
    control.pause(ground.workspace, run)
    time.sleep(4.0)
    control.resume(ground.workspace, run)
    head = ground.head()
    time.sleep(1.5)
    assert engine.poll() is None
    assert ground.head() > head
    assert ground.bodies("dead_man") == []


def test_waiting_for_a_slow_program_is_no_hang(tmp_path: Path) -> None:
    slow = "import time\n\n\ndef guess(x):\n    time.sleep(1.5)\n    return 0\n"
    task = TASK.replace("wall_seconds=2", "wall_seconds=20")
    for workers in (1, 2):
        ground = Ground(tmp_path / str(workers), workers=workers, options=("--dead-man", "1"), program=slow, task=task)
        ground.busy()
        time.sleep(3.0)
        ground.close()
        assert ground.bodies("dead_man") == []

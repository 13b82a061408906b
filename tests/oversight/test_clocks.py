"""A pause costs nobody anything: neither the time of a program, nor the seconds of a run."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.sandbox.session import ready
from rung.oversight import control, tree
from rung.oversight.clock import LivedClock
from rung.oversight.ground import TASK, Ground
from rung.wire import JSON

# Three cases of 0.4 s in one process: 1.2 of the 1.4 s that all its waiting may take.
SLEEPING = "import time\n\n\ndef guess(x):\n    time.sleep(0.4)\n    return 0\n"
HASTY = TASK.replace("wall_seconds=2", "wall_seconds=0.7")
IMPROVER = """
from rung_host import Child

def improve(brief, host):
    source = brief.program["files"]["program.py"]
    for number in range(100):
        parent = brief.program["id"]
        host.evaluate([Child({"program.py": f"{source}\\n# {number}.{k}\\n"}, parent, "same") for k in range(2)])
"""
FROZEN = """
import select, socket, sys, time
from rung.kernel.sandbox.session import ready
ours, theirs = socket.socketpair()
print("ready", flush=True)
began = time.monotonic()
left = ready(ours, select.POLLIN, 0.6)
print(left is None, time.monotonic() - began, flush=True)
"""


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    ground = Ground(tmp_path / "ground", task=HASTY, program=SLEEPING, improver=IMPROVER)
    yield ground
    ground.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_no_program_is_too_slow_because_of_pauses(workers: int, ground: Ground) -> None:
    ground.workers = workers
    run, _ = ground.busy()
    for _ in range(3):  # more than one in the life of a program
        time.sleep(0.3)
        control.pause(ground.workspace, run)
        time.sleep(1.1)
        control.resume(ground.workspace, run)
    until = time.monotonic() + 30
    while len(ground.bodies("evaluation")) < 4 and time.monotonic() < until:
        time.sleep(0.1)
    assert {body["evaluation"]["status"] for body in ground.bodies("evaluation")} == {"ok"}


def test_seconds_of_a_run_are_those_that_it_lived(tmp_path: Path) -> None:
    ground = Ground(tmp_path / "ground", options=("--seconds", "3"))
    began = time.monotonic()
    run, engine = ground.busy()
    control.pause(ground.workspace, run)
    time.sleep(4)
    control.resume(ground.workspace, run)
    assert engine.wait(60) == 0
    end = ground.bodies("run_end")[0]
    assert end["stop_reason"] == "budget of seconds used up"
    assert time.monotonic() - began > 7
    assert 3 <= end["spent"]["seconds"] < 6.5


def test_a_slice_counts_as_its_length_however_late_it_ends() -> None:
    child = subprocess.Popen([sys.executable, "-c", FROZEN], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.2)
    child.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    child.send_signal(signal.SIGCONT)
    late, took = child.stdout.readline().split()
    child.wait()
    child.stdout.close()
    assert late == "True"
    assert float(took) > 1.8  # 0.6 s of its life, of which a pause can take one slice


def test_what_is_left_is_less_what_was_waited() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert ready(ours, select.POLLIN, 0.0) is None
        began = time.monotonic()
        assert ready(ours, select.POLLIN, 0.12) is None
        assert time.monotonic() - began >= 0.12
        theirs.send(b"x")
        left = ready(ours, select.POLLIN, 5.0)
        assert left is not None
        assert 4.9 < left <= 5.0


def test_the_clock_leaves_out_what_the_ledger_says_and_only_its_own(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    now = [100.0]
    mine = tree.find(int(Path("/proc/self").readlink().name))
    assert mine is not None
    engine: JSON = {"pid": mine.process.pid, "started": mine.process.started}
    ledger.append("resume", {"engine": engine, "paused": 50.0}, run="a")  # before this sitting
    clock = LivedClock(ledger, lambda: now[0])
    assert clock() == 100.0
    ledger.append("resume", {"engine": engine, "paused": 30.0}, run="a")
    ledger.append("resume", {"engine": {"pid": 1, "started": 1}, "paused": 7.0}, run="b")
    now[0] = 140.0
    assert clock() == 110.0
    now[0] = 141.0
    assert clock() == 111.0
    ledger.append("resume", {"engine": engine, "paused": 2.0}, run="a")
    now[0] = 144.0
    assert clock() == 112.0
    ledger.close()

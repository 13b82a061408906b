"""`kill -9` at any moment loses nothing that was acknowledged, and a run has one worker at a time."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rung.errors import LedgerError
from rung.kernel.ledger import layout
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger, read_ledger
from rung.kernel.ledger.verify import verify_chain

WRITER = """
import hashlib, os, sys, pathlib
print("started", flush=True)
from rung.kernel.ledger.sqlite import open_ledger
ledger = open_ledger(pathlib.Path(sys.argv[1]))
while True:
    data = os.urandom(3000)
    event = ledger.append("kind", {"blobs": [hashlib.sha256(data).hexdigest()]}, run="r", blobs=[data])
    print(event.seq, event.hash, flush=True)
"""


def killed(workspace: Path, *, lines: int, after: float) -> list[str]:
    """Returns all that a writer acknowledged: it is killed `after` seconds past its first `lines` lines."""
    command = [sys.executable, "-c", WRITER, str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        first = [writer.stdout.readline() for _ in range(lines)]
        time.sleep(after)
        os.kill(writer.pid, signal.SIGKILL)
        # The last line may be cut: what was not said whole was not acknowledged.
        rest = [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    return [line for line in [*first, *rest] if line != "started\n"]


def test_killed_while_appending(tmp_path: Path) -> None:
    rng = random.Random(3)
    acknowledged: list[str] = []
    for _ in range(10):
        acknowledged += killed(tmp_path, lines=4, after=rng.uniform(0, 0.05))
        found = verify_chain(tmp_path / layout.FILE)
        assert found.problems == ()
        ledger = read_ledger(tmp_path)
        stored = {f"{event.seq} {event.hash}\n" for event in ledger.read()}
        ledger.close()
        assert set(acknowledged) <= stored
        # At most the one append in flight was stored without having been acknowledged.
        assert found.events <= len(acknowledged) + 10
    assert len(acknowledged) >= 30


def test_killed_while_opening(tmp_path: Path) -> None:
    rng = random.Random(4)
    for n in range(10):
        workspace = tmp_path / f"w{n}"
        acknowledged = killed(workspace, lines=1, after=rng.uniform(0.02, 0.12))
        ledger = open_ledger(workspace)
        assert {f"{event.seq} {event.hash}\n" for event in ledger.read()} >= set(acknowledged)
        ledger.append("kind", None, run="r")
        ledger.close()
        assert verify_chain(workspace / layout.FILE).problems == ()


def _hold(workspace: Path, run: str, ready: multiprocessing.synchronize.Event) -> None:
    with run_lock(workspace, run):
        ready.set()
        time.sleep(60)


def test_a_run_has_one_worker_at_a_time(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=_hold, args=(tmp_path, "a/run", ready))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(LedgerError, match="a/run"), run_lock(tmp_path, "a/run", patience=0):
        pass
    with run_lock(tmp_path, "another"):
        pass
    holder.kill()
    holder.join()
    holder.close()
    with run_lock(tmp_path, "a/run"), pytest.raises(LedgerError), run_lock(tmp_path, "a/run", patience=0):
        pass


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    command = "import sys, time, pathlib; from rung.kernel.ledger.lock import run_lock\n"
    command += "with run_lock(pathlib.Path(sys.argv[1]), 'r'): print('held', flush=True); time.sleep(0.2)"
    with subprocess.Popen([sys.executable, "-c", command, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with run_lock(tmp_path, "r", patience=10):
            pass


def test_no_two_hold_one_lock(tmp_path: Path) -> None:
    """Many that take and leave a lock never meet inside, though leaving removes the file."""
    command = """
import os, sys, pathlib
from rung.kernel.ledger.lock import run_lock
folder = pathlib.Path(sys.argv[1])
for _ in range(20):
    with run_lock(folder, "r", patience=30):
        os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
        os.remove(folder / "inside")
"""
    crowd = [subprocess.Popen([sys.executable, "-c", command, tmp_path]) for _ in range(3)]
    assert [process.wait(60) for process in crowd] == [0, 0, 0]


def test_a_lock_in_an_unwritable_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="another --workspace"), run_lock(tmp_path / "file", "r"):
        pass


def test_children_of_a_killed_holder_are_waited_for(tmp_path: Path) -> None:
    command = """
import os, sys, time, pathlib
from rung.kernel.ledger.lock import run_lock
with run_lock(pathlib.Path(sys.argv[1]), "r"):
    if os.fork() == 0:
        time.sleep(0.4)
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", command, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        with pytest.raises(LedgerError), run_lock(tmp_path, "r", patience=0):
            pass
        with run_lock(tmp_path, "r", patience=30):
            pass

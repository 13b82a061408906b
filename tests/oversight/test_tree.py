"""Trees of processes: all of them stand still, whatever they do meanwhile, and none that is another's is ever hit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rung.errors import BadInput
from rung.kernel.ledger.lock import run_lock
from rung.oversight import engine, tree

# At most 300 children, three at a time, each of which has a child of its own: a tree that never looks the same twice.
FORKING = """
import os, sys, time
print("ready", flush=True)
for number in range(300):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.05)
            os._exit(0)
        os.wait()
        os._exit(0)
    if number > 2:
        os.wait()
"""


@pytest.fixture
def forking() -> Iterator[tree.Process]:
    child = subprocess.Popen([sys.executable, "-c", FORKING], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    row = tree.find(child.pid)
    assert row is not None
    yield row.process
    child.send_signal(signal.SIGCONT)
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_tree_that_forks_all_the_time_stands_still(forking: tree.Process) -> None:
    for _ in range(5):
        count = tree.freeze(forking)
        first = tree.tree(forking)
        time.sleep(0.1)
        assert tree.tree(forking) == first
        assert count == len(first) >= 1
        assert {row.state for row in first} <= set(tree.STOPPED)
        assert tree.thaw(forking) == count
        time.sleep(0.02)


def test_a_tree_that_forks_all_the_time_is_killed_whole(forking: tree.Process) -> None:
    tree.freeze(forking)
    family = {row.process for row in tree.tree(forking)}
    tree.thaw(forking)
    assert tree.kill(forking, family) >= {forking}
    assert tree.wait(family, seconds=2.0) == set()
    assert tree.tree(forking) == []


def test_a_process_that_got_the_number_of_another_is_not_hit(forking: tree.Process) -> None:
    other = tree.Process(forking.pid, forking.started - 1)
    assert not tree.send(other, signal.SIGKILL)
    assert tree.state(other) == "X"
    assert tree.tree(other) == []
    assert tree.kill(other) == set()
    assert tree.ended(other, seconds=0.0)
    assert tree.state(forking) not in tree.GONE


def test_one_may_be_spared_with_all_below_it(forking: tree.Process) -> None:
    me = tree.find(os.getpid())
    assert me is not None
    assert forking in {row.process for row in tree.tree(me.process)}
    assert not {row.process.pid for row in tree.tree(me.process, spare=forking.pid)} & {forking.pid}


def test_the_holder_of_a_lock_is_known_by_number_and_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = tree.find(os.getpid())
    assert me is not None
    assert engine.holder(tmp_path, "abc") is None
    with run_lock(tmp_path, "abc"):
        assert engine.holder(tmp_path, "abc") == me.process
        assert engine.locked_runs(tmp_path) == ["abc"]
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: 12345)
            with pytest.raises(BadInput, match="only that user may pause, resume or stop it"):
                engine.holder(tmp_path, "abc")
        (tmp_path / "abc.lock").write_text(f"{os.getpid()} {me.process.started - 1}\n")
        with pytest.raises(BadInput, match="not by a process that can be seen from here"):
            engine.holder(tmp_path, "abc")
        (tmp_path / "abc.lock").write_text("nonsense\n")
        with pytest.raises(BadInput, match="not by a process that can be seen from here"):
            engine.holder(tmp_path, "abc")
    assert engine.holder(tmp_path, "abc") is None
    assert engine.locked_runs(tmp_path) == []

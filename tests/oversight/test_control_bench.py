"""Comparisons are paused and stopped as runs are: by their own name, or by that of any run that is a part of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rung.kernel.ledger.sqlite import read_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.oversight import control, tree

ENGINES = {
    "bench": ["bench", "ladder", "--arms", "frozen,control", "--seeds", "2", "--quiet"],
    "ascend": ["ascend", "--suite", "ladder", "--arms", "frozen", "--generations", "3", "--quiet"],
}


def runs(workspace: Path, event_type: str) -> list[str]:
    if not (workspace / "ledger.sqlite").exists():
        return []
    with closing(read_ledger(workspace)) as ledger:
        return [event.run for event in ledger.read(types=(event_type,))]


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = [*ENGINES[request.param], "--workspace", str(tmp_path / "w")]
    process = subprocess.Popen([sys.executable, "-m", "rung", *words], stdout=subprocess.DEVNULL)
    until = time.monotonic() + 90
    while not runs(tmp_path / "w", "run_start"):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def test_a_comparison_is_paused_by_the_name_of_a_part_and_stopped(
    engine: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    whole, part = runs(workspace, "registration")[0], runs(workspace, "run_start")[0]
    row = tree.find(engine.pid)
    assert row is not None
    assert control.pause(workspace, part, reason="a look").run == whole
    family = {each.process for each in tree.tree(row.process)}
    assert {tree.state(process) for process in family} <= set(tree.STANDING)
    assert runs(workspace, "pause") == [whole]
    shown = [sys.executable, "-m", "rung", "show", "--workspace", str(workspace)]
    assert "paused" in subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    control.resume(workspace, whole)
    assert control.stop(workspace, whole[:6]).left == 0
    engine.wait(10)
    assert tree.wait(family, seconds=2.0) == set()
    assert verify_chain(workspace / "ledger.sqlite").problems == ()

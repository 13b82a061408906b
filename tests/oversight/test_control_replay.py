"""A run that was paused, stopped and taken up again is replayed from its record like any other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rung.oversight import control
from rung.oversight.ground import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    ground = Ground(tmp_path / "ground", attempts=120)
    yield ground
    ground.close()


def test_what_a_person_did_is_no_difference(ground: Ground) -> None:
    run, engine = ground.busy()
    control.pause(ground.workspace, run)
    control.resume(ground.workspace, run)
    control.stop(ground.workspace, run)
    engine.wait()
    run, _ = ground.busy()
    control.pause(ground.workspace, run)
    control.resume(ground.workspace, run)
    assert ground.busy()[1].wait(120) == 0
    words = [sys.executable, "-m", "rung", "replay", run, "--workspace", str(ground.workspace)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ground.folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(ground.bodies("pause")) == 2

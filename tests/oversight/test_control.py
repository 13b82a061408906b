"""Pause, resume and stop from outside: at random moments, quickly, with nothing lost and nobody left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rung.errors import BadInput
from rung.kernel.ledger.verify import verify_chain
from rung.oversight import control, tree
from rung.oversight.ground import Ground

ROUNDS = 10
ATTEMPTS = 400


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    ground = Ground(tmp_path / "ground", attempts=ATTEMPTS)
    yield ground
    ground.close()


def history(ground: Ground) -> list[object]:
    """Returns what must not depend on who interrupted a run, and when."""
    evaluations = sorted((b["number"], b["program"], b["evaluation"]["scores"]) for b in ground.bodies("evaluation"))
    statuses = {b["evaluation"]["status"] for b in ground.bodies("evaluation")}
    incumbents = [(b["number"], b["program"], b["value"]) for b in ground.bodies("incumbent")]
    end = ground.bodies("run_end")[0]
    return [evaluations, statuses, incumbents, end["program"], end["value"], end["held_out"], end["stop_reason"]]


def standing(family: set[tree.Process]) -> bool:
    return all(tree.state(process) in tree.STANDING for process in family)


def test_at_random_moments_nothing_is_lost_and_nobody_is_left(ground: Ground, tmp_path: Path) -> None:
    rng = random.Random(7)
    for number in range(ROUNDS):
        run, engine = ground.busy()
        time.sleep(rng.uniform(0.0, 0.3))
        done = control.pause(ground.workspace, run, reason="to look")
        family, head = ground.family(), ground.head()
        assert standing(family)
        assert done.processes == len(family)
        time.sleep(0.1)
        assert ground.head() == head
        if number % 3:
            assert control.resume(ground.workspace, run).action == "resumed"
            time.sleep(rng.uniform(0.0, 0.2))
            family = ground.family()
        ended = control.stop(ground.workspace, run[:5], reason="enough")
        engine.wait(10)
        assert ended.left == 0
        assert ended.action == "killed" if number % 3 == 0 else ended.action in {"ended", "killed"}
        assert tree.wait(family, seconds=2.0) == set()
        assert verify_chain(ground.workspace / "ledger.sqlite").problems == ()
    ground.start().wait(120)
    whole = Ground(tmp_path / "whole", attempts=ATTEMPTS)
    whole.start().wait(120)
    assert history(ground) == history(whole)
    assert history(whole)[1] == {"ok"}
    assert len(ground.bodies("pause")) == len(ground.bodies("stop")) == ROUNDS


def test_commands_are_on_record(ground: Ground) -> None:
    run, engine = ground.busy()
    control.pause(ground.workspace, run, reason="too fast")
    time.sleep(0.3)
    control.resume(ground.workspace, run, reason="looked at")
    control.stop(ground.workspace, run, reason="late")
    row = tree.find(engine.pid)
    assert row is None or row.state in tree.GONE
    paused, resumed, stopped = (ground.bodies(each)[0] for each in ("pause", "resume", "stop"))
    assert [body["reason"] for body in (paused, resumed, stopped)] == ["too fast", "looked at", "late"]
    assert {body["by"] for body in (paused, resumed, stopped)} == {control.user_name()}
    assert paused["engine"]["pid"] == engine.pid
    assert paused["at"] <= resumed["at"] <= stopped["at"] <= time.time()
    assert 0.3 <= resumed["paused"] < 60
    assert stopped["how"] in {"ended", "killed"}  # on a busy machine it takes longer than it may


def test_other_processes_can_record_while_a_run_is_paused(ground: Ground) -> None:
    from rung.kernel.ledger.sqlite import open_ledger

    run, _ = ground.busy()
    for _ in range(5):
        control.pause(ground.workspace, run)
        ledger = open_ledger(ground.workspace)
        began = time.monotonic()
        ledger.append("note", {}, run="another")
        assert time.monotonic() - began < 5.0
        ledger.close()
        control.resume(ground.workspace, run)


def test_an_engine_that_does_not_listen_is_killed_with_all_below_it(ground: Ground) -> None:
    run, engine = ground.busy()
    family = ground.family()
    os.kill(engine.pid, signal.SIGSTOP)  # not by us: it stands, and its workers do not
    assert control.stop(ground.workspace, run).action == "killed"
    assert tree.wait(family, seconds=2.0) == set()


def test_an_engine_frozen_in_the_middle_of_a_commit_ends_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = ground.busy()
    answers = iter([False, False, False, True])
    real = control._no_commit

    def busy_first(db: Any, *, seconds: float) -> bool:
        return next(answers, True) and real(db, seconds=seconds)

    monkeypatch.setattr(control, "_no_commit", busy_first)
    control.pause(ground.workspace, run)
    assert standing(ground.family())
    assert next(answers, None) is None
    control.resume(ground.workspace, run)


def test_pausing_a_paused_run_is_refused(ground: Ground) -> None:
    run, _ = ground.busy()
    with pytest.raises(BadInput, match="is not paused: it is at work"):
        control.resume(ground.workspace, run)
    control.pause(ground.workspace, run)
    with pytest.raises(BadInput, match="is paused already"):
        control.pause(ground.workspace, run)
    control.resume(ground.workspace, run)
    head = ground.head()
    time.sleep(0.5)
    assert ground.head() > head


def test_what_a_shell_let_go_on_in_part_is_paused_and_resumed_whole(ground: Ground) -> None:
    run, engine = ground.busy()
    control.pause(ground.workspace, run)
    engine.send_signal(signal.SIGCONT)  # as `fg` does, which reaches one process group only
    assert control.pause(ground.workspace, run).processes > 1
    assert standing(ground.family())
    engine.send_signal(signal.SIGCONT)
    control.resume(ground.workspace, run)
    head = ground.head()
    time.sleep(1.0)
    assert ground.head() > head


def test_runs_that_nobody_works_on_are_refused_with_what_to_do(ground: Ground, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no ledger in"):
        control.pause(tmp_path / "nowhere", "ab")
    assert not (tmp_path / "nowhere").exists()
    run, _ = ground.busy()
    with pytest.raises(BadInput, match=r"no run of this workspace starts with 'zz'.*--workspace names another"):
        control.pause(ground.workspace, "zz")
    control.stop(ground.workspace, run)
    for command in (control.pause, control.resume, control.stop):
        with pytest.raises(BadInput, match="is not running now; the command that began it goes on"):
            command(ground.workspace, run)
    other = Ground(tmp_path / "other", attempts=8)
    assert other.start().wait(60) == 0
    with pytest.raises(BadInput, match="is finished: there is nothing to pause"):
        control.stop(other.workspace, other.run)
    with pytest.raises(BadInput, match="no run of this workspace starts with"):
        control.stop(other.workspace, run)


def test_the_command_line_says_what_was_done(ground: Ground) -> None:
    run, engine = ground.busy()

    def rung(*words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "rung", *words, "--workspace", str(ground.workspace)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    code, out, _ = rung("pause", run, "--reason", "lunch")
    assert (code, f"run {run} paused" in out) == (0, True)
    assert "paused" in rung("show")[1]
    code, _, err = rung("pause", run)
    assert (code, err.startswith("rung: run ")) == (2, True)
    assert rung("resume", run, "--json")[0] == 0
    assert "paused" not in rung("show")[1]
    assert rung("stop", run)[0] == 0
    said = (ground.folder / "said.txt").read_text
    assert engine.wait(5) == -signal.SIGKILL or "interrupted; the same command goes on" in said()
    assert rung("stop", "")[0] == 2

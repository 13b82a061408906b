"""`rung verify` asks the one-file verifier too, holds the ledger against checkpoints, and hands the file out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.audit.ground import ALONE, BEGAN, Outside, grow, tamper
from tests.cli.conftest import Ended

from rung.audit import log
from rung.cli.app import main

Say = Callable[..., Ended]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    grow(tmp_path / ".rung", range(12))
    return tmp_path


@pytest.fixture
def say(place: Path, capfd: pytest.CaptureFixture[str]) -> Say:
    def ask(*words: object) -> Ended:
        code = main(["verify", *map(str, words)])
        said = capfd.readouterr()
        return Ended(code, said.out, said.err)

    assert place.is_dir()
    return ask


def test_a_checkpoint_that_was_kept(say: Say, place: Path) -> None:
    (place / "far").mkdir()
    outside = Outside(place / "far")
    outside.cosign(place / ".rung")
    grow(place / ".rung", range(12, 20))
    done = say(*outside.options())
    assert done.code == 0
    assert "witnessed: the first 12 events" in done.out
    assert "no checkpoint speaks for events 13 to 20" in done.out
    tamper(place / ".rung", "DELETE FROM events WHERE seq > 10")
    assert say().code == 0
    done = say("--json", *outside.options())
    document = json.loads(done.out)
    assert (done.code, document["ok"], document["covered"], document["witnessed"]) == (1, False, 0, [])
    (problem,) = document["problems"]
    assert "its end was cut off" in problem["what"]


def test_a_branch_of_checkpoints(say: Say, place: Path) -> None:
    from rung.audit import branch

    subprocess.run(["git", "init", "--quiet", "there"], check=True)
    tree = log.ledger_tree(place / ".rung")
    branch.push(place / "there", log.checkpoint(place / ".rung", tree), tree)
    assert "by whoever commits there" in say("--git", "there").out
    tamper(place / ".rung", "DELETE FROM events WHERE seq > 10")
    assert say("--git", "there").code == 1


def test_the_clock_is_looked_at_too(say: Say, place: Path) -> None:
    grow(place / ".rung", [12], began=BEGAN - 3600)
    done = say()
    assert (done.code, "event 13: its time lies" in done.out) == (1, True)
    assert say("--clock-back", 7200).code == 0


def test_one_problem_is_told_once(say: Say, place: Path) -> None:
    tamper(place / ".rung", "UPDATE events SET body = replace(body, '\"n\":6', '\"n\":7') WHERE seq = 7")
    done = say("--json")
    assert [problem["seq"] for problem in json.loads(done.out)["problems"]] == [7]


def test_the_verifier_is_handed_out(say: Say, place: Path) -> None:
    assert say("--alone", "taken.py").code == 0
    assert (place / "taken.py").read_bytes() == ALONE.read_bytes()
    done = subprocess.run([sys.executable, "-I", "taken.py", ".rung"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith("whole: 12 events")) == (0, True)
    done_again = say("--alone", "taken.py")
    assert (done_again.code, "not there yet" in done_again.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(("--witness", "none"), "cannot be read"), (("--key", "x"), "is no key"), (("--git", "."), "git")],
)
def test_refusals(say: Say, words: tuple[str, ...], sentence: str) -> None:
    done = say(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert sentence in done.err

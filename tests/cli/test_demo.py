"""`rung demo` keeps its promises: better, cheats without a score, a whole ledger, a banner where nothing isolates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rung.authoring import find_task
from rung.cli import demo
from rung.errors import NoSandbox

from .conftest import Command

CHEATS = 10


def test_the_demo_does_what_it_says(rung: Command, workshop: Path) -> None:
    ended = rung("demo", "--cpu-seconds", 2.5, "--work", 30_000, "--workspace", "kept")
    assert ended.code == 0, ended.err
    assert f"{CHEATS} tried, none got a score" in ended.out
    assert "chain whole" in ended.out
    assert "PROBLEM" not in ended.out
    assert "+++ b/" in ended.out
    assert "generations" in ended.out
    assert "held-out puzzles solved" in ended.out
    (run,) = json.loads(rung("show", "--workspace", "kept", "--json").out)
    assert run["incumbent"]["value"] > run["seed"]["value"]
    assert (workshop / "kept/ledger.sqlite").exists()


def test_every_cheat_gets_the_status_it_earns(
    rung: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from rung.cli.screen import results

    assert rung("tasks").code == 0
    demo._cheat(results(), find_task(demo.TASK), tmp_path / "w", sandbox="auto")
    lines = capsys.readouterr().out
    for tries, status in (
        ("returns a score of 99", "invalid"),
        ("never answers", "timeout"),
        ("asks for 10 GB", "error"),
    ):
        assert any(line.startswith(tries) and f"  {status} " in line for line in lines.splitlines()), (tries, lines)


def test_a_cheat_that_wins_is_no_success(rung: Command, monkeypatch: pytest.MonkeyPatch, workshop: Path) -> None:
    (workshop / "cheats").mkdir()
    honest = '"""is honest"""\n\nfrom honest import answer\n\n\ndef cheat(task):\n    return answer(task)\n'
    (workshop / "cheats/wins.py").write_text(honest)
    monkeypatch.setattr(demo, "CHEATS", workshop / "cheats")
    ended = rung("demo", "--cpu-seconds", 0.5, "--work", 5_000)
    assert ended.code == 1
    assert "wins got a score" in ended.err


def test_without_a_sandbox_it_says_so_and_tries_only_what_is_harmless(
    rung: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise NoSandbox(f"{name}: nothing works here; install bubblewrap")

    monkeypatch.setattr(demo, "open_sandbox", refuse)
    ended = rung("demo", "--cpu-seconds", 2.5, "--work", 5_000)
    assert ended.code == 0, ended.err
    assert "NOTHING ISOLATES PROGRAMS HERE" in ended.out
    assert "install bubblewrap" in ended.out
    assert "not tried, because nothing would stop them here" in ended.out
    assert "3 tried, none got a score" in ended.out

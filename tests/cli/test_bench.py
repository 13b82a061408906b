"""`rung bench`: one document, figures that repeat, and bad input that gets a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rung.cli.app import main

Run = Callable[..., "tuple[int, str, str]"]
QUICK = ["ladder", "--seeds", "1", "--arms", "aa,no-meta", "--key", "c0ffee", "--quiet"]


@pytest.fixture
def rung_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_comparison_is_one_document_and_repeats_itself(rung_command: Run, tmp_path: Path) -> None:
    code, out, _ = rung_command("bench", *QUICK, "--json", "--figure", "curves.svg")
    assert code == 0
    document = json.loads(out)
    assert set(document) >= {"arms", "gains", "adopted", "verdicts", "closure", "sentence", "registration"}
    assert document["registration"]["arms"] == ["no-meta", "aa"]
    [alone] = document["arms"]["no-meta"]
    assert alone["cost"]["work"] == 0
    assert alone["moved"] > alone["held_out"]  # its saved work acts at test time
    assert (tmp_path / "curves.svg").read_text().startswith("<svg")
    again = json.loads(rung_command("bench", *QUICK, "--json")[1])
    assert again == document
    code, out, _ = rung_command("show")
    assert document["registration"]["id"] in out
    assert "finished" in out
    code, out, _ = rung_command("verify", "--sample", "3")
    assert code == 0
    assert out.count("scores the same again") == 3


def test_without_a_key_the_worlds_are_new(rung_command: Run) -> None:
    quick = ["bench", "ladder", "--seeds", "1", "--arms", "no-meta", "--json", "--quiet"]
    first, second = (json.loads(rung_command(*quick)[1])["registration"] for _ in range(2))
    assert first["key"] != second["key"]
    assert first["plan"] == second["plan"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["bench", "stairs"], "there is no suite 'stairs'"),
        (["bench", "ladder", "--arms", "self,selves"], "there is no arm 'selves'"),
        (["bench", "ladder", "--arms", ","], "at least one seed and one arm"),
        (["bench", "ladder", "--world", "flat"], "has no world 'flat'"),
        (["bench", "ladder", "--key", "XYZ"], "digits 0-9 and a-f"),
        (["bench", "ladder", "--figure", "curves.png"], "NAME.svg"),
        (["ascend", "--suite", "stairs"], "there is no suite 'stairs'"),
        (["ascend", "--suite", "ladder", "--improver", "climber@main"], "no improver was promoted under 'climber'"),
        (["stages", "climber"], "there is no ledger"),
        (["rollback", "climber"], "there is no ledger"),
    ],
)
def test_bad_input_gets_a_sentence_and_starts_nothing(rung_command: Run, arguments: list[str], sentence: str) -> None:
    code, out, error = rung_command(*arguments)
    assert code == 2
    assert sentence in error
    assert "Traceback" not in error
    assert not out

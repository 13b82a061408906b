"""What can be asked of a workspace and a machine: show, diff, export, verify, doctor, tasks, improvers."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rung.cli import doctor
from rung.errors import NoSandbox

from .conftest import TASK, Command

IMPROVE = ("improve", "task.py", "--improver", "steps", "--seed", 7, "--attempts", 25, "--quiet")


@pytest.fixture
def run(rung: Command) -> str:
    """A finished run; the incumbent says 2."""
    made = json.loads(rung(*IMPROVE, "--json").out)
    return str(made["run"])


def test_show_lists_runs_and_one_run_by_the_first_characters(rung: Command, run: str) -> None:
    listed = rung("show")
    assert run in listed.out
    assert "finished" in listed.out
    shown = rung("show", run[:4])
    for part in (f"run {run} of near", "step-2", "-38", "4 error", "ZeroDivisionError", "count", "held-out gain: +2"):
        assert part in shown.out, part
    document = json.loads(rung("show", run, "--json").out)
    assert [step["value"] for step in document["incumbents"]] == [-40.0, -38.0]
    assert document["statuses"] == {"ok": 21, "error": 4}
    assert document["attempts"] == 25
    assert document["arms"]["count"]["cost"] == 25.0
    assert document["held_out"] == {"n": 4, "gain": 2.0, "low": 2.0, "high": 2.0}


def test_diff_is_a_patch(rung: Command, run: str, workshop: Path) -> None:
    patch = rung("diff", run).out
    assert patch.startswith("--- a/program.py\n+++ b/program.py\n")
    done = subprocess.run(["patch", "-p1"], input=patch, text=True, cwd=workshop, capture_output=True, check=False)
    assert done.returncode == 0
    assert "return 2" in (workshop / "program.py").read_text()


def test_export_is_enough_to_check_with_other_code(rung: Command, run: str, workshop: Path) -> None:
    assert rung("export", run, "out").code == 0
    assert "return 2" in (workshop / "out/program.py").read_text()
    rows: list[Any] = json.loads((workshop / "out/outputs.json").read_text())
    assert [row["case"] for row in rows] == ["validation-0", "validation-1", "validation-2"]
    assert [row["input"] for row in rows] == [3, 4, 5]
    for row in rows:
        assert row["score"] == -abs(row["output"] - 40) == -38.0
        assert row["outputs"] == [row["output"]]
    assert rung("export", run, "out").code == 0, "the same content may be written again"


def test_export_leaves_other_files_alone(rung: Command, run: str, workshop: Path) -> None:
    (workshop / "out").mkdir()
    (workshop / "out/program.py").write_text("mine\n")
    refused = rung("export", run, "out")
    assert refused.code == 2
    assert "--force" in refused.err
    assert (workshop / "out/program.py").read_text() == "mine\n"
    assert rung("export", run, "out", "--force").code == 0
    assert "return 2" in (workshop / "out/program.py").read_text()


def test_a_changed_task_is_another_task(rung: Command, run: str, workshop: Path) -> None:
    (workshop / "task.py").write_text(TASK.replace("answer - 40", "answer - 41"))
    refused = rung("export", run, "out")
    assert refused.code == 2
    assert "has changed" in refused.err
    verified = rung("verify")
    assert verified.code == 1
    assert "not scored again" in verified.out
    assert "no incumbent could be scored again" in verified.err
    assert rung("verify", "--sample", 0).code == 0
    (workshop / "task.py").unlink()
    assert "no longer there" in rung("export", run, "out").err


def test_verify_scores_incumbents_again(rung: Command, run: str) -> None:
    ended = rung("verify", "--json")
    document = json.loads(ended.out)
    assert (ended.code, document["ok"], document["problems"]) == (0, True, [])
    assert [(one["run"], one["value"], one["recorded"]) for one in document["rescored"]] == [
        (run, -38.0, -38.0),
        (run, -40.0, -40.0),
    ]
    assert "chain whole" in rung("verify", "--sample", 1).out


def test_verify_finds_a_changed_byte(rung: Command, run: str, workshop: Path) -> None:
    tamper(
        workshop / ".rung/ledger.sqlite",
        "UPDATE events SET body = replace(body, '-38.0', '-1.0') WHERE type = 'incumbent'",
    )
    ended = rung("verify")
    assert ended.code == 1
    assert "PROBLEM event" in ended.out
    broken = int(ended.out.partition("PROBLEM event ")[2].partition(":")[0])
    assert f"the chain holds up to event {broken - 1};" in ended.out
    assert "a copy of the ledger that is whole" in ended.out
    assert run


def test_verify_of_a_workspace_where_nothing_was_run_yet(rung: Command, workshop: Path) -> None:
    from rung.kernel.ledger.sqlite import open_ledger

    open_ledger(workshop / "new").close()
    ended = rung("verify", "--workspace", "new")
    assert ended.code == 0
    assert "nothing was run in this workspace yet" in ended.out


def test_verify_finds_an_incumbent_that_does_not_score_what_is_recorded(
    rung: Command, run: str, workshop: Path
) -> None:
    """A ledger whose chain was computed anew is caught by its own programs."""
    from rung.kernel.ledger.sqlite import open_ledger, read_ledger

    old = read_ledger(workshop / ".rung")
    new = open_ledger(workshop / "forged")
    for event in list(old.read()):
        body: Any = event.body
        if event.type == "incumbent" and body["number"] > 0:
            body["value"] = -1.0
        blobs = [old.get(digest) for digest in body.get("blobs", [])]
        new.append(event.type, body, run=event.run, blobs=blobs)
    old.close()
    new.close()
    ended = rung("verify", "--workspace", "forged")
    assert ended.code == 1
    assert "it scores -38.0, -1.0 is recorded" in ended.out
    assert rung("export", run, "out", "--workspace", "forged").code == 1


def tamper(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as db:
        triggers = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        kept = [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for name in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute(statement)
        for sql in kept:
            db.execute(sql)
    db.close()


def test_doctor_names_what_is_taken(rung: Command) -> None:
    ended = rung("doctor", "--json")
    document = json.loads(ended.out)
    assert ended.code == 0
    passed = [one["name"] for one in document["sandboxes"] if one["passed"]]
    assert document["taken"] == passed[0]
    assert document["rescorer"] in passed
    assert all(one["reason"] for one in document["sandboxes"] if not one["passed"])
    held = any(one["name"] == "bubblewrap" and one["passed"] for one in document["sandboxes"])
    assert held or "bubblewrap" in document["agents"]


def test_doctor_says_what_models_lack(rung: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "STRONGEST_FIRST", ())
    monkeypatch.setattr(doctor, "distributions", list)
    assert "models anthropic: need pip install 'rung[anthropic]'" in rung("doctor").out
    monkeypatch.setattr(doctor, "distributions", lambda: [SimpleNamespace(name="anthropic")])
    assert "rung[anthropic]" not in rung("doctor").out


def test_doctor_where_nothing_works_says_what_to_do(rung: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise NoSandbox(f"no sandbox isolates programs well enough here ({name}: no luck). Install bubblewrap.")

    monkeypatch.setattr(doctor, "open_sandbox", refuse)
    ended = rung("doctor")
    assert ended.code == 1
    assert "FAILED" in ended.out
    assert "no luck" in ended.out
    assert "Install bubblewrap" in ended.out


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            "{'error': {'type': 'ModuleNotFoundError', 'message': \"No module named 'mmap', in probe.py\", 'line': 3}}",
            "an ordinary program fails in it with ModuleNotFoundError: No module named 'mmap'",
        ),
        ("sleep, an endless answer", "sleep"),
        ("the program bwrap is not installed", "the program bwrap is not installed"),
    ],
)
def test_doctor_says_what_is_wrong_in_words(raw: str, words: str) -> None:
    assert doctor.in_words(raw) == words


def test_doctor_finds_the_folder_that_others_may_not_enter(tmp_path: Path) -> None:
    (tmp_path / "home/bin").mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    closed = doctor.closed_folder(tmp_path / "home/bin/python")
    assert closed is not None
    assert closed in (tmp_path / "home/bin").parents


def test_what_ships_is_listed(rung: Command) -> None:
    names = [task["name"] for task in json.loads(rung("tasks", "--json").out)]
    assert names == sorted(names)
    assert all(name in rung("tasks").out for name in names)
    assert {"seed", "random", "best_of_n"} <= {one["name"] for one in json.loads(rung("improvers", "--json").out)}
    assert "best_of_n" in rung("improvers").out


def test_python_m_rung_and_help(rung: Command, workshop: Path) -> None:
    import sys

    command = [sys.executable, "-m", "rung", "--version"]
    done = subprocess.run(command, cwd=workshop, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("rung ")
    helped = rung("--help").out
    commands = ("improve", "evaluate", "tasks", "improvers", "show", "diff", "export", "verify", "doctor", "demo")
    assert all(name in helped for name in commands)
    assert all(rung(name, "--help").code == 0 for name in commands)
    assert rung("improve", "-h").out == rung("improve", "--help").out

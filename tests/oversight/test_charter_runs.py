"""A run under a charter: it tightens what was asked for, refuses what it does not allow, and names the run."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import LINE, LINE_TASK, improver, line, proposing
from tests.oversight.people import DEFAULT, charter

import rung
from rung import api
from rung.cli.app import main
from rung.errors import BadInput
from rung.kernel.budget import Allowance
from rung.kernel.ledger.sqlite import read_ledger
from rung.oversight.charter_bounds import bounds_of, foreign_import, refuse_models, tightened
from rung.oversight.standing import standing
from rung.records import Program, Task, as_cases

LAW = DEFAULT.replace("cpu_seconds = 3600.0", "cpu_seconds = 30.0")


def write(folder: Path, text: str, name: str = "charter.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def starts(workspace: Path) -> list[Any]:
    with closing(read_ledger(workspace)) as ledger:
        return [event.body for event in ledger.read(types=("run_start",))]


def evaluations(workspace: Path) -> list[Any]:
    with closing(read_ledger(workspace)) as ledger:
        bodies: list[Any] = [event.body for event in ledger.read(types=("evaluation",))]
    return [body["evaluation"] for body in bodies if body["number"]]


def improved(workspace: Path, *sources: str, task: Task = LINE_TASK, **options: Any) -> Any:
    return api.improve(task, improver=proposing(*sources), seed=1, workspace=workspace, **options)


def test_the_charter_beside_the_workspace_holds_and_is_in_the_run(tmp_path: Path) -> None:
    write(tmp_path, LAW)
    improved(tmp_path / "w", line(2.0))
    (start,) = starts(tmp_path / "w")
    assert start["charter"] == charter(LAW).hash
    assert start["allowance"]["cpu_seconds"] == 30.0
    with closing(read_ledger(tmp_path / "w")) as ledger:
        assert standing(ledger) == charter(LAW)


def test_without_one_nothing_is_different(tmp_path: Path) -> None:
    improved(tmp_path / "w", line(2.0))
    (start,) = starts(tmp_path / "w")
    assert "charter" not in start
    assert start["allowance"]["cpu_seconds"] is None


def test_a_run_under_a_changed_charter_is_another_run_and_the_same_one_goes_on(tmp_path: Path) -> None:
    first = improved(tmp_path / "w", line(2.0), charter=write(tmp_path, LAW, "a.toml"))
    again = improved(tmp_path / "w", line(2.0))  # no file any more: the one in force stays in force
    other = improved(
        tmp_path / "w", line(2.0), charter=write(tmp_path, LAW.replace("depth = 1", "depth = 2"), "b.toml")
    )
    reworded = write(tmp_path, "# only a comment\n" + LAW.replace("depth = 1", "depth = 2"), "c.toml")
    same = improved(tmp_path / "w", line(2.0), charter=reworded)
    assert first.run == again.run
    assert other.run not in {first.run, ""}
    assert same.run == other.run
    assert [start["charter"] for start in starts(tmp_path / "w")] == [
        charter(LAW).hash,
        charter(LAW.replace("depth = 1", "depth = 2")).hash,
    ]


def test_an_option_beyond_the_charter_names_both(tmp_path: Path) -> None:
    write(tmp_path, LAW)
    with pytest.raises(BadInput, match=r"--cpu-seconds 31 is beyond the charter, which allows 30 \(scope\.cpu_seconds"):
        improved(tmp_path / "w", cpu_seconds=31)
    assert not (tmp_path / "w").exists()
    improved(tmp_path / "w", cpu_seconds=29)
    assert starts(tmp_path / "w")[0]["allowance"]["cpu_seconds"] == 29


def test_caps_of_models_are_taken_where_there_are_models() -> None:
    law = charter(LAW.replace("models = []", 'models = ["m"]').replace("tokens = 0", "tokens = 500"))
    assert tightened(law, Allowance(), models=False) == Allowance(cpu_seconds=30.0)
    assert tightened(law, Allowance(tokens=5), models=True) == Allowance(30.0, None, 5, 0.0)
    with pytest.raises(BadInput, match=r"--max-tokens 501 .* allows 500"):
        tightened(law, Allowance(tokens=501), models=True)
    with pytest.raises(BadInput, match=r"--max-usd 0\.1 .* allows 0 "):
        tightened(law, Allowance(usd=0.1), models=True)


def test_models_and_endpoints_outside_the_charter() -> None:
    law = charter(
        LAW.replace("models = []", 'models = ["openai:a", "openai:b"]')
        .replace("tokens = 0", "tokens = 500")
        .replace("endpoints = []", 'endpoints = ["api.openai.com", "other.example:8080"]')
    )
    refuse_models(law, {"openai:a": "api.openai.com", "openai:b": "api.openai.com:443"})
    refuse_models(law, {"openai:a": ""})
    with pytest.raises(BadInput, match=r"model 'openai:c' may not be asked: the charter allows openai:a, openai:b"):
        refuse_models(law, {"openai:c": ""})
    with pytest.raises(BadInput, match=r"is at other\.example:9090, and the charter grants"):
        refuse_models(law, {"openai:a": "other.example:9090"})


def test_a_model_that_is_not_in_the_charter_is_refused_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, LAW)
    asked = (
        "improve",
        "sorting-network-7",
        "--model",
        "http://127.0.0.1:9/v1#x",
        "--max-tokens",
        "10",
        "--max-usd",
        "1",
    )
    assert main(asked) == 2
    assert "may not be asked: the charter allows none (scope.models)" in capsys.readouterr().err


def test_what_proposals_may_change_and_import(tmp_path: Path) -> None:
    write(tmp_path, LAW)
    improved(
        tmp_path / "w",
        line(2.0),
        "import os\n" + line(2.1),
        "from collections import abc\nimport numpy.linalg\n" + line(2.2),
        "os = __import__('os')\n" + line(2.3),
        "def f(:",
    )
    reasons = [(each["status"], *each["feedback"]) for each in evaluations(tmp_path / "w")]
    assert [status for status, *_ in reasons] == ["ok", "invalid", "ok", "invalid", "invalid"]
    assert reasons[1][1] == "line.py imports os, which the charter does not allow (scope.imports)"
    assert "imports by name" in reasons[3][1]
    assert "cannot be read as Python" in reasons[4][1]


def test_files_outside_the_charter_stay_as_they_are(tmp_path: Path) -> None:
    task = replace(LINE_TASK, program=Program({"line.py": LINE, "notes.py": "N = 1\n"}, "line.py:f"))
    write(tmp_path, LAW.replace('files = ["*"]', 'files = ["line.py"]'))
    api.improve(task, improver=proposing("N = 2\n", file="notes.py"), seed=1, workspace=tmp_path / "w")
    (only,) = evaluations(tmp_path / "w")
    assert only["feedback"] == ["notes.py may not be changed, says the charter (scope.files)"]


def test_a_task_that_could_not_be_made_better_under_it_is_refused_before_anything_is_spent(tmp_path: Path) -> None:
    write(tmp_path, LAW)
    task = replace(LINE_TASK, program=Program({"line.py": "import os\n" + LINE}, "line.py:f"))
    with pytest.raises(BadInput, match=r"line\.py of task 'line' imports os, which the charter does not allow"):
        improved(tmp_path / "w", task=task)
    write(tmp_path, LAW.replace('files = ["*"]', 'files = ["pack.py"]'))
    with pytest.raises(BadInput, match=r"nothing of task 'line' may be changed: it has line\.py"):
        improved(tmp_path / "w")


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("import math, os.path", "imports os.path"),
        ("from os import path", "imports os"),
        ("from scipy import optimize", None),
        ("from scipy import stats", "imports scipy"),
        ("import scipy.optimize.linesearch", None),
        ("from . import helper", None),
        ("import helper\nfrom rung_host import Child", None),
        ("import subprocess", "imports subprocess"),  # a file of that name does not make it one's own
        ("def f():\n    import socket", "imports socket"),
        ("getattr(__builtins__, '__import__')('os')", "imports by name"),
        ("builtins.__import__('os')", "imports by name"),
        ("import importlib", "imports importlib"),
        ("x = '\\d'", None),  # a warning of the parser is no talk of ours
        ("(" * 500 + ")" * 500, "cannot be read as Python, so nobody can tell what it imports"),
        ("x = 1\0", "cannot be read as Python, so nobody can tell what it imports"),
        (b"# coding: latin-1\nimport os", "is not UTF-8 text, so nobody can tell what it imports"),
    ],
)
def test_what_the_text_of_a_file_imports(source: str | bytes, verdict: str | None) -> None:
    files = {"main.py": source, "helper.py": "", "subprocess.py": "", "data.txt": "import os"}
    program = Program(files, "main.py:f")
    assert foreign_import(program, "main.py", ("math", "scipy.optimize")) == verdict
    assert foreign_import(program, "data.txt", ()) is None


def meta(depth: int) -> Task:
    """Returns a task whose evaluator improves another one, and so on."""

    def evaluate(_case: rung.Case, trial: Any) -> float:
        return float(trial.improve(LINE_TASK if depth == 1 else meta(depth - 1)).incumbent.value)

    program = improver("def improve(brief, host):\n    return None\n")
    cases = as_cases("train", [0])
    return Task("meta", "?", program, evaluate, train=cases, validation=cases, held_out=cases, exact=False)


@pytest.mark.parametrize(("depth", "fine"), [(1, True), (2, False)])
def test_runs_inside_runs_as_deep_as_the_charter_says(tmp_path: Path, depth: int, *, fine: bool) -> None:
    write(tmp_path, LAW)
    passive = improver("def improve(brief, host):\n    return None\n")
    if fine:
        api.improve(meta(depth), improver=passive, seed=1, workspace=tmp_path / "w")
        assert {start["charter"] for start in starts(tmp_path / "w")} == {charter(LAW).hash}
        return
    with pytest.raises(BadInput, match=r"runs inside more runs than the charter allows \(scope\.depth\)"):
        api.improve(meta(depth), improver=passive, seed=1, workspace=tmp_path / "w")


def test_a_faulty_charter_stops_before_anything_is_made(tmp_path: Path) -> None:
    write(tmp_path, LAW.replace("depth = 1", "dept = 1"))
    with pytest.raises(BadInput, match=r"charter\.toml, line 14: scope\.depth: depth is missing"):
        improved(tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_replay_and_verify_know_the_charter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(LINE)
    (tmp_path / "task.py").write_text(
        "import rung\n@rung.task(goal='?', program='program.py', entry='program.py:f', train=range(3), "
        "validation=range(3, 6), held_out=rung.fresh(3))\ndef near(case, trial):\n    return -abs(trial.run(2) - 7)\n"
    )
    folder = tmp_path / "it"
    folder.mkdir()
    text = proposing("import os\n" + line(3.5), line(3.5), file="program.py").files["improver.py"]
    assert isinstance(text, str)
    (folder / "improver.py").write_text(text)
    write(tmp_path, LAW, "law.toml")
    asked = ("improve", "task.py", "--improver", "it", "--seed", "3", "--charter", "law.toml", "--json", "--quiet")
    assert main(asked) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert main(("replay", run, "--quiet")) == 0, capsys.readouterr().err
    assert "the same ledger head" in capsys.readouterr().out
    assert main(("verify",)) == 0, capsys.readouterr().err


def test_bounds_of_no_charter_bind_nothing() -> None:
    bounds = bounds_of(None)
    seed = LINE_TASK.program
    assert (bounds.charter, bounds.depth, bounds.refuse(seed, seed.edit({"x.py": "import os"}))) == ("", None, None)


def test_what_ships_can_be_improved_under_the_careful_charter(root: Path) -> None:
    law = charter(DEFAULT)
    folders = [
        *(root / "src/rung/improvers").iterdir(),
        *(root / "src/rung").glob("tasks/*/program"),
        *(root / "src/rung").glob("suites/*/program"),
    ]
    complaints = []
    for folder in folders:
        files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.py")}
        if files:
            program = Program(files, f"{next(iter(files))}:f")
            complaints += [f"{folder}: {name}" for name in files if foreign_import(program, name, law.scope.imports)]
    assert len(folders) > 8
    assert complaints == []

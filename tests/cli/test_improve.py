"""`rung improve` and what it leaves behind: the document, resuming, interruption, honest exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, Ended

IMPROVE = ("improve", "task.py", "--improver", "steps", "--seed", 7)
Start = Callable[..., "subprocess.Popen[str]"]


def document(ended: Ended) -> Any:
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def evaluations(workspace: Path) -> int:
    try:
        with sqlite3.connect(f"file:{workspace / 'ledger.sqlite'}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT count(*) FROM events WHERE type = 'evaluation'").fetchone()
        db.close()
    except sqlite3.Error:
        return 0
    return int(rows[0])


def wait_for(workspace: Path, count: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while evaluations(workspace) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.03)


def found(rung: Command, workspace: str) -> list[Any]:
    (run,) = json.loads(rung("show", "--workspace", workspace, "--json").out)
    shown = json.loads(rung("show", run["run"], "--workspace", workspace, "--json").out)
    return [shown["incumbents"][i][key] for i in range(len(shown["incumbents"])) for key in ("number", "id", "value")]


def test_the_document_is_the_documented_one(rung: Command, root: Path) -> None:
    ended = rung(*IMPROVE, "--attempts", 25, "--json")
    made = document(ended)
    documented = re.findall(r"```json\n(.*?)```", (root / "docs/command-line.md").read_text(), re.DOTALL)[0]
    assert list(made) == list(json.loads(documented))
    assert (made["task"], made["improver"], made["run_seed"]) == ("near", "steps", 7)
    assert made["seed"]["value"] == -40.0
    assert made["incumbent"]["value"] == -38.0
    assert made["held_out"] == {"n": 4, "gain": 2.0, "low": 2.0, "high": 2.0}
    assert made["spent"]["evaluations"] > 25
    assert made["stop_reason"] == "the improver ended"
    assert made["sandbox"] in ended.err
    assert "25 attempts" in ended.err


def test_quiet_says_nothing(rung: Command) -> None:
    ended = rung(*IMPROVE, "--attempts", 2, "--quiet", "--json")
    assert (ended.code, ended.err) == (0, "")


def test_people_see_the_gain_the_diff_and_what_to_type_next(rung: Command) -> None:
    ended = rung(*IMPROVE, "--attempts", 20)
    assert ended.code == 0
    assert "-40 → -38" in ended.out
    assert "-    return 0" in ended.out
    run = json.loads(rung("show", "--json").out)[0]["run"]
    for hint in (f"rung diff {run}", f"rung export {run} DIR", "rung verify"):
        assert hint in ended.out


def test_nothing_gained_is_said_and_what_to_type_is_quoted(rung: Command) -> None:
    ended = rung(*IMPROVE, "--attempts", 2, "--workspace", "two words")
    assert ended.code == 0
    assert "no better program was found" in ended.out
    assert "rung diff" not in ended.out
    better = rung(*IMPROVE, "--attempts", 20, "--workspace", "two words")
    assert "DIR --workspace 'two words'" in better.out


def test_what_a_task_prints_is_talk(workshop: Path) -> None:
    """From its file, its evaluator and a process that the evaluator starts: stdout is one document all the same."""
    text = (workshop / "task.py").read_text().replace("    answer =", "    loud()\n    answer =", 1)
    noise = "import os\nprint('loading')\ndef loud():\n    print('scoring')\n    os.system('echo shouting')\n"
    (workshop / "task.py").write_text(noise + text)
    for arguments in (
        (*map(str, IMPROVE), "--attempts", "3", "--workers", "2", "--json"),
        ("evaluate", "task.py", "--program", "program.py", "--json"),
        ("verify", "--json"),
    ):
        done = subprocess.run([sys.executable, "-m", "rung", *arguments], capture_output=True, text=True, check=True)
        assert isinstance(json.loads(done.stdout), dict)
        assert all(word in done.stderr for word in ("loading", "scoring", "shouting")), arguments


def test_a_terminal_without_utf_8_gets_question_marks(workshop: Path) -> None:
    (workshop / "program.py").write_text("def guess(x):\n    return 0  # \u00e4hnlich\n")
    surroundings = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "rung", *map(str, IMPROVE), "--attempts", "20"]
    done = subprocess.run(command, capture_output=True, env=surroundings, check=False)
    assert done.returncode == 0, done.stderr
    assert b"-40 ? -38" in done.stdout
    run = re.findall(rb"rung diff (\w+)", done.stdout)[0].decode()
    patch = subprocess.run([*command[:3], "diff", run], capture_output=True, env=surroundings, check=True).stdout
    assert "# \u00e4hnlich" in patch.decode()


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_is_no_trouble(workshop: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m rung {" ".join(map(str, IMPROVE))} --attempts 2 {closed}>&-'
    done = subprocess.run(["/bin/sh", "-c", command], cwd=workshop, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (0, False), done.stderr


def test_a_finished_run_is_not_repeated(rung: Command) -> None:
    first = rung(*IMPROVE, "--attempts", 12, "--json")
    count = evaluations(Path(".rung"))
    second = rung(*IMPROVE, "--attempts", 12, "--json")
    assert document(first) == document(second)
    assert evaluations(Path(".rung")) == count
    assert "finished" in second.err


def test_without_a_seed_every_finished_run_is_followed_by_a_new_one(rung: Command) -> None:
    command = ("improve", "task.py", "--improver", "steps", "--attempts", 2, "--json")
    assert document(rung(*command))["run"] != document(rung(*command))["run"]


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_and_the_same_command_end_as_if_nothing_had_happened(
    rung: Command, started: Start, workers: int
) -> None:
    command = (*IMPROVE, "--attempts", 32, "--workers", workers)
    process = started(*command, "--workspace", "killed")
    wait_for(Path("killed"), 12, process)
    process.kill()
    process.communicate()
    before = evaluations(Path("killed"))
    resumed = rung(*command, "--workspace", "killed", "--json")
    whole = rung(*command, "--workspace", "whole", "--json")
    assert 12 <= before < 33
    assert f"{before - 1} attempts on record" in resumed.err
    assert document(resumed)["incumbent"] == document(whole)["incumbent"]
    assert document(resumed)["run"] == document(whole)["run"]
    assert evaluations(Path("killed")) == evaluations(Path("whole")) == 33
    assert found(rung, "killed") == found(rung, "whole")
    assert rung("verify", "--workspace", "killed").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_is_one_sentence_and_nothing_is_lost(rung: Command, started: Start, number: signal.Signals) -> None:
    process = started(*IMPROVE, "--attempts", 40, "--quiet")
    wait_for(Path(".rung"), 10, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "rung: interrupted; the same command goes on where it was\n")
    resumed = rung(*IMPROVE, "--attempts", 40, "--json")
    assert "resuming run" in resumed.err
    assert document(resumed)["incumbent"]["value"] == -36.0


def test_two_at_once_do_not_work_on_the_same_run(rung: Command, started: Start) -> None:
    process = started(*IMPROVE, "--attempts", 5000)
    try:
        wait_for(Path(".rung"), 3, process)
        ended = rung(*IMPROVE, "--attempts", 5000)
    finally:
        process.kill()
        process.communicate()
    assert ended.code == 1
    assert "another process works on run" in ended.err


def test_an_improver_that_crashes_is_an_exit_code_and_still_an_outcome(rung: Command) -> None:
    ended = rung("improve", "task.py", "--improver", "crash", "--json")
    made = json.loads(ended.out)
    assert ended.code == 1
    assert "no idea left" in made["stop_reason"]
    assert "no idea left" in ended.err
    assert made["incumbent"]["id"] == made["seed"]["id"]


def test_budgets_end_a_run_with_what_was_found(rung: Command) -> None:
    made = document(rung(*IMPROVE, "--attempts", 5000, "--cpu-seconds", 0.5, "--json"))
    assert made["stop_reason"] == "budget of CPU seconds used up"
    assert made["incumbent"]["value"] > made["seed"]["value"]


def test_bare_processes_must_be_asked_for_and_mark_the_result(rung: Command) -> None:
    ended = rung(*IMPROVE, "--attempts", 2, "--sandbox", "process", "--json")
    assert document(ended)["sandbox"] == "process"
    assert "nothing isolates" in ended.err


def test_evaluate_judges_a_program_as_it_is(rung: Command, workshop: Path) -> None:
    (workshop / "other").mkdir()
    (workshop / "other/program.py").write_text("def guess(x):\n    return 40\n")
    made = document(rung("evaluate", "task.py", "--program", "other", "--json"))
    assert (made["status"], made["value"], made["scores"]) == ("ok", 0.0, [0.0, 0.0, 0.0])
    (workshop / "other/program.py").write_text("def guess(x):\n    return 40.5\n")
    ended = rung("evaluate", "task.py", "--program", "other")
    assert ended.code == 1
    assert "an integer was expected" in ended.out


def test_python_is_the_same_verb(workshop: Path) -> None:
    from rung import api

    outcome = api.improve("task.py", attempts=20, seed=7, improver="steps", workspace=workshop / ".rung")
    assert outcome.incumbent.value == -38.0
    assert outcome.gain == 2.0


def test_ctrl_c_on_a_terminal_reaches_everybody_and_is_still_one_sentence(rung: Command, started: Start) -> None:
    """The terminal signals the whole process group: workers, sandboxes and the engine at once."""
    command = (*IMPROVE, "--attempts", 60, "--workers", 2, "--quiet")
    process = started(*command, group=True)
    wait_for(Path(".rung"), 8, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "rung: interrupted; the same command goes on where it was\n")
    assert rung("verify", "--sample", 0).code == 0


def test_a_terminal_sees_a_picture_and_a_pipe_sees_lines(workshop: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rung", *map(str, IMPROVE), "--attempts", "90", "--json"]
    process = subprocess.Popen(command, cwd=workshop, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the other side is gone
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    out = process.communicate()[0]
    assert process.returncode == 0
    assert json.loads(out)["incumbent"]["value"] == -31.0
    drawn = seen.decode()
    for piece in ("\u2588", "evaluations/s", "incumbent -3", "left:", "arm", "count", "100%"):
        assert piece in drawn, piece

"""Bad input: one clear sentence, a non-zero exit, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rung import api
from rung.errors import BadInput

from .conftest import PROGRAM, TASK, Command, Ended

IMPROVE = ("improve", "task.py", "--improver", "steps", "--attempts", 3, "--seed", 1)


def says(ended: Ended, *words: str, code: int = 2) -> None:
    assert ended.code == code, ended
    sentence = ended.err.splitlines()[-1]
    assert sentence.startswith("rung: "), ended.err
    for word in words:
        assert word in sentence, (word, sentence)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("program.py", None, ("program.py does not exist",)),
        ("program.py", "def guess(x:\n", ("program.py does not compile", "line 1")),
        ("program.py", "def other(x):\n    return 0\n", ("defines no guess",)),
        ("program.py", "def guess(x):\n    return 1 / 0\n", ("fails before anything was changed", "ZeroDivisionError")),
        ("program.py", "import nothing_of_this_name\n" + PROGRAM, ("fails before anything", "ModuleNotFoundError")),
        ("task.py", None, ("task.py does not exist",)),
        ("task.py", "import rung\n1 / 0\n", ("ZeroDivisionError", "line 2")),
        ("task.py", "import rung\ndef near(:\n", ("task.py", "line 2")),
        ("task.py", "raise SystemExit(0)\n", ("SystemExit",)),
        ("task.py", "import rung\n", ("defines no task",)),
        ("task.py", TASK.replace("range(3)", "[]"), ("train has no cases",)),
        ("task.py", TASK.replace("range(3)", "[{1}]"), ("cannot cross the wall",)),
        ("task.py", TASK.replace("range(3)", "[float('nan')]"), ("cannot cross the wall",)),
        ("task.py", TASK.replace("fresh(4)", "fresh(0)"), ("fresh",)),
        ("task.py", TASK.replace("goal=", "gaol="), ("gaol",)),
        ("task.py", TASK.replace("bound=0.0", "bound=float('nan')"), ("bound", "finite")),
        ("task.py", TASK.replace("bound=0.0", "attempts=0"), ("attempts", "positive")),
        ("task.py", TASK.replace("bound=0.0", "editable='program.py'"), ("editable", "('program.py',)")),
        ("program.py", "def guess(x):\n    return [0, 0, 0][x]\n", ("on validation it fails",)),
        ("program.py", "import time\ndef guess(x):\n    return time.time_ns() % 100003\n", ("exact=False",)),
        ("steps/improver.py", "def improve(brief:\n", ("improver.py does not compile",)),
    ],
)
def test_a_file_that_is_wrong(
    rung: Command, workshop: Path, file: str, text: str | None, words: tuple[str, ...]
) -> None:
    if text is None:
        (workshop / file).unlink()
    else:
        (workshop / file).write_text(text)
    says(rung(*IMPROVE), *words)


def test_the_same_cases_in_two_splits_have_the_same_chance(rung: Command, workshop: Path) -> None:
    text = TASK.replace("validation=range(3, 6)", "validation=range(3)").replace(", bound=0.0", "")
    (workshop / "task.py").write_text(text.replace("- 40)", "- 40) + trial.rng.random()"))
    run = json.loads(rung(*IMPROVE, "--quiet", "--json").out)["run"]
    assert rung("export", run, "out").code == 0
    assert rung("verify").code == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("float('nan')", ("nan", "finite")),
        ("float('inf')", ("inf", "finite")),
        ("'a string'", ("str", "a number was expected")),
        ("None", ("NoneType", "a number was expected")),
        ("True", ("bool", "a number was expected")),
        ("{}['missing']", ("KeyError", "line")),
        ("1.0", ("beyond the proven bound",)),
    ],
)
def test_an_evaluator_that_is_wrong(rung: Command, workshop: Path, answer: str, words: tuple[str, ...]) -> None:
    (workshop / "task.py").write_text(TASK.replace("return -abs(answer - 40)", f"return {answer}"))
    says(rung(*IMPROVE), "the evaluator of task 'near'", "train-0", *words, code=1)
    says(rung("evaluate", "task.py", "--program", "program.py"), *words, code=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("improve", "no-such-task"), ("no-such-task", "choose one of")),
        (("improve", "missing.py"), ("missing.py does not exist",)),
        (("improve", "task.py:other"), ("other", "near")),
        (("improve", "task.py", "--improver", "nobody"), ("no improver 'nobody'", "seed")),
        (("improve", "task.py", "--improver", "steps", "--sandbox", "none"), ("no sandbox", "namespaces")),
        (("evaluate", "task.py", "--program", "missing"), ("missing does not exist",)),
        (("evaluate", "task.py", "--program", "program.py", "--split", "held_out"), ("held_out",)),
        (("show",), ("no ledger", "rung improve")),
        (("verify",), ("no ledger",)),
        (("diff", "abc"), ("no ledger",)),
    ],
)
def test_a_name_of_nothing(rung: Command, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    says(rung(*arguments), *words)


@pytest.mark.parametrize(
    "arguments",
    [
        ("improve",),
        ("improve", "task.py", "--no-such-option"),
        ("improve", "task.py", "--attempts", "0"),
        ("improve", "task.py", "--attempts", "many"),
        ("improve", "task.py", "--workers", "0"),
        ("improve", "task.py", "--seed", "-1"),
        ("improve", "task.py", "--cpu-seconds", "-3"),
        ("improve", "task.py", "--cpu-seconds", "nan"),
        ("improve", "task.py", "--seconds", "inf"),
        ("no-such-command",),
        (),
    ],
)
def test_usage(rung: Command, arguments: tuple[str, ...]) -> None:
    ended = rung(*arguments)
    assert ended.code == 2
    assert "Usage" in ended.err + ended.out or ended.err.startswith("rung: ")


@pytest.fixture
def run(rung: Command) -> str:
    """A finished run."""
    return str(json.loads(rung(*IMPROVE, "--quiet", "--json").out)["run"])


@pytest.mark.usefixtures("run")
def test_a_run_nobody_knows(rung: Command) -> None:
    says(rung("show", "zzz"), "zzz", "rung show")
    rung("improve", "task.py", "--improver", "crash", "--attempts", 1, "--seed", 2, "--quiet")
    says(rung("diff", ""), "several runs start with", *[one["run"] for one in json.loads(rung("show", "--json").out)])


def foreign(ledger: Path) -> None:
    ledger.write_bytes(b"this is a diary\n" * 500)


def truncated(ledger: Path) -> None:
    os.truncate(ledger, ledger.stat().st_size // 2)


def emptied(ledger: Path) -> None:
    os.truncate(ledger, 0)


def a_folder(ledger: Path) -> None:
    ledger.unlink()
    ledger.mkdir()


@pytest.mark.parametrize("spoil", [foreign, truncated, emptied, a_folder])
def test_a_ledger_that_is_none(rung: Command, run: str, spoil: Callable[[Path], None]) -> None:
    ledger = Path(".rung/ledger.sqlite")
    for side in (".rung/ledger.sqlite-wal", ".rung/ledger.sqlite-shm"):
        Path(side).unlink(missing_ok=True)
    spoil(ledger)
    before = ledger.read_bytes() if ledger.is_file() else b""
    for arguments in (IMPROVE, ("show",), ("diff", run), ("export", run, "out"), ("verify",)):
        ended = rung(*arguments)
        assert ended.code in {1, 2}, arguments
        assert "ledger" in ended.err or "PROBLEM" in ended.out, arguments
        assert len((ended.err or ended.out).splitlines()) <= 25
        assert arguments != ("verify",) or "rung verify" not in ended.err, "that would go round in circles"
    assert (ledger.read_bytes() if ledger.is_file() else b"") == before, "what cannot be read is left as it is"


def test_a_workspace_that_is_a_file(rung: Command, workshop: Path) -> None:
    (workshop / "file").write_text("")
    says(rung(*IMPROVE, "--workspace", "file"), "file is a file")
    says(rung("evaluate", "task.py", "--program", "program.py", "--workspace", "file/below"), "file is a file")
    says(rung("show", "--workspace", "file"), "file is a file")


def test_a_task_file_without_its_ending(rung: Command, workshop: Path) -> None:
    (workshop / "mine.py").write_text(TASK)
    says(rung("improve", "mine"), "did you mean mine.py?")
    (workshop / "mine").mkdir()
    says(rung("improve", "mine/"), "did you mean mine.py?")
    says(rung("evaluate", "mine:near", "--program", "program.py"), "did you mean mine.py:near?")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("workers", 0, "workers must be a whole number, at least 1, not 0"),
        ("attempts", "x", "attempts must be a whole number, at least 1, not 'x'"),
        ("attempts", 0, "as many as the task says"),
        ("seed", -1, "seed must be a whole number, at least 0, not -1"),
        ("seconds", "1", "seconds must be a positive number, not '1'"),
        ("cpu_seconds", float("nan"), "no limit"),
    ],
)
def test_an_option_that_is_wrong_from_python(option: str, value: Any, words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)):
        api.improve("task.py", **{option: value})


@pytest.mark.parametrize("place", ["/proc/rung", "/sys/rung", "/dev/null/rung"])  # root cannot write there either
def test_a_workspace_that_cannot_be_written(rung: Command, place: str) -> None:
    says(rung(*IMPROVE, "--workspace", place), place, code=1)


def test_a_full_disk_loses_nothing(rung: Command, workshop: Path) -> None:
    small = workshop / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        ended = rung(
            "improve", "task.py", "--improver", "steps", "--attempts", 900, "--seed", 1, "--workspace", small / "w"
        )
        says(ended, "disk", "run the same command again", code=1)
        assert rung("verify", "--workspace", small / "w", "--sample", 1).code == 0
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_names_from_programs_cannot_steer_a_terminal(rung: Command, workshop: Path) -> None:
    (workshop / "program.py").write_text("def guess(x):\n    raise ValueError('\\x1b[2J[bold]loud')\n")
    ended = rung("evaluate", "task.py", "--program", "program.py")
    assert ended.code == 1
    assert "\x1b" not in ended.out
    assert "[bold]loud" in ended.out

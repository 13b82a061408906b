"""A workshop for tests of the command line: a tiny task, an improver that needs no luck, and the command itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rung.cli.app import main

TASK = """
import rung

@rung.task(goal="Return a number close to 40.", program="program.py", entry="program.py:guess",
           train=range(3), validation=range(3, 6), held_out=rung.fresh(4), bound=0.0)
def near(case, trial):
    answer = trial.run(case.input)
    if type(answer) is not int:
        raise rung.Invalid("an integer was expected")
    return -abs(answer - 40)
"""
PROGRAM = "def guess(x):\n    return 0\n"
# Every tenth child is better than all before; the others are worse, broken or slow to be so.
IMPROVER = """
from rung_host import Child

def improve(brief, host):
    for number in range(1, brief.attempts + 1):
        value = number // 10 if number % 10 == 0 else -number
        body = "1 / 0" if number % 7 == 3 else str(value)
        spin = "sum(range(30_000))"
        source = f"def guess(x):\\n    {spin}\\n    return {body}  # {number}\\n"
        host.evaluate([Child({"program.py": source}, brief.program["id"], f"step-{number % 3}")])
        host.log(**{"count.share": 1.0, "count.cost": number, "count.earned": 0.1})
"""
CRASHING = "def improve(brief, host):\n    raise OSError('no idea left')\n"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where passed self-tests of sandboxes are remembered, so that not every test repeats them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path, empty_home: None) -> Path:  # noqa: ARG001
    """A working directory with task.py, program.py and the folders `steps` and `crash`, two improvers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "workshop"
    for name, text in (
        ("task.py", TASK),
        ("program.py", PROGRAM),
        ("steps/improver.py", IMPROVER),
        ("crash/improver.py", CRASHING),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def rung(workshop: Path, capsys: pytest.CaptureFixture[str]) -> Command:  # noqa: ARG001 - it is the working directory
    """The command, run in this process."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Ended(code, out, err)

    return run


@pytest.fixture
def started(workshop: Path) -> Callable[..., subprocess.Popen[str]]:
    """The command, started in a process of its own."""

    def start(*arguments: object, group: bool = False) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "rung", *map(str, arguments)],
            cwd=workshop,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=group,
        )

    return start

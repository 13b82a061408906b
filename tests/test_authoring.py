"""What a person hands over is checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rung.authoring import load_tasks
from rung.errors import BadInput
from rung.records import Task

FILE = """
import rung

@rung.task(goal="g", program={program!r}, entry="a.py:f", train=[1], validation=[2], held_out=[3]{more})
def judge(case, trial):
    return float(trial.run(case.input))
"""


def load(folder: Path, *, program: str = ".", more: str = "", source: str = "def f(x):\n    return x\n") -> Task:
    """Returns the task in a folder."""
    (folder / "a.py").write_text(source)
    (folder / "task.py").write_text(FILE.format(program=program, more=more))
    return load_tasks(folder / "task.py")["judge"]


def test_the_evaluator_is_no_part_of_the_program(tmp_path: Path) -> None:
    """Not even when both lie in one folder."""
    assert set(load(tmp_path).program.files) == {"a.py"}


def test_patterns_that_match_nothing_are_refused(tmp_path: Path) -> None:
    """A search space of nothing is a mistake."""
    with pytest.raises(BadInput, match=r"matches no file of the program: a\.py"):
        load(tmp_path, more=', editable=("nosuch.py",)')


@pytest.mark.parametrize(
    "source",
    [
        "# EVOLVE-BLOCK-START\ndef f(x):\n    return x\n",
        "def f(x):\n    return x\n# EVOLVE-BLOCK-END\n",
        "# EVOLVE-BLOCK-END\ndef f(x):\n    return x\n# EVOLVE-BLOCK-START\n",
        "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-START\ndef f(x):\n    return x\n# EVOLVE-BLOCK-END\n",
    ],
)
def test_markers_come_in_pairs(source: str, tmp_path: Path) -> None:
    """A marker that protects nothing is a mistake."""
    with pytest.raises(BadInput, match=r"EVOLVE-BLOCK-START needs its EVOLVE-BLOCK-END"):
        load(tmp_path, source=source)


def test_two_folders_of_one_name_do_not_meet(tmp_path: Path) -> None:
    """Tasks are told apart by where they are."""
    for parent in ("one", "two"):
        folder = tmp_path / parent / "same"
        folder.mkdir(parents=True)
        assert load(folder, source=f"def f(x):\n    return '{parent}'\n").program.files["a.py"].count(parent) == 1  # type: ignore[arg-type]

"""A child changes only what it may change."""

from __future__ import annotations

import pytest

from rung.kernel.scope import fixed_text, violation
from rung.records import Program

BLOCK = """import math
# EVOLVE-BLOCK-START
def f(x):
    return x
# EVOLVE-BLOCK-END
LIMIT = 3
"""


def program(text: str, **more: str) -> Program:
    """Returns a program of main.py and more files."""
    return Program({"main.py": text, **{f"{name}.py": value for name, value in more.items()}}, "main.py:f")


def test_inside_the_region_everything_goes() -> None:
    """The region's own lines are free."""
    assert violation(program(BLOCK), program(BLOCK.replace("return x", "return x + 1\n    # more")), None) is None


@pytest.mark.parametrize(
    "changed",
    [
        BLOCK.replace("LIMIT = 3", "LIMIT = 30"),
        BLOCK.replace("import math", "import os"),
        BLOCK.replace("# EVOLVE-BLOCK-END\n", ""),
        BLOCK.replace("# EVOLVE-BLOCK-END\n", "") + "# EVOLVE-BLOCK-END\n",
        BLOCK.replace("# EVOLVE-BLOCK-START\n", ""),
        BLOCK + "# EVOLVE-BLOCK-START\nx = 1\n# EVOLVE-BLOCK-END\n",
        "# EVOLVE-BLOCK-START\n" + BLOCK,
        BLOCK.replace("    return x\n", "    return x\n# EVOLVE-BLOCK-END\nLIMIT = 9\n# EVOLVE-BLOCK-START\n"),
    ],
)
def test_nothing_outside_the_region_changes(changed: str) -> None:
    """Moved, doubled and dropped markers are changes outside as well."""
    assert violation(program(BLOCK), program(changed), None) is not None


def test_files_that_are_not_editable_stay() -> None:
    """Changed, removed and added files are held against the patterns."""
    seed = program("def f(x): return x\n", judge="score = 1\n")
    assert violation(seed, seed.edit({"main.py": "def f(x): return 2\n"}), ("main.py",)) is None
    assert violation(seed, seed.edit({"judge.py": "score = 2\n"}), ("main.py",)) == "judge.py may not be changed"
    assert violation(seed, seed.edit({"judge.py": None}), ("main.py",)) == "judge.py may not be changed"
    assert violation(seed, seed.edit({"json.py": "x"}), ("main.py",)) == "json.py may not be changed"
    assert violation(seed, seed.edit({"lib/new.py": "x"}), ("main.py", "lib/*")) is None
    assert violation(seed, Program(dict(seed.files), "judge.py:score"), None) is not None


def test_a_file_without_markers_has_no_fixed_part() -> None:
    """Markers are opt-in per file."""
    assert fixed_text("a = 1\n") == []
    assert violation(program("a\n"), program("b\n"), None) is None

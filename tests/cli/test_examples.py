"""The examples are what a user's first task looks like: each is made better in a few attempts."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from .conftest import Command


@pytest.mark.parametrize(
    ("example", "file"), [("binpack.py", None), ("thermometer", "reading.py"), ("delivery", "van.py")]
)
def test_an_example_is_made_better(rung: Command, root: Path, workshop: Path, example: str, file: str | None) -> None:
    """And what may not be edited was not: a whole file, or what stands above the region that may be."""
    task = root / "examples" / example
    ended = rung("improve", task, "--attempts", 40, "--seed", 1, "--cpu-seconds", 20, "--quiet", "--json")
    assert ended.code == 0, ended.err
    made = json.loads(ended.out)
    assert made["incumbent"]["value"] > made["seed"]["value"]
    assert made["held_out"]["gain"] > 0
    if file is not None:
        assert rung("export", made["run"], "out").code == 0
        fixed = (task / "program" / file).read_text().partition("# EVOLVE-BLOCK-START")[0]
        assert (workshop / "out" / file).read_text().startswith(fixed)


def test_an_example_is_short_enough_to_be_one(root: Path) -> None:
    for path in (root / "examples").rglob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path
    source = (root / "examples/binpack.py").read_text()
    function = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    assert (function.end_lineno or 0) - function.decorator_list[0].lineno < 20

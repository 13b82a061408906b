"""The examples are what a user's first task looks like: each is made better in a few attempts."""

from __future__ import annotations

import ast
import calendar
import json
import re
from pathlib import Path

import pytest
from tests.models.server import Handler, completion, serving

from .conftest import Command

MONTHS = list(calendar.month_name)[1:]


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


PROMPTER = """
from rung_host import Child

def improve(brief, host):
    for text in ("Which day?\\n{text}", "Write only the date as YYYY-MM-DD.\\n{text}"):
        host.evaluate([Child({"prompt.md": text}, brief.program["id"], "word")])
"""


def reads_dates(handler: Handler) -> None:
    """Answers as a model would that reads every date, and says it in a sentence unless it is told not to."""
    asked = handler.asked["messages"][0]["content"]
    month = next(number for number, name in enumerate(MONTHS, start=1) if name in asked)
    day, year = (re.search(pattern, asked) for pattern in (r"\b\d{1,2}\b", r"\b\d{4}\b"))
    assert day is not None
    assert year is not None
    date = f"{year[0]}-{month:02}-{int(day[0]):02}"
    handler.say(200, completion(date if "only" in asked else f"The date is {date}."))


def test_a_prompt_is_made_better(rung: Command, root: Path, workshop: Path) -> None:
    (workshop / "words").mkdir()
    (workshop / "words" / "improver.py").write_text(PROMPTER)
    with serving() as server:
        server.answer = reads_dates
        address = f"http://127.0.0.1:{server.port}/v1#small"
        asked = ("--task-model", address, "--max-tokens", 100_000, "--improver", "words")
        ended = rung("improve", root / "examples" / "prompt", *asked, "--seed", 1, "--json")
    assert ended.code == 0, ended.err
    made = json.loads(ended.out)
    assert (made["seed"]["value"], made["incumbent"]["value"], made["held_out"]["gain"]) == (0.5, 1.0, 0.5)
    assert made["spent"]["tokens"] == 10 * len(server.seen)
    verified = json.loads(rung("verify", "--json").out)  # the server is gone: what it said is on record
    assert [one["value"] for one in verified["rescored"]] == [1.0, 0.5]
    assert rung("export", made["run"], "out").code == 0
    assert rung("replay", made["run"]).code == 0


def test_an_example_is_short_enough_to_be_one(root: Path) -> None:
    for path in (root / "examples").rglob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path
    source = (root / "examples/binpack.py").read_text()
    function = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    assert (function.end_lineno or 0) - function.decorator_list[0].lineno < 20

"""`rung replay`: what it prints, what it refuses, and what it says when a run does not come again."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import QUICK, kernel
from tests.test_recursion import IMPROVER
from tests.test_recursion import line as slope_task

from rung.kernel.identity import Request
from rung.kernel.ledger.sqlite import read_ledger
from rung.recursion import improver_task

from .conftest import Command

IMPROVE = ("improve", "task.py", "--improver", "steps", "--quiet", "--json")
CLOCK = """
import time
from rung_host import Child

def improve(brief, host):
    source = f"def guess(x):\\n    return {time.time_ns()}\\n"
    host.evaluate([Child({"program.py": source}, brief.program["id"], "late")])
"""


def recorded(rung: Command, *options: object) -> str:
    return str(json.loads(rung(*IMPROVE, *options).out)["run"])


@pytest.fixture
def run(rung: Command) -> str:
    """A finished run."""
    return recorded(rung, "--seed", 7, "--attempts", 12)


def test_people_see_both_heads(rung: Command, run: str, workshop: Path) -> None:
    with closing(read_ledger(workshop / ".rung")) as ledger:
        seq, digest = ledger.head()
    ended = rung("replay", run[:6])
    assert ended.code == 0
    assert ended.out.count(f"{seq} {digest}") == 2
    assert "the same ledger head" in ended.out
    assert f"run {run} of near is executed again" in ended.err
    assert rung("replay", run, "--quiet").err == ""


def test_the_document_is_the_documented_one(rung: Command, run: str, root: Path) -> None:
    ended = rung("replay", run, "--json")
    section = (root / "docs/command-line.md").read_text().partition("## `rung replay RUN`")[2]
    documented: Any = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])
    made: Any = json.loads(ended.out)
    assert {name: type(value) for name, value in made.items()} == {k: type(v) for k, v in documented.items()}
    assert made["head"].keys() == documented["head"].keys()
    assert (made["same"], made["difference"], made["model_answers"]) == (True, None, 0)


def test_several_runs_in_one_ledger_have_a_head_each(rung: Command, run: str) -> None:
    other = recorded(rung, "--seed", 8, "--attempts", 9, "--workers", 2)
    first, second = (json.loads(rung("replay", each, "--json").out) for each in (run, other))
    assert first["same"] is second["same"] is True
    assert first["head"]["seq"] + second["events"] == second["head"]["seq"]


def test_nothing_is_written_into_the_workspace(rung: Command, run: str, workshop: Path) -> None:
    with closing(read_ledger(workshop / ".rung")) as ledger:
        before = ledger.head()
    rung("replay", run)
    with closing(read_ledger(workshop / ".rung")) as ledger:
        assert ledger.head() == before


def test_the_installed_improver_may_be_another_one_by_now(rung: Command, run: str, workshop: Path) -> None:
    (workshop / "steps/improver.py").write_text("def improve(brief, host):\n    pass\n")
    assert rung("replay", run).code == 0


def test_a_run_that_does_not_come_again_says_where_it_differs(rung: Command, workshop: Path) -> None:
    (workshop / "steps/improver.py").write_text(CLOCK)
    run = recorded(rung, "--seed", 7)
    ended = rung("replay", run, "--json", "--quiet")
    document: Any = json.loads(ended.out)
    assert ended.code == 1
    assert document["same"] is False
    assert document["difference"]["field"] == "program.files.program.py"
    assert document["difference"]["recorded"] != document["difference"]["now"]
    assert document["difference"]["sentence"] in ended.err
    assert f"rung: run {run} does not come to the recorded head: event" in ended.err


def test_an_agent_is_not_started_again(rung: Command, workshop: Path) -> None:
    agent = workshop / "agent.sh"
    agent.write_text(
        "#!/bin/sh\nif [ $(wc -c < program.py) -lt 40 ]; then sed -i 's/return /return 1/' program.py; fi\n"
    )
    agent.chmod(0o755)
    options = ("--improver", f"cmd:{agent}", "--seed", 5, "--attempts", 3, "--sandbox", "process")
    ended = rung("improve", "task.py", *options, "--quiet", "--json")
    run = json.loads(ended.out)["run"]
    assert json.loads(ended.out)["incumbent"]["value"] > -40
    agent.unlink()
    assert json.loads(rung("replay", run, "--json").out)["same"] is True


def test_another_task_is_refused(rung: Command, run: str, workshop: Path) -> None:
    task = workshop / "task.py"
    task.write_text(task.read_text().replace("answer - 40", "answer - 41"))
    ended = rung("replay", run)
    assert (ended.code, ended.out) == (2, "")
    assert "has changed since run" in ended.err
    task.unlink()
    assert "no longer there" in rung("replay", run).err


def test_a_part_of_a_run_is_replayed_with_the_whole(rung: Command, workshop: Path) -> None:
    made = kernel(workshop / "parts")
    task = improver_task(IMPROVER, slope_task, train=1, validation=1, attempts=1, limits=QUICK)
    made.improve(task, IMPROVER, Request(seed=3))
    inner = next(event for event in made.ledger.read(types=("run_start",)) if event.parent_run)
    made.ledger.close()
    ended = rung("replay", inner.run, "--workspace", "parts")
    assert ended.code == 2
    assert f"is a part of run {inner.parent_run}: replay that one" in ended.err


def test_what_is_not_there_is_a_sentence(rung: Command, run: str) -> None:
    assert rung("replay", "zzz").code == 2
    ended = rung("replay", run, "--workspace", "elsewhere")
    assert ended.code == 2
    assert "there is no ledger in elsewhere" in ended.err

"""An improver is a program like any other: the same verb improves it, and improves what improves it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import QUICK, bodies, kernel

import rung
from rung.errors import BadInput
from rung.kernel.gate import Rules
from rung.kernel.identity import Request
from rung.kernel.ledger.verify import verify_chain
from rung.kernel.trial import Trial
from rung.records import Case, Program, Task, as_cases
from rung.recursion import ascend, headway, improver_task

STEP = """
import random
from rung_host import Child

STEP = 0.01


def improve(brief, host):
    rng = random.Random(brief.seed)
    name = next(iter(brief.program["files"]))
    text = brief.program["files"][name]
    start = float(text.partition("STEP = " if "STEP = " in text else "K = ")[2].split()[0])
    best, k, parent = brief.value, start, brief.program["id"]
    while True:
        if "STEP = " in text:
            value = k * rng.choice([0.1, 200.0])
            source = text.replace(f"STEP = {start!r}", f"STEP = {value!r}", 1)
        else:
            value = k + rng.gauss(0, STEP)
            source = text.replace(f"K = {start!r}", f"K = {value!r}", 1)
        result = host.evaluate([Child({name: source}, brief.program["id"], "tune")])[0]
        if result.value is not None and result.value > best:
            best, k = result.value, value
"""
IMPROVER = Program({"improver.py": STEP}, "improver.py:improve")


def slope(case: Case, trial: Trial) -> float:
    """Returns 1 for slope 5, less the farther away."""
    assert isinstance(case.input, int)
    y = trial.run(1.0)
    if not isinstance(y, float):
        raise rung.Invalid("no number")
    return 1.0 / (1.0 + abs(y - 5.0))


def line(seed: int) -> Task:
    """A task for improvers: from some slope to 5, in five attempts."""
    k = 1.0 + seed % 3
    program = Program({"line.py": f"K = {k!r}\n\n\ndef f(x):\n    return K * x\n"}, "line.py:f")
    return Task(
        name=f"line-{seed}",
        goal="Find the slope.",
        program=program,
        evaluate=slope,
        train=as_cases("train", [1]),
        validation=as_cases("validation", [1]),
        held_out=as_cases("held_out", [2]),
        limits=QUICK,
        attempts=5,
        bound=1.0,
    )


def test_the_same_verb_improves_an_improver(tmp_path: Path) -> None:
    """Given itself as the program, it finds a step with which it finds slopes."""
    k = kernel(tmp_path / "w")
    task = improver_task(IMPROVER, line, train=1, validation=1, attempts=3)
    outcome = k.improve(task, IMPROVER, Request(seed=3))
    text = outcome.incumbent.program.files["improver.py"]
    assert isinstance(text, str)
    assert "STEP = 0.01" not in text
    assert outcome.incumbent.value > 2 * outcome.start.value
    inner = [event for event in k.ledger.read(types=("run_start",)) if event.parent_run == outcome.run]
    assert len(inner) >= 4
    assert verify_chain(tmp_path / "w" / "ledger.sqlite").problems == ()


def test_level_three_needs_no_new_code(tmp_path: Path) -> None:
    """A task of tasks of improvers: the middle improver is improved by how well it improves improvers."""

    def middle(seed: int) -> Task:
        task = improver_task(
            IMPROVER, line, train=1, validation=1, attempts=2, epoch=seed % 1000, name=f"middle-{seed}"
        )
        return replace(task, attempts=2)

    k = kernel(tmp_path / "w")
    outcome = k.improve(improver_task(IMPROVER, middle, train=1, validation=1, attempts=1), IMPROVER, Request(seed=1))
    depth = {event.run: event.parent_run for event in k.ledger.read(types=("run_start",))}

    def level(run: str | None) -> int:
        return 0 if run is None else 1 + level(depth[run])

    assert max(level(run) for run in depth) == 3
    assert outcome.stop_reason == "attempts used up"


def test_climbing_goes_through_the_gate(tmp_path: Path) -> None:
    """A generation is adopted on fresh pairs only, and every pair is on record."""
    k = kernel(tmp_path / "w")
    rules = Rules(alpha=1.0, most=30)
    steps = list(ascend(IMPROVER, line, kernel=k, rules=rules, generations=2, seed=3, tasks=1))
    verdicts = [step.verdict for step in steps if step.verdict is not None]
    assert verdicts
    assert sum(verdict.cases for verdict in verdicts) == len(bodies(k, "pair"))
    for step, before in zip(steps, [IMPROVER, *(step.improver for step in steps)], strict=False):
        assert (step.improver.id != before.id) == (step.verdict is not None and step.verdict.admitted)
    assert steps[-1].improver.id != IMPROVER.id


def test_two_levels_from_one_seed_are_equal_to_the_last_byte(tmp_path: Path) -> None:
    """Programs, scores and verdicts of two workspaces are the same."""

    def trace(workspace: Path) -> list[object]:
        k = kernel(workspace)
        k.improve(improver_task(IMPROVER, line, train=1, validation=1, attempts=2), IMPROVER, Request(seed=9))
        return [(b["program"], b["evaluation"]["scores"]) for b in bodies(k, "evaluation")]

    assert trace(tmp_path / "a") == trace(tmp_path / "b")


def test_headway_is_a_share_of_what_there_was_to_gain(tmp_path: Path) -> None:
    """It lies in [0, 1] with and without a bound."""
    k = kernel(tmp_path / "w")
    task = line(0)
    big = Program({"improver.py": STEP.replace("0.01", "2.0")}, "improver.py:improve")
    outcome = k.improve(task, big, Request(seed=2))
    assert 0.0 < headway(task, outcome) <= 1.0
    assert 0.0 < headway(replace(task, bound=None), outcome) < 1.0


def test_improvers_are_improved_with_one_worker(tmp_path: Path) -> None:
    """An option that cannot be honoured is an error, not something else quietly."""
    k = kernel(tmp_path / "w", workers=2)
    with pytest.raises(BadInput, match="one worker"):
        k.improve(improver_task(IMPROVER, line, train=1, validation=1, attempts=1), IMPROVER, Request(seed=1))


def test_an_improver_is_confirmed_by_runs_of_its_own(tmp_path: Path) -> None:
    """The second backend runs the inner runs anew, and none is answered from the record of the first."""
    k = kernel(tmp_path / "w")
    outcome = k.improve(improver_task(IMPROVER, line, train=1, validation=1, attempts=3), IMPROVER, Request(seed=3))
    inner = [event for event in k.ledger.read(types=("run_start",)) if event.parent_run == outcome.run]
    backends: dict[str, set[str]] = {}
    for event in inner:
        body: Any = event.body
        backends.setdefault(body["improver"], set()).add(body["sandbox"])
    assert len({event.run for event in inner}) == len(inner)
    for event in k.ledger.read(run=outcome.run, types=("rescore",)):
        rescored: Any = event.body
        assert backends[rescored["program"]] == {outcome.sandbox, outcome.rescored_by}
    assert outcome.rescored_by != outcome.sandbox

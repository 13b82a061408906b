"""What a search does with proposals: refuse, confirm, quarantine, resume parts, and end."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import CLIMB, LINE, LINE_TASK, QUICK, bodies, improver, kernel, line, logged, proposing

from rung.errors import BadInput
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.kernel.kernel import Settings
from rung.kernel.trial import Trial
from rung.records import Case, Program


def test_kernel_settings_stay_few() -> None:
    """Search knobs live in improvers."""
    assert len(fields(Settings)) + len(fields(Request)) <= 10


def test_a_seed_program_that_fails_is_the_users_to_mend(tmp_path: Path) -> None:
    """The sentence says which task and why."""
    task = replace(LINE_TASK, program=Program({"line.py": "def f(x):\n    return 1 / 0\n"}, "line.py:f"))
    with pytest.raises(BadInput, match=r"fails before anything was changed.*ZeroDivisionError"):
        kernel(tmp_path / "w").improve(task, improver(CLIMB), Request(seed=1))


def test_an_improver_that_crashes_keeps_what_was_found(tmp_path: Path) -> None:
    """The outcome holds the incumbent so far and says what happened."""
    source = proposing(line(3.0)).files["improver.py"]
    assert isinstance(source, str)
    crashing = improver(source.replace("return None", "raise RuntimeError('enough')"))
    outcome = kernel(tmp_path / "w").improve(LINE_TASK, crashing, Request(seed=1))
    assert outcome.stop_reason.startswith("the improver failed: RuntimeError: enough")
    assert outcome.incumbent.value == pytest.approx(-1.125)


def test_what_may_not_be_edited_is_refused_unrun(tmp_path: Path) -> None:
    """A child that edits the judge's files is invalid, and says why."""
    task = replace(
        LINE_TASK,
        program=Program({"line.py": LINE, "fixed.py": "x = 1\n"}, "line.py:f"),
        editable=("line.py",),
    )
    k = kernel(tmp_path / "w")
    k.improve(task, proposing("x = 2\n", file="fixed.py"), Request(seed=1))
    assert logged(k)[0]["status"] == "invalid"
    assert logged(k)[0]["feedback"] == ["fixed.py may not be changed"]


def test_a_denied_system_call_quarantines_the_lineage(tmp_path: Path) -> None:
    """Its children are refused unrun, however good they are."""
    hostile = "import ctypes\ndef f(x):\n    ctypes.CDLL(None).syscall(321, 0, 0, 0)\n    return x\n"
    source = improver(f"""
from rung_host import Child
def improve(brief, host):
    bad = host.evaluate([Child({{"line.py": {hostile!r}}}, brief.program["id"])])[0]
    good = host.evaluate([Child({{"line.py": {line(3.25)!r}}}, bad.id)])[0]
    host.log(bad=bad.status, good=good.status, why=list(good.feedback))
""")
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, source, Request(seed=1))
    entry = logged(k)[0]
    assert (entry["bad"], entry["good"]) == ("error", "invalid")
    assert "quarantine" in entry["why"][0]
    assert outcome.incumbent.program.id == LINE_TASK.program.id


def test_two_backends_must_agree(tmp_path: Path) -> None:
    """A program that answers otherwise when it is asked again never counts."""
    coin = "import os\ndef f(x):\n    return 3.25 * x + int.from_bytes(os.urandom(4), 'big') * 1e-12\n"
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, proposing(coin, line(3.0)), Request(seed=1))
    assert [entry["incumbent"] for entry in logged(k)] == [False, True]
    assert outcome.incumbent.value == pytest.approx(-1.125)


def test_partial_evaluations_cost_one_attempt_with_their_rest(tmp_path: Path) -> None:
    """First one case, then all: one attempt, the same scores, and only the whole may win."""
    source = improver(f"""
from rung_host import Child
def improve(brief, host):
    child = Child({{"line.py": {line(3.25)!r}}}, brief.program["id"])
    part = host.evaluate([child], cases=1)[0]
    whole = host.evaluate([child])[0]
    host.log(part=list(part.scores), whole=list(whole.scores), won=[part.incumbent, whole.incumbent])
    host.evaluate([child])
    host.log(left="one more attempt was there")
    host.evaluate([child])
    host.log(left="and another")
""")
    k = kernel(tmp_path / "w")
    outcome = k.improve(replace(LINE_TASK, bound=None), source, Request(seed=1, attempts=2))
    assert logged(k)[0] == {"part": [0.0], "whole": [0.0, 0.0, 0.0], "won": [False, True]}
    assert len(logged(k)) == 2
    assert outcome.incumbent.value == 0.0


def test_the_same_part_asked_again_is_the_same(tmp_path: Path) -> None:
    """Twice in a row or twice in a batch: no score is counted double, and nothing breaks."""
    source = improver(f"""
from rung_host import Child
def improve(brief, host):
    child = Child({{"line.py": {line(3.0)!r}}}, brief.program["id"])
    parts = host.evaluate([child, child], cases=2) + host.evaluate([child], cases=2) + host.evaluate([child], cases=1)
    whole = host.evaluate([child, child])
    host.log(parts=[list(part.scores) for part in parts], whole=[list(each.scores) for each in whole])
""")
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, source, Request(seed=1))
    assert outcome.stop_reason == "the improver ended"
    assert logged(k) == [{"parts": [[-0.25, -0.5]] * 4, "whole": [[-0.25, -0.5, -0.75]] * 2}]


def test_a_cpu_budget_ends_thinking_in_time(tmp_path: Path) -> None:
    """What evaluations have used is no longer there for the improver, even when it thinks in silence."""
    k = kernel(tmp_path / "w")
    source = improver(f"""
from rung_host import Child
def improve(brief, host):
    busy = {line(3.0)!r}.replace("return", "sum(range(4 * 10 ** 6)); return")
    host.evaluate([Child({{"line.py": busy}}, brief.program["id"])])
    while True: pass
""")
    outcome = k.improve(LINE_TASK, source, Request(seed=1, allowance=Allowance(cpu_seconds=1.0)))
    assert outcome.stop_reason == "budget of CPU seconds used up"
    assert outcome.spent.cpu_seconds < 1.7


def test_at_the_proven_bound_there_is_nothing_left_to_do(tmp_path: Path) -> None:
    """The run ends with that reason instead of spending the rest."""
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, proposing(line(3.25), line(3.0), line(2.0)), Request(seed=1))
    assert outcome.stop_reason.startswith("the proven bound is reached")
    assert (outcome.incumbent.value, len(bodies(k, "evaluation"))) == (0.0, 2)


def test_an_answer_that_the_evaluator_cannot_digest_is_invalid(tmp_path: Path) -> None:
    """It digested the task's own program's; the run goes on, and the sentence says what was raised where."""

    def evaluate(case: Case, trial: Trial) -> float:
        answer: Any = trial.run(case.input)
        return -abs(float(sum(answer)) - 5)

    task = replace(
        LINE_TASK, evaluate=evaluate, program=Program({"line.py": "def f(x):\n    return [x]\n"}, "line.py:f")
    )
    k = kernel(tmp_path / "w")
    outcome = k.improve(task, proposing("def f(x):\n    return x\n", "def f(x):\n    return [x, 1]\n"), Request(seed=1))
    assert [entry["status"] for entry in logged(k)] == ["invalid", "ok"]
    assert "TypeError" in logged(k)[0]["feedback"][0]
    assert outcome.stop_reason == "the improver ended"


def test_a_candidate_that_sleeps_costs_its_share_of_waiting_once(tmp_path: Path) -> None:
    """Wall time is bounded for all answers together, not for each alone."""

    def evaluate(case: Case, trial: Trial) -> float:
        for _ in range(20):
            trial.run(case.input)
        return -1.0

    task = replace(LINE_TASK, evaluate=evaluate, limits=replace(QUICK, wall_seconds=0.5))
    k = kernel(tmp_path / "w")
    k.improve(task, proposing("import time\ndef f(x):\n    time.sleep(0.3)\n    return 1\n"), Request(seed=1))
    assert logged(k)[0]["status"] == "timeout"


def test_an_improver_cannot_flood_the_ledger_or_ask_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Log entries are capped per run, and asking without ever proposing ends."""
    monkeypatch.setattr("rung.kernel.host.MAX_LOGS", 5)
    monkeypatch.setattr("rung.kernel.host.MAX_IDLE", 20)
    source = improver("""
def improve(brief, host):
    while True:
        try:
            host.log(x=1)
        except ValueError:
            pass
""")
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, source, Request(seed=1))
    assert len(logged(k)) == 5
    assert "asked 20 things in a row and proposed nothing" in outcome.stop_reason

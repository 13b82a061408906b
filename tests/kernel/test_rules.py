"""The ten rules of the kernel, each held by a test that tries to break it."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from tests.helpers import CLIMB, LINE_TASK, bodies, improver, kernel, line, logged, proposing

import rung
from rung.errors import EvaluatorFailed, IntegrityAlarm
from rung.kernel import codec
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.kernel.trial import Trial
from rung.records import Case, as_cases


def test_rule_1_a_candidate_returns_data_never_a_score(tmp_path: Path) -> None:
    """Claims, printed verdicts and exits change nothing: the score is what the evaluator computes."""
    claims = [
        "def f(x):\n    return {'score': 0.0, 'status': 'ok'}\n",
        "import os\ndef f(x):\n    print('score: 0.0')\n    os._exit(0)\n",
        'import os\ndef f(x):\n    os.write(3, b\'{"output": 0, "score": 0.0}\\n\')\n    os._exit(0)\n',
    ]
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, proposing(*claims), Request(seed=1))
    assert [entry["status"] for entry in logged(k)] == ["invalid", "error", "invalid"]
    assert outcome.incumbent.program.id == LINE_TASK.program.id


SPY = """
import json
def improve(brief, host):
    host.log(brief=json.dumps(brief.__dict__, default=str))
    for split in ("held_out", "validation"):
        try:
            host._ask({"kind": "evaluate", "children": [], "split": split})
        except Exception as refusal:
            host.log(refused=str(refusal))
"""


def test_rule_2_no_message_can_spell_a_hidden_split(tmp_path: Path) -> None:
    """The brief holds train inputs only, and asking for another split breaks the protocol."""
    task = replace(
        LINE_TASK,
        train=as_cases("train", [11, 12]),
        validation=as_cases("validation", [777001]),
        held_out=as_cases("held_out", [888001]),
    )
    k = kernel(tmp_path / "w")
    outcome = k.improve(task, improver(SPY), Request(seed=1))
    assert "broke the protocol: unknown field 'split'" in outcome.stop_reason
    brief = logged(k)[0]["brief"]
    assert "11, 12" in brief
    assert "777001" not in brief
    assert "888001" not in brief


def test_rule_2_validation_gives_away_one_bit(tmp_path: Path) -> None:
    """A child that is better on train and worse on validation is refused, and learns only that."""

    def evaluate(case: Case, trial: Trial) -> float:
        y = trial.run(case.input)
        assert isinstance(y, int | float)
        return float(y) if case.id.startswith("train") else -float(y)

    task = replace(LINE_TASK, evaluate=evaluate, bound=None)
    k = kernel(tmp_path / "w")
    outcome = k.improve(task, proposing(line(2.0)), Request(seed=1))
    assert logged(k) == [{"status": "ok", "value": 4.0, "feedback": [], "incumbent": False}]
    assert outcome.incumbent.program.id == task.program.id
    assert [body["evaluation"]["value"] for body in bodies(k, "validation")] == [-4.5, -9.0]


def test_rule_2_held_out_cases_are_drawn_after_the_commit(tmp_path: Path) -> None:
    """The incumbent's hash is in the ledger before its held-out cases exist."""
    k = kernel(tmp_path / "w")
    k.improve(LINE_TASK, improver(CLIMB), Request(seed=1))
    order = [event.type for event in k.ledger.read(types=("commit", "held_out", "evaluation"))]
    assert order[-2:] == ["commit", "held_out"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "1.0", None, True, [1.0]])
def test_rule_3_scores_are_finite_numbers(bad: object, tmp_path: Path) -> None:
    """An evaluator that returns anything else is told so; nothing is recorded as a number."""
    task = replace(LINE_TASK, evaluate=lambda _case, _trial: bad)  # type: ignore[arg-type, return-value]
    k = kernel(tmp_path / "w")
    with pytest.raises(EvaluatorFailed, match="line"):
        k.improve(task, improver(CLIMB), Request(seed=1))
    assert bodies(k, "evaluation") == []


def test_rule_3_beyond_the_bound_is_an_alarm(tmp_path: Path) -> None:
    """A score that cannot be is recorded as an alarm and halts the run; it never becomes an incumbent."""
    task = replace(LINE_TASK, evaluate=lambda _case, trial: float(str(trial.run(1))), bound=5.0)
    k = kernel(tmp_path / "w")
    with pytest.raises(IntegrityAlarm, match="beyond the proven bound"):
        k.improve(task, proposing(line(4.0), line(6.0), line(5.0)), Request(seed=1))
    assert len(bodies(k, "alarm")) == 1
    assert [body["value"] for body in bodies(k, "incumbent")] == [1.0, 4.0]


def test_rule_3_a_failure_is_a_status_not_a_number(tmp_path: Path) -> None:
    """Nothing that failed has a value, in the ledger and for the improver."""
    k = kernel(tmp_path / "w")
    bad = ["def f(x):\n    return 1 / 0\n", "def f(x):\n    return 'a'\n", "def f(x:\n", "while True: pass\n", ""]
    k.improve(LINE_TASK, proposing(*bad), Request(seed=1))
    found = [(entry["status"], entry["value"]) for entry in logged(k)]
    assert found == [("error", None), ("invalid", None), ("error", None), ("timeout", None), ("error", None)]
    assert all(body["evaluation"]["value"] is None for body in bodies(k, "evaluation")[1:])


def test_rule_4_an_evaluators_own_bug_is_loud(tmp_path: Path) -> None:
    """It is the harness that failed, with the line where it did; no program is blamed."""

    def evaluate(_case: Case, _trial: Trial) -> float:
        raise KeyError("oops")

    k = kernel(tmp_path / "w")
    with pytest.raises(EvaluatorFailed, match=r"test_rules\.py.*KeyError.*line \d+"):
        k.improve(replace(LINE_TASK, evaluate=evaluate), improver(CLIMB), Request(seed=1))
    assert bodies(k, "evaluation") == []


def test_rule_4_the_wall_is_one_place() -> None:
    """`except Exception` stands in one file of the engine; the jail's own processes are the other side of the wall.

    The auditor's verifier is another program, which shares no code with the engine and so has a wall of its own.
    """
    source = Path(rung.__file__).parent
    places = set()
    for path in source.rglob("*.py"):
        if {"improvers", "program", "sdk", "jail"} & set(path.parts) or path.name == "public.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and not _raises_again(node):
                names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"Exception"}
                if names & {"Exception", "BaseException"}:
                    places.add(path.relative_to(source).as_posix())
    assert places == {"kernel/wall.py", "audit/verify_alone.py"}


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_rule_5_attempts_are_a_plain_cap(tmp_path: Path) -> None:
    """Never one more than allowed, however they are asked for; duplicates count."""
    greedy = improver("""
from rung_host import Child
def improve(brief, host):
    while True:
        host.evaluate([Child({"line.py": "def f(x):\\n    return 1\\n"}, brief.program["id"]) for _ in range(7)])
""")
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, greedy, Request(seed=1, attempts=10))
    assert len(bodies(k, "evaluation")) == 11
    assert outcome.stop_reason == "attempts used up"


def test_rule_5_thinking_is_charged(tmp_path: Path) -> None:
    """An improver that only burns CPU is ended by the CPU budget, and what it burned is on the bill."""
    thinker = improver("""
def improve(brief, host):
    n = 0
    while True:
        n += 1
        if n % 100000 == 0: host.log(n=n)
""")
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, thinker, Request(seed=1, allowance=Allowance(cpu_seconds=0.5)))
    assert outcome.stop_reason == "budget of CPU seconds used up"
    assert 0.5 <= outcome.spent.cpu_seconds < 2.0


def test_rule_5_silent_thinking_is_ended_too(tmp_path: Path) -> None:
    """It never asks anything; the operating system ends it, and the run ends normally."""
    k = kernel(tmp_path / "w")
    loop = improver("def improve(brief, host):\n    while True: pass\n")
    outcome = k.improve(LINE_TASK, loop, Request(seed=1, allowance=Allowance(cpu_seconds=0.3)))
    assert outcome.stop_reason == "budget of CPU seconds used up"
    assert outcome.spent.cpu_seconds < 4.0
    sleeper = improver("import time\ndef improve(brief, host):\n    time.sleep(60)\n")
    outcome = k.improve(LINE_TASK, sleeper, Request(seed=1, allowance=Allowance(seconds=0.5)))
    assert outcome.stop_reason == "budget of seconds used up"


def test_rule_5_stop_cannot_be_swallowed(tmp_path: Path) -> None:
    """An improver that catches Stop and asks on gets nothing more."""
    stubborn = improver("""
from rung_host import Child
def improve(brief, host):
    while True:
        try:
            host.evaluate([Child({"line.py": "def f(x):\\n    return 1\\n"}, brief.program["id"])])
        except BaseException:
            pass
""")
    k = kernel(tmp_path / "w")
    k.improve(LINE_TASK, stubborn, Request(seed=1, attempts=5))
    assert len(bodies(k, "evaluation")) == 6


def test_rule_6_no_state_survives_between_runs(tmp_path: Path) -> None:
    """What an improver wrote to its disk, modules or globals is gone for the next one."""
    hoarder = improver("""
import json, os
SEEN = []
def improve(brief, host):
    host.log(files=os.listdir("."), seen=len(SEEN), patched=hasattr(json, "mark"))
    SEEN.append(1)
    json.mark = 1
    try:
        open("state", "w").write("x")
    except OSError:
        pass
""")
    k = kernel(tmp_path / "w")
    for seed in (1, 2, 3):
        k.improve(LINE_TASK, hoarder, Request(seed=seed))
    assert all(
        entry["seen"] == 0 and entry["patched"] is False and "state" not in entry["files"] for entry in logged(k)
    )


def test_rule_7_every_event_is_in_the_one_ledger(tmp_path: Path) -> None:
    """Nothing else is written, every event names its run, and programs are read back from their bytes."""
    workspace = tmp_path / "w"
    k = kernel(workspace)
    outcome = k.improve(LINE_TASK, improver(CLIMB), Request(seed=1))
    assert {path.name.split("-")[0] for path in workspace.iterdir()} <= {"ledger.sqlite"}
    assert {event.run for event in k.ledger.read()} == {outcome.run}
    for body in bodies(k, "evaluation"):
        assert codec.program_from_bytes(k.ledger.get(body["program"])).id == body["program"]


def test_rule_7_the_same_request_again_is_answered_from_the_ledger(tmp_path: Path) -> None:
    """Nothing runs twice, and the outcome is the same."""
    k = kernel(tmp_path / "w")
    first = k.improve(LINE_TASK, improver(CLIMB), Request(seed=1))
    head = k.ledger.head()
    assert k.improve(LINE_TASK, improver(CLIMB), Request(seed=1)) == first
    assert k.ledger.head() == head


def test_rule_7_a_changed_evaluator_is_another_run(tmp_path: Path) -> None:
    """A record is never continued under other rules."""
    k = kernel(tmp_path / "w")
    first = k.improve(LINE_TASK, improver(CLIMB), Request(seed=1))
    other = k.improve(replace(LINE_TASK, bound=1.0), improver(CLIMB), Request(seed=1))
    assert first.run != other.run


def test_rule_8_what_isolated_a_run_is_on_record(tmp_path: Path) -> None:
    """The backend is in the run's first event and in every evaluation."""
    k = kernel(tmp_path / "w")
    outcome = k.improve(LINE_TASK, improver(CLIMB), Request(seed=1))
    start = bodies(k, "run_start")[0]
    assert start["sandbox"] == outcome.sandbox
    assert start["layers"]
    assert {body["evaluation"]["sandbox"] for body in bodies(k, "evaluation")} == {outcome.sandbox}
    assert all(body["evaluation"]["sandbox"] for body in bodies(k, "rescore"))


def _trace(workspace: Path, *, workers: int, seed: int = 1) -> list[tuple[object, ...]]:
    k = kernel(workspace, workers=workers)
    k.improve(LINE_TASK, improver(CLIMB), Request(seed=seed))
    events = [(b["number"], b["program"], json.dumps(b["evaluation"]["scores"])) for b in bodies(k, "evaluation")]
    chosen = [(b["number"], b["program"], b["value"]) for b in bodies(k, "incumbent")]
    gain = [json.dumps(b["held_out"]) for b in bodies(k, "run_end")]
    return [*sorted(events), *chosen, *[(text,) for text in gain]]


def test_rule_9_one_seed_decides_everything(tmp_path: Path) -> None:
    """Two workspaces agree to the last bit; another seed differs; more workers give the same evidence."""
    first = _trace(tmp_path / "a", workers=1)
    assert _trace(tmp_path / "b", workers=1) == first
    assert _trace(tmp_path / "c", workers=2) == first
    assert _trace(tmp_path / "d", workers=1, seed=2) != first

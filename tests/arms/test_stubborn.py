"""Improvers that hand on what is sealed, slow their rivals, or will not be replaced: they gain nothing by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.arms import toy
from tests.arms.acting import HONEST, HONESTLY, LYING, acting, block
from tests.helpers import bodies

from rung.arms import practice
from rung.arms.practice import Field, solve
from rung.kernel.host import brief

# Copies what is sealed.


def numbers(value: Any) -> set[Any]:
    """Returns every leaf of a JSON value, texts also taken apart into words."""
    if isinstance(value, dict):
        return set().union(*map(numbers, value.values()), *map(numbers, value.keys()))
    if isinstance(value, list | tuple):
        return set().union(*map(numbers, value))
    return {value, *str(value).split()}


def test_no_sealed_puzzle_reaches_a_learning_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a learner is told is captured on the trusted side, beside everything that was sealed.

    The improver tries to hand on what it meets: it puts all digests into its answers, its log and its scratch.
    """
    told: dict[str, list[Any]] = {"learn": [], "sealed": [], "other": []}

    def spying(task: Any, improver: Any, **more: Any) -> Any:
        document = brief(task, improver, **more)
        sealed = "held-out" in task.name or "/other/" in task.name
        told["learn" if task.name.endswith("/learn") else "sealed" if sealed else "other"].append(document)
        return document

    monkeypatch.setattr("rung.kernel.kernel.brief", spying)
    handing = """
seen = [case["digest"] for case in brief.cases]
host.log(seen=seen[:100])
open("seen.json", "w").write(json.dumps(seen))
return practise(brief, host)"""
    on = toy.suite(work=26_000.0, recheck=0, generations=3)
    k, results = toy.run(tmp_path / "w", program=acting(handing), on=on, key="abc")
    assert told["learn"]
    assert told["sealed"]
    digests = {case["digest"] for document in told["sealed"] for case in document["cases"]}
    names = {case["puzzle"] for document in told["sealed"] for case in document["cases"]}
    for document in told["learn"]:
        assert not numbers(document["extra"]) & (digests | names)
        assert not numbers(document["cases"]) & (digests | names)
        assert {lesson["puzzle"][0] for lesson in document["extra"]["solutions"]} == {"s"}
    met = {case["digest"] for document in told["other"] for case in document["cases"] if case["puzzle"][0] == "s"}
    assert met
    assert results["self"].steps
    for body in bodies(k, "adopted"):
        assert not numbers(body["solutions"]) & names


# Slows its rivals.

HOSTILE = """
for _ in range(3):
    try:
        if os.fork() == 0:
            os.setsid()
            hoard = bytearray(64 << 20)
            began = time.time()
            while time.time() - began < 4.0:
                pass
            os._exit(0)
    except OSError:
        pass
try:
    os.nice(-20)
except OSError:
    pass
open("big", "wb").write(b"x" * (1 << 20))
return practise(brief, host)"""


def test_a_rival_beside_a_hostile_one_scores_the_same(field: Callable[..., Field]) -> None:
    """The incumbent after a successor that left busy children behind: same scores, same work, no child is left."""
    quiet, loud = field("quiet"), field("loud")
    wanted = [solve(quiet, block(quiet, salt=salt), HONEST) for salt in (1, 2)]
    found = []
    for salt in (1, 2):
        solve(loud, block(loud, salt=salt), acting(HOSTILE))
        found.append(solve(loud, block(loud, salt=salt), HONEST))
    assert [(one.scores, one.work, one.refused) for one in found] == [
        (one.scores, one.work, one.refused) for one in wanted
    ]


# Refuses to be replaced.

SHORT = {"work": 11_000.0, "recheck": 0, "generations": 1, "practice": 12}
STUBBORN = {
    "never proposes": "return None",
    "proposes itself": "host.evaluate([Child({'improver.py': brief.program['files']['improver.py']}, "
    "brief.program['id'], 'self')])",
    "proposes no Python": "host.evaluate([Child({'improver.py': 'def improve('}, brief.program['id'], 'b')])",
    "proposes no entry": "host.evaluate([Child({'improver.py': None}, brief.program['id'], 'b')])",
    "proposes a crash": "host.evaluate([Child({'improver.py': 'raise SystemExit'}, brief.program['id'], 'b')])",
    "sabotages the library": "host.evaluate([Child({'library.json': json.dumps(list(range(500, 900)))}, "
    "brief.program['id'], 'b')])",
    "ignores the stop": "while True:\n    try:\n"
    "        host.evaluate([Child({'x.py': 'y = 1'}, brief.program['id'])])\n    except BaseException:\n        pass",
    "raises": "raise RuntimeError('no')",
    "writes nonsense": "os.write(3, b'{\"output\": NaN}\\n' * 10)\nos._exit(0)",
}


@pytest.mark.parametrize("how", STUBBORN.values(), ids=STUBBORN)
def test_one_that_will_not_be_replaced_keeps_what_it_had(how: str, tmp_path: Path) -> None:
    """No exception, no adoption; the arm ends with the improver it began with, and with its practice done."""
    program = acting(HONESTLY, learning_too=how)
    _, results = toy.run(tmp_path / "w", program=program, on=toy.suite(**SHORT), key="abc")
    climbed = results["self"]
    assert climbed.improver == program.id
    assert not any(step.verdict and step.verdict.admitted for step in climbed.steps)
    assert climbed.solved
    assert climbed.steps


def test_an_incumbent_that_hangs_in_the_gate_loses_to_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It scores nothing there, which is no way to stay."""
    monkeypatch.setattr(practice, "WAIT_SECONDS", 0.6)
    monkeypatch.setattr(practice, "SLOW", 0.0)
    hanging = "if len(brief.cases) == 8 and brief.improver['files']['library.json'] == '[]':\n    time.sleep(60)\n"
    program = acting(hanging + HONESTLY)
    on = toy.suite(work=16_000.0, recheck=0, generations=1)
    _, results = toy.run(tmp_path / "w", program=program, on=on, key="abc")
    assert results["self"].improver != program.id
    verdict = results["self"].steps[0].verdict
    assert verdict is not None
    assert verdict.admitted


def test_an_improver_that_always_crashes_comes_to_an_end(tmp_path: Path) -> None:
    """Nothing is solved, everything is paid for, and the arm ends like any other."""
    on = toy.suite(work=12_000.0, practice_work=4_000.0)
    _, results = toy.run(tmp_path / "w", program=acting("raise RuntimeError('no')"), on=on)
    climbed = results["self"]
    assert (climbed.solved, sum(climbed.held_out)) == (0, 0)
    assert climbed.work >= 12_000.0 or climbed.steps


def test_an_improver_that_declares_nothing_comes_to_an_end(tmp_path: Path) -> None:
    """Its practice goes on until what it did not declare is spent."""
    silent = acting(HONESTLY.replace("(brief, host)", "(brief, Lying(host, 0))"), learning_too="return", more=LYING)
    on = toy.suite(work=8_000.0, practice_work=2_000.0, practice=32)
    _, results = toy.run(tmp_path / "w", program=silent, on=on)
    assert results["self"].work >= 8_000.0 * on.plan.patience

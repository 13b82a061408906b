"""Constants, crossover, allocation and racing of the seed improver."""

from __future__ import annotations

import random
from typing import Any

import pytest

RULE = """import numpy as np


def rule(x):
    y = x * 3.0 + 0.5  # a note
    return np.where(y < 2.0, y, -1.5)[0:2]
"""


def test_literals_are_found_with_their_places(module_of: Any) -> None:
    constants = module_of("seed", "arms.constants")
    slots = constants.numbers({"rule.py": RULE})
    assert [slot.value for slot in slots] == [3.0, 0.5, 2.0, 1.5, 2]
    assert [slot.whole for slot in slots] == [False, False, False, False, True]
    same = constants.with_steps({"rule.py": RULE}, slots, [0.0] * 5)
    assert same == {"rule.py": RULE}
    moved = constants.with_steps({"rule.py": RULE}, slots, [1.0, -2.0, 0.0, 0.0, 0.6])["rule.py"]
    assert "x * 6.0 + (-0.5)  # a note" in moved
    assert "[0:3]" in moved


def test_the_optimiser_finds_the_lowest_point(module_of: Any) -> None:
    np = pytest.importorskip("numpy")
    cma = module_of("seed", "arms.cma").Cma(np.zeros(4), 0.5, seed=1)
    wanted = np.array([1.0, -2.0, 0.5, 3.0])
    for _ in range(120):
        points = cma.ask()
        cma.tell(points, [float(((point - wanted) ** 2 * [1, 10, 1, 100]).sum()) for point in points])
    assert np.abs(cma.mean - wanted).max() < 1e-2


def test_crossover_takes_from_both(module_of: Any) -> None:
    recombine = module_of("seed", "arms.recombine")
    first = {"rule.py": "def rule(x, y):\n    a = x * 2.0\n    return a + 1.0\n"}
    second = {"rule.py": "def rule(x, y):\n    a = y - 7.0\n    return a * a\n"}
    rng = random.Random(0)
    made = [files["rule.py"] for files in (recombine.crossed(first, second, rng) for _ in range(60)) if files]
    for text in made:
        compile(text, "rule.py", "exec")
    assert any("y - 7.0" in text and "+ 1.0" in text for text in made)


def test_shares_follow_what_was_earned_and_keep_a_floor(module_of: Any) -> None:
    shares = module_of("seed", "arms.shares").Shares({"a": 0.5, "b": 0.5}, floor=0.05)
    best = 0.0
    for _ in range(4000):
        name = shares.choose()
        best += 1.0 if name == "b" else 0.0
        shares.pay(name, 1.0, best)
    assert shares.shares["b"] > 0.7
    assert shares.shares["a"] >= 0.05
    assert sum(shares.shares.values()) == pytest.approx(1.0)
    assert shares.cost["b"] > 2.0 * shares.cost["a"]


def test_an_idle_arm_does_not_hold_up_the_others(module_of: Any) -> None:
    shares = module_of("seed", "arms.shares").Shares({"a": 0.9, "b": 0.1}, floor=0.05)
    chosen = []
    for _ in range(300):
        name = shares.choose()
        chosen.append(name)
        shares.pay(name, 0.0 if name == "a" else 1.0, 0.0)
    assert chosen.count("b") > 100


def test_a_child_that_is_worse_on_the_first_case_gets_no_further(module_of: Any, make_brief: Any) -> None:
    improver, host = module_of("seed", "improver"), module_of("seed", "rung_host")
    brief = make_brief({"rule.py": RULE}, cases=(1, 2, 3, 4))
    pool = module_of("seed", "arms.pool").Pool(brief)
    pool.add({"rule.py": RULE}, host.Result("a", "ok", 5.0, (5.0, 5.0, 5.0, 5.0), (), {}, incumbent=True), "seed")
    asked = []

    class Host:
        def evaluate(self, children: Any, *, cases: Any = None) -> Any:
            asked.append((len(children), cases))
            firsts = [4.0 if child.operator == "bad" else 6.0 for child in children]
            return [host.Result("x", "ok", v, (v,) * (cases or 4), (), {}, incumbent=False) for v in firsts]

    children = [host.Child({}, "a", operator) for operator in ("bad", "good", "bad")]
    results = improver.race(children, pool, Host(), brief)
    assert asked == [(3, 1), (1, None)]
    assert [result.value for result in results] == [None, 6.0, None]


def test_no_arm_or_weight_names_a_task() -> None:
    from rung.authoring import IMPROVERS

    names = ("circle", "packing", "cap_set", "capset", "sorting", "erdos", "weibull", "priority")
    for path in sorted((IMPROVERS / "seed").rglob("arms/*.py")):
        text = path.read_text().lower()
        assert not [name for name in names if name in text], path

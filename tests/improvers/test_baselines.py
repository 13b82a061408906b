"""The baselines random and best_of_n: what they propose is valid, fixed by the seed, and theirs alone."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rung.authoring import IMPROVERS

RULE = "import numpy as np\n\n\ndef rule(x, y):\n    z = x - y\n    return z * 2.0 + np.sqrt(1.0)\n"
NUMBERS = """
import numpy as np


class Box:
    low, high = np.zeros(3), np.ones(3)

    def objective(self, x):
        return -float(((x - 0.25) ** 2).sum())

    def slack(self, x):
        return np.array([2.0 - x.sum()])

    def output(self, x):
        return [float(v) for v in x]

    def point(self, output):
        return np.array(output)


def problem(value):
    return Box()
"""


@pytest.mark.parametrize("name", ["random", "best_of_n"])
def test_a_baseline_spends_its_attempts_on_programs_that_compile(
    name: str, module_of: Any, make_brief: Any, fake_host: Any
) -> None:
    improver = module_of(name, "improver")
    asked = []
    for seed in (3, 3, 4):
        brief = make_brief({"rule.py": RULE, "other.py": RULE}, editable=("rule.py",), seed=seed, improver=name)
        host = fake_host(brief, lambda files: -abs(len(files["rule.py"]) - 150), 80)
        with pytest.raises(BaseException, match="attempts"):
            improver.improve(brief, host)
        for files in host.asked:
            compile(files["rule.py"], "rule.py", "exec")
            assert files["other.py"] == RULE
        asked.append(host.asked)
    assert asked[0] == asked[1] != asked[2]


@pytest.mark.parametrize("name", ["random", "best_of_n"])
def test_a_public_problem_is_used(name: str, module_of: Any, make_brief: Any, fake_host: Any) -> None:
    improver = module_of(name, "improver")
    brief = make_brief({"rule.py": "def rule(_):\n    return [0.9, 0.9, 0.1]\n"}, public=NUMBERS, improver=name)

    def score(files: dict[str, str]) -> float:
        space: dict[str, Any] = {}
        exec(files["rule.py"], space)
        return -float(sum((v - 0.25) ** 2 for v in space["rule"](1)))

    host = fake_host(brief, score, 60)
    with pytest.raises(BaseException, match="attempts"):
        improver.improve(brief, host)
    assert max(host.values) > (-1e-6 if name == "best_of_n" else -0.4)


def test_points_of_every_kind(module_of: Any) -> None:
    points = module_of("random", "points")
    rng = random.Random(1)
    sequence = SimpleNamespace(
        element=lambda r: r.randrange(5), cost=lambda s: abs(sum(s) - 9) + 0.1 * len(s), start=lambda: [1, 1, 1]
    )
    assert sequence.cost(points.solved(sequence, rng)) < sequence.cost([1, 1, 1])
    import numpy as np

    subset = SimpleNamespace(size=9, completions=lambda a: (-a - np.arange(9)) % 9)
    found = points.drawn(subset, rng)
    assert len(found) >= 3
    assert all((a + b + c) % 9 or len({a, b, c}) < 3 for a in found for b in found for c in found)
    assert points.changed(subset, found, rng)
    minimax = SimpleNamespace(
        low=np.zeros(2),
        high=np.ones(2),
        pieces=lambda x: np.array([x[0] - 0.3, 0.3 - x[0], x[1]]),
        pieces_jacobian=lambda _: np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]),
        equality=None,
    )
    assert minimax.pieces(points.solved(minimax, rng)).max() < 1e-6


def test_the_shared_files_are_the_same_in_both() -> None:
    for name in ("edit.py", "points.py"):
        first, second = (Path(IMPROVERS / folder / name).read_bytes() for folder in ("random", "best_of_n"))
        assert first == second

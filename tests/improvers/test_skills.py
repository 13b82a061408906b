"""The solver skills on small problems made here: they solve them, say the same for the same seed, and know no task."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rung
from rung.authoring import built_in_tasks

SEED = Path(rung.__file__).parent / "improvers" / "seed"
Load = Callable[[str, str], ModuleType]


class Triangle:
    """Two numbers under a slanted line and a circle; 3 x + y / 2 is largest where they cross."""

    low, high = np.zeros(2), np.full(2, 2.0)
    goal = np.array([3.0, 0.5])

    def objective(self, x: np.ndarray) -> float:
        return float(self.goal @ x)

    def gradient(self, _: np.ndarray) -> np.ndarray:
        return self.goal

    def slack(self, x: np.ndarray) -> np.ndarray:
        return np.array([1 - x @ x, 2 * x[1] - x[0] + 1e-12, 1.8 - x.sum()])

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return np.array([-2 * x, [-1.0, 2.0], [-1.0, -1.0]])


class Arc(Triangle):
    """The same with a goal that is highest in the middle of the circle's arc, so that curvature decides."""

    goal = np.array([3.0, 2.0])


class Bowl:
    """A curved objective without derivatives: the point of the unit disc nearest to (1, 1)."""

    low, high = np.full(2, -2.0), np.full(2, 2.0)

    def objective(self, x: np.ndarray) -> float:
        return -float((x - 1) @ (x - 1))

    def slack(self, x: np.ndarray) -> np.ndarray:
        return np.array([1 - x @ x])


class Spread:
    """Five heights of sum 1 whose largest weighted one is smallest when all weighted heights are equal."""

    low, high = np.zeros(5), np.ones(5)
    weights = np.array([1.0, 2.0, 4.0, 2.0, 1.0])
    equality = (np.ones((1, 5)), np.array([1.0]))
    mirror = np.arange(5)[::-1]
    optimum = 1 / float((1 / weights).sum())

    def pieces(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.weights * x)

    def pieces_jacobian(self, _: np.ndarray) -> np.ndarray:
        return np.diag(self.weights)


class Word:
    """The shortest list of numbers below 6 whose sum is 17; others cost what they miss."""

    def element(self, rng: random.Random) -> int:
        return rng.randrange(6)

    def start(self) -> list[int]:
        return [1] * 17

    def cost(self, sequence: list[int]) -> float:
        return len(sequence) + 0.5 * abs(sum(sequence) - 17)

    def valid(self, sequence: list[int]) -> bool:
        return sum(sequence) == 17


class Plane:
    """Points of the affine space of order 3 and dimension 3, no three on a line: at most nine."""

    def __init__(self) -> None:
        self.size = 27
        self.vectors = (np.arange(27)[:, None] // 3 ** np.arange(3)) % 3

    def completions(self, a: int) -> np.ndarray:
        return np.asarray(((-self.vectors - self.vectors[a]) % 3) @ 3 ** np.arange(3))

    def valid(self, members: np.ndarray) -> bool:
        kept = {int(member) for member in members}
        return all(int(self.completions(a)[b]) not in kept for a in kept for b in kept if a != b)


class SymmetricPlane(Plane):
    """The same, with its symmetries; many of them leave 24 to 27 orbits."""

    def symmetry(self, rng: random.Random) -> np.ndarray:
        if rng.random() < 0.5:
            return np.arange(27)
        places = rng.sample(range(3), 3) if rng.random() < 0.2 else [0, 1, 2]
        return self.vectors[:, places] @ 3 ** np.arange(3)


class Hills:
    """A box with two hills, and nothing but its objective."""

    low, high = np.full(2, -4.0), np.full(2, 4.0)

    def objective(self, x: np.ndarray) -> float:
        return float(np.exp(-((x - 2) ** 2).sum()) + 2 * np.exp(-((x + 2) ** 2).sum()))


def taken(skill: ModuleType, problem: Any, seed: int, slices: int, start: Any = None) -> list[tuple[float, Any, float]]:
    """Returns the first slices of a search, which must never fall and must cost something."""
    search = skill.search(problem, seed, start)
    found = [next(search) for _ in range(slices)]
    values = [value for value, _, _ in found]
    assert values == sorted(values)
    assert all(work > 0 for _, _, work in found)
    return found


CASES = [
    ("constrained", Triangle(), 6.5 / np.sqrt(5), 1e-6),
    ("constrained", Arc(), np.sqrt(13), 1e-6),
    ("constrained", Bowl(), -2 * (1 - np.sqrt(0.5)) ** 2, 1e-6),
    ("minimax", Spread(), -Spread.optimum, 1e-7),
    ("sequences", Word(), -4.0, 0),
    ("orbits", SymmetricPlane(), 9.0, 0),
    ("annealing", Plane(), 9.0, 0),
    ("annealing", Hills(), 2.0, 1e-3),
]


@pytest.mark.parametrize(("name", "problem", "optimum", "tolerance"), CASES)
def test_solves_what_fits(module_of: Load, name: str, problem: Any, optimum: float, tolerance: float) -> None:
    skill = module_of("seed", f"skills.{name}")
    assert skill.fits(problem)
    value, point, _ = taken(skill, problem, 0, 10 if name == "annealing" else 3)[-1]
    assert abs(value - optimum) <= tolerance
    if hasattr(problem, "valid"):
        assert problem.valid(point)
    if hasattr(problem, "slack"):
        assert problem.slack(point).min() >= 0


@pytest.mark.parametrize(("name", "problem", "optimum", "tolerance"), CASES)
def test_is_deterministic_per_seed(module_of: Load, name: str, problem: Any, optimum: float, tolerance: float) -> None:
    del optimum, tolerance
    skill = module_of("seed", f"skills.{name}")
    runs = [taken(skill, problem, 7, 2) for _ in range(2)]
    assert [(value, np.asarray(point).tolist(), work) for value, point, work in runs[0]] == [
        (value, np.asarray(point).tolist(), work) for value, point, work in runs[1]
    ]


def test_starts_from_what_it_is_given(module_of: Load) -> None:
    constrained = module_of("seed", "skills.constrained")
    best = taken(constrained, Triangle(), 0, 1)[-1]
    assert taken(constrained, Triangle(), 1, 1, start=best[1])[0][0] >= best[0]
    assert taken(module_of("seed", "skills.sequences"), Word(), 0, 1, start=[5, 5, 5, 2])[0][0] == -4.0
    nine = taken(module_of("seed", "skills.orbits"), SymmetricPlane(), 0, 3)[-1][1]
    assert taken(module_of("seed", "skills.orbits"), SymmetricPlane(), 5, 1, start=nine)[0][0] == 9


def test_a_penalised_but_wrong_sequence_is_never_the_best(module_of: Load) -> None:
    class Cheap(Word):
        def cost(self, sequence: list[int]) -> float:
            return len(sequence) + 0.1 * abs(sum(sequence) - 17)

    assert sum(taken(module_of("seed", "skills.sequences"), Cheap(), 0, 3)[-1][1]) == 17


def test_skills_fit_only_what_they_can_use(module_of: Load) -> None:
    names = ("constrained", "minimax", "sequences", "orbits", "annealing")
    fitting = {
        type(problem).__name__: [name for name in names if module_of("seed", f"skills.{name}").fits(problem)]
        for problem in (Triangle(), Spread(), Word(), SymmetricPlane(), Hills(), object())
    }
    assert fitting == {
        "Triangle": ["constrained", "annealing"],
        "Spread": ["minimax"],
        "Word": ["sequences"],
        "SymmetricPlane": ["orbits", "annealing"],
        "Hills": ["annealing"],
        "object": [],
    }


def test_no_skill_names_a_task_or_carries_an_answer() -> None:
    """Neither the words of a task's name nor any digit string of a known value stands in a skill or in the arm."""
    texts = {path.name: path.read_text() for path in [*(SEED / "skills").glob("*.py"), SEED / "arms" / "solve.py"]}
    assert len(texts) >= 7
    ordinary = {"set", "update", "rule", "faster", "or", "network"}
    for task in built_in_tasks().values():
        words = {word for word in re.split(r"[-_\d]+", task.name) if len(word) > 2} - ordinary
        values = {f"{abs(value):.4f}"[:5] for value in task.known.values() if value != int(value)}
        wholes = {str(abs(int(value))) for value in task.known.values() if value == int(value) and abs(value) > 99}
        for name, text in texts.items():
            lowered = text.lower()
            assert not [word for word in words if re.search(rf"\b{word}s?\b", lowered)], (name, task.name)
            assert not [value for value in values | wholes if value in text], (name, task.name)


PUBLIC = """
class Short:
    def element(self, rng):
        return rng.randrange(6)
    def start(self):
        return [1] * 17
    def cost(self, sequence):
        return len(sequence) + 0.5 * abs(sum(sequence) - 17)
    def valid(self, sequence):
        return sum(sequence) == 17
    def output(self, point):
        return [int(value) for value in point]
    def point(self, output):
        return [int(value) for value in output]
def problem(input):
    return Short()
"""
PLAIN = '"""A file."""\n\nKEPT = 1  # stays\n\n\ndef rule(task):\n    """Says what."""\n    return [1] * 17\n'
REGION = (
    "def rule(task):\n    total = 17\n    # EVOLVE-BLOCK-START\n    answer = [1] * total\n    return answer\n"
    "    # EVOLVE-BLOCK-END\n"
)


@pytest.mark.parametrize("source", [PLAIN, REGION, "def rule(task): return [1] * 17\n"])
def test_the_arm_makes_programs_that_return_the_point(module_of: Load, make_brief: Any, source: str) -> None:
    arm = module_of("seed", "arms.solve").Solve(make_brief({"rule.py": source}, public=PUBLIC), 3)
    assert arm.fits()
    children: list[Any] = []
    for _ in range(6):
        children += arm.step()
        assert arm.work > 0
    text = children[-1].files["rule.py"]
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    assert sum(namespace["rule"](1)) == 17
    assert len(namespace["rule"](1)) == 4
    for line in ("KEPT = 1  # stays", '"""Says what."""', "    total = 17", "    # EVOLVE-BLOCK-END"):
        assert (line in source) == (line in text)


def test_the_arm_keeps_out_where_it_cannot_help(module_of: Load, make_brief: Any) -> None:
    solve = module_of("seed", "arms.solve").Solve
    files = {"rule.py": PLAIN}
    assert not solve(make_brief(files), 0).fits()
    assert not solve(make_brief(files, public=PUBLIC, cases=(1, 2)), 0).fits()
    assert not solve(make_brief(files, public=PUBLIC, editable=("other.py",)), 0).fits()
    assert not solve(make_brief(files, public="def problem(input):\n    return object()\n"), 0).fits()


def test_the_arm_survives_an_incumbent_that_fails(module_of: Load, make_brief: Any) -> None:
    source = "def rule(task):\n    raise SystemError\n"
    arm = module_of("seed", "arms.solve").Solve(make_brief({"rule.py": source}, public=PUBLIC), 0)
    assert arm.fits()
    assert sum((len(arm.step()) for _ in range(3)), 0) > 0


def test_the_arm_is_deterministic(module_of: Load, make_brief: Any) -> None:
    made = []
    for _ in range(2):
        arm = module_of("seed", "arms.solve").Solve(make_brief({"rule.py": PLAIN}, public=PUBLIC), 5)
        made.append([child.files["rule.py"] for _ in range(5) for child in arm.step()])
    assert made[0] == made[1] != []

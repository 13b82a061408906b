"""Admission of a task: no work, no score; the seed program passes; an impossible twin is never passed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rung import wire
from rung.authoring import read_program
from rung.errors import BadInput, Invalid, Status
from rung.kernel.draw import draw_cases
from rung.kernel.sandbox.choice import open_sandbox
from rung.kernel.scope import may_edit, violation
from rung.kernel.scoring import score
from rung.records import Program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rung.kernel.sandbox.port import Sandbox
    from rung.kernel.trial import Trial
    from rung.records import Case, Evaluation, Task

# What the body of the edited entry does instead of the work; `args` are whatever it is called with.
IDLE = {
    "null": "return None",
    "empty object": "return {}",
    "empty list": "return []",
    "constant": "return 1",
    "echo": "return args[0]",
    "claims a score": "return {'score': 1e9, 'value': 1e9, 'status': 'ok'}",
    "not a number": "return float('nan')",
    "infinite": "return float('inf')",
    "text": "return 'x' * 1000",
    "equals everything": (
        "E = type('E', (int,), {'__eq__': lambda s, o: True, '__lt__': lambda s, o: True, '__hash__': int.__hash__})\n"
        "    return E(1)"
    ),
    "random": "import random\n    return [[random.random() for _ in range(3)] for _ in range(30)]",
    "random whole numbers": "import random\n    return [[random.randrange(9), random.randrange(9)] for _ in range(30)]",
    "exits": "import os\n    os._exit(0)",
    "raises": "raise ValueError",
    "reads the evaluator": "return open(sorted(__import__('glob').glob('/**/task.py', recursive=True))[0]).read()",
    "forges the answer": 'import os\n    os.write(3, b\'{"output": 1, "score": 1e9}\\n\')\n    os._exit(0)',
}


class TaskSuite(ABC):
    """Inherit as `class TestMine(TaskSuite)`, and say which task it is and which function is to be made better.

    Covered: the floor, the seed program, the bound, what may be edited. Not covered: whether the goal is the right one.
    """

    @abstractmethod
    def task(self) -> Task:
        """Returns the task."""

    @abstractmethod
    def function(self) -> tuple[str, str]:
        """Returns (file, name) of the function an improver works on."""

    def harmless(self) -> frozenset[str]:
        """Returns the names in IDLE that do the work by accident: an echo that sorts nothing, say; explain each."""
        return frozenset()

    @pytest.fixture(scope="class")
    @classmethod
    def sandbox(cls) -> Iterator[Sandbox]:
        """Yields the sandbox that a run would take."""
        sandbox = open_sandbox(preload=("numpy",))
        yield sandbox
        sandbox.close()

    def _score(self, task: Task, program: Program, sandbox: Sandbox, split: str = "validation") -> Evaluation:
        cases = draw_cases(getattr(task, split), name=split, seed=7, after=program.id)[:2]
        return score(task, program, cases, sandbox=sandbox, seed=7).evaluation

    def test_the_seed_program_is_correct(self, sandbox: Sandbox) -> None:
        """It has a finite value on every split, within the bound."""
        task = self.task()
        for split in ("train", "validation", "held_out"):
            found = self._score(task, task.program, sandbox, split)
            assert found.status is Status.OK, found.feedback
            assert found.value is not None
            assert task.bound is None or found.value <= task.bound

    def test_the_same_program_scores_the_same(self, sandbox: Sandbox) -> None:
        """When the task says it is exact, twice is the same to the last bit."""
        task = self.task()
        if task.exact:
            first, second = (self._score(task, task.program, sandbox) for _ in range(2))
            assert first.scores == second.scores

    @pytest.mark.parametrize("name", IDLE)
    def test_no_work_no_score(self, name: str, sandbox: Sandbox) -> None:
        """It is refused, or at most where the seed program is."""
        task = self.task()
        if name in self.harmless():
            pytest.skip("does the work by accident, see harmless()")
        idle = self._idle(task, IDLE[name])
        found = self._score(task, idle, sandbox)
        floor = self._score(task, task.program, sandbox)
        assert floor.value is not None
        assert found.status is not Status.OK or (found.value is not None and found.value <= floor.value + self.slack())

    def slack(self) -> float:
        """Returns how far above the seed program noise may lift an idle program; 0 where scores are exact."""
        return 0.0

    def _idle(self, task: Task, body: str) -> Program:
        file, name = self.function()
        assert may_edit(file, task.editable)
        idle = f"def {name}(*args, **kwargs):\n    {body}\n"
        return task.program.edit({file: idle})

    @pytest.mark.parametrize("name", ["null", "echo", "claims a score", "forges the answer", "seed program"])
    def test_the_impossible_twin_is_never_passed(self, name: str, sandbox: Sandbox) -> None:
        """A variant that asks for more than the proven bound, or for a contradiction, has no valid answer."""
        twin = impossible_twin(self.task())
        program = twin.program if name == "seed program" else self._idle(twin, IDLE[name])
        found = self._score(twin, program, sandbox)
        assert found.status is not Status.OK

    def test_the_brief_carries_no_answers(self) -> None:
        """What is public names no best-known value, and public text compiles by itself."""
        task = self.task()
        if task.public is not None:
            compile(task.public, "public.py", "exec")
            for value in task.known.values():
                if value != round(value):
                    assert str(value)[:7] not in task.public
        for text in task.program.files.values():
            assert isinstance(text, bytes) or "EVOLVE-BLOCK-END" in text or "EVOLVE-BLOCK-START" not in text

    def test_inputs_cross_the_wall(self) -> None:
        """Every fixed input is a JSON document."""
        task = self.task()
        for split in (task.train, task.validation):
            for case in draw_cases(split, name="any", seed=1, after=""):
                assert wire.parse(wire.canonical(case.input)) == case.input

    def test_only_the_editable_part_is_editable(self) -> None:
        """Files outside the patterns are refused."""
        task = self.task()
        fixed = [name for name in task.program.files if not may_edit(name, task.editable)]
        for name in fixed:
            assert violation(task.program, task.program.edit({name: "x = 1\n"}), task.editable) is not None

    def test_a_missing_program_is_a_sentence(self) -> None:
        """Reading a program that is not there says so."""
        with pytest.raises(BadInput, match="does not exist"):
            read_program("/nowhere/at/all", entry="a.py:f")


def impossible_twin(task: Task) -> Task:
    """Returns the task's twin with the same surface that no program can pass: any pass is evidence of cheating.

    Where the value has a proven bound the twin asks for more than it; else it asks the same case for two different
    scores at once.
    """

    def evaluate(case: Case, trial: Trial) -> float:
        value = task.evaluate(case, trial)
        beyond: Any = task.bound is not None and value > task.bound
        if task.bound is None:
            again = task.evaluate(case, trial)
            beyond = value != value or (value < again < value)  # noqa: PLR0124 - a contradiction is the point
        if not beyond:
            raise Invalid("not good enough")
        return value

    return replace(task, name=f"{task.name}-impossible", evaluate=evaluate)

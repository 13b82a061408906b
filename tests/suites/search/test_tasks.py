from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from tests.suites.search import small

from rung.errors import Status
from rung.kernel.sandbox.choice import open_sandbox
from rung.kernel.sandbox.port import Sandbox
from rung.kernel.scoring import Scored, score
from rung.records import Case, Fresh, Program, Task
from rung.suites.search.box import Box, Episode
from rung.suites.search.catalogue import SOURCES
from rung.suites.search.tasks import REFERENCES, ROLES, comparison_task, play, policy, policy_task
from rung.testing.tasks import TaskSuite

BOXES = {"small/one": small.box(), "small/two": small.box(1)}
TASK = policy_task(BOXES, train=("small/one",), gate="small/two", budgets=(10, 40), times=1)
FRESH = (Case("gate-0", 123_456_789),)
GIVEN = """
def search(space, ordered, budget, rng):
    {body}
"""


class TestSearchPolicy(TaskSuite):
    """The task is admitted: no work, no score."""

    def task(self) -> Task:
        return TASK

    def function(self) -> tuple[str, str]:
        return "policy.py", "search"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    opened = open_sandbox()
    yield opened
    opened.close()


def scored(program: Program, sandbox: Sandbox, cases: tuple[Case, ...] = FRESH) -> Scored:
    return score(TASK, program, cases, sandbox=sandbox, seed=5)


CHEATS = {
    "asks for more than the budget": ("yield [[0] * len(space)] * (budget + 1)", "the budget is"),
    "asks again when it is spent": (
        "yield [[0] * len(space)] * budget\n    yield [[0] * len(space)]",
        "the budget is",
    ),
    "points outside": ("yield [[size for size in space]]", "outside the space"),
    "points at NaN": ("yield [[float('nan')] * len(space)]", "Out of range float"),
    "points of another space": ("yield [[0] * (len(space) + 1)]", "whole numbers"),
    "asks for nothing forever": ("while True: yield []", "at least one point"),
    "chooses the unmeasured": ("yield [[0] * len(space)]\n    return [1] * len(space)", "never measured"),
    "claims a score": ("yield [[0] * len(space)]\n    return {'score': 1.0}", "whole numbers"),
    "reads the tables": (
        "import glob\n    yield open(glob.glob('/**/*.npz', recursive=True)[0], 'rb').read()",
        "IndexError",
    ),
    "looks for the evaluator": (
        "import sys\n    yield vars(sys.modules['rung.suites.search.box'])",
        "KeyError",
    ),
    "forges the answer": (
        'import os\n    os.write(3, b\'{"outputs": [{"choice": null}]}\\n\')\n    os._exit(0)\n    yield []',
        "nothing was measured",
    ),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_policy_that_cheats_is_refused(name: str, sandbox: Sandbox) -> None:
    body, reason = CHEATS[name]
    found = scored(small.changed(GIVEN.format(body=body)), sandbox)
    assert found.evaluation.status is not Status.OK
    assert reason in found.evaluation.feedback[0]


@pytest.mark.parametrize("name", ["policy", *REFERENCES])
def test_every_policy_that_ships_plays_and_scores_the_same_again(name: str, sandbox: Sandbox) -> None:
    cases = (*cast("tuple[Case, ...]", TASK.train)[:1], *FRESH)
    first, second = (scored(policy(name), sandbox, cases) for _ in range(2))
    assert first.evaluation.status is Status.OK, first.evaluation.feedback
    assert first.evaluation.scores == second.evaluation.scores


def test_a_search_is_better_than_one_measurement(sandbox: Sandbox) -> None:
    cases = tuple(Case(f"c{number}", 1000 + number) for number in range(20))
    lazy = small.changed(GIVEN.format(body="yield [[0] * len(space)]"))
    values = [scored(program, sandbox, cases).evaluation.value or 0.0 for program in (lazy, policy())]
    assert values[1] > values[0] + 0.2


def test_side_by_side_gives_what_one_by_one_gives_with_far_fewer_messages() -> None:
    box = small.box()

    def episodes() -> list[Episode]:
        return [Episode(box, budget=10 + seed, seed=seed) for seed in range(5)]

    trial: Any = small.Here(policy())
    together = play(episodes(), trial)
    assert trial.messages <= 15
    alone = [play([episode], cast("Any", small.Here(policy())))[0] for episode in episodes()]
    assert together == alone


def test_constants_of_the_policy_may_be_any_number() -> None:
    text = str(policy().files["policy.py"])
    names = [line.split(" ")[0] for line in text.splitlines() if "  # " in line and " = " in line]
    assert len(names) >= 15
    for name in names:
        for value in ("0.0", "-3.7", "1e9", "0.31"):
            lines = [f"{name} = {value}" if line.startswith(f"{name} = ") else line for line in text.splitlines()]
            (found,) = play(
                [Episode(small.box(), budget=20, seed=3)], cast("Any", small.Here(small.changed("\n".join(lines))))
            )
            assert 0.0 <= found <= 1.0


def test_the_task_shows_nothing_of_the_gate() -> None:
    given: Any = [case.input for split in (TASK.train, TASK.validation) for case in cast("tuple[Case, ...]", split)]
    assert {table for rows in given for table, _, _ in rows} == {"small/one"}
    seeds = [seed for rows in given for _, _, seed in rows]
    assert len(seeds) == len(set(seeds))
    assert min(seeds) >= 1000
    assert isinstance(TASK.held_out, Fresh)
    assert TASK.editable == ("policy.py",)


def test_the_name_tells_the_tables_apart() -> None:
    other = {**BOXES, "small/two": Box(small.table(seed=2))}
    again = policy_task(other, train=("small/one",), gate="small/two", budgets=(10, 40), times=1)
    assert again.name != TASK.name
    assert comparison_task(BOXES["small/one"], budget=10).name != comparison_task(BOXES["small/one"], budget=20).name


def test_the_roles_do_not_overlap() -> None:
    parts = [*ROLES.train, ROLES.gate, *ROLES.sealed]
    assert len(parts) == len(set(parts))
    assert set(parts) <= set(SOURCES)

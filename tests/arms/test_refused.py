"""What a refusal leaves: patience where one test alone would have admitted it, and the solutions that were found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.arms import toy
from tests.helpers import kernel

from rung.arms.climb import POLICIES, Climb
from rung.arms.journal import Journal
from rung.arms.practice import Field, Solved
from rung.kernel.gate import Verdict


def climb(workspace: Path) -> Climb:
    k = kernel(workspace)
    place = Field(kernel=k, suite=toy.SUITE, world=toy.SUITE.worlds[""](7), seed=0, secret=1, run="r")
    journal = Journal(k.ledger, "r", parent=None, types=())
    return Climb(
        place=place,
        policy=POLICIES["self"],
        journal=journal,
        seed_improver=toy.improver(),
        in_force=toy.improver(),
        tell=lambda _: None,
    )


@pytest.mark.parametrize(("wealth", "renewed"), [(5.0, True), (49.0, True), (4.9, False), (0.1, False)])
def test_patience_begins_anew_after_a_refusal_that_one_test_at_alpha_would_have_admitted(
    tmp_path: Path, *, wealth: float, renewed: bool
) -> None:
    """alpha is 0.2 here, so that the wealth has to be 5."""
    arm = climb(tmp_path / "w")
    arm.work, arm.pause = 1000.0, 2
    arm._refused(Verdict(False, "the fresh cases ran out", 1, 0.02, wealth, 64, 0.1))  # noqa: FBT003
    assert arm.last_work == (1000.0 if renewed else 0.0)
    assert (arm.pause, arm.wait) == ((1, 0) if renewed else (4, 3))


def test_what_a_successor_alone_found_is_kept_and_what_both_found_is_kept_once(tmp_path: Path) -> None:
    arm = climb(tmp_path / "w")
    old = Solved("", (0.9, 0.0, 0.0), ("s1",), ("17",), 1.0, 0.0)
    new = Solved("", (0.9, 0.8, 0.0), ("s1", "s2"), ("17", "18"), 1.0, 0.0)
    arm._remember(old, 3)
    arm._remember_names(new, 3, known=frozenset(old.names))
    assert [(lesson.puzzle, lesson.source) for lesson in arm.memory] == [("s1", "17"), ("s2", "18")]

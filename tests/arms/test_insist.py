"""An improver that holds back everything it could propose is asked for it after a while."""

from __future__ import annotations

from pathlib import Path

from tests.arms import toy

SHY = """
from honest import learn, practise


def improve(brief, host):
    if "improver.py" not in brief.program["files"]:
        return practise(brief, host)
    if not brief.extra["screen"]:
        learn(brief, host)
"""


def test_after_some_generations_without_a_proposal_the_screen_is_off(tmp_path: Path) -> None:
    on = toy.suite(insist=2, generations=4, recheck=0, work=30_000.0)
    _, results = toy.run(tmp_path / "w", arms=("self",), key="abc", on=on, program=toy.improver(SHY))
    proposed = [step.number for step in results["self"].steps if step.proposal is not None]
    assert proposed
    assert proposed[0] == 3  # two generations of silence, then it has to


def test_without_insisting_it_stays_silent(tmp_path: Path) -> None:
    on = toy.suite(generations=4, recheck=0, work=30_000.0)
    _, results = toy.run(tmp_path / "w", arms=("self",), key="abc", on=on, program=toy.improver(SHY))
    assert not any(step.proposal for step in results["self"].steps)

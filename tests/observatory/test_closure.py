"""The closure ledger says of every decision who took it, and names only evidence that is there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from tests.observatory.made import SEED, climb, result, step

from rung.observatory.closure import DECISIONS, Decision, Facts, closure, shares

FACTS = Facts(suite="ladder", registration="reg", sandbox="landlock")


@dataclass(frozen=True)
class Fact:
    type: str
    run: str = "self-0"


def of(rows: list[Decision], decision: str) -> list[tuple[str, str, int]]:
    return [(row.taken_by, row.by, row.count) for row in rows if row.decision == decision]


def test_every_decision_has_an_owner() -> None:
    mine = result("self", 0, steps=(*climb("a", "", "b"), step(4, "b", solver="b", stage="main")))
    rows = closure([mine], FACTS)
    assert {row.decision for row in rows} == set(DECISIONS)
    assert [row.decision for row in rows] == sorted((row.decision for row in rows), key=DECISIONS.index)
    assert of(rows, "goal") == [("person", "suite ladder", 1)]
    assert of(rows, "success criterion") == [("person", "registration reg", 1)]
    assert of(rows, "proposal") == [("program", "a", 2), ("program", SEED, 1)]
    assert of(rows, "implementation") == of(rows, "proposal")
    assert of(rows, "evaluation") == [("kernel", "landlock", 3)]
    assert of(rows, "keep") == [("kernel", "gate", 3)]
    assert of(rows, "deploy") == [("kernel", "to canary", 2), ("kernel", "to main", 1)]
    assert all(row.evidence == () for row in rows)


def test_evidence_is_what_the_ledger_holds() -> None:
    mine = result("self", 0, steps=climb("a"))
    events = [Fact("registration", "reg"), Fact("commit"), Fact("verdict"), Fact("pairs", "another run")]
    rows = {row.decision: row.evidence for row in closure([mine], FACTS, events=events)}
    assert rows["success criterion"] == ("registration",)
    assert rows["proposal"] == ("commit",)
    assert rows["keep"] == ("verdict",)
    assert rows["evaluation"] == ()


def test_what_a_person_does_is_a_persons() -> None:
    events = [Fact("rollback"), Fact("rollback"), Fact("promote", "elsewhere")]
    rows = closure([result("self", 0, steps=climb("a"))], FACTS, events=events)
    assert ("person", "rung rollback", 2) in of(rows, "deploy")
    assert shares(rows)["deploy"] == {"kernel": pytest.approx(1 / 3), "person": pytest.approx(2 / 3)}


def test_a_charter_sets_the_criterion_and_a_rule_can_replace_the_gate() -> None:
    ungated = result("sham", 0, steps=(step(1, "a", proposal="a"),))
    rows = closure([ungated], replace(FACTS, charter="c0ffee"))
    assert of(rows, "success criterion") == [("charter", "c0ffee", 1)]
    assert of(rows, "keep") == [("person", "registration reg, no gate", 1)]
    assert of(rows, "evaluation") == []


def test_an_undo_is_the_kernels() -> None:
    rows = closure([result("self", 0, steps=(*climb("a"), step(2, SEED, undone="a")))], FACTS)
    assert ("kernel", "undo", 1) in of(rows, "keep")
    assert ("kernel", "back to a predecessor", 1) in of(rows, "deploy")


def test_nobody_decides_when_nothing_ran() -> None:
    assert closure([], FACTS) == []
    assert shares([]) == {}

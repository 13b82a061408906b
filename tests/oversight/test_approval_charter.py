"""The charter and approvals: another charter needs signatures of the old one, and principles come before persons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography")

from tests.oversight.people import DEFAULT, NOW, Office, charter, open_office

from rung.errors import LedgerDamaged
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.approval import pending
from rung.oversight.approval_records import Action
from rung.oversight.approval_state import cases
from rung.oversight.errors import NotApproved
from rung.oversight.permit import permit
from rung.oversight.standing import EVENT, adopt, standing


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path)
    yield made
    made.ledger.close()


def test_another_charter_needs_whom_the_old_one_names(office: Office) -> None:
    wider = charter(office.text.replace("usd = 0.0", "usd = 9.0").replace("models = []", 'models = ["m"]').replace(
        "tokens = 0", "tokens = 10"))  # fmt: skip
    with pytest.raises(NotApproved, match=r"under charter \w{8}, and \w{8} is another one: .* waits for ada or bert"):
        adopt(office.ledger, wider, now=NOW)
    assert standing(office.ledger) == office.law
    case = pending(office.ledger, office.law)[0]
    office.decide(office.by("bert", case))
    assert adopt(office.ledger, wider, now=NOW) == wider
    assert standing(office.ledger) == wider
    assert adopt(office.ledger, wider, now=NOW) == wider  # nothing more happens
    assert cases(office.ledger, wider) == []  # what was asked for under the old one is over


def test_a_charter_that_was_smuggled_into_the_ledger_halts(office: Office) -> None:
    evil = charter(DEFAULT.replace("cpu_seconds = 3600.0", "cpu_seconds = 1e9"))
    before = office.law.hash
    claims: tuple[dict[str, Any], ...] = ({"before": before}, {"before": before, "request": 2}, {"before": ""})
    for claim in claims:
        body = {**claim, "charter": evil.hash, "blobs": [evil.hash]}
        office.ledger.append(EVENT, body, run="x", blobs=(evil.canonical(),))
        with pytest.raises(LedgerDamaged, match="nobody whom charter"):
            standing(office.ledger)
        with pytest.raises(LedgerDamaged):
            permit(office.ledger, Action("promote", {"program": "ab"}), now=NOW)


def test_two_processes_that_bring_the_first_charter_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = open_office(tmp_path)
    other = charter(DEFAULT)
    for late in (office.law, other):  # both had looked before either wrote
        office.ledger.append(EVENT, {"charter": late.hash, "blobs": [late.hash]}, run="x", blobs=(late.canonical(),))
        assert standing(office.ledger) == office.law
    looks = iter([None])
    monkeypatch.setattr("rung.oversight.standing.standing", lambda ledger: next(looks, standing(ledger)))
    with pytest.raises(NotApproved, match="was here a moment before: give the command again"):
        adopt(office.ledger, other, now=NOW)
    office.ledger.close()


def test_a_charter_that_names_nobody_can_be_replaced_and_the_ledger_shows_when(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "w")
    first, second = charter(DEFAULT), charter(DEFAULT.replace("depth = 1", "depth = 2"))
    for each in (first, second, first):
        adopt(ledger, each, now=NOW)
    bodies: list[Any] = [event.body for event in ledger.read(types=(EVENT,))]
    assert [body["charter"] for body in bodies] == [first.hash, second.hash, first.hash]
    ledger.close()


def test_principles_are_checked_before_anybody_is_asked(office: Office) -> None:
    action = Action("promote", {"program": "ab"}, {"run": "r1"})
    with pytest.raises(NotApproved, match="measured: no held-out gain was measured"):
        permit(office.ledger, action, now=NOW)
    assert pending(office.ledger, office.law) == []
    office.ledger.append("run_end", {"held_out": {"n": 3}}, run="r1")
    office.ledger.append("evaluation", {"denied": "socket", "evaluation": {"sandbox": "namespaces"}}, run="r1")
    with pytest.raises(NotApproved, match="contained: a program made a system call that was denied: socket"):
        permit(office.ledger, action, now=NOW)


def test_questions_of_the_charter_go_to_whoever_signs(office: Office) -> None:
    with pytest.raises(NotApproved):
        permit(office.ledger, Action("promote", {"program": "ab"}), now=NOW)
    assert "Have you read the difference" in pending(office.ledger, office.law)[0].questions[0]


def test_no_more_improvers_a_day_than_the_charter_says(tmp_path: Path) -> None:
    office = open_office(tmp_path, default=DEFAULT.replace("generations_per_day = 8", "generations_per_day = 1"))
    body: Any = {"improver": "seed", "program": "ab", "stage": "canary", "by": "kernel", "reason": ""}
    office.ledger.append("promotion", body, run="r")
    with pytest.raises(NotApproved, match=r"1 improvers were put in force today, and the charter allows 1"):
        permit(office.ledger, Action("promote", {"program": "cd"}), now=NOW)
    office.ledger.close()

"""Approvals under attack: each way not to have one is refused with its own sentence, and nothing is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography")

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.oversight.people import DEFAULT, NOW, Clock, Office, charter, key, law_text, open_office

from rung import wire
from rung.errors import BadInput
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.oversight.approval import pending, use
from rung.oversight.approval_records import Action, Approval, approval_of, parse_approval, sign
from rung.oversight.approval_state import SIGNED, USED, Status, cases
from rung.oversight.errors import NotApproved, Refused
from rung.oversight.permit import permit
from rung.oversight.standing import adopt


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = open_office(tmp_path)
    yield made
    made.ledger.close()


FIELDS = ("action", "kind", "workspace", "charter", "verdict", "reason", "changes", "expires", "nonce")


def refused(office: Office, approval: Approval, words: str) -> None:
    """Hands an approval in, which is refused with these words; nothing changes."""
    head = office.ledger.head()
    with pytest.raises(Refused, match=words):
        office.decide(approval)
    assert office.ledger.head() == head


def test_without_a_signature_nothing_happens_and_waiting_costs_nothing(office: Office) -> None:
    action = Action("delete", {"run": "cd" * 32})
    for _ in range(3):
        with pytest.raises(NotApproved, match=r"waits for ada and bert: rung approve sign"):
            permit(office.ledger, action, now=NOW)
    assert [case.action for case in pending(office.ledger, office.law)] == [action]
    office.ledger.close()  # a restart: what waits is in the ledger
    again = open_ledger(office.folder / "w")
    assert [case.id for case in pending(again, office.law)] == [action.hash]
    again.close()


def test_an_action_without_a_rule_is_denied_and_not_even_asked_for(office: Office) -> None:
    with pytest.raises(NotApproved, match="has no rule that lets anybody approve it"):
        permit(office.ledger, Action("deploy", {"program": "ab"}), now=NOW)
    assert pending(office.ledger, office.law) == []


def test_one_signature_is_good_for_once(office: Office) -> None:
    case = office.asked(improver="seed")
    assert office.decide(office.by("ada", case)).status is Status.APPROVED
    permission = permit(office.ledger, case.action, now=NOW)
    assert (permission.persons, permission.action) == (("ada",), case.action)
    with pytest.raises(NotApproved, match=r"approved once and has been done|waits for ada"):
        permit(office.ledger, case.action, now=NOW)
    assert not verify_chain(office.folder / "w" / "ledger.sqlite").problems


def test_what_was_used_up_cannot_be_handed_in_again_for_the_next_request(office: Office) -> None:
    case = office.asked(improver="seed")
    approval = office.by("ada", case)
    office.decide(approval)
    use(office.ledger, office.law, case.action, now=NOW)
    refused(office, approval, "in the ledger already|done already")
    second = office.asked(improver="seed")
    assert (second.id, second.status) == (case.id, Status.WAITING)
    refused(office, approval, "signed before the action was asked for")
    body: Any = next(event for event in office.ledger.read(types=(SIGNED,))).body
    office.ledger.append(SIGNED, body, run="x")  # whoever can write the file copies the event
    assert cases(office.ledger, office.law)[-1].status is Status.WAITING


def test_handed_in_twice_counts_once(office: Office) -> None:
    case = office.asked("delete")
    approval = office.by("ada", case)
    assert office.decide(approval).status is Status.WAITING
    refused(office, approval, "in the ledger already")


FORGERIES: dict[str, Callable[[Office, Approval], Approval]] = {
    "another verdict": lambda _, it: replace(it, statement=replace(it.statement, verdict="reject")),
    "another expiry": lambda _, it: replace(it, statement=replace(it.statement, expires=it.statement.expires + 60)),
    "another reason": lambda _, it: replace(it, statement=replace(it.statement, reason="bribed")),
    "another nonce": lambda _, it: replace(it, statement=replace(it.statement, nonce="0")),
    "a flipped bit": lambda _, it: replace(it, signature=("B" if it.signature[0] == "A" else "A") + it.signature[1:]),
    "no signature": lambda _, it: replace(it, signature=""),
    "not base64": lambda _, it: replace(it, signature="=" * 88),
    "zeros": lambda _, it: replace(it, signature="A" * 86 + "=="),
    "of a stranger": lambda office, it: replace(it, signature=sign(it.statement, office.private["mallory"]).signature),
    "of the other": lambda office, it: replace(it, signature=sign(it.statement, office.private["bert"]).signature),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_signature(office: Office, forge: Callable[[Office, Approval], Approval]) -> None:
    case = office.asked()
    refused(office, forge(office, office.by("ada", case)), "forged or altered")
    assert cases(office.ledger, office.law)[-1].status is Status.WAITING


def test_the_key_of_a_stranger_and_of_the_wrong_person(office: Office) -> None:
    case = office.asked()
    refused(office, office.by("mallory", case), "no approver's of the charter in force")
    refused(office, office.by("bert", case), "bert may not approve a promote: ada may")


def test_the_wrong_action_scope_workspace_and_charter(office: Office, tmp_path: Path) -> None:
    case, other = office.asked(), office.asked("raise_budget", usd=5)
    refused(office, office.by("ada", case, action="ef" * 32), "which nobody asked for")
    refused(office, office.by("ada", case, kind="delete"), "wrong scope")
    refused(office, office.by("ada", other, action=case.id), "wrong scope")
    refused(office, office.by("ada", case, charter="0" * 64), "wrong scope")
    refused(office, office.by("ada", case, workspace="0" * 64), "another workspace: wrong scope")
    (tmp_path / "second").mkdir()
    elsewhere = open_office(tmp_path / "second")
    elsewhere.private, theirs = office.private, elsewhere.asked()
    refused(office, elsewhere.by("ada", theirs), "wrong scope")
    elsewhere.ledger.close()


def test_expired_and_too_long_and_the_clock_set_back(office: Office) -> None:
    case = office.asked()
    early = office.by("ada", case, expires=int(NOW) + 10)
    refused(office, office.by("ada", case, expires=int(NOW) + 25 * 3600), "more than 24 hours")
    office.clock.now = NOW + 11
    refused(office, early, "expired 1 seconds ago")
    office.asked("delete")  # an event at a later moment: nobody makes it earlier again by setting the clock
    office.clock.now = NOW - 3600
    refused(office, early, "expired")


def test_what_expires_while_it_waits_to_be_used(office: Office) -> None:
    case = office.asked()
    office.decide(office.by("ada", case, expires=int(NOW) + 10))
    with pytest.raises(NotApproved, match="ada approved it, but the approval expired"):
        use(office.ledger, office.law, case.action, now=NOW + 11)


def test_a_stale_head_an_unknown_head_and_one_from_before_the_request(tmp_path: Path) -> None:
    office = open_office(tmp_path, default=DEFAULT.replace("stale_after_events = 10000", "stale_after_events = 3"))
    _, (seq, link) = office.ledger.append("log", {}, run="r"), office.ledger.head()
    case = office.asked()
    refused(office, office.by("ada", case, head_seq=seq, head_hash=link), "before the action was asked for")
    refused(office, office.by("ada", case, head_hash="0" * 64), "wrong head")
    refused(office, office.by("ada", case, head_seq=99), "wrong head")
    refused(office, office.by("ada", case, head_seq=-1), "wrong head")
    approval = office.by("ada", case)
    for _ in range(3):
        office.ledger.append("log", {}, run="r")
    assert office.decide(approval).status is Status.APPROVED
    office.ledger.append("log", {}, run="r")
    with pytest.raises(NotApproved, match="the approval is stale: the ledger has grown by 5 events"):
        use(office.ledger, office.law, case.action, now=NOW)
    later = office.asked("delete")
    approval = office.by("ada", later)
    for _ in range(4):
        office.ledger.append("log", {}, run="r")
    refused(office, approval, "stale")
    office.ledger.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires": 10**300}, "no moment there is"),
        ({"expires": -(10**300)}, "no moment there is"),
        ({"head_seq": 10**300}, "wrong head"),
        ({"head_seq": -(10**300)}, "wrong head"),
        ({"verdict": "modify", "changes": {"usd": "\x1b[2J"}}, "usd is a int"),
    ],
)
def test_numbers_that_are_too_large_for_anything(office: Office, changes: Any, words: str) -> None:
    case = office.asked("raise_budget", usd=5)
    refused(office, sign(replace(office.said(case), **changes), office.private["ada"]), words)


def test_an_amount_without_end_needs_two(office: Office) -> None:
    case = office.asked("raise_budget", usd=5)
    assert office.decide(office.by("ada", case, "modify", changes={"usd": 10**399})).status is Status.WAITING


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)


@given(place=st.sampled_from(["key", "signature", "statement", "head", "new", *FIELDS]), value=LEAVES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_altered_approval_counts(office: Office, place: str, value: Any) -> None:
    case = office.asked()
    document: Any = json.loads(json.dumps(office.by("ada", case).document()))
    where = document if place in document else document["statement"]
    assume(where.get(place) != value)
    where[place] = value
    with pytest.raises(BadInput):
        office.decide(parse_approval(json.dumps(document).encode()))
    office.ledger.append(SIGNED, {"approval": document}, run="x")
    assert cases(office.ledger, office.law)[-1].status is Status.WAITING


def test_two_persons_are_two_persons(office: Office) -> None:
    case = office.asked("delete")
    assert office.decide(office.by("ada", case)).status is Status.WAITING
    refused(office, office.by("ada", case), "not a second person")
    with pytest.raises(NotApproved, match="waits for ada and bert"):
        use(office.ledger, office.law, case.action, now=NOW)
    assert office.decide(office.by("bert", case)).status is Status.APPROVED
    assert use(office.ledger, office.law, case.action, now=NOW).persons == ("ada", "bert")


def test_a_spare_key_is_the_same_person_and_the_way_out_of_a_lost_one(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    made = {name: key(tmp_path / name, workspace) for name in ("ada", "spare", "bert")}
    text = law_text({name: public for name, (public, _) in made.items()})
    public = {name: half for name, (half, _) in made.items()}
    text = text.replace(f'["{public["ada"]}"]', f'["{public["ada"]}", "{public["spare"]}"]')
    clock = Clock()
    ledger = open_ledger(workspace, clock=clock)
    law = adopt(ledger, charter(text), now=NOW)
    office = Office(tmp_path, ledger, clock, law, text, {name: half for name, (_, half) in made.items()})
    case = office.asked("delete")
    office.decide(office.by("ada", case))
    refused(office, office.by("spare", case), "not a second person")
    promoted = office.asked("promote")
    assert office.decide(office.by("spare", promoted)).status is Status.APPROVED
    ledger.close()


@pytest.mark.parametrize(
    ("usd", "status"), [(100, "approved"), (100.5, "waiting"), ("much", "waiting"), (True, "waiting")]
)
def test_above_the_threshold_two_persons_are_needed(office: Office, usd: Any, status: str) -> None:
    case = office.asked("raise_budget", usd=usd)
    assert str(office.decide(office.by("ada", case)).status) == status


def test_who_modifies_cannot_lift_an_action_over_the_threshold_alone(office: Office) -> None:
    case = office.asked("raise_budget", usd=50)
    more = office.by("ada", case, "modify", changes={"usd": 5000})
    assert office.decide(more).status is Status.WAITING
    less = office.decide(office.by("bert", case, "modify", changes={"usd": 20}))
    assert (less.status, dict(less.effective.details)) == (Status.APPROVED, {"usd": 20})
    assert use(office.ledger, office.law, case.action, now=NOW).action.details == {"usd": 20}


def test_two_who_want_different_things_have_not_agreed(office: Office) -> None:
    case = office.asked("delete", days=3, what="logs")
    office.decide(office.by("ada", case, "modify", changes={"days": 5}))
    assert office.decide(office.by("bert", case)).status is Status.WAITING
    assert office.decide(office.by("bert", case, "modify", changes={"days": 5})).status is Status.APPROVED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "perhaps"}, "'perhaps' is no verdict: approve, modify"),
        ({"reason": " "}, "a verdict has a reason"),
        ({"verdict": "modify"}, "name what changes"),
        ({"changes": {"usd": 1}}, "no other does"),
        ({"verdict": "modify", "changes": {"eur": 1}}, "'eur' is no detail of the action; it has usd"),
        ({"verdict": "modify", "changes": {"usd": "many"}}, "usd is a int: write one"),
        ({"verdict": "modify", "changes": {"usd": True}}, "usd is a int: write one"),
    ],
)
def test_words_that_mean_nothing(office: Office, changes: Any, words: str) -> None:
    case = office.asked("raise_budget", usd=5)
    refused(office, sign(replace(office.said(case), **changes), office.private["ada"]), words)


def test_a_no_counts_until_it_is_done_and_the_last_word_of_a_person_is_theirs(office: Office) -> None:
    case = office.asked("raise_budget", usd=5)
    assert office.decide(office.by("ada", case)).status is Status.APPROVED
    assert office.decide(office.by("bert", case, "reject", reason="too dear")).status is Status.REJECTED
    with pytest.raises(NotApproved, match=r"turned down by bert \(reject\): too dear"):
        permit(office.ledger, case.action, now=NOW)
    assert office.decide(office.by("bert", case)).status is Status.APPROVED
    assert office.decide(office.by("bert", case, "terminate")).status is Status.TERMINATED


def test_who_escalates_asks_for_a_second_person(office: Office) -> None:
    case = office.asked("raise_budget", usd=5)
    office.decide(office.by("ada", case, "escalate", reason="not mine alone"))
    assert office.decide(office.by("ada", case)).status is Status.WAITING
    assert office.decide(office.by("bert", case)).status is Status.APPROVED


def test_events_that_claim_approval_are_not_believed(office: Office) -> None:
    """Whoever can write the ledger file can say anything in it, and cannot sign."""
    case = office.asked()
    forged = replace(office.by("ada", case), signature=sign(office.said(case), office.private["mallory"]).signature)
    for body in (
        {"approval": forged.document(), "person": "ada", "verdict": "approve", "action": case.id, "request": case.seq},
        {"approval": office.by("bert", case).document(), "person": "ada", "verdict": "approve"},
        {"approval": office.by("ada", case, kind="delete").document(), "person": "ada"},
        {"approval": office.by("ada", case, expires=int(NOW)).document(), "person": "ada"},
        {"approval": office.by("ada", case, workspace="0" * 64).document(), "person": "ada"},
        {"approval": "yes"},
        {},
    ):
        office.ledger.append(SIGNED, body, run="x")  # type: ignore[arg-type]
    assert cases(office.ledger, office.law)[-1].status is Status.WAITING
    with pytest.raises(NotApproved):
        permit(office.ledger, case.action, now=NOW)


def test_two_who_use_one_approval_at_the_same_moment(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case = office.asked()
    office.decide(office.by("ada", case))
    append = office.ledger.append

    def late(event_type: str, body: Any, **more: Any) -> Any:
        if event_type == USED:
            append(event_type, body, **more)  # the other process was here a moment before
        return append(event_type, body, **more)

    monkeypatch.setattr(office.ledger, "append", late)
    with pytest.raises(NotApproved, match="another process has used this approval"):
        use(office.ledger, office.law, case.action, now=NOW)


def test_without_a_charter_nothing_is_asked(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "w")
    assert permit(ledger, Action("promote", {"program": "ab"}), now=NOW).approvals == ()
    assert ledger.head()[0] == 0
    ledger.close()


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b"\xff", b'{"statement": {}, "key": "", "signature": ""}', b"x" * 70_000, b'{"a": 1, "a": 2}'],
)
def test_what_is_no_approval(raw: bytes) -> None:
    with pytest.raises(BadInput, match="approval"):
        parse_approval(raw)


def test_an_approval_survives_its_document(office: Office) -> None:
    approval = office.by("ada", office.asked())
    raw = json.dumps(approval.document(), indent=3).encode()
    assert parse_approval(raw) == approval
    assert approval_of(wire.parse(raw)).id == approval.id
    extra = json.dumps({**approval.document(), "admin": True}).encode()
    with pytest.raises(BadInput, match="unknown field 'admin'"):
        parse_approval(extra)


def test_the_hash_of_an_action_is_of_its_content() -> None:
    one = Action("promote", {"a": "1", "b": "2"}, {"x": 1, "y": [1, 2]})
    two = Action("promote", {"b": "2", "a": "1"}, {"y": [1, 2], "x": 1})
    assert one.hash == two.hash
    assert one.hash == "0e5129518729c3966071d464b99618319e566f231be1543cbeb37c57738c007c"
    assert len({one.hash, Action("promote", {"a": "1"}).hash, Action("delete", {"a": "1"}).hash}) == 3

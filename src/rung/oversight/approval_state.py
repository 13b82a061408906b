"""How an action stands: every signature in the ledger is checked again, and no other event is believed.

Whoever can write the ledger file can add events to it, but no signature of an approver's; so what counts as decided is
computed from signatures alone, and what was written beside them is for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from rung import wire
from rung.errors import LedgerDamaged
from rung.oversight import keys
from rung.oversight.approval_records import Action, Approval, Verdict, action_of, approval_of

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Event, Ledger
    from rung.oversight.charter import Charter

REQUEST: Final = "approval_request"
SIGNED: Final = "approval"
USED: Final = "approval_used"


class Status(StrEnum):
    """How an action stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    TERMINATED = "terminated"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Signed:
    """An approval that counted when it came in. person: whose key it is. seq, at: of its event."""

    approval: Approval
    person: str
    seq: int
    at: float

    @property
    def verdict(self) -> Verdict:
        """What the person said."""
        return Verdict(self.approval.statement.verdict)


@dataclass(frozen=True, slots=True)
class Case:
    """A request and what was said about it.

    seq, at: of the request. charter: the hash of the one it was made under. persons: how many must approve. effective:
    the action as it was approved, with the changes of whoever modified it.
    """

    seq: int
    at: float
    action: Action
    charter: str
    questions: tuple[str, ...]
    signed: tuple[Signed, ...]
    status: Status
    persons: int
    effective: Action

    @property
    def id(self) -> str:
        """The hash of what was asked for."""
        return self.action.hash

    @property
    def deciding(self) -> tuple[Signed, ...]:
        """The approvals that make it approved, oldest first; () when it is not."""
        if self.status is not Status.APPROVED:
            return ()
        last = {each.person: each for each in self.signed if each.verdict is not Verdict.ESCALATE}
        return _agreeing(tuple(last.values()), self.effective, self.action)


def cases(ledger: Ledger, charter: Charter, *, before: int | None = None) -> list[Case]:
    """Returns every request that was made under this charter, oldest first. before: as it was before this event."""
    requests = [event for event in _events(ledger, REQUEST, before) if _body(event).get("charter") == charter.hash]
    if not requests:
        return []
    signed = list(_signatures(ledger, charter, before))
    used = {(_body(event).get("action"), _body(event).get("request")) for event in _events(ledger, USED, before)}
    found: list[Case] = []
    for event in requests:
        case = _case(event, charter, signed)
        later = next((each.seq for each in requests if each.seq > event.seq and _same(each, event)), None)
        mine = tuple(each for each in case.signed if later is None or each.seq < later)
        case = weighed(replace(case, signed=mine), charter)
        found.append(replace(case, status=Status.USED) if (case.id, case.seq) in used else case)
    return found


def _events(ledger: Ledger, event_type: str, before: int | None) -> Iterator[Event]:
    return (event for event in ledger.read(types=(event_type,)) if before is None or event.seq < before)


def weighed(case: Case, charter: Charter) -> Case:
    """Returns the case with its status: of each person the last word counts, and one no is a no until it is done."""
    last = {each.person: each for each in case.signed if each.verdict is not Verdict.ESCALATE}
    escalated = any(each.verdict is Verdict.ESCALATE for each in case.signed)
    for verdict, status in ((Verdict.TERMINATE, Status.TERMINATED), (Verdict.REJECT, Status.REJECTED)):
        if any(each.verdict is verdict for each in last.values()):
            return replace(case, status=status)
    for each in last.values():
        effective = modified(case.action, each.approval)
        needed = needed_persons(charter, effective, escalated=escalated)
        if len(_agreeing(tuple(last.values()), effective, case.action)) >= needed:
            return replace(case, status=Status.APPROVED, persons=needed, effective=effective)
    needed = needed_persons(charter, case.action, escalated=escalated)
    return replace(case, status=Status.WAITING, persons=needed, effective=case.action)


def needed_persons(charter: Charter, action: Action, *, escalated: bool = False) -> int:
    """Returns how many persons must approve; two where the number that decides it is not among the details."""
    rule = charter.rule(action.kind)
    if rule is None or rule.persons == 2 or escalated:
        return 2
    if rule.two_persons_above is None:
        return 1
    amount = action.details.get(rule.measure)
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        return 2
    return 1 if amount <= rule.two_persons_above else 2


def modified(action: Action, approval: Approval) -> Action:
    """Returns the action with what an approval changes of its details."""
    return replace(action, details={**action.details, **approval.statement.changes})


def workspace_id(ledger: Ledger) -> str:
    """Returns what tells this ledger from every other: the hash of its first event."""
    return next((event.hash for event in ledger.read()), "")


def _agreeing(signed: Sequence[Signed], effective: Action, action: Action) -> tuple[Signed, ...]:
    yes = (Verdict.APPROVE, Verdict.MODIFY)
    same = (each for each in signed if each.verdict in yes and modified(action, each.approval) == effective)
    return tuple({each.person: each for each in same}.values())


def _case(event: Event, charter: Charter, signed: Sequence[Signed]) -> Case:
    body = _body(event)
    try:
        action = action_of({name: body[name] for name in ("kind", "subject", "details")})
        questions = tuple(str(each) for each in body["questions"])
    except (KeyError, wire.WireError) as error:
        raise LedgerDamaged(f"event {event.seq} is no request for an approval ({error}): rung verify") from error
    mine = tuple(
        each
        for each in signed
        if each.approval.statement.action == action.hash
        and each.approval.statement.kind == action.kind
        and each.seq > event.seq
    )
    return Case(event.seq, event.at, action, charter.hash, questions, mine, Status.WAITING, 2, action)


def _signatures(ledger: Ledger, charter: Charter, before: int | None) -> Iterator[Signed]:
    """Yields what approvers of this charter signed, each statement once; the rest is nothing."""
    seen: set[str] = set()
    workspace = workspace_id(ledger)
    for event in _events(ledger, SIGNED, before):
        try:
            approval = approval_of(_body(event).get("approval"))
            Verdict(approval.statement.verdict)
        except (wire.WireError, ValueError):
            continue
        statement, person = approval.statement, charter.person(approval.key)
        rule = charter.rule(statement.kind)
        if person is None or rule is None or person not in rule.by or statement.charter != charter.hash:
            continue
        if approval.id in seen or statement.workspace != workspace:
            continue
        if event.at >= statement.expires or statement.head_seq >= event.seq:
            continue
        if keys.verifies(approval.key, statement.message(), approval.signature):
            seen.add(approval.id)
            yield Signed(approval, person, event.seq, event.at)


def _same(event: Event, other: Event) -> bool:
    return all(_body(event).get(name) == _body(other).get(name) for name in ("kind", "subject", "details"))


def _body(event: Event) -> dict[str, Any]:
    return event.body if isinstance(event.body, dict) else {}

"""Approvals: an irreversible action is asked for, waits, and is done when whoever may has signed it; or never.

The whole of what a face needs: `ask` before something irreversible, `pending` to list, `statement` to have something to
sign, `decide` to hand in what was signed, `use` at the moment it is done. Nothing waits in memory: the ledger is it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rung.oversight import keys
from rung.oversight.approval_records import Action, Approval, Statement, Verdict
from rung.oversight.approval_state import REQUEST, SIGNED, USED, Case, Status, cases, modified, workspace_id
from rung.oversight.errors import NotApproved, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.kernel.ledger.port import Event, Ledger
    from rung.oversight.charter import Charter
    from rung.wire import JSON

_END_OF_TIME: Final = 10**11  # seconds since 1970; nobody signs for longer


@dataclass(frozen=True, slots=True)
class Permission:
    """That an action may be done, once. action: as it was approved. approvals: what was signed, if it had to be."""

    action: Action
    approvals: tuple[str, ...]
    persons: tuple[str, ...]


def needs_approval(charter: Charter | None, kind: str) -> bool:
    """Returns whether an action of this kind is denied until somebody signs."""
    return charter is not None and kind in charter.approvals.irreversible


def ask(
    ledger: Ledger, charter: Charter, action: Action, *, questions: tuple[str, ...] = (), blobs: tuple[bytes, ...] = ()
) -> Case:
    """Returns how an action stands, asked for now or earlier; asking again costs nothing.

    questions: that whoever approves answers by signing. blobs: what the subject's hashes name, kept with the request.
    """
    open_ones = [case for case in cases(ledger, charter) if case.id == action.hash and case.status is not Status.USED]
    if open_ones:
        return open_ones[-1]
    body: dict[str, JSON] = {
        **action.document(),
        "action": action.hash,
        "charter": charter.hash,
        "questions": list(questions),
    }
    ledger.append(REQUEST, body, run=run_of(action), blobs=blobs)
    return next(case for case in reversed(cases(ledger, charter)) if case.id == action.hash)


def pending(ledger: Ledger, charter: Charter | None) -> list[Case]:
    """Returns what waits for a person, or was approved and not done yet, oldest first."""
    if charter is None:
        return []
    return [case for case in cases(ledger, charter) if case.status in {Status.WAITING, Status.APPROVED}]


def statement(
    ledger: Ledger,
    charter: Charter,
    case: Case,
    *,
    verdict: Verdict,
    reason: str,
    expires: int,
    nonce: str,
    changes: Mapping[str, JSON] | None = None,
) -> Statement:
    """Returns what a person signs, on the present head. expires: seconds since 1970."""
    seq, link = ledger.head()
    return Statement(
        action=case.id,
        kind=case.action.kind,
        workspace=workspace_id(ledger),
        charter=charter.hash,
        verdict=str(verdict),
        reason=reason,
        changes=dict(changes or {}),
        head_seq=seq,
        head_hash=link,
        expires=expires,
        nonce=nonce,
    )


def decide(ledger: Ledger, charter: Charter, approval: Approval, *, now: float) -> Case:
    """Returns how the action stands after this approval, which is in the ledger then. now: seconds since 1970.

    Raises:
      Refused: it does not count; the message says why, and nothing has changed.
    """
    said = approval.statement
    case = _case_of(ledger, charter, approval)
    _refuse_signer(charter, approval)
    _refuse_scope(ledger, charter, approval, case)
    _refuse_time(ledger, charter, said, asked=case.seq, now=now)
    _refuse_again(case, approval, charter.person(approval.key) or "")
    _refuse_content(case, said)
    body: dict[str, JSON] = {
        "action": case.id,
        "request": case.seq,
        "person": charter.person(approval.key),
        "verdict": said.verdict,
        "reason": said.reason,
        "approval": approval.document(),
    }
    ledger.append(SIGNED, body, run=run_of(case.action))
    return next(each for each in cases(ledger, charter) if each.seq == case.seq)


def use(ledger: Ledger, charter: Charter | None, action: Action, *, now: float) -> Permission:
    """Returns the permission to do an action now, and takes it out of the ledger's: it is good for once.

    Raises:
      NotApproved: it was not approved, or what was signed has expired or gone stale in the meantime.
    """
    if charter is None or not needs_approval(charter, action.kind):
        return Permission(action, (), ())
    asked = [case for case in cases(ledger, charter) if action.hash in {case.id, case.effective.hash}]
    case = next((each for each in reversed(asked) if each.status is Status.APPROVED), None)
    if case is None:
        raise NotApproved(waiting_words(charter, asked[-1] if asked else None, action))
    for each in case.deciding:
        try:
            _refuse_time(ledger, charter, each.approval.statement, asked=case.seq, now=now, held=True)
        except Refused as error:
            raise NotApproved(f"{each.person} approved it, but {error}") from error
    names = tuple(each.person for each in case.deciding)
    permission = Permission(case.effective, tuple(each.approval.id for each in case.deciding), names)
    body: dict[str, JSON] = {
        "action": case.id,
        "request": case.seq,
        "effective": case.effective.document(),
        "approvals": list(permission.approvals),
        "persons": list(names),
    }
    mine = ledger.append(USED, body, run=run_of(case.action))
    for event in ledger.read(types=(USED,)):
        first: Any = event.body
        if (first.get("action"), first.get("request")) == (case.id, case.seq) and event.seq < mine.seq:
            raise NotApproved("another process has used this approval at the same moment: ask for the action again")
    return permission


def waiting_words(charter: Charter, case: Case | None, action: Action) -> str:
    """Returns why an action is not done, and what to type."""
    rule = charter.rule(action.kind)
    what = f"{action.kind} {action.hash[:8]}"
    if rule is None:
        return (
            f"{what} is denied: the charter calls it irreversible and has no rule that lets anybody approve it; "
            "add [[rules]] with its action and who may"
        )
    who = " and ".join(rule.by) if len(rule.by) == 2 and (case is None or case.persons == 2) else " or ".join(rule.by)
    if case is not None and case.status in {Status.REJECTED, Status.TERMINATED}:
        last = case.signed[-1]
        return f"{what} was turned down by {last.person} ({last.verdict}): {last.approval.statement.reason}"
    if case is not None and case.status is Status.USED:
        return f"{what} was approved once and has been done: ask for it again"
    return f"{what} waits for {who}: rung approve sign {action.hash[:8]} --key FILE --verdict approve --reason WHY"


def run_of(action: Action) -> str:
    """Returns the run that events about an action belong to: the one it is about, or one of its own."""
    run = action.details.get("run")
    return run if isinstance(run, str) and run else f"action-{action.hash[:12]}"


def _case_of(ledger: Ledger, charter: Charter, approval: Approval) -> Case:
    found = [case for case in cases(ledger, charter) if case.id == approval.statement.action]
    if not found:
        raise Refused(
            f"the approval is for action {approval.statement.action[:12]!r}, which nobody asked for under the charter "
            "in force: `rung approve list` shows what waits"
        )
    return found[-1]


def _refuse_signer(charter: Charter, approval: Approval) -> None:
    said, person = approval.statement, charter.person(approval.key)
    if person is None:
        raise Refused(
            f"the approval is signed with key {keys.fingerprint(approval.key)}, which is no approver's of the charter "
            "in force: sign with a key that stands there"
        )
    if not keys.verifies(approval.key, said.message(), approval.signature):
        raise Refused(
            f"the signature is not one that {person}'s key made over this statement: it was forged or altered; "
            "sign it again"
        )


def _refuse_scope(ledger: Ledger, charter: Charter, approval: Approval, case: Case) -> None:
    said, person = approval.statement, charter.person(approval.key)
    if said.kind != case.action.kind:
        raise Refused(f"the approval is for a {said.kind[:40]!r}, and the action is a {case.action.kind}: wrong scope")
    if said.workspace != workspace_id(ledger):
        raise Refused("the approval is for another workspace: wrong scope; sign what this one asks for")
    if said.charter != charter.hash:
        raise Refused(
            f"the approval was given under charter {said.charter[:8]}, and {charter.hash[:8]} is in force: wrong "
            "scope, sign again"
        )
    rule = charter.rule(said.kind)
    if rule is None or person not in rule.by:
        allowed = "nobody may" if rule is None else f"{', '.join(rule.by)} may"
        raise Refused(f"{person} may not approve a {said.kind}: {allowed}, by the charter's [[rules]]")


def _refuse_time(
    ledger: Ledger, charter: Charter, said: Statement, *, asked: int, now: float, held: bool = False
) -> None:
    """Refuses what is too old or too early. held: it was taken in before, so how far its expiry lies was looked at."""
    seq, _ = ledger.head()
    newest = _event_at(ledger, seq)
    if not 0 < said.expires < _END_OF_TIME:
        raise Refused("the approval expires at no moment there is: sign again")
    moment = max(now, newest.at if newest else now)  # a clock that was set back does not make anything young again
    if moment >= said.expires:
        raise Refused(f"the approval expired {moment - said.expires:,.0f} seconds ago: sign again")
    longest = charter.approvals.longest_hours
    if not held and said.expires - moment > longest * 3600 + 60:
        raise Refused(
            f"the approval would hold for more than {longest:g} hours (approvals.longest_hours): sign for less"
        )
    known = _event_at(ledger, said.head_seq)
    if known is None or known.hash != said.head_hash:
        raise Refused(
            f"the approval is signed over head {said.head_seq}, which this ledger does not have: wrong head, sign again"
        )
    if said.head_seq < asked:
        raise Refused("the approval was signed before the action was asked for: sign what is asked for now")
    if seq - said.head_seq > charter.approvals.stale_after_events:
        raise Refused(
            f"the approval is stale: the ledger has grown by {seq - said.head_seq:,} events since its head, more than "
            f"{charter.approvals.stale_after_events:,} (approvals.stale_after_events): look again, and sign again"
        )


def _refuse_again(case: Case, approval: Approval, person: str) -> None:
    if any(each.approval.id == approval.id for each in case.signed):
        raise Refused("this very approval is in the ledger already: each counts once; sign again")
    if case.status is Status.USED:
        raise Refused("the action is approved and done already: it can be asked for again")
    yes = {Verdict.APPROVE, Verdict.MODIFY}
    before = [each for each in case.signed if each.person == person][-1:]
    if approval.statement.verdict in yes and any(
        each.verdict in yes and modified(case.action, each.approval) == modified(case.action, approval)
        for each in before
    ):
        raise Refused(f"{person} has approved it already: a second signature of one person is not a second person")


def _refuse_content(case: Case, said: Statement) -> None:
    if said.verdict not in set(Verdict):
        raise Refused(f"{said.verdict[:40]!r} is no verdict: {', '.join(Verdict)}")
    if not said.reason.strip() or len(said.reason) > 2000:
        raise Refused("a verdict has a reason, of at most 2,000 characters: give one")
    if bool(said.changes) != (said.verdict == Verdict.MODIFY):
        raise Refused("a modifying verdict changes details, and no other does: name what changes, or approve")
    for name, value in said.changes.items():
        if name not in case.action.details:
            known = ", ".join(sorted(case.action.details)) or "none"
            raise Refused(f"{name[:40]!r} is no detail of the action; it has {known}")
        if not _alike(value, case.action.details[name]):
            raise Refused(f"{name} is a {type(case.action.details[name]).__name__}: write one")


def _alike(value: JSON, before: JSON) -> bool:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (value, before))
    return numbers or type(value) is type(before)


def _event_at(ledger: Ledger, seq: int) -> Event | None:
    if not 1 <= seq <= ledger.head()[0]:
        return None
    found = next(ledger.read(after=seq - 1), None)
    return found if found is not None and found.seq == seq else None

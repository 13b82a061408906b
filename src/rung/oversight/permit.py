"""The one call before anything irreversible: allowed without asking, allowed because it was signed, or not now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rung.oversight.approval import Permission, ask, needs_approval, use
from rung.oversight.errors import NotApproved
from rung.oversight.principles import broken, questions
from rung.oversight.standing import standing

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.oversight.approval_records import Action
    from rung.oversight.charter import Charter

DAY: Final = 86_400
IN_FORCE: Final = ("canary", "main")


def permit(ledger: Ledger, action: Action, *, now: float, blobs: tuple[bytes, ...] = ()) -> Permission:
    """Returns the permission to do an action now, good for once. now: seconds since 1970. blobs: see `ask`.

    Raises:
      NotApproved: it is recorded as asked for and waits, or the charter forbids it whoever signs.
    """
    charter = standing(ledger)
    if charter is None:
        return Permission(action, (), ())
    refuse_forbidden(ledger, charter, action, now=now)
    if not needs_approval(charter, action.kind):
        return Permission(action, (), ())
    if charter.rule(action.kind) is not None:
        ask(ledger, charter, action, questions=questions(charter), blobs=blobs)
    return use(ledger, charter, action, now=now)


def refuse_forbidden(ledger: Ledger, charter: Charter, action: Action, *, now: float) -> None:
    """Does nothing when the charter leaves it to a person whether the action is done.

    Raises:
      NotApproved: a principle is broken, or as many improvers were put in force today as may be.
    """
    run = action.details.get("run")
    if action.kind in {"promote", "deploy"} and isinstance(run, str) and (found := broken(ledger, charter, run)):
        raise NotApproved(f"a principle of the charter does not hold for run {run}: {'; '.join(found)}")
    most = charter.scope.generations_per_day
    if action.kind == "promote" and (count := promoted_today(ledger, now=now)) >= most:
        raise NotApproved(
            f"{count} improvers were put in force today, and the charter allows {most} "
            "(scope.generations_per_day): wait until midnight UTC"
        )


def promoted_today(ledger: Ledger, *, now: float) -> int:
    """Returns how many different improvers a gate put in force since midnight UTC."""
    midnight = now - now % DAY
    found: set[tuple[str, str]] = set()
    for event in ledger.read(types=("promotion",)):
        body: Any = event.body
        if event.at >= midnight and body["stage"] in IN_FORCE and body["by"] == "kernel":
            found.add((body["improver"], body["program"]))
    return len(found)

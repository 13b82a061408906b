"""What rung does itself as soon as it is approved; everything else is done by the command that asked, given again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rung.cli.screen import plain, talk
from rung.kernel import codec
from rung.oversight.approval import use
from rung.oversight.approval_records import Action
from rung.oversight.errors import NotApproved
from rung.oversight.permit import refuse_forbidden
from rung.oversight.standing import KIND as CHANGE
from rung.oversight.standing import adopt, stored_blob
from rung.promotion import promote

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.oversight.approval_state import Case
    from rung.oversight.charter import Charter


def promotion_action(name: str, program: str, *, run: str, reason: str) -> Action:
    """Returns the action of putting an improver in force under a name. program: its id. run: what it came from."""
    return Action("promote", {"program": program}, {"improver": name, "stage": "main", "run": run, "reason": reason})


@contextmanager
def told() -> Iterator[None]:
    """Says on stderr what waits for a person inside, instead of raising: what was found stays found."""
    try:
        yield
    except NotApproved as error:
        talk().print(f"rung: {plain(str(error), limit=1200)}", soft_wrap=True)


def carry_out(ledger: Ledger, charter: Charter, case: Case, *, now: float) -> str:
    """Returns what was done, in words; "" when it is not rung that does it.

    Raises:
      NotApproved: the charter forbids it whoever signs, or what was signed has gone stale.
    """
    if case.action.kind == CHANGE:
        after = adopt(ledger, stored_blob(ledger, case.action.subject["charter"]), now=now)
        return f"charter {after.hash[:8]} is in force"
    if case.action.kind != "promote":
        return ""
    refuse_forbidden(ledger, charter, case.action, now=now)
    permission = use(ledger, charter, case.action, now=now)
    details = {name: str(value) for name, value in permission.action.details.items()}
    if not {"improver", "stage", "run", "reason"} <= details.keys():
        raise NotApproved("this promotion does not say whom it puts in force: ask for it again")
    program = codec.program_from_bytes(ledger.get(permission.action.subject["program"]))
    reason = f"{details['reason']}; approved by {' and '.join(permission.persons)}"
    promote(
        ledger, details["improver"], program, stage=details["stage"], by="person", run=details["run"], reason=reason
    )
    return f"{details['improver']} is now {program.id[:8]} ({details['stage']})"

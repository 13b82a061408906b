"""The charter in force in a workspace: the ledger holds every one that ever was, and how one followed the other.

The first charter is taken as it is. Another one follows only with the approvals that the one before asks for; one that
names nobody who may approve that can be replaced by whoever owns the workspace, and the ledger shows when.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rung import wire
from rung.errors import BadInput, LedgerDamaged
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import read_ledger
from rung.oversight.approval import ask, needs_approval, use, waiting_words
from rung.oversight.approval_records import Action
from rung.oversight.approval_state import USED, Status, cases
from rung.oversight.charter_read import charter_of, read_charter
from rung.oversight.errors import NotApproved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.kernel.ledger.port import Ledger
    from rung.oversight.charter import Charter
    from rung.wire import JSON

EVENT: Final = "charter"
FILE: Final = "charter.toml"
KIND: Final = "change_charter"


def charter_file(workspace: Path, named: Path | None) -> Path | None:
    """Returns the file that says what holds here: the one that was named, or charter.toml beside the workspace.

    Beside means in the folder in which the workspace lies, where the project is; None when there is none.
    """
    beside = workspace.resolve().parent / FILE
    return named if named is not None else (beside if beside.exists() else None)


def charter_here(workspace: Path, named: str | Path | None) -> Charter | None:
    """Returns the charter that a run which starts now would be made under, None when there is none; writes nothing.

    A file that differs from the charter in force is what is meant to replace it (see `adopt`); without a file the one
    in force stays in force.

    Raises:
      BadInput: the file has faults.
      LedgerError: the ledger cannot be read.
    """
    if (file := charter_file(workspace, None if named is None else Path(named))) is not None:
        return read_charter(file)
    if not (workspace / layout.FILE).exists():
        return None
    with closing(read_ledger(workspace)) as ledger:
        return standing(ledger)


def adopt(ledger: Ledger, charter: Charter, *, now: float) -> Charter:
    """Returns the charter, in force from now on.

    Raises:
      NotApproved: the one before asks for approvals that are not there (yet).
    """
    before = standing(ledger)
    if before is not None and before.hash == charter.hash:
        return before
    body: dict[str, JSON] = {"charter": charter.hash, "blobs": [charter.hash]}
    if before is not None:
        body["before"] = before.hash
        if guarded(before):
            body["request"] = _permitted(ledger, before, charter, now=now)
    ledger.append(EVENT, body, run=f"charter-{charter.hash[:12]}", blobs=(charter.canonical(),))
    if (first := standing(ledger)) != charter:
        what = "another process" if first is None else f"another process, with charter {first.hash[:8]},"
        raise NotApproved(f"{what} was here a moment before: give the command again")
    return charter


def guarded(charter: Charter) -> bool:
    """Returns whether a charter can only be replaced by whoever it names."""
    return needs_approval(charter, KIND) and charter.rule(KIND) is not None


def change(before: Charter, after: Charter) -> Action:
    """Returns the action of putting one charter in the place of another."""
    return Action(KIND, {"charter": after.hash, "before": before.hash})


def standing(ledger: Ledger) -> Charter | None:
    """Returns the charter in force, None when there never was one.

    Raises:
      LedgerDamaged: a charter was put in force, and nobody who may has signed that.
    """
    now: Charter | None = None
    for event in ledger.read(types=(EVENT,)):
        body: Any = event.body
        if now is not None and "before" not in body:
            continue  # it thought it was the first, and another process had been
        if now is not None and guarded(now) and not _signed(ledger, now, body, before=event.seq):
            raise LedgerDamaged(
                f"event {event.seq} puts the workspace under charter {str(body.get('charter'))[:8]}, and nobody whom "
                f"charter {now.hash[:8]} names has signed that: somebody wrote into the ledger; look with rung verify"
            )
        now = stored_blob(ledger, str(body.get("charter")))
    return now


def stored_blob(ledger: Ledger, digest: str) -> Charter:
    """Returns a charter from its bytes in the ledger, whether it is in force or not.

    Raises:
      LedgerDamaged: there is none of this hash, or it is none that this rung can read.
    """
    document: Any = wire.parse(ledger.get(digest))
    charter, faults = charter_of(document) if type(document) is dict else (None, [])
    if charter is None or charter.hash != digest:
        what = f": {faults[0].place}: {faults[0].sentence}" if faults else ""
        raise LedgerDamaged(f"the charter {digest[:8]} in the ledger cannot be read by this rung{what}")
    return charter


def named_charter(ledger: Ledger, start: str) -> Charter:
    """Returns the one charter whose hash begins like this.

    Raises:
      BadInput: there is none, or several.
    """
    hashes: dict[str, None] = {}
    for event in ledger.read(types=(EVENT,)):
        body: Mapping[str, Any] = event.body if isinstance(event.body, dict) else {}
        hashes[str(body.get("charter"))] = None
    found = [each for each in hashes if each.startswith(start)]
    if len(found) != 1:
        what = "no charter" if not found else "more than one charter"
        raise BadInput(f"{what} of this ledger begins with {start!r}: give more of its hash, or a file")
    return stored_blob(ledger, found[0])


def _permitted(ledger: Ledger, before: Charter, after: Charter, *, now: float) -> int:
    """Returns the number of the request whose approvals allow the change, which are used up then."""
    action = change(before, after)
    case = ask(ledger, before, action, blobs=(after.canonical(),))
    if case.status is not Status.APPROVED:
        raise NotApproved(
            f"this workspace is under charter {before.hash[:8]}, and {after.hash[:8]} is another one: "
            f"{waiting_words(before, case, action)}; or go on under the old one (put its file back)"
        )
    use(ledger, before, action, now=now)
    return case.seq


def _signed(ledger: Ledger, charter: Charter, body: Mapping[str, Any], *, before: int) -> bool:
    """Returns whether a change of the charter had its approvals: signatures are looked at, not what is said of them."""
    for case in cases(ledger, charter):
        subject = case.action.subject
        same = case.action.kind == KIND and subject == {"charter": body.get("charter"), "before": charter.hash}
        if same and case.seq == body.get("request") and case.status is Status.USED:
            return _was_approved(ledger, charter, case.seq, before=before)
    return False


def _was_approved(ledger: Ledger, charter: Charter, request: int, *, before: int) -> bool:
    for event in ledger.read(types=(USED,)):
        body: Any = event.body
        if body.get("request") == request and event.seq < before:
            then = [case for case in cases(ledger, charter, before=event.seq) if case.seq == request]
            return bool(then) and then[0].status is Status.APPROVED
    return False

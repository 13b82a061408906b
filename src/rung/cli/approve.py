"""`rung approve` and `rung key`: what waits for a person, and how that person says yes or no."""

from __future__ import annotations

import re
import secrets
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rung import api, wire
from rung.cli.carry_out import carry_out
from rung.cli.options import AS_JSON, WORKSPACE, existing_ledger, named_again
from rung.cli.screen import plain, print_json, results, table
from rung.errors import BadInput
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight import approval as approvals
from rung.oversight import keys
from rung.oversight.approval_records import Action, Statement, Verdict, approval_of, parse_approval
from rung.oversight.approval_records import sign as signed
from rung.oversight.approval_state import Case, Status, cases
from rung.oversight.errors import NotApproved
from rung.oversight.permit import refuse_forbidden
from rung.oversight.principles import questions
from rung.oversight.standing import standing

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.oversight.charter import Charter
    from rung.wire import JSON

ACTION = Annotated[str, typer.Argument(metavar="ACTION", help="Its hash; the first characters are enough.")]
KEY = Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private key, outside the workspace.")]
BY_HAND = ("deploy", "raise_budget", "grant_network", "delete")  # rung itself asks for the others
UNITS = {"m": 60, "h": 3600, "d": 86_400}


def build_approve() -> typer.Typer:
    """Returns the group of commands."""
    group = typer.Typer(help="What waits for a person, and the person's answer.", no_args_is_help=True)
    commands = (("list", list_), ("show", show), ("sign", sign), ("add", add), ("ask", ask), ("use", use))
    for name, command in commands:
        group.command(name)(command)
    return group


def build_key() -> typer.Typer:
    """Returns the group of commands."""
    group = typer.Typer(help="The keys that approvals are signed with.", no_args_is_help=True)
    for name, command in (("new", new), ("show", show_key)):
        group.command(name)(command)
    return group


def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="What was decided and done as well.")] = False,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """List what waits for a person, oldest first."""
    with closing(existing_ledger(workspace)) as ledger:
        charter = standing(ledger)
        asked = [] if charter is None else cases(ledger, charter)
        found = asked if everything else approvals.pending(ledger, charter)
    if json:
        print_json([_case_document(case) for case in found])
        return
    if not found:
        results().print("nothing waits for a person" if charter else "no charter is in force: nothing needs a person")
        return
    rows = table("action", "what", "status", "signed by", "needs", "since")
    for case in found:
        by = ", ".join(f"{each.person} ({each.verdict})" for each in case.signed) or "-"
        since = _moment(case.at)
        rows.add_row(case.id[:8], plain(_what(case)), str(case.status), plain(by), _needs(case, charter), since)
    results().print(rows)
    results().print(f"next: rung approve show ACTION{named_again(workspace)}")


def show(action: ACTION, *, workspace: WORKSPACE = api.WORKSPACE, json: AS_JSON = False) -> None:
    """Show an action, what was said about it, and what a person would sign."""
    with closing(existing_ledger(workspace)) as ledger:
        charter, case = _found(ledger, action)
        draft = _draft(ledger, charter, case, verdict=Verdict.APPROVE, reason="", seconds=3600, changes={})
    if json:
        print_json({**_case_document(case), "to_sign": draft.document()})
        return
    out = results()
    rows = table("", "")
    rows.show_header = False
    rows.add_row("action", case.id)
    rows.add_row("what", plain(_what(case)))
    rows.add_row("status", str(case.status))
    rows.add_row("needs", _needs(case, charter))
    for name, value in (*case.action.subject.items(), *case.action.details.items()):
        rows.add_row(name, plain(value if isinstance(value, str) else wire.canonical(value).decode()))
    for question in case.questions:
        rows.add_row("question", plain(question))
    for each in case.signed:
        said = each.approval.statement
        words = f"{each.person}: {each.verdict}, {said.reason} (until {_moment(said.expires)})"
        rows.add_row("signed", plain(words))
    out.print(rows)
    hint = f"rung approve sign {case.id[:8]} --key FILE --verdict approve --reason WHY{named_again(workspace)}"
    out.print(f"\nnext: {hint}", soft_wrap=True)


def sign(
    action: Annotated[
        str, typer.Argument(metavar="ACTION", help="Its hash, or a file that `rung approve show --json` made.")
    ],
    *,
    key: KEY,
    verdict: Annotated[Verdict, typer.Option(help="What you say.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    expires: Annotated[str, typer.Option(help="How long it holds: 30m, 2h, 1d.")] = "2h",
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="DETAIL=VALUE", help="With modify: what becomes different.")
    ] = None,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Sign what you say about an action; what is approved is done at once where rung does it."""
    seconds, changes = _seconds(expires), _pairs(change or [], "--set")
    private = keys.read_key(key, workspace=workspace)
    if action.endswith(".json"):
        draft = _offline(Path(action), verdict=verdict, reason=reason, seconds=seconds, changes=changes)
        print_json(signed(draft, private).document())
        return
    with closing(existing_ledger(workspace)):
        pass  # a workspace that is not there is refused before one is made
    with closing(open_ledger(workspace)) as ledger:
        charter, case = _found(ledger, action)
        draft = _draft(ledger, charter, case, verdict=verdict, reason=reason, seconds=seconds, changes=changes)
        after = approvals.decide(ledger, charter, signed(draft, private), now=time.time())
        done = _done(ledger, charter, after)
    _report(after, charter, done=done, json=json)


def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `rung approve sign` printed elsewhere.")],
    *,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Hand in an approval that was signed on another machine."""
    approval = parse_approval(_bytes(file))
    with closing(existing_ledger(workspace)):
        pass
    with closing(open_ledger(workspace)) as ledger:
        charter = _in_force(ledger)
        after = approvals.decide(ledger, charter, approval, now=time.time())
        done = _done(ledger, charter, after)
    _report(after, charter, done=done, json=json)


def ask(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(BY_HAND)}.")],
    *,
    subject: Annotated[list[str], typer.Option("--subject", metavar="NAME=HASH", help="What it is done to.")],
    detail: Annotated[
        list[str] | None, typer.Option("--detail", metavar="NAME=VALUE", help="What else matters; usd=250.")
    ] = None,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Ask for an action of your own, which a script of yours does once `rung approve use` says yes."""
    if kind not in BY_HAND:
        raise BadInput(f"{kind[:40]!r} is nothing to ask for by hand: it is one of {', '.join(BY_HAND)}")
    named = {
        name: value if isinstance(value, str) else str(value) for name, value in _pairs(subject, "--subject").items()
    }
    action = Action(kind, named, _pairs(detail or [], "--detail"))
    with closing(existing_ledger(workspace)):
        pass
    with closing(open_ledger(workspace)) as ledger:
        charter = _in_force(ledger)
        if not approvals.needs_approval(charter, kind):
            raise BadInput(f"a {kind} needs no approval by the charter in force (approvals.irreversible): go ahead")
        refuse_forbidden(ledger, charter, action, now=time.time())
        if charter.rule(kind) is None:
            raise NotApproved(approvals.waiting_words(charter, None, action))
        case = approvals.ask(ledger, charter, action, questions=questions(charter))
    if json:
        print_json(_case_document(case))
    else:
        results().print(plain(approvals.waiting_words(charter, case, action), limit=600), soft_wrap=True)


def use(action: ACTION, *, workspace: WORKSPACE = api.WORKSPACE, json: AS_JSON = False) -> None:
    """Take the permission for an action, once: exit code 0 when it may be done now, 1 when it may not."""
    with closing(existing_ledger(workspace)):
        pass
    with closing(open_ledger(workspace)) as ledger:
        charter, case = _found(ledger, action)
        permission = approvals.use(ledger, charter, case.action, now=time.time())
    if json:
        print_json({"action": permission.action.document(), "persons": list(permission.persons)})
    else:
        results().print(f"{plain(_what(case))}: go ahead, approved by {plain(' and '.join(permission.persons))}")


def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is written; not here.")],
    *,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Make a key: the private half into a new file, the public half on the screen."""
    public = keys.new_key(file.expanduser(), workspace=workspace)
    if json:
        print_json({"file": str(file), "public": public, "fingerprint": keys.fingerprint(public)})
        return
    out = results()
    out.print(public, soft_wrap=True)
    out.print(f"the private half is in {file}, mode 0600: keep it off this machine if you can", soft_wrap=True)
    out.print("next: the line above goes into keys = [...] of an [[approvers]] in charter.toml", soft_wrap=True)


def show_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Of a private key.")],
    *,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Print the public half of a key."""
    public = keys.public_text(keys.read_key(file.expanduser(), workspace=workspace))
    if json:
        print_json({"file": str(file), "public": public, "fingerprint": keys.fingerprint(public)})
    else:
        results().print(public, soft_wrap=True)


def _done(ledger: Ledger, charter: Charter, case: Case) -> str:
    """Returns what was done because the action is approved now, in words; "" when nothing was."""
    return carry_out(ledger, charter, case, now=time.time()) if case.status is Status.APPROVED else ""


def _report(case: Case, charter: Charter, *, done: str, json: bool) -> None:
    if json:
        print_json({**_case_document(case), "done": done})
        return
    words = {
        Status.WAITING: f"recorded; it still needs {_needs(case, charter)}",
        Status.APPROVED: "approved" if done else "approved: give the command that asked for it again",
        Status.REJECTED: "rejected: it will not be done",
        Status.TERMINATED: "terminated: it will not be done, and `rung stop` ends what asked for it",
        Status.USED: "done already",
    }[case.status]
    results().print(f"{plain(_what(case))}: {words}{f'; {plain(done)}' if done else ''}", soft_wrap=True)


def _found(ledger: Ledger, start: str) -> tuple[Charter, Case]:
    charter = _in_force(ledger)
    newest = {case.id: case for case in cases(ledger, charter)}
    found = [case for case in newest.values() if len(start) >= 4 and case.id.startswith(start)]
    if len(found) != 1:
        what = "more than one action begins" if found else "no action that was asked for begins"
        raise BadInput(f"{what} with {start[:80]!r}: `rung approve list --all` shows them")
    return charter, found[0]


def _in_force(ledger: Ledger) -> Charter:
    charter = standing(ledger)
    if charter is None:
        raise BadInput("no charter is in force in this workspace, so nothing waits: `rung charter init` begins one")
    return charter


def _draft(
    ledger: Ledger,
    charter: Charter,
    case: Case,
    *,
    verdict: Verdict,
    reason: str,
    seconds: int,
    changes: dict[str, JSON],
) -> Statement:
    expires = int(time.time()) + seconds
    nonce = secrets.token_hex(16)
    return approvals.statement(
        ledger, charter, case, verdict=verdict, reason=reason, expires=expires, nonce=nonce, changes=changes
    )


def _offline(path: Path, *, verdict: Verdict, reason: str, seconds: int, changes: dict[str, JSON]) -> Statement:
    """Returns what to sign by what another machine printed: its head and its names, this person's words."""
    try:
        document: Any = wire.parse(_bytes(path))
        said: Any = document.get("to_sign") if type(document) is dict else None
        whole = {"statement": said, "key": "", "signature": ""}
        shown = approval_of(whole).statement
    except wire.WireError as error:
        raise BadInput(f"{path} is not what `rung approve show ACTION --json` prints ({error})") from error
    rest = {name: getattr(shown, name) for name in ("action", "kind", "workspace", "charter", "head_seq", "head_hash")}
    expires, nonce = int(time.time()) + seconds, secrets.token_hex(16)
    return Statement(**rest, verdict=str(verdict), reason=reason, changes=changes, expires=expires, nonce=nonce)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1 << 20)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}): name a file that is there") from error


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([mhd])", text)
    seconds = round(float(found.group(1)) * UNITS[found.group(2)]) if found else 0
    if seconds < 1:
        raise BadInput(f"--expires is a time such as 30m, 2h or 1d, not {text[:40]!r}")
    return seconds


def _pairs(pairs: list[str], option: str) -> dict[str, JSON]:
    """Returns name -> value, read as JSON where it is JSON and as a text otherwise."""
    changes: dict[str, JSON] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInput(f"{option} is NAME=VALUE, not {pair[:60]!r}")
        try:
            changes[name] = wire.parse(value.encode())
        except (wire.WireError, UnicodeEncodeError):
            changes[name] = value
    return changes


def _what(case: Case) -> str:
    details = case.effective.details
    said = ", ".join(f"{name} {value}" for name, value in details.items() if isinstance(value, str | int | float))
    return f"{case.action.kind} {next(iter(case.action.subject.values()), '')[:8]}{f' ({said})' if said else ''}"


def _needs(case: Case, charter: Charter | None) -> str:
    rule = charter.rule(case.action.kind) if charter else None
    who = "nobody may" if rule is None else ", ".join(rule.by)
    return f"{case.persons} of {who}"


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return "never"


def _case_document(case: Case) -> dict[str, JSON]:
    signatures: list[JSON] = [
        {
            "person": each.person,
            "verdict": str(each.verdict),
            "reason": each.approval.statement.reason,
            "expires": each.approval.statement.expires,
            "event": each.seq,
        }
        for each in case.signed
    ]
    return {
        "action": case.id,
        **case.action.document(),
        "status": str(case.status),
        "persons": case.persons,
        "questions": list(case.questions),
        "request": case.seq,
        "asked_at": case.at,
        "signed": signatures,
    }

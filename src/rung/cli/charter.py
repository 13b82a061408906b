"""`rung charter init | check | diff`: what a person has said may be done here."""

from __future__ import annotations

import os
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.cli.options import AS_JSON, WORKSPACE, existing_ledger
from rung.cli.screen import plain, print_json, results, table
from rung.cli.watch import watch
from rung.errors import BadInput
from rung.kernel.ledger import layout
from rung.oversight.charter_diff import Way, charter_diff
from rung.oversight.charter_read import check_charter, read_charter
from rung.oversight.standing import FILE, named_charter, standing

if TYPE_CHECKING:
    from rung.oversight.charter import Charter
    from rung.oversight.charter_diff import Change
    from rung.oversight.charter_table import Fault
    from rung.wire import JSON

TEXT = Annotated[Path, typer.Argument(metavar="FILE", help="Of the charter.")]
EITHER = "FILE.toml, the start of a hash that the ledger holds, or `standing` for the one in force."


def build_charter() -> typer.Typer:
    """Returns the group of commands."""
    group = typer.Typer(help="What may be done here, by whom, and when a person is asked.", no_args_is_help=True)
    for name, command in (("init", init), ("check", check), ("diff", diff), ("watch", watch)):
        group.command(name)(command)
    return group


def init(file: TEXT = Path(FILE), *, json: AS_JSON = False) -> None:
    """Write a commented charter that is valid as it is, and careful."""
    text = resources.files("rung.oversight").joinpath("default.toml").read_bytes()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise BadInput(f"{file} is there already, and a charter is never written over: name another file") from error
    except OSError as error:
        raise BadInput(f"the charter cannot be written to {file} ({error.strerror}): name another file") from error
    charter = read_charter(file)
    if json:
        print_json({"file": str(file), "charter": charter.hash})
        return
    out = results()
    out.print(f"wrote {file}, charter {charter.hash[:8]}: read it, and change what is not meant", soft_wrap=True)
    out.print(f"next: rung key new ~/rung.key      whose public half goes into {file}", soft_wrap=True)
    out.print(f"      rung charter check {file}", soft_wrap=True)


def check(file: TEXT = Path(FILE), *, workspace: WORKSPACE = api.WORKSPACE, json: AS_JSON = False) -> None:
    """Say everything that is wrong with a charter at once, with lines; or its hash."""
    charter, faults = check_charter(file)
    in_force = _standing(workspace)
    if json:
        print_json(_checked(file, charter, faults, in_force))
    elif charter is not None:
        results().print(f"{file} is charter {charter.hash[:8]}: {_place(charter, in_force)}", soft_wrap=True)
        for warning in _warnings(charter):
            results().print(f"note: {warning}", soft_wrap=True)
    else:
        rows = table("#line", "where", "what")
        for fault in faults:
            rows.add_row(str(fault.line or "-"), plain(fault.place), plain(fault.sentence, limit=400))
        results().print(rows)
    if charter is None:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise BadInput(f"{file} has {count}; nothing runs under it until it has none")


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help=EITHER)],
    b: Annotated[str, typer.Argument(metavar="B", help=EITHER)],
    *,
    workspace: WORKSPACE = api.WORKSPACE,
    json: AS_JSON = False,
) -> None:
    """Say what became wider from A to B, and what narrower."""
    old, new = _charter(a, workspace), _charter(b, workspace)
    changes = charter_diff(old, new)
    if json:
        rows: list[JSON] = [{"place": each.place, "way": each.way, "sentence": each.sentence} for each in changes]
        print_json({"a": old.hash, "b": new.hash, "wider": _count(changes, Way.WIDER), "changes": rows})
        return
    out = results()
    if not changes:
        out.print(f"both are charter {old.hash[:8]}")
        return
    marks = {Way.WIDER: "! wider", Way.NARROWER: "  narrower", Way.OTHER: "  other"}
    shown = table("way", "where", "what")
    for each in changes:
        shown.add_row(marks[each.way], plain(each.place), plain(each.sentence))
    out.print(shown)
    wider = _count(changes, Way.WIDER)
    out.print(f"{wider} of {len(changes)} changes let more happen than before" if wider else "nothing became wider")


def _count(changes: list[Change], way: Way) -> int:
    return sum(each.way is way for each in changes)


def _charter(text: str, workspace: Path) -> Charter:
    path = Path(text)
    if path.suffix == ".toml" or path.exists():
        return read_charter(path)
    with closing(existing_ledger(workspace)) as ledger:
        found = standing(ledger) if text == "standing" else named_charter(ledger, text)
    if found is None:
        raise BadInput(f"no charter is in force in {workspace}: name a file")
    return found


def _standing(workspace: Path) -> Charter | None:
    if not (workspace / layout.FILE).exists():
        return None
    with closing(existing_ledger(workspace)) as ledger:
        return standing(ledger)


def _place(charter: Charter, in_force: Charter | None) -> str:
    if in_force is None:
        return "none is in force yet, the next run takes it"
    if in_force.hash == charter.hash:
        return "it is in force"
    return f"{in_force.hash[:8]} is in force, `rung charter diff standing FILE` says what would change"


def _warnings(charter: Charter) -> list[str]:
    found = [
        f"{action} is denied whoever signs: no rule says who may approve it"
        for action in charter.approvals.irreversible
        if charter.rule(action) is None
    ]
    alone = [person.name for person in charter.approvers if len(person.keys) == 1]
    if alone:
        found.append(f"{', '.join(alone)} has one key: name a spare one, for a file can be lost")
    if charter.triggers:
        found.append("triggers start runs only while `rung charter watch` runs")
    if any(trigger.on == "webhook" for trigger in charter.triggers):
        found.append("webhooks are not listened to yet: nothing runs under a charter that has one")
    return found


def _checked(file: Path, charter: Charter | None, faults: list[Fault], in_force: Charter | None) -> dict[str, JSON]:
    listed: list[JSON] = [
        {"line": fault.line or None, "place": fault.place, "sentence": fault.sentence} for fault in faults
    ]
    notes: list[JSON] = [] if charter is None else [*_warnings(charter)]
    return {
        "file": str(file),
        "charter": None if charter is None else charter.hash,
        "in_force": None if in_force is None else in_force.hash,
        "faults": listed,
        "notes": notes,
    }

"""`rung witness`: checkpoints of the ledger, given to those who keep them where the ledger's owner is not."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from rung import api
from rung.audit import branch, log, parcel, witness
from rung.audit.note import NoteError
from rung.cli.options import AS_JSON, WORKSPACE, existing_ledger
from rung.cli.screen import print_json, results
from rung.errors import BadInput

STATE = Annotated[Path | None, typer.Option("--state", metavar="FILE", help="The file of a witness.")]


def build_witness() -> typer.Typer:
    """Returns `rung witness` with its subcommands."""
    commands = typer.Typer(help="Checkpoints of the ledger, and a witness who keeps them.", no_args_is_help=True)
    for command in (init, cosign, push, show, pack):
        commands.command()(command)
    return commands


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the witness, as auditors will read it.")] = (
        witness.DEFAULT_NAME
    ),
    state: Annotated[Path, typer.Option("--state", metavar="FILE", help="Where it keeps what it is.")] = Path(
        "witness.json"
    ),
) -> None:
    """Make a witness: a file with a key of its own, best kept on another machine (`rung witness pack`)."""
    try:
        made = witness.create(state, name=name, secret=os.urandom(32))
    except NoteError as error:
        raise BadInput(str(error)) from error
    results().print(str(made.key), soft_wrap=True)


def cosign(
    state: STATE = None,
    url: Annotated[str | None, typer.Option(help="Of a witness that listens on this machine.")] = None,
    old: Annotated[
        int | None, typer.Option(min=0, help="Print the request for a witness that has seen so many events.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the checkpoint goes.  [default: the screen]")
    ] = None,
    workspace: WORKSPACE = api.WORKSPACE,
) -> None:
    """Have a witness cosign what the ledger is now; it refuses what does not continue what it has seen."""
    if [state, url, old].count(None) != 2:
        raise BadInput("name one witness: --state FILE, --url http://127.0.0.1:PORT, or --old SIZE to send it yourself")
    existing_ledger(workspace).close()
    tree = log.ledger_tree(workspace)
    signed = log.checkpoint(workspace, tree)
    if old is not None:
        _put(out, str(log.request(tree, signed, old=old)))
        return

    def make(seen: int) -> witness.Request:
        return log.request(tree, signed, old=seen)

    key = log.log_key(workspace)[0]
    line = log.ask_url(url, make) if url else log.ask_file(state or Path(), make, key, at=int(time.time()))
    _put(out, str(log.with_cosignature(signed, line)))


def push(
    git: Annotated[Path, typer.Option("--git", metavar="DIR", help="A git repository.")],
    name: Annotated[str, typer.Option("--branch", help="That holds checkpoints and nothing else.")] = branch.BRANCH,
    remote: Annotated[str | None, typer.Option(help="Where to push it, such as origin.")] = None,
    workspace: WORKSPACE = api.WORKSPACE,
) -> None:
    """Commit a checkpoint to a branch of a git repository, after holding the ledger against all that are there."""
    existing_ledger(workspace).close()
    tree = log.ledger_tree(workspace)
    commit = branch.push(git, log.checkpoint(workspace, tree), tree, branch=name, remote=remote)
    results().print(f"{len(tree):,} events are in {name} at {commit}", soft_wrap=True)


def show(state: STATE = None, workspace: WORKSPACE = api.WORKSPACE, json: AS_JSON = False) -> None:
    """Show the ledger as a witness sees it: its key, size and root; with --state, what a witness has seen."""
    if state is not None:
        try:
            seen = witness.load(state)
        except NoteError as error:
            raise BadInput(str(error)) from error
        if json:
            logs = {origin: known.last.size if known.last else 0 for origin, known in seen.logs.items()}
            print_json({"key": str(seen.key), "logs": dict(logs)})
        else:
            results().print(witness.shown(seen), end="", soft_wrap=True)
        return
    existing_ledger(workspace).close()
    tree = log.ledger_tree(workspace)
    key = log.log_key(workspace)[0]
    if json:
        print_json({"key": str(key), "origin": key.name, "size": len(tree), "root": tree.root().hex()})
        return
    results().print(f"{key}\n{len(tree):,} events, root {tree.root().hex()}", soft_wrap=True)


def pack(file: Annotated[Path, typer.Argument(metavar="FILE.pyz", help="A file that is not there yet.")]) -> None:
    """Write the witness as one file for another machine: `python FILE.pyz init`, `add`, `cosign`, `serve`, `show`."""
    parcel.write_witness(file)


def _put(out: Path | None, text: str) -> None:
    if out is None:
        results().print(text, end="", soft_wrap=True, markup=False, highlight=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror})") from error

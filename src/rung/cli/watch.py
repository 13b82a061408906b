"""`rung charter watch`: starts the runs that the charter's triggers ask for, one at a time, until it is interrupted."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.cli.options import AS_JSON, SANDBOX, WORKSPACE
from rung.cli.screen import foreign_talk, plain, print_json, talk
from rung.errors import BadInput, RungError
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.standing import adopt, charter_here
from rung.oversight.triggers import begin, due, end, refuse_triggers

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.oversight.charter import Charter
    from rung.oversight.triggers import Due
    from rung.wire import JSON

POLL = 2.0  # seconds between two looks at the ledger and the clock


def watch(
    *,
    once: Annotated[bool, typer.Option("--once", help="Only what is due now.")] = False,
    workspace: WORKSPACE = api.WORKSPACE,
    sandbox: SANDBOX = "auto",
    json: AS_JSON = False,
) -> None:
    """Start the runs that the charter's triggers ask for, one at a time, until interrupted."""
    workspace = api.checked_workspace(workspace)
    law = charter_here(workspace, None)
    if law is None or not law.triggers:
        raise BadInput("no charter with [[triggers]] holds here, so there is nothing to watch for: add one to it")
    refuse_triggers(law)
    with closing(open_ledger(workspace)) as ledger, run_lock(workspace, "watch"):
        law = adopt(ledger, law, now=time.time())
        names = ", ".join(trigger.name for trigger in law.triggers)
        talk().print(f"watching under charter {law.hash[:8]}: {plain(names)}", soft_wrap=True)
        done: list[JSON] = []
        while True:
            duties = due(ledger, law, now=time.time())
            done.extend(fire(ledger, law, duty, workspace=workspace, sandbox=sandbox) for duty in duties)
            if once:
                break
            time.sleep(POLL)
    if json:
        print_json(done)


def fire(ledger: Ledger, law: Charter, duty: Due, *, workspace: Path, sandbox: str) -> dict[str, JSON]:
    """Returns what became of a run that was due; what goes wrong in it is recorded, and the watch goes on."""
    trigger, fired, run = duty.trigger, begin(ledger, law, duty), ""
    talk().print(f"{plain(trigger.name)}: improving {plain(trigger.task)}", soft_wrap=True)
    try:
        with foreign_talk():
            outcome = api.improve(
                trigger.task,
                attempts=trigger.attempts,
                cpu_seconds=trigger.cpu_seconds,
                workspace=workspace,
                sandbox=sandbox,
            )
        run, words = outcome.run, outcome.stop_reason
    except RungError as error:
        words = str(error)
    end(ledger, duty, fired=fired, run=run, words=words)
    talk().print(plain(f"{trigger.name}: {words}", limit=600), soft_wrap=True)
    return {"trigger": trigger.name, "cause": duty.cause or None, "run": run or None, "words": words}

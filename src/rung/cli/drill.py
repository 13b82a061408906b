"""`rung drill`: oversight rehearsed on a real run, here and now."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rung import api
from rung.cli.options import AS_JSON, WORKSPACE
from rung.cli.screen import plain, print_json, results, table, talk
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.drill import cpu_seconds, record, rehearse
from rung.oversight.drills import DRILLS
from rung.oversight.ground import Ground

if TYPE_CHECKING:
    from rung.oversight.drill import Drill


def drill(*, workspace: WORKSPACE = api.WORKSPACE, json: AS_JSON = False) -> None:
    """Rehearse oversight on a run made for that, and record what happened; exit code 1 when a drill fails."""
    held: list[Drill] = []
    before = cpu_seconds()
    with tempfile.TemporaryDirectory(prefix="rung-drill-") as folder:
        for each in rehearse(DRILLS, Ground(Path(folder))):
            held.append(each)
            if not json:
                talk().print(f"{len(held)}/{len(DRILLS)} {each.requirement}: {'passed' if each.passed else 'FAILED'}")
    used = cpu_seconds() - before
    with closing(open_ledger(api.checked_workspace(workspace))) as ledger:
        event = record(ledger, held, run=secrets.token_hex(6), cpu_seconds=used)
    failed = [each for each in held if not each.passed]
    if json:
        print_json({"passed": not failed, "cpu_seconds": used, "event": event.seq, "drills": [*map(asdict, held)]})
    else:
        _print(held, failed=len(failed), used=used, seq=event.seq)
    if failed:
        raise typer.Exit(1)


def _print(held: list[Drill], *, failed: int, used: float, seq: int) -> None:
    rows = table("requirement", "mechanism", "tried", "happened", "#seconds", "")
    for each in held:
        verdict = "passed" if each.passed else "FAILED"
        words = (each.requirement, each.mechanism, each.tried, each.happened)
        rows.add_row(*map(plain, words), f"{each.seconds:.3f}", verdict)
    out = results()
    out.print(rows)
    ending = f"{failed} of {len(held)} drills failed" if failed else f"all {len(held)} drills passed"
    out.print(f"{ending}, {used:.0f} CPU-s; on record as event {seq}")

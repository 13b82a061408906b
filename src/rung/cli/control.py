"""`rung pause`, `rung resume` and `rung stop`: from another terminal, on any run, at any moment."""

from __future__ import annotations

from typing import Annotated

import typer

from rung.cli.options import AS_JSON, RUN, WORKSPACE
from rung.cli.quick import HERE, Ask, give

REASON = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the record.")]


def pause(run: RUN, *, reason: REASON = "", workspace: WORKSPACE = HERE, json: AS_JSON = False) -> None:
    """Freeze a run that is being worked on: nothing of it moves until it is resumed or stopped."""
    raise typer.Exit(give(Ask("pause", run, reason, workspace, json)))


def resume(run: RUN, *, reason: REASON = "", workspace: WORKSPACE = HERE, json: AS_JSON = False) -> None:
    """Let a paused run go on."""
    raise typer.Exit(give(Ask("resume", run, reason, workspace, json)))


def stop(run: RUN, *, reason: REASON = "", workspace: WORKSPACE = HERE, json: AS_JSON = False) -> None:
    """End a run that is being worked on, paused or not; the same command goes on with it."""
    raise typer.Exit(give(Ask("stop", run, reason, workspace, json)))

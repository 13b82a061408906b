"""The `rung` command: how it is put together, and how it ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

import rung
from rung.cli.approve import build_approve, build_key
from rung.cli.bench import bench
from rung.cli.catalog import improvers, tasks
from rung.cli.charter import build_charter
from rung.cli.control import pause, resume, stop
from rung.cli.demo import demo
from rung.cli.doctor import doctor
from rung.cli.drill import drill
from rung.cli.entry import ended
from rung.cli.export import export
from rung.cli.improve import evaluate, improve
from rung.cli.replay import replay
from rung.cli.show import diff, show
from rung.cli.stages import ascend, rollback, stages
from rung.cli.verify import verify
from rung.cli.witness import build_witness

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "Makes programs better, and believes nothing that it did not measure out of their reach."


def build() -> typer.Typer:
    """Returns the command with its subcommands."""
    app = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in (
        improve,
        evaluate,
        tasks,
        improvers,
        show,
        diff,
        export,
        verify,
        replay,
        doctor,
        demo,
        bench,
        ascend,
        stages,
        rollback,
        pause,
        resume,
        stop,
        drill,
    ):
        app.command()(command)
    for name, group in (("charter", build_charter()), ("approve", build_approve()), ("key", build_key())):
        app.add_typer(group, name=name)
    app.add_typer(build_witness(), name="witness")
    app.callback()(_options)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"rung {rung.__version__}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Options of the command itself; what they do is done when they are read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 not done, 2 bad input, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments

    def command() -> int:
        build()(args=given)
        return 0

    return ended(command, given)

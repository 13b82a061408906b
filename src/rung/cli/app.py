"""The `rung` command: how it is put together, and how it ends."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

import rung
from rung.cli.bench import bench
from rung.cli.catalog import improvers, tasks
from rung.cli.demo import demo
from rung.cli.doctor import doctor
from rung.cli.export import export
from rung.cli.improve import evaluate, improve
from rung.cli.replay import replay
from rung.cli.screen import prepare_streams
from rung.cli.show import diff, show
from rung.cli.stages import ascend, rollback, stages
from rung.cli.verify import verify
from rung.errors import BadInput, RungError
from rung.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

HELP = "Makes programs better, and believes nothing that it did not measure out of their reach."
INTERRUPTED = 130


class Interrupted(BaseException):
    """A person said stop: Ctrl-C, or SIGTERM."""


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
    ):
        app.command()(command)
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
    stopped: list[int] = []
    prepare_streams()
    with _interrupts(stopped):
        try:
            build()(args=given)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        except (RungError, WireError, OSError) as error:
            # Ctrl-C reaches the whole process group: what breaks because of it is part of being interrupted.
            return _interrupted(given) if stopped else _refuse(error)
        except (Interrupted, KeyboardInterrupt):
            return _interrupted(given)
    return 0


def _refuse(error: RungError | WireError | OSError) -> int:
    sys.stderr.write(f"rung: {' '.join(str(error).split())}\n")
    return 2 if isinstance(error, BadInput | WireError) else 1


def _interrupted(arguments: Sequence[str]) -> int:
    resumes = "; the same command goes on where it was" if {"improve", "bench", "ascend"} & {*arguments} else ""
    sys.stderr.write(f"rung: interrupted{resumes}\n")
    return INTERRUPTED


@contextmanager
def _interrupts(stopped: list[int]) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        stopped.append(number)
        signal.signal(number, signal.SIG_DFL)  # a second one does not wait for anything
        raise Interrupted

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""How the `rung` command begins and ends: what must be quick is loaded alone, the rest with all commands."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rung.cli import quick
from rung.errors import BadInput, RungError
from rung.wire import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

GOES_ON = ("improve", "bench", "ascend")
INTERRUPTED = 130


class Interrupted(BaseException):
    """A person said stop: Ctrl-C, or SIGTERM."""


def main() -> int:
    """Returns the exit code: 0 done, 1 not done, 2 bad input, 130 interrupted."""
    given = sys.argv[1:]
    if given and given[0] in quick.ACTIONS and (ask := quick.parse(given)) is not None:
        return ended(lambda: quick.give(ask), given)
    from rung.cli.app import main as everything  # noqa: PLC0415 - to load it takes longer than to stop a run

    return everything(given)


def ended(command: Callable[[], int], given: Sequence[str]) -> int:
    """Returns the exit code of a command that was given these words, however it ends."""
    stopped: list[int] = []
    _prepare_streams()
    with _interrupts(stopped):
        try:
            return command()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        except (RungError, WireError, OSError) as error:
            # Ctrl-C reaches the whole process group: what breaks because of it is part of being interrupted.
            return _interrupted(given) if stopped else _refuse(error)
        except (Interrupted, KeyboardInterrupt):
            return _interrupted(given)


def _refuse(error: RungError | WireError | OSError) -> int:
    sys.stderr.write(f"rung: {' '.join(str(error).split())}\n")
    return 2 if isinstance(error, BadInput | WireError) else 1


def _interrupted(arguments: Sequence[str]) -> int:
    resumes = "; the same command goes on where it was" if {*GOES_ON} & {*arguments} else ""
    sys.stderr.write(f"rung: interrupted{resumes}\n")
    return INTERRUPTED


def _prepare_streams() -> None:
    """Lets stdout print "?" for what its encoding lacks, as stderr escapes it; what is closed goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


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

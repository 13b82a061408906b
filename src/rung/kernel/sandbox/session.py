"""The trusted end of one candidate process: lines in, lines out, its clock and its end."""

from __future__ import annotations

import contextlib
import math
import select
import signal
import socket
import struct
import time
from dataclasses import dataclass
from typing import Protocol

from rung import errors, wire
from rung.errors import ProgramFailed, Status
from rung.kernel.sandbox.port import Ending
from rung.records import Limits, Program
from rung.wire import JSON

START_SECONDS = 30.0
SLICE = 0.05  # seconds of one look: what a pause can cost at most of the time that a process has


@dataclass(frozen=True, slots=True)
class Ended:
    """What the operating system says about a process that has ended.

    status: the exit code, or minus the signal.
    """

    status: int
    cpu_seconds: float
    peak_memory_mb: float


class Process(Protocol):
    """A process as its backend knows it."""

    def end(self) -> Ended:
        """Kills the process if it still runs, waits for it, and returns how it ended.

        Raises:
          SandboxBroken: nobody can tell any more.
        """


def channel_pair() -> tuple[socket.socket, socket.socket]:
    """Returns (ours, theirs): a stream on which the kernel names the sender of the first byte."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def ready(channel: socket.socket, event: int, seconds: float) -> float | None:
    """Returns what is left of the seconds when the event of poll has come, or None when it has not.

    A slice counts as its length, however late it ends: who was paused, or starved, did not live that time, and the
    other side may not have either.
    """
    poll = select.poll()
    poll.register(channel, event)
    while seconds > 0:
        most, began = min(seconds, SLICE), time.monotonic()
        if poll.poll(math.ceil(most * 1000)):
            return seconds - min(most, time.monotonic() - began)
        seconds -= most
    return None


class LineSession:
    """A session over a channel to any process that runs the runner."""

    def __init__(self, channel: socket.socket, process: Process, limits: Limits) -> None:
        self._channel, self._process, self._limits = channel, process, limits
        self._began = time.monotonic()
        self._rest = bytearray()
        self._clock: int | None = None
        self._cpu, self._allowed = 0.0, limits.cpu_seconds
        self._ended: Ended | None = None
        self._ending: Ending | None = None
        self.pid, self.waited = 0, 0.0

    def begin(self, program: Program, *, sdk: str | None) -> None:
        """Sends the program and waits until the process is confined, which it says before it reads the program.

        Raises:
          SandboxBroken: the process could not be set up.
        """
        first: JSON = {"program": {"files": wire.files_to_json(program.files), "entry": program.entry}, "sdk": sdk}
        line = wire.encode(first)
        try:
            if len(line) <= 1 << 16:
                self._put(line, START_SECONDS)
            if ready(self._channel, select.POLLIN, START_SECONDS) is None:
                raise TimeoutError("timed out")
            byte, ancillary, _, _ = self._channel.recvmsg(1, socket.CMSG_SPACE(12))
            self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            if byte != b"R":
                reason = self._channel.recv(1000).decode(errors="replace") if byte else "the process died at once"
                raise errors.SandboxBroken(f"a process for a program could not be set up: {reason.strip()}")
            if len(line) > 1 << 16:
                self._put(line, START_SECONDS)
        except OSError as error:
            raise errors.SandboxBroken(f"a process for a program could not be set up: {error}") from error
        self.pid = struct.unpack("3i", ancillary[0][2])[0]
        self._clock = ~self.pid << 3 | 2

    def abandon(self) -> None:
        """Lets go of a process that never began."""
        self._channel.close()
        with contextlib.suppress(errors.SandboxBroken):
            self._process.end()

    def send(self, document: JSON, *, seconds: float | None = None) -> None:
        """Sends one JSON line to the process; see the port."""
        try:
            self._put(wire.encode(document), self._limits.wall_seconds if seconds is None else seconds)
        except TimeoutError as error:
            raise ProgramFailed(Status.TIMEOUT, "the program does not read its input") from error
        except OSError as error:
            raise self._died() from error

    def _put(self, line: bytes, left: float) -> None:
        rest = memoryview(line)
        while rest:
            before, now = left, ready(self._channel, select.POLLOUT, left)
            left = 0.0 if now is None else now
            self.waited += before - left
            if now is None:
                raise TimeoutError("timed out")
            rest = rest[self._channel.send(rest, socket.MSG_DONTWAIT) :]

    def receive(self, *, seconds: float, cpu_seconds: float | None = None) -> JSON:
        """Returns the next strict JSON line from the process; see the port."""
        whole = self._limits.cpu_seconds
        self._allowed = whole if cpu_seconds is None else min(whole, self.cpu_seconds() + cpu_seconds)
        line = self._line(seconds)
        if self._rest:
            raise ProgramFailed(Status.INVALID, "more than one document was sent where one was expected")
        try:
            return wire.parse(line)
        except wire.WireError as error:
            raise ProgramFailed(Status.INVALID, f"what was sent is not a strict JSON document: {error}") from error

    def _line(self, seconds: float) -> bytes:
        cap, left = self._limits.output_bytes, seconds
        searched = 0
        while (end := self._rest.find(b"\n", searched)) < 0:
            searched = len(self._rest)
            if searched > cap:
                break
            left = self._wait(left, seconds)
            try:
                chunk = self._channel.recv(1 << 16)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise self._died()
            self._rest += chunk
        if end < 0 or end > cap:
            raise ProgramFailed(Status.INVALID, f"an answer of more than {cap} bytes")
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line

    def _wait(self, left: float, seconds: float) -> float:
        """Returns what is left of the time when there is something to read.

        Raises:
          ProgramFailed: the time is up.
        """
        while left > 0:
            cpu_left = self._allowed - self.cpu_seconds()
            if cpu_left <= 0:
                raise ProgramFailed(Status.TIMEOUT, f"more than {self._allowed:g} CPU seconds used")
            most = min(left, max(cpu_left, 0.01))
            rest = ready(self._channel, select.POLLIN, most)
            self.waited += most - (rest or 0.0)
            left -= most - (rest or 0.0)
            if rest is not None:
                return left
        raise ProgramFailed(Status.TIMEOUT, f"no answer within {seconds:g} seconds")

    def _died(self) -> ProgramFailed:
        """Returns why the process is gone."""
        ended = self._end()
        cpu = self._allowed
        if ended.status == -signal.SIGKILL and self._cpu >= cpu * 0.9:
            return ProgramFailed(Status.TIMEOUT, f"more than {cpu:g} CPU seconds used")
        if ended.status == -signal.SIGSYS:
            return ProgramFailed(Status.ERROR, "killed: it tried a system call that no ordinary program makes")
        if ended.status < 0:
            return ProgramFailed(Status.ERROR, f"the process died: {signal.strsignal(-ended.status)}")
        return ProgramFailed(Status.ERROR, f"the process ended by itself with exit code {ended.status}")

    def cpu_seconds(self) -> float:
        """Returns what the process has used so far, by the clock of the operating system."""
        if self._ended is None and self._clock is not None:
            with contextlib.suppress(OSError):  # when it is gone, the last reading stands until it is reaped
                self._cpu = time.clock_gettime(self._clock)
        return self._cpu

    def _end(self) -> Ended:
        if self._ended is None:
            self.cpu_seconds()
            self._ended = self._process.end()
            self._cpu = max(self._cpu, self._ended.cpu_seconds)
        return self._ended

    def close(self) -> Ending:
        """Kills whatever is left and returns how it ended; may be called twice."""
        if self._ending is None:
            alive = self._ended is None
            try:
                ended = self._end()
            finally:
                self._channel.close()
            still_ran = alive and ended.status in (0, -signal.SIGKILL)
            killed = "a system call that no ordinary program makes" if ended.status == -signal.SIGSYS else None
            self._ending = Ending(
                cpu_seconds=self._cpu,
                wall_seconds=time.monotonic() - self._began,
                peak_memory_mb=ended.peak_memory_mb,
                exit_status=None if still_ran else ended.status,
                denied=killed,
            )
        return self._ending

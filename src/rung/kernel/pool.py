"""Worker processes of the engine: each scores programs with a sandbox of its own and dies with the engine."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from rung import errors, wire
from rung.kernel import codec
from rung.kernel.sandbox.jail.linux import die_with_parent
from rung.kernel.scoring import Scored, score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rung.kernel.models import Generator
    from rung.kernel.sandbox.port import Sandbox
    from rung.records import Case, Outcome, Program, Task

AHEAD_BYTES = 1 << 16  # fits into the buffer of a socket


@dataclass(frozen=True, slots=True)
class Job:
    """One program to be scored on some cases."""

    program: Program
    cases: tuple[Case, ...]


class Executor(Protocol):
    """Where programs are scored; `Inline` and `Pool` are the two that ship."""

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result) as they finish."""

    def finished(self, jobs: Sequence[Job]) -> Iterator[list[tuple[int, Scored]]]:
        """Yields the same in groups: all that have finished since the last group was asked for."""

    def close(self) -> None:
        """Ends everything that was started."""


class Inline:
    """Scores in the engine's own process, one job after the other; what `--workers 1` means."""

    def __init__(
        self,
        task: Task,
        sandbox: Callable[[], Sandbox],
        *,
        seed: int,
        improve: Callable[[Task, Program, int], Outcome] | None = None,
        models: Generator | None = None,
    ) -> None:
        self._task, self._seed, self._improve, self._models = task, seed, improve, models
        self._sandbox = sandbox()

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result) as they finish."""
        for index, job in enumerate(jobs):
            scored = score(
                self._task,
                job.program,
                job.cases,
                sandbox=self._sandbox,
                seed=self._seed,
                improve=self._improve,
                models=self._models,
            )
            yield index, scored

    def finished(self, jobs: Sequence[Job]) -> Iterator[list[tuple[int, Scored]]]:
        """Yields groups of one."""
        return ([each] for each in self.score_all(jobs))

    def close(self) -> None:
        """Ends the sandbox."""
        self._sandbox.close()


class Pool:
    """Scores in `workers` forked processes, which know the task because they were forked after it was loaded."""

    def __init__(self, task: Task, sandbox: Callable[[], Sandbox], *, seed: int, workers: int) -> None:
        self._channels: list[Channel] = []
        self._pids: list[int] = []
        for _ in range(workers):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            pid = os.fork()
            if pid == 0:
                ours.close()
                for channel in self._channels:
                    channel.close()
                _work(task, sandbox, seed, Channel(theirs))
            theirs.close()
            self._channels.append(Channel(ours))
            self._pids.append(pid)

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result) as they finish, in any order.

        Raises:
          RungError: what a worker's evaluator or sandbox raised.
        """
        return chain.from_iterable(self.finished(jobs))

    def finished(self, jobs: Sequence[Job]) -> Iterator[list[tuple[int, Scored]]]:
        """Yields the same in groups: all that have finished since the last group was asked for."""
        waiting = deque(enumerate(jobs))
        busy: dict[Channel, deque[int]] = {channel: deque() for channel in self._channels}
        with selectors.DefaultSelector() as selector:
            for channel in self._channels:
                selector.register(channel.socket, selectors.EVENT_READ, channel)
            while waiting or any(busy.values()):
                for channel in (*self._channels, *self._channels):
                    _hand_out(waiting, channel, busy[channel], workers=len(busy))
                group = []
                for key, _ in selector.select(1.0):  # to wake up now and then is the sign that the engine lives
                    for document in key.data.received():
                        group.append((busy[key.data].popleft(), document))
                        _hand_out(waiting, key.data, busy[key.data], workers=len(busy))
                if good := [(index, _scored_from_json(each)) for index, each in group if "raised" not in each]:
                    yield good
                for _, document in group:
                    _raise(document)

    def close(self) -> None:
        """Ends the workers and everything below them."""
        for channel in self._channels:
            channel.close()
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Channel:
    """JSON lines over a socket between two trusted processes."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = bytearray()

    def send(self, document: wire.JSON) -> None:
        """Writes one line."""
        self.socket.sendall(wire.encode(document))

    def received(self) -> list[dict[str, wire.JSON]]:
        """Returns the lines that one read completes, waiting for something to read.

        Raises:
          SandboxBroken: the other side is gone.
        """
        data = self.socket.recv(1 << 18)
        if not data:
            raise errors.SandboxBroken("a worker process of the engine died; run the same command again to go on")
        self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        documents: list[dict[str, Any]] = [json.loads(line) for line in lines]  # both ends are ours
        return documents

    def close(self) -> None:
        """Closes the connection."""
        self.socket.close()


def _hand_out(waiting: deque[tuple[int, Job]], channel: Channel, busy: deque[int], *, workers: int) -> None:
    """Sends a worker the next job; one job ahead where many wait, so that it does not wait while results are recorded.

    A long job is never sent ahead: the worker may be writing, and then nobody would read.
    """
    if not waiting or len(busy) > 1 or (busy and len(waiting) <= workers):
        return
    index, job = waiting[0]
    line = wire.encode({"program": codec.program_bytes(job.program).decode(), "cases": codec.cases_to_json(job.cases)})
    if busy and len(line) > AHEAD_BYTES:
        return
    waiting.popleft()
    busy.append(index)
    channel.socket.sendall(line)


def _work(task: Task, make_sandbox: Callable[[], Sandbox], seed: int, channel: Channel) -> NoReturn:
    """Serves jobs until the engine closes the channel; never returns."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sandbox = make_sandbox()
        while True:
            for request in channel.received():
                channel.send(_answer(task, request, sandbox, seed))
    finally:
        os._exit(0)


def _answer(task: Task, request: dict[str, wire.JSON], sandbox: Sandbox, seed: int) -> dict[str, wire.JSON]:
    program = codec.program_from_bytes(str(request["program"]).encode())
    try:
        scored = score(task, program, codec.cases_from_json(request["cases"]), sandbox=sandbox, seed=seed)
    except errors.RungError as error:
        return {"raised": type(error).__name__, "message": str(error)}
    return _scored_to_json(scored)


def _scored_to_json(scored: Scored) -> dict[str, wire.JSON]:
    outputs: wire.JSON = [list(case) for case in scored.outputs]
    return {"evaluation": codec.evaluation_to_json(scored.evaluation), "outputs": outputs, "denied": scored.denied}


def _raise(document: dict[str, wire.JSON]) -> None:
    """Raises what a worker's evaluator or sandbox raised, if it did."""
    if "raised" in document:
        raise getattr(errors, str(document["raised"]))(document["message"])


def _scored_from_json(document: dict[str, wire.JSON]) -> Scored:
    outputs = document["outputs"]
    assert isinstance(outputs, list)  # noqa: S101 - both ends are ours; this tells the type checker
    denied = document["denied"]
    return Scored(
        codec.evaluation_from_json(document["evaluation"]),
        tuple(tuple(case) for case in outputs if isinstance(case, list)),
        None if denied is None else str(denied),
    )

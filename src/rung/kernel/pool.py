"""Worker processes of the engine: each scores programs with a sandbox of its own and dies with the engine."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from rung import errors, wire
from rung.kernel import codec
from rung.kernel.sandbox.jail.linux import die_with_parent
from rung.kernel.scoring import Scored, score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rung.kernel.sandbox.port import Sandbox
    from rung.records import Case, Program, Task


@dataclass(frozen=True, slots=True)
class Job:
    """One program to be scored on some cases."""

    program: Program
    cases: tuple[Case, ...]


class Executor(Protocol):
    """Where programs are scored; `Inline` and `Pool` are the two that ship."""

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result) as they finish."""

    def close(self) -> None:
        """Ends everything that was started."""


class Inline:
    """Scores in the engine's own process, one job after the other; what `--workers 1` means."""

    def __init__(self, task: Task, sandbox: Callable[[], Sandbox], *, seed: int) -> None:
        self._task, self._seed = task, seed
        self._sandbox = sandbox()

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result) as they finish."""
        for index, job in enumerate(jobs):
            yield index, score(self._task, job.program, job.cases, sandbox=self._sandbox, seed=self._seed)

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
        waiting = deque(enumerate(jobs))
        busy: dict[Channel, int] = {}
        with selectors.DefaultSelector() as selector:
            for channel in self._channels:
                selector.register(channel.socket, selectors.EVENT_READ, channel)
                _hand_out(waiting, channel, busy)
            while busy:
                for key, _ in selector.select():
                    channel = key.data
                    index, document = busy.pop(channel), channel.receive()
                    _hand_out(waiting, channel, busy)  # first: no worker waits while a result is being recorded
                    yield index, _scored_from_json(document)

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
        self._file = connection.makefile("rb")

    def send(self, document: wire.JSON) -> None:
        """Writes one line."""
        self.socket.sendall(wire.encode(document))

    def receive(self) -> dict[str, wire.JSON]:
        """Returns one line.

        Raises:
          SandboxBroken: the other side is gone.
        """
        line = self._file.readline()
        if not line:
            raise errors.SandboxBroken("a worker process of the engine died; run the same command again to go on")
        document = wire.parse(line)
        assert isinstance(document, dict)  # noqa: S101 - both ends are ours; this tells the type checker
        return document

    def close(self) -> None:
        """Closes the connection."""
        self._file.close()
        self.socket.close()


def _hand_out(waiting: deque[tuple[int, Job]], channel: Channel, busy: dict[Channel, int]) -> None:
    """Sends the next job, if there is one, to an idle worker."""
    if waiting:
        busy[channel], job = waiting.popleft()
        channel.send({"program": codec.program_bytes(job.program).decode(), "cases": codec.cases_to_json(job.cases)})


def _work(task: Task, make_sandbox: Callable[[], Sandbox], seed: int, channel: Channel) -> NoReturn:
    """Serves jobs until the engine closes the channel; never returns."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sandbox = make_sandbox()
        while True:
            request = channel.receive()
            program = codec.program_from_bytes(str(request["program"]).encode())
            try:
                scored = score(task, program, codec.cases_from_json(request["cases"]), sandbox=sandbox, seed=seed)
                channel.send(_scored_to_json(scored))
            except errors.RungError as error:
                channel.send({"raised": type(error).__name__, "message": str(error)})
    finally:
        os._exit(0)


def _scored_to_json(scored: Scored) -> wire.JSON:
    outputs: wire.JSON = [list(case) for case in scored.outputs]
    return {"evaluation": codec.evaluation_to_json(scored.evaluation), "outputs": outputs, "denied": scored.denied}


def _scored_from_json(document: dict[str, wire.JSON]) -> Scored:
    if "raised" in document:
        raise getattr(errors, str(document["raised"]))(document["message"])
    outputs = document["outputs"]
    assert isinstance(outputs, list)  # noqa: S101 - both ends are ours; this tells the type checker
    denied = document["denied"]
    return Scored(
        codec.evaluation_from_json(document["evaluation"]),
        tuple(tuple(case) for case in outputs if isinstance(case, list)),
        None if denied is None else str(denied),
    )

"""One isolated evaluation, from its start to the parsed result, between a plain fork and a plain interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.engine.trivial import child, trivial_task
from rung.kernel.sandbox import open_sandbox
from rung.kernel.scoring import score

if TYPE_CHECKING:
    from rung.kernel.sandbox.port import Sandbox


WARM_UP = 5
_FORK = """
import os, sys, time
for line in sys.stdin:
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    print(time.perf_counter() - began, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one thing done again and again: the median, the least, and the 95th of a hundred."""

    median: float
    least: float
    p95: float

    @classmethod
    def of(cls, seconds: list[float]) -> Times:
        """Returns the summary of measured seconds."""
        ordered = sorted(second * 1000 for second in seconds)
        return cls(statistics.median(ordered), ordered[0], ordered[int(0.95 * (len(ordered) - 1))])


@dataclass(frozen=True, slots=True)
class Latency:
    """What was measured side by side: fork + exit + wait, `python -c pass`, and evaluations in each sandbox.

    answered: until the result is parsed. whole: until the process is gone and its cost is known too.
    """

    sandbox: str
    fork: Times
    interpreter: Times
    answered: Times
    whole: Times


def measure_latency(*, rounds: int) -> Latency:
    """Returns the times of `rounds` rounds, each of which does every one of the things once."""
    task = trivial_task(attempts=1)
    case = task.train
    assert isinstance(case, tuple)  # noqa: S101 - the trivial task has its one case written down
    sandbox = open_sandbox()
    number = 0

    def whole() -> None:
        nonlocal number
        number += 1
        score(task, child(number), case, sandbox=sandbox, seed=0)

    with _forking() as fork:
        doings: dict[str, Callable[[], float]] = {
            "fork": fork,
            "interpreter": lambda: _timed(_interpreter),
            "answered": lambda: _answered(sandbox),
            "whole": lambda: _timed(whole),
        }
        seconds: dict[str, list[float]] = {name: [] for name in doings}
        for do in list(doings.values()) * WARM_UP:
            do()
        for _ in range(rounds):
            for name, do in doings.items():
                seconds[name].append(do())
    sandbox.close()
    return Latency(sandbox.name, **{name: Times.of(each) for name, each in seconds.items()})


def _timed(do: Callable[[], None]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _answered(sandbox: Sandbox) -> float:
    task = trivial_task(attempts=1)
    began = time.perf_counter()
    session = sandbox.open(task.program, task.limits)
    session.send({"input": 21})
    answer = session.receive(seconds=10.0)
    took = time.perf_counter() - began
    session.close()
    if answer != {"output": 42}:
        raise SystemExit(f"the trivial program answered {answer!r}; the sandbox does not work here")
    return took


@contextmanager
def _forking() -> Iterator[Callable[[], float]]:
    """Yields a function that has a bare interpreter fork, exit and wait, and returns its seconds."""
    command = [sys.executable, "-I", "-S", "-c", _FORK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = process.stdin, process.stdout
        assert questions is not None and answers is not None  # noqa: S101, PT018 - asked for on the line above

        def fork() -> float:
            questions.write("\n")
            questions.flush()
            return float(answers.readline())

        yield fork
        questions.close()


def _interpreter() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)

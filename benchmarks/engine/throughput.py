"""Evaluations per second of `Kernel.improve`, and what the engine itself uses for each."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine.clocks import children, cpu_seconds, is_named
from benchmarks.engine.trivial import BATCH, kernel, proposer, trivial_task
from rung.kernel.identity import Request
from rung.kernel.ledger.sqlite import open_ledger

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Event

WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one search did between its first and its last evaluations, start and gate left out.

    engine_ms: CPU per evaluation of the engine and its workers, without candidates, improver and fork-servers.
    """

    workers: int
    evaluations: int
    per_second: float
    engine_ms: float


class Watch:
    """Notes the wall clock and the engine's CPU clock when a search is warm and at its last evaluation."""

    def __init__(self, last: int) -> None:
        self._counts, self._seen = {WARM_UP, last}, 0
        self.marks: list[tuple[float, float]] = []

    def __call__(self, event: Event) -> None:
        """Looks at one event of the run."""
        if event.type != "evaluation":
            return
        self._seen += 1
        if self._seen in self._counts:
            self.marks.append((time.perf_counter(), engine_cpu_seconds()))


def engine_cpu_seconds() -> float:
    """Returns the CPU seconds of this process and of its scoring workers, which are forks of it."""
    own = os.getpid()
    workers = [pid for pid in children(own) if not is_named(pid, "jail")]
    return sum(cpu_seconds(pid) for pid in (own, *workers))


def measure_throughput(*, workers: int, evaluations: int) -> Throughput:
    """Returns how fast `Kernel.improve` judged that many children of the trivial program."""
    watch = Watch(evaluations)
    task = trivial_task(attempts=evaluations)
    with tempfile.TemporaryDirectory() as folder:
        engine = kernel(Path(folder), workers=workers, observe=watch)
        outcome = engine.improve(task, proposer(batch=BATCH), Request(seed=1))
        engine.ledger.close()
    if len(watch.marks) < 2:
        raise SystemExit(f"the search ended before its {evaluations} evaluations: {outcome.stop_reason}")
    (began, cpu_began), (ended, cpu_ended) = watch.marks
    count = evaluations - WARM_UP
    return Throughput(workers, evaluations, count / (ended - began), (cpu_ended - cpu_began) / count * 1000)


def measure_commit(*, rounds: int) -> float:
    """Returns the median milliseconds of one durable commit of the ledger, which is what the disk here allows."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder))
        for number in range(rounds):
            began = time.perf_counter()
            ledger.append("log", {"number": number}, run="benchmark")
            seconds.append(time.perf_counter() - began)
        ledger.close()
    return statistics.median(seconds) * 1000

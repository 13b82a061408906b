"""A run with very many stored candidates: what one more evaluation costs the engine, and how much memory it holds.

The candidates go through the real search, archive and ledger; only their scores come out of nothing, except at the two
places where real evaluations are measured. Run as a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine.trivial import child, trivial_task
from rung.errors import Status
from rung.kernel.budget import Allowance, Budget
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.pool import Inline, Job
from rung.kernel.run import Run
from rung.kernel.sandbox import open_rescorer, open_sandbox
from rung.kernel.scoring import Scored
from rung.kernel.search import Proposal, Search
from rung.records import Cost, Evaluation, Task

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger

BATCH = 50
FEW = 100
_MEMORY = "/dev/shm"  # noqa: S108 - where there is one: CPU is what counts here, not the waits of a disk


@dataclass(frozen=True, slots=True)
class Storage:
    """CPU milliseconds of the engine per real evaluation with few and with many candidates stored; peak memory in MB.

    first_ms, last_ms: CPU to judge and record one candidate whose scores are free, near the start and at the end.
    resume_*: CPU seconds and peak memory of a second process that takes up the same run.
    """

    candidates: int
    few_ms: float
    many_ms: float
    first_ms: float
    last_ms: float
    peak_mb: float
    resume_cpu_seconds: float
    resume_peak_mb: float
    ledger_mb: float


class Instant:
    """An executor whose scores come out of nothing; or, between `real` and `free`, out of the sandbox."""

    def __init__(self, task: Task) -> None:
        self._inline = Inline(task, open_sandbox, seed=0)
        self.is_real = False

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result)."""
        if self.is_real:
            yield from self._inline.score_all(jobs)
            return
        for index, _ in enumerate(jobs):
            cost = Cost(1, 0.001, 0.002)
            yield index, Scored(Evaluation(Status.OK, (-1.0,), -1.0, {}, (), cost, "none"), ((3,),), None)

    def finished(self, jobs: Sequence[Job]) -> Iterator[list[tuple[int, Scored]]]:
        """Yields groups of one, as a single worker does."""
        return ([each] for each in self.score_all(jobs))

    def close(self) -> None:
        """Ends the sandbox."""
        self._inline.close()


def open_search(ledger: Ledger, task: Task) -> tuple[Search, Instant]:
    """Returns a search on a ledger, and its executor."""
    executor = Instant(task)
    cases = task.train
    assert isinstance(cases, tuple)  # noqa: S101 - the trivial task has its one case written down
    search = Search(
        task,
        run=Run(ledger, "storage", parent=None, observe=lambda _: None),
        train=cases,
        validation=cases,
        executor=executor,
        rescorer=lambda: Inline(task, open_rescorer, seed=0),
        budget=Budget(Allowance()),
        attempts=task.attempts,
    )
    executor.is_real = True
    search.begin()
    executor.is_real = False
    return search, executor


def propose(search: Search, first: int, last: int) -> float:
    """Returns the CPU milliseconds per candidate for candidates `first` to `last` - 1."""
    began = time.process_time()
    for start in range(first, last, BATCH):
        numbers = range(start, min(start + BATCH, last))
        search.evaluate([Proposal(child(number), (search.task.program.id,), "given") for number in numbers])
    return (time.process_time() - began) / (last - first) * 1000


def fill(workspace: Path, *, candidates: int, real: int) -> dict[str, float]:
    """Returns the figures of a search that stores that many candidates, `real` of them evaluated at either end."""
    ledger = open_ledger(workspace)
    search, executor = open_search(ledger, trivial_task(attempts=candidates + 2 * real))
    propose(search, 1, FEW)
    executor.is_real = True
    few = propose(search, FEW, FEW + real)
    executor.is_real = False
    begin, window = FEW + real, min(2000, candidates // 4)
    first = propose(search, begin, begin + window)
    propose(search, begin + window, candidates - window)
    last = propose(search, candidates - window, candidates)
    executor.is_real = True
    many = propose(search, candidates, candidates + real)
    search.close()
    ledger.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"few_ms": few, "many_ms": many, "first_ms": first, "last_ms": last, "peak_mb": peak}


def resume(workspace: Path, *, candidates: int) -> dict[str, float]:
    """Returns what it takes to find a run in the ledger again and to replay all of it."""
    began = time.process_time()
    ledger = open_ledger(workspace)
    search, _ = open_search(ledger, trivial_task(attempts=candidates))
    propose(search, 1, candidates)
    if not search.run.replaying:
        raise SystemExit("the replay has lost its way: the engine does not answer from its ledger")
    search.close()
    ledger.close()
    cpu = time.process_time() - began
    return {"resume_cpu_seconds": cpu, "resume_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure_storage(*, candidates: int, real: int) -> Storage:
    """Returns the figures, each half measured by a fresh process."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as folder:
        document: dict[str, float] = {}
        for step in ("fill", "resume"):
            document |= _in_a_process(step, folder, candidates, real)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*")) / (1 << 20)
    return Storage(candidates=candidates, ledger_mb=size, **document)


def _in_a_process(step: str, folder: str, candidates: int, real: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.engine.storage", step, folder, str(candidates), str(real)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    document: dict[str, float] = json.loads(done.stdout)
    return document


def main() -> None:
    """Prints the figures of one step as JSON."""
    step, folder, candidates, real = sys.argv[1:]
    if step == "fill":
        figures = fill(Path(folder), candidates=int(candidates), real=int(real))
    else:
        figures = resume(Path(folder), candidates=int(candidates))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

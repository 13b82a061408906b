"""One run of one improver on one task, exactly as `rung improve` does it, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rung import api
from rung.errors import RungError
from rung.kernel.ledger.sqlite import read_ledger


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is asked for."""

    task: str
    improver: str
    seed: int
    cpu_seconds: float | None
    attempts: int | None
    workspace: str


@dataclass(frozen=True, slots=True)
class Found:
    """What came out of a run: values on validation, and on held-out cases with the paired gain and its 95 % interval.

    improver_id: which version of the improver it was. failure: why there is nothing, in words, or "".
    """

    task: str
    improver: str
    seed: int
    improver_id: str = ""
    run: str = ""
    start: float | None = None
    value: float | None = None
    held_out_start: float | None = None
    held_out: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    cases: int = 0
    evaluations: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    stop: str = ""
    sandbox: str = ""
    failure: str = ""


def run(wanted: Wanted) -> Found:
    """Returns what the run found; a finished one is read from the ledger, an interrupted one goes on."""
    try:
        outcome = api.improve(
            wanted.task,
            attempts=wanted.attempts,
            seed=wanted.seed,
            improver=wanted.improver,
            workspace=wanted.workspace,
            cpu_seconds=wanted.cpu_seconds,
        )
    except RungError as error:
        return Found(wanted.task, wanted.improver, wanted.seed, failure=f"{type(error).__name__}: {error}")
    gain = outcome.held_out
    before, after = _held_out_values(Path(wanted.workspace), outcome.run)
    return Found(
        task=wanted.task,
        improver=wanted.improver,
        seed=wanted.seed,
        improver_id=outcome.improver,
        run=outcome.run,
        start=outcome.start.value,
        value=outcome.incumbent.value,
        held_out_start=before,
        held_out=after,
        gain=None if gain is None else gain.mean,
        low=None if gain is None else gain.low,
        high=None if gain is None else gain.high,
        cases=0 if gain is None else gain.n,
        evaluations=outcome.spent.evaluations,
        cpu_seconds=outcome.spent.cpu_seconds,
        seconds=outcome.spent.seconds,
        stop=outcome.stop_reason,
        sandbox=f"{outcome.sandbox}, re-scored by {outcome.rescored_by}",
    )


def _held_out_values(workspace: Path, run_id: str) -> tuple[float | None, float | None]:
    """Returns the values of seed program and incumbent on the held-out cases, None where they were not scored."""
    ledger = read_ledger(workspace)
    try:
        bodies: list[Any] = [event.body for event in ledger.read(run=run_id, types=("held_out",))]
    finally:
        ledger.close()
    if not bodies:
        return None, None
    start, incumbent = bodies[-1]["evaluations"]
    return start["value"], incumbent["value"]

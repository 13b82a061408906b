"""The arms of the comparison: what each may spend of the same money, and one run of one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung import api
from rung.errors import RungError
from rung.kernel.ledger.sqlite import read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.models.door import Door

PLENTY = 1_000_000


@dataclass(frozen=True, slots=True)
class Arm:
    """An improver and how its money is split. model_share: of the money, for tokens; the rest is for CPU seconds."""

    name: str
    improver: str
    model_share: float


ARMS = (
    Arm("seed without model", "seed", 0.0),
    Arm("seed with model", "seed", 0.5),
    Arm("best_of_n of the model", "best_of_model", 0.5),
)


@dataclass(frozen=True, slots=True)
class Money:
    """What one run may cost. usd: in all. usd_per_cpu_second: what a core costs."""

    usd: float
    usd_per_cpu_second: float

    def cpu_seconds(self, arm: Arm) -> float:
        """Returns the CPU seconds an arm may use."""
        return self.usd * (1 - arm.model_share) / self.usd_per_cpu_second


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one run.

    held_out, gain, low, high: of the incumbent on fresh cases. steps: what each operator's incumbents added on
    validation. counts: what the improver says of its questions. failure: why there is nothing, or "".
    """

    task: str
    arm: str
    seed: int
    start: float | None = None
    value: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    cases: int = 0
    attempts: int = 0
    cpu_seconds: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    cost: float = 0.0
    calls: int = 0
    steps: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    run: str = ""
    stop: str = ""
    failure: str = ""


def run(task: str, arm: Arm, seed: int, *, money: Money, models: Door, workspace: Path) -> Found:
    """Returns what one run found; a finished one is read from the ledger, an interrupted one goes on."""
    asks = arm.model_share > 0
    try:
        outcome = api.improve(
            task,
            attempts=PLENTY,
            seed=seed,
            improver=arm.improver,
            workspace=workspace,
            cpu_seconds=money.cpu_seconds(arm),
            models=models if asks else None,
            max_usd=money.usd * arm.model_share if asks else None,
        )
    except RungError as error:
        return Found(task, arm.name, seed, failure=f"{type(error).__name__}: {error}")
    gain, spent = outcome.held_out, outcome.spent
    record = _record(workspace, outcome.run)
    return Found(
        task,
        arm.name,
        seed,
        start=outcome.start.value,
        value=outcome.incumbent.value,
        gain=None if gain is None else gain.mean,
        low=None if gain is None else gain.low,
        high=None if gain is None else gain.high,
        cases=0 if gain is None else gain.n,
        cpu_seconds=spent.cpu_seconds,
        tokens=spent.tokens,
        usd=spent.usd,
        cost=spent.usd + spent.cpu_seconds * money.usd_per_cpu_second,
        run=outcome.run,
        stop=outcome.stop_reason,
        **record,
    )


def _record(workspace: Path, run_id: str) -> dict[str, Any]:
    """Returns what the ledger says of a run: its steps by arm, its counts, its calls and attempts."""
    ledger = read_ledger(workspace)
    operators: dict[int, str] = {}
    steps: dict[str, float] = {}
    counts: dict[str, float] = {}
    calls, last = 0, None
    try:
        for event in ledger.read(run=run_id):
            body: Any = event.body
            if event.type == "evaluation":
                operators[body["number"]] = body["operator"]
            elif event.type == "incumbent":
                if last is not None:
                    arm = operators[body["number"]].partition(":")[0].partition(" ")[0]
                    steps[arm] = steps.get(arm, 0.0) + body["value"] - last
                last = body["value"]
            elif event.type == "log":
                counts |= {k: v for k, v in body["measures"].items() if k.startswith("model.")}
            calls += event.type == "model_answer"
    finally:
        ledger.close()
    return {"steps": steps, "counts": counts, "calls": calls, "attempts": max(operators, default=0)}

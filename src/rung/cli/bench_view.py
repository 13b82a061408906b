"""What a person sees while a comparison runs: arms and generations, as they come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rung.cli.screen import live, table, talk

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from rung.arms.records import ArmResult, Step
    from rung.arms.registration import Registration
    from rung.suites.suite import Plan, Suite

LINE_SECONDS = 5.0


@dataclass(slots=True)
class Row:
    """What is shown of one arm."""

    seed: int = 0
    step: Step | None = None
    adopted: int = 0
    decisions: int = 0
    held_out: list[float] = field(default_factory=list)


class View:
    """Shows a comparison on stderr: a table redrawn in place on a terminal, a line now and then elsewhere."""

    def __init__(self, suite: Suite, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._suite, self._quiet, self._clock = suite, quiet, clock
        self._console: Console = talk()
        self._live: Live | None = None
        self._rows: dict[str, Row] = {}
        self._seeds, self._work = 0, 1.0
        self._shown = clock()

    def __enter__(self) -> Self:
        """Takes the screen, if there is one."""
        self._live = live(self._console, quiet=self._quiet)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the screen back."""
        if self._live is not None:
            self._live.stop()

    def begun(self, registration: Registration, plan: Plan) -> None:
        """Takes notice of what will be compared."""
        self._seeds, self._work = registration.seeds, plan.work
        self._rows = {arm: Row() for arm in registration.arms}
        if not self._quiet:
            self._console.print(
                f"comparison {registration.id} of suite {self._suite.name}{_variant(registration.variant)}: "
                f"{len(registration.arms)} arms, {registration.seeds} paired seeds, {plan.work:,.0f} "
                f"{self._suite.unit} each; registered before anything ran, key {registration.key}",
                soft_wrap=True,
            )

    def step(self, arm: str, seed: int, step: Step) -> None:
        """Takes notice of a generation."""
        row = self._rows[arm]
        if row.seed != seed:
            row.adopted = row.decisions = 0
        row.seed, row.step = seed, step
        row.decisions += step.verdict is not None
        row.adopted += step.verdict is not None and step.verdict.admitted
        now = self._clock()
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        elif not self._quiet and now - self._shown >= LINE_SECONDS:
            self._shown = now
            self._console.print(self._line(arm, row), soft_wrap=True)

    def ended(self, result: ArmResult) -> None:
        """Takes notice of an arm that is done with a seed."""
        row = self._rows[result.arm]
        row.seed = result.seed
        row.held_out.append(sum(result.held_out) / max(len(result.held_out), 1))
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        elif not self._quiet:
            stream = f", stream {sum(result.stream.values())} of {len(result.stream)}" if result.stream else ""
            self._console.print(
                f"seed {result.seed + 1} of {self._seeds}, {result.arm}: held-out {row.held_out[-1]:.0%}{stream}, "
                f"{result.work:,.0f} {self._suite.unit}, {result.cpu_seconds:.1f} CPU-s, {row.adopted} adopted",
                soft_wrap=True,
            )

    def _line(self, arm: str, row: Row) -> str:
        step = row.step
        done = f"generation {step.number}, {step.work / self._work:.0%} of the work" if step else "starting"
        return f"seed {row.seed + 1} of {self._seeds}, {arm}: {done}, {row.adopted} of {row.decisions} adopted"

    def _table(self) -> Table:
        rows = table("arm", "#seed", "#generation", "#work", "#solved", "in force", "#adopted", "#held-out, mean")
        for arm, row in self._rows.items():
            step = row.step
            mean = f"{sum(row.held_out) / len(row.held_out):.0%}" if row.held_out else "-"
            rows.add_row(
                arm,
                f"{row.seed + 1}/{self._seeds}",
                str(step.number) if step else "-",
                f"{step.work / self._work:.0%}" if step else "-",
                f"{step.solved}/{step.tried}" if step else "-",
                f"{step.in_force[:8]} ({step.stage})" if step else "-",
                f"{row.adopted}/{row.decisions}",
                mean,
            )
        return rows


def _variant(name: str) -> str:
    return f", world {name}" if name else ""

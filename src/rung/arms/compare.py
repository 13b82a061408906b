"""A comparison from Python: what `rung bench` does, without the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung import api
from rung.arms.bench import Bench
from rung.arms.registration import Registration, register, request_of
from rung.kernel import codec
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rung.arms.records import ArmResult, Step
    from rung.kernel.ledger.port import Ledger
    from rung.suites.suite import Plan, Suite
    from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be compared.

    variant: of the suite's worlds. key: of an earlier comparison to repeat, None to draw one. plan: changes to the
    suite's plan, by field. improver: where all arms start, None for the suite's own.
    """

    arms: tuple[str, ...]
    seeds: int
    variant: str = ""
    key: str | None = None
    plan: Mapping[str, Any] | None = None
    improver: str | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told: `begun` once, `step` after each generation, `ended` after each arm."""

    begun: Callable[[Registration, Plan], None]
    step: Callable[[str, int, Step], None]
    ended: Callable[[ArmResult], None]


@dataclass(frozen=True, slots=True)
class Compared:
    """A finished comparison.

    results: arm -> one per seed. diffs: id of an adopted program -> diff to the one before. tallies: of null edits.
    sandbox: the backend.
    """

    registration: Registration
    suite: Suite
    results: dict[str, list[ArmResult]]
    diffs: dict[str, str]
    tallies: list[dict[str, JSON]]
    sandbox: str


def compare(suite: Suite, ask: Ask, *, workspace: Path, sandbox: str, watcher: Watcher) -> Compared:
    """Returns what every arm came to; the same call goes on with a comparison that was interrupted.

    Raises:
      RungError: see errors.py; what was recorded stays.
    """
    workspace = api.checked_workspace(workspace)
    suite = replace(suite, plan=replace(suite.plan, **(ask.plan or {})))
    improver = api.named_improver(ask.improver or suite.improver, workspace)
    request = request_of(suite, improver, variant=ask.variant, arms=ask.arms, seeds=ask.seeds)
    ledger = open_ledger(workspace)
    try:
        registration = register(ledger, request, key=ask.key)
        watcher.begun(registration, suite.plan)
        results: dict[str, list[ArmResult]] = {arm: [] for arm in registration.arms}
        kernel = api.open_kernel(ledger, sandbox=sandbox)
        with run_lock(workspace, registration.id):
            for result in Bench(kernel, suite, improver, registration, watcher.step).run():
                results[result.arm].append(result)
                watcher.ended(result)
        return Compared(
            registration,
            suite,
            results,
            adopted_diffs(ledger, [result for group in results.values() for result in group]),
            [event.body for event in ledger.read(types=("null_edits",)) if _of(event, registration)],  # type: ignore[misc]
            _sandbox(ledger, registration),
        )
    finally:
        ledger.close()


def adopted_diffs(ledger: Ledger, results: Sequence[ArmResult]) -> dict[str, str]:
    """Returns the diff of every adopted improver to the one it replaced."""
    diffs: dict[str, str] = {}
    for result in results:
        before = result.steps[0].solver if result.steps else ""
        for step in result.steps:
            if step.in_force != before and step.proposal == step.in_force and result.arm != "control":
                old, new = (codec.program_from_bytes(ledger.get(each)) for each in (before, step.in_force))
                diffs[step.in_force] = old.diff(new)
            before = step.in_force
    return diffs


def _of(event: Any, registration: Registration) -> bool:  # noqa: ANN401 - an event
    return bool(event.parent_run == registration.id)


def _sandbox(ledger: Ledger, registration: Registration) -> str:
    for event in ledger.read(types=("run_start",)):
        body: Any = event.body
        if _of(event, registration):
            return str(body["sandbox"])
    return ""

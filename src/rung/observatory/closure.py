"""The closure ledger: for every decision of a run, who took it - a person, the charter, the kernel or a program.

A loop is closed as far as programs and the kernel take the decisions. Which problem, and what counts as success, are a
person's here; so is everything that no record shows otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rung.arms.records import ArmResult, Step
from rung.observatory.progress import adopted

DECISIONS = ("goal", "success criterion", "proposal", "implementation", "evaluation", "keep", "deploy")
COMMANDS = ("approve", "promote", "reject", "rollback")


class Recorded(Protocol):
    """An event of the ledger, as far as it is looked at."""

    @property
    def type(self) -> str:
        """What kind of fact it is."""

    @property
    def run(self) -> str:
        """To which run it belongs."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the results do not say.

    suite: whose task files set the goals. registration: id of it; it holds the pass rule. sandbox: the backend of the
    evaluations. charter: its hash where one was in force, "" where none was.
    """

    suite: str
    registration: str
    sandbox: str
    charter: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who took a kind of decision, how often, and which types of events show it; without events it is inferred."""

    decision: str
    taken_by: str
    by: str
    count: int
    evidence: tuple[str, ...] = ()


def closure(results: Sequence[ArmResult], facts: Facts, *, events: Iterable[Recorded] = ()) -> list[Decision]:
    """Returns the closure ledger of one arm over its seeds, in the order of the decisions.

    events: of the ledger; those of the results' runs and of the registration are evidence, others are passed over.
    """
    runs = {facts.registration, *(result.run for result in results)}
    seen = Counter(event.type for event in events if event.run in runs)
    rows = [
        *_given(results, facts),
        *_made(results),
        *_kept(results, facts),
        *_deployed(results, seen),
    ]
    return [
        Decision(row.decision, row.taken_by, row.by, row.count, tuple(kind for kind in row.evidence if seen[kind]))
        for row in rows
        if row.count
    ]


def shares(decisions: Iterable[Decision]) -> dict[str, dict[str, float]]:
    """Returns decision -> owner -> share of the times it was taken."""
    counts: dict[str, Counter[str]] = {}
    for row in decisions:
        counts.setdefault(row.decision, Counter())[row.taken_by] += row.count
    return {name: {owner: n / owners.total() for owner, n in owners.items()} for name, owners in counts.items()}


def _given(results: Sequence[ArmResult], facts: Facts) -> list[Decision]:
    runs = len(results)
    owner, by = ("charter", facts.charter) if facts.charter else ("person", f"registration {facts.registration}")
    return [
        Decision("goal", "person", f"suite {facts.suite}", runs, ("registration", "arm_start")),
        Decision("success criterion", owner, by, runs, ("registration",)),
    ]


def _made(results: Sequence[ArmResult]) -> list[Decision]:
    """Returns who proposed successors and who wrote them: the improver that was in force, in either case."""
    authors: Counter[str] = Counter()
    for result in results:
        before = result.steps[0].solver if result.steps else result.improver
        for step in result.steps:
            authors[before] += step.proposal is not None
            before = step.in_force
    return [
        Decision(decision, "program", author, count, ("commit",))
        for decision in ("proposal", "implementation")
        for author, count in authors.most_common()
    ]


def _kept(results: Sequence[ArmResult], facts: Facts) -> list[Decision]:
    steps = [step for result in results for step in result.steps]
    judged = sum(step.verdict is not None for step in steps)
    by_rule = sum(step.verdict is None and step.proposal is not None for step in steps)
    return [
        Decision("evaluation", "kernel", facts.sandbox, judged, ("pairs",)),
        Decision("keep", "kernel", "gate", judged, ("verdict",)),
        Decision("keep", "kernel", "undo", sum(step.undone is not None for step in steps), ("undone",)),
        Decision("keep", "person", f"registration {facts.registration}, no gate", by_rule, ("generation",)),
    ]


def _deployed(results: Sequence[ArmResult], seen: Counter[str]) -> list[Decision]:
    promoted = Counter(_stage(step) for result in results for step in result.steps if adopted(step) or step.undone)
    main = sum(
        now.stage == "main" and before.stage != "main"
        for result in results
        for before, now in zip(result.steps, result.steps[1:], strict=False)
    )
    return [
        Decision("deploy", "kernel", "to canary", promoted["canary"], ("adopted", "generation")),
        Decision("deploy", "kernel", "to main", main, ("generation",)),
        Decision("deploy", "kernel", "back to a predecessor", promoted["back"], ("undone",)),
        *(Decision("deploy", "person", f"rung {kind}", seen[kind], (kind,)) for kind in COMMANDS),
    ]


def _stage(step: Step) -> str:
    return "canary" if adopted(step) else "back"

"""A/A: edits that cannot help go through the very gate that judges the others, and what passes is counted."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rung.arms.practice import solve
from rung.kernel.gate import Pair, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rung.arms.practice import Field
    from rung.records import Program

EDITS = 125  # per seed: 16 seeds make 2,000
RENAMED = "README.md"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many null edits there were and how many the gate admitted, each decision at the level alpha.

    flipped: real paired differences whose sign a fair coin gives. copied: the same improver under another name.
    """

    flipped: int
    flipped_admitted: int
    copied: int
    copied_admitted: int
    alpha: float
    work: float
    cpu_seconds: float


def null_edits(field: Field, improver: Program, *, evidence_of: str | None) -> Tally:
    """Returns the tally of one seed.

    evidence_of: run of an arm whose gate's paired scores are drawn from; without it, or where that arm judged nothing,
    improvers that differ in nothing are compared.

    Raises:
      RungError: see errors.py.
    """
    plan = field.suite.plan
    rules = replace(plan.rules, plan=1)
    rng = random.Random(field.salt("null edits"))  # noqa: S311 - drawn from the keyed secret
    pool = [] if evidence_of is None else recorded(field, evidence_of)
    admitted = 0
    edits = EDITS if any(pool) else 0
    for _ in range(edits):
        admitted += decide(flips(pool, rng, plan.rules.most), rules=rules, test=1, admitted=0).admitted
    copy = improver.edit({RENAMED: "The same, under another name.\n"})
    block = field.screen(plan.probe, salt=field.salt("copy"))
    results = [solve(field, block, program) for program in (improver, copy)]
    pairs = [Pair(new, old) for old, new in zip(results[0].scores, results[1].scores, strict=True)]
    same = decide(iter(pairs), rules=rules, test=1, admitted=0)
    work = sum(result.work for result in results)
    cpu_seconds = sum(result.cpu_seconds for result in results)
    return Tally(edits, admitted, 1, int(same.admitted), rules.alpha, work, cpu_seconds)


def recorded(field: Field, run: str) -> list[float]:
    """Returns the paired differences that the gate of an arm has seen."""
    differences: list[float] = []
    for event in field.kernel.ledger.read(run=run, types=("pairs",)):
        body: Any = event.body
        differences += [new - old for new, old in zip(body["successor"], body["incumbent"], strict=True)]
    return differences


def flips(pool: Sequence[float], rng: random.Random, most: int) -> Iterator[Pair]:
    """Yields pairs whose difference is real in size and chance in sign."""
    for _ in range(most):
        difference = rng.choice(pool) * rng.choice((-1, 1))
        yield Pair(max(difference, 0.0), max(-difference, 0.0))

"""The transfer table: what an improver that grew in one world is worth on sealed puzzles of it, and elsewhere.

metrics.md, section 1: u(I_0) beside u(I_T) on tasks unseen in training; the cost of specialisation is u_ood(I_0) -
u_ood(I_T).
"""

from __future__ import annotations

from dataclasses import dataclass

from rung.arms.records import ARMS
from rung.observatory.bootstrap import Rng, spread
from rung.observatory.gains import Comparison, gain
from rung.observatory.pairing import Results, by_seed, figures
from rung.records import Interval

KEEPS_SEED = ("frozen", "no-meta")  # arms that end with the improver they began with
SEED = "seed improver"


@dataclass(frozen=True, slots=True)
class Row:
    """One improver, and what it solves of its own world and of another, per seed of n; None where not asked."""

    improver: str
    held_out: Interval | None
    out_of_domain: Interval | None


def seed_arm(results: Results) -> str | None:
    """Returns the arm whose figures are those of the seed improver, None when no such arm ran."""
    return next((arm for arm in KEEPS_SEED if results.get(arm)), None)


def transfer(results: Results, *, rng: Rng) -> list[Row]:
    """Returns the seed improver first, then the final improver of every arm that ran."""
    rows = []
    if arm := seed_arm(results):
        rows.append(_row(results, arm, name=SEED, rng=rng))
    rows.extend(_row(results, arm, name=arm, rng=rng) for arm in ARMS if results.get(arm))
    return rows


def out_of_domain_loss(results: Results, *, rng: Rng, arm: str = "self") -> Comparison | None:
    """Returns what the seed improver solves of another world more than the arm's final one; None when not measured.

    Positive: the arm has paid for its specialisation.
    """
    start = seed_arm(results)
    if start is None:
        return None
    return gain(results, (start, arm), rng=rng, measures=("out_of_domain", "out_of_domain"))


def _row(results: Results, arm: str, *, name: str, rng: Rng) -> Row:
    return Row(name, _share(results, arm, "held_out", rng=rng), _share(results, arm, "out_of_domain", rng=rng))


def _share(results: Results, arm: str, measure: str, *, rng: Rng) -> Interval | None:
    values = [list(figures(result, measure).values()) for result in by_seed(results, arm).values()]
    return spread([sum(row) / len(row) for row in values if row], rng=rng)

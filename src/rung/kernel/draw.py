"""Where chance comes from: every draw follows from the run's seed by a keyed hash, in streams that cannot meet.

Covered: the improver's seed, case draws and the cases' own randomness are functions of the seed that do not reveal one
another. Not covered: an improver that guesses a small seed knows the draws; runs without --seed take a random one.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import TYPE_CHECKING

from rung.records import Case, Fresh, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.records import Split

RESAMPLES = 2000


def derive(seed: int, *labels: str) -> int:
    """Returns 63 bits that follow from the seed and the labels."""
    message = "\0".join(labels).encode()
    return int.from_bytes(hmac.digest(str(seed).encode(), message, hashlib.sha256)[:8], "big") >> 1


def draw_cases(split: Split, *, name: str, seed: int, after: str) -> tuple[Case, ...]:
    """Returns the cases of a split; a fresh one is drawn from the seed and the hash committed before.

    name: the split's name. after: a program id that is in the ledger already; other programs get other cases.
    """
    if not isinstance(split, Fresh):
        return split
    return tuple(
        Case(f"{name}-{number}", derive(seed, "case", name, after, str(number))) for number in range(split.count)
    )


def paired_gain(
    start: Sequence[float], incumbent: Sequence[float], *, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """Returns the mean paired difference with a 95 % percentile bootstrap interval.

    start, incumbent: [n] scores on the same cases, same order; higher is better.

    Raises:
      ValueError: the lengths differ, or there are none.
    """
    differences = [after - before for before, after in zip(start, incumbent, strict=True)]
    if not differences:
        raise ValueError("no paired scores")
    count = len(differences)
    mean = sum(differences) / count
    rng = random.Random(derive(seed, "bootstrap"))  # noqa: S311 - statistics, not secrets
    means = sorted(sum(rng.choices(differences, k=count)) / count for _ in range(resamples))
    return Interval(count, mean, means[int(0.025 * resamples)], means[int(0.975 * resamples) - 1])

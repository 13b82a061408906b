"""Recursion gain: what one arm has more than another at equal cost, over paired seeds.

metrics.md, section 2: RG_X = U_held(SELF) - U_held(X). RG_FROZEN > 0 shows learning, only RG_CONTROL > 0
shows recursion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from rung.arms.records import ArmResult
from rung.observatory.bootstrap import Array, Rng, percentiles, resampled_means, rounded
from rung.observatory.pairing import Keep, Results, cluster, matched, paired
from rung.records import Interval

PAIRS = (
    ("self", "control"),
    ("self", "late"),
    ("self", "frozen"),
    ("self", "no-meta"),
    ("self", "sham"),
    ("self", "random"),
    ("control", "frozen"),
    ("late", "frozen"),
    ("sham", "frozen"),
    ("sham", "no-meta"),
    ("random", "frozen"),
)
PRACTISING = frozenset({"self", "frozen", "random"})
BANDS: tuple[tuple[int, int | None], ...] = ((0, 3), (4, 7), (8, None))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm less another.

    measures: of the first and of the second arm. gain: mean over seeds of the mean paired difference. first, second:
    mean of each arm on the paired seeds. by_seed: every seed with its difference. p: of
    Wilcoxon's signed-rank test over seeds, two-sided and exact, None when no seed differs.
    """

    arms: tuple[str, str]
    measures: tuple[str, str]
    gain: Interval
    first: float
    second: float
    median: float
    wins: int
    ties: int
    losses: int
    p: float | None
    by_seed: tuple[tuple[int, float], ...]


def gain(
    results: Results,
    arms: tuple[str, str],
    *,
    rng: Rng,
    measures: tuple[str, str] = ("held_out", "held_out"),
    keep: Keep | None = None,
) -> Comparison | None:
    """Returns the first arm's gain over the second, None when no seed has figures of both.

    results: arm -> results; seeds that one of the arms lacks are left out. keep: which puzzles count, None for all.

    Raises:
      BadInput: the arms did not meet the same puzzles, or a seed stands there twice.
    """
    seeds, clusters = _clusters(results, arms, measures=measures, keep=keep)
    if not clusters:
        return None
    drawn = resampled_means(clusters, rng=rng)
    means = np.array([rows.mean(axis=0) for rows in clusters])
    differences = [rounded(float(first - second)) for first, second in means]
    return Comparison(
        arms,
        measures,
        percentiles(drawn[:, 0] - drawn[:, 1], mean=float(np.mean(differences)), n=len(seeds)),
        first=rounded(float(means[:, 0].mean())),
        second=rounded(float(means[:, 1].mean())),
        median=rounded(median(differences)),
        wins=sum(difference > 0 for difference in differences),
        ties=sum(difference == 0 for difference in differences),
        losses=sum(difference < 0 for difference in differences),
        p=signed_rank(differences),
        by_seed=tuple(zip(seeds, differences, strict=True)),
    )


def ratio(
    results: Results, arms: tuple[str, str], *, rng: Rng, measures: tuple[str, str] = ("stream", "stream")
) -> Interval | None:
    """Returns the ratio of the arms' means, None without paired seeds or when the second mean may be 0.

    Raises:
      BadInput: see `gain`.
    """
    seeds, clusters = _clusters(results, arms, measures=measures, keep=None)
    if not clusters:
        return None
    drawn = resampled_means(clusters, rng=rng)
    first, second = np.mean([rows.mean(axis=0) for rows in clusters], axis=0)
    if second <= 0 or (drawn[:, 1] <= 0).any():
        return None
    return percentiles(drawn[:, 0] / drawn[:, 1], mean=float(first / second), n=len(seeds))


def measures_of(arms: tuple[str, str], primary: str) -> tuple[str, str]:
    """Returns which measure of each arm is compared when `primary` is the registered one.

    metrics.md, section 2: the held-out budget is the same for all arms, under which NO-META is the seed improver; what
    its saved work does when it acts on the held-out puzzles is a comparison of its own. What is solved of the stream
    says something of arms only whose improver in force does the practice; the others are compared on held-out puzzles.
    """
    fair = primary != "stream" or PRACTISING.issuperset(arms)
    return ("held_out", "held_out") if arms[1] == "no-meta" or not fair else (primary, primary)


def gains(results: Results, *, rng: Rng, primary: str = "held_out") -> dict[str, Comparison]:
    """Returns "self-control" and so on -> gain, for all pairs of arms that ran on a common seed.

    primary: the registered measure. "self-no-meta" holds both to the common budget per puzzle, where NO-META
    is the seed improver; "self-no-meta-moved" lets the work that either saved act on its held-out puzzles.
    """
    wanted = [(arms, "-".join(arms), measures_of(arms, primary)) for arms in PAIRS]
    wanted.append((("self", "no-meta"), "self-no-meta-moved", ("moved", "moved")))
    # Each pair has a generator of its own: its interval does not depend on which other arms ran.
    pairs = zip(wanted, rng.spawn(len(wanted)), strict=True)
    compared = {name: gain(results, arms, rng=own, measures=measures) for (arms, name, measures), own in pairs}
    return {name: comparison for name, comparison in compared.items() if comparison}


def by_grade(
    results: Results,
    arms: tuple[str, str],
    *,
    rng: Rng,
    measure: str = "held_out",
    bands: Sequence[tuple[int, int | None]] = BANDS,
) -> dict[str, Comparison]:
    """Returns "0-3", "8+" and so on -> gain on puzzles of such a depth; bands without puzzles are left out.

    bands: (shallowest, deepest), None for no end. A seed counts in a band where it has puzzles of it.
    """
    found = {}
    for low, high in bands:
        top = math.inf if high is None else high
        name = f"{low}+" if high is None else f"{low}-{high}"
        if comparison := gain(results, arms, rng=rng, measures=(measure, measure), keep=partial(_graded, low, top)):
            found[name] = comparison
    return found


def over_puzzles(results: Results, arms: tuple[str, str], *, rng: Rng, measure: str = "held_out") -> Interval | None:
    """Returns the gain with puzzles as the independent unit: would it be there on other puzzles of the kind?

    n: puzzles, those whose grade is known, for they are the same in all seeds. Puzzles are drawn again, then the seeds
    within each drawn puzzle. None when no two puzzles are left.
    """
    rows: dict[str, list[tuple[float, float]]] = {}
    for pair in paired(results, arms):
        for name, figures in matched(pair, (measure, measure)).items():
            if name in pair[0].grades:
                rows.setdefault(name, []).append(figures)
    clusters = [np.array(pairs) for pairs in rows.values() if pairs]
    if len(clusters) < 2:
        return None
    drawn = resampled_means(clusters, rng=rng)
    means = np.mean([pairs.mean(axis=0) for pairs in clusters], axis=0)
    return percentiles(drawn[:, 0] - drawn[:, 1], mean=float(means[0] - means[1]), n=len(clusters))


def _graded(low: float, high: float, result: ArmResult, puzzle: str) -> bool:
    return low <= result.grades.get(puzzle, -1) <= high


def signed_rank(differences: Sequence[float]) -> float | None:
    """Returns the exact two-sided p of Wilcoxon's signed-rank test, None when all differences are 0.

    Zeros are dropped, equal sizes share their mean rank; ranks are doubled to stay whole.
    """
    sizes = sorted(abs(value) for value in differences if value)
    if not sizes:
        return None
    doubled = {size: 2 * sizes.index(size) + 1 + sizes.count(size) for size in set(sizes)}
    ways = [1] + [0] * sum(doubled[size] for size in sizes)
    for rank in (doubled[size] for size in sizes):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    positive = sum(doubled[abs(value)] for value in differences if value > 0)
    extreme = min(positive, len(ways) - 1 - positive)
    return min(1.0, 2 * sum(ways[: extreme + 1]) / sum(ways))


def _clusters(
    results: Results, arms: tuple[str, str], *, measures: tuple[str, str], keep: Keep | None
) -> tuple[list[int], list[Array]]:
    pairs = [(pair[0].seed, cluster(pair, measures, keep=keep)) for pair in paired(results, arms)]
    kept = [(seed, rows) for seed, rows in pairs if len(rows)]
    return [seed for seed, _ in kept], [rows for _, rows in kept]

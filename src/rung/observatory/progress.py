"""What progress costs: imp@C, break-even, friction, clade productivity, and whether claimed effects were real.

metrics.md, section 1 and section 2; integrity.md, section 4, for claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rung.arms.records import ArmResult, Step
from rung.errors import BadInput
from rung.observatory.bootstrap import Rng, percentiles, resampled_means, spread
from rung.observatory.curves import steps
from rung.observatory.pairing import Results, by_seed, paired
from rung.records import Interval

GRID = 21
SMALLEST_ROOM = 1e-9  # of a share; rounding can leave less


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When self-improvement has paid for itself.

    uses: meta cost / saving per use, None when infinite, for the reason. meta: mean work of learning, screen, gate and
    estimates. saving: work of practice per solved puzzle, the second arm's less the first's.
    """

    uses: float | None
    reason: str
    meta: float
    saving: Interval


@dataclass(frozen=True, slots=True)
class Friction:
    """What growth costs, as mean slopes over generations; None where no seed has two generations.

    bytes: of the improver, per generation. cpu: percent that the CPU per unit of work changes, per generation.
    work: percent that the work of a generation changes, per generation.
    """

    bytes: Interval | None
    cpu: Interval | None
    work: Interval | None


@dataclass(frozen=True, slots=True)
class Clade:
    """An improver that was in force, and what became of its proposals and of those of its descendants.

    generation: in which it was adopted, 0 for the seed improver. own: (adopted, judged) among its own proposals.
    clade: the same with those of all its descendants. productivity: their ratio, None without a proposal (CMP).
    """

    seed: int
    program: str
    parent: str | None
    generation: int
    own: tuple[int, int]
    clade: tuple[int, int]
    productivity: float | None


def improvement_at_cost(
    results: Results, arm: str, *, rng: Rng, ceiling: float = 1.0, grid: int = GRID
) -> list[tuple[float, Interval]]:
    """Returns imp@C as (work C, share of what there was to gain that was gained); empty without curves or headroom.

    metrics.md: (U(a*) - U(a_0)) / (U_ceiling - U(a_0)); a_0 is the improver at the first point of a curve, U the share
    of sealed puzzles solved, and all of an arm's spending is charged. Means over seeds are divided, not seeds' ratios.
    """
    group = [result for result in by_seed(results, arm).values() if result.curve]
    if not group:
        return []
    work = np.linspace(0.0, max(result.curve[-1].work for result in group), grid)
    start = np.array([[result.curve[0].held_out] for result in group])
    shares = np.hstack([start, [steps(result, work) for result in group]])
    drawn, means = resampled_means([row[None, :] for row in shares], rng=rng), shares.mean(axis=0)
    if drawn[:, 0].max() >= ceiling - SMALLEST_ROOM:
        return []
    gained = (drawn[:, 1:] - drawn[:, :1]) / (ceiling - drawn[:, :1])
    mean = (means[1:] - means[0]) / (ceiling - means[0])
    return [
        (float(at), percentiles(column, mean=float(middle), n=len(group)))
        for at, column, middle in zip(work, gained.T, mean, strict=True)
    ]


def break_even(results: Results, *, rng: Rng, arms: tuple[str, str] = ("self", "frozen")) -> BreakEven | None:
    """Returns after how many solved puzzles the first arm's meta cost is earned, None without two paired seeds.

    A use is one puzzle solved in practice. Infinite, which is None, when the saving's interval includes 0.
    """
    prices = [(meta_work(first), _price(first), _price(second)) for first, second in paired(results, arms)]
    known = [(meta, mine, theirs) for meta, mine, theirs in prices if mine is not None and theirs is not None]
    metas, savings = [row[0] for row in known], [theirs - mine for _, mine, theirs in known]
    if len(known) < 2 or (saving := spread(savings, rng=rng)) is None:
        return None
    meta = float(np.mean(metas))
    if saving.low <= 0:
        return BreakEven(None, "never, as far as is known: the interval of the saving per use includes 0", meta, saving)
    return BreakEven(meta / saving.mean, "meta cost / saving per use", meta, saving)


def meta_work(result: ArmResult) -> float:
    """Returns what an arm spent on anything but practice: learning, screen, gate, estimates of effects."""
    return sum(step.gate_work for step in result.steps)


def friction(results: Results, *, rng: Rng, arm: str = "self") -> Friction:
    """Returns how an improver's size, CPU per unit of work and work per generation grow with the generations."""
    sizes, speeds, works = [], [], []
    for result in by_seed(results, arm).values():
        spent = [(step.number, *each) for step, each in zip(result.steps, _spent(result.steps), strict=True)]
        sizes.append(_slope([(step.number, float(step.bytes)) for step in result.steps]))
        speeds.append(_percent([(number, cpu / work) for number, work, cpu in spent if work > 0 and cpu > 0]))
        works.append(_percent([(number, work) for number, work, _ in spent if work > 0]))
    return Friction(
        *(spread([slope for slope in slopes if slope is not None], rng=rng) for slopes in (sizes, speeds, works))
    )


def clades(results: Results, *, arm: str = "self") -> list[Clade]:
    """Returns every improver that was in force in an arm, with the productivity of its clade (CMP)."""
    return [clade for result in by_seed(results, arm).values() for clade in _clades(result)]


def claimed_over_redrawn(results: Results, *, rng: Rng, arms: Sequence[str] = ("self", "control")) -> Interval | None:
    """Returns the sum of claimed effects over the sum of the same effects drawn once more, None unless above 0.

    n: seeds, which are the clusters; an edit that two arms made on the same puzzles counts once. A claim that is fair
    has a ratio of 1; the gate's own mean overstates and is no claim.
    """
    drawn_twice: dict[int, set[tuple[str | None, float, float]]] = {}
    for arm in arms:
        for seed, result in by_seed(results, arm).items():
            drawn_twice.setdefault(seed, set()).update(
                (step.proposal, step.claimed.mean, step.redrawn.mean)
                for step in result.steps
                if step.claimed and step.redrawn
            )
    sums = [np.sum([row[1:] for row in sorted(rows, key=str)], axis=0) for rows in drawn_twice.values() if rows]
    if not sums:
        return None
    claimed, redrawn = np.mean(sums, axis=0)
    drawn = resampled_means([row[None, :] for row in sums], rng=rng)
    if redrawn <= 0 or (drawn[:, 1] <= 0).any():
        return None
    return percentiles(drawn[:, 0] / drawn[:, 1], mean=float(claimed / redrawn), n=len(sums))


def adopted(step: Step) -> bool:
    """Returns whether the generation's proposal was taken, by the gate or, in an arm without one, by rule."""
    if step.proposal is None:
        return False
    return step.verdict.admitted if step.verdict else step.in_force == step.proposal


def _price(result: ArmResult) -> float | None:
    solved = sum(step.solved for step in result.steps)
    return (result.steps[-1].work - meta_work(result)) / solved if solved else None


def _spent(taken: Sequence[Step]) -> list[tuple[float, float]]:
    totals = np.array([(0.0, 0.0), *((step.work, step.cpu_seconds) for step in taken)])
    return [(float(work), float(cpu)) for work, cpu in np.diff(totals, axis=0)]


def _slope(points: Sequence[tuple[float, float]]) -> float | None:
    if len(points) < 2:
        return None
    x, y = np.array(points, dtype=float).T
    if not np.isfinite(y).all():
        raise BadInput("a generation has a figure that is not finite: its record is broken")
    x = x - x.mean()
    return float(x @ y / (x @ x)) if x.any() else None


def _percent(points: Sequence[tuple[float, float]]) -> float | None:
    slope = _slope([(number, float(np.log(value))) for number, value in points])
    return None if slope is None else 100.0 * float(np.expm1(slope))


def _clades(result: ArmResult) -> list[Clade]:
    if not result.steps:
        return []
    in_force = result.steps[0].solver  # in every arm the seed improver practises first
    parents: dict[str, str | None] = {in_force: None}
    born, own = {in_force: 0}, {in_force: (0, 0)}
    for step in result.steps:
        if step.proposal is not None:
            good, judged = own[in_force]
            own[in_force] = (good + adopted(step), judged + 1)
            if adopted(step) and step.proposal not in parents:
                parents[step.proposal], born[step.proposal] = in_force, step.number
                own[step.proposal] = (0, 0)
        in_force = step.in_force
        if in_force not in parents:
            raise BadInput(
                f"{result.arm}, seed {result.seed}: generation {step.number} ends with {in_force[:12]} in force, which "
                "nobody adopted; its record is broken"
            )
    totals = dict(own)
    for program in reversed(list(parents)):  # children stand after their parents
        if (parent := parents[program]) is not None:
            totals[parent] = (totals[parent][0] + totals[program][0], totals[parent][1] + totals[program][1])
    return [
        Clade(result.seed, program, parents[program], born[program], own[program], total, _share(total))
        for program, total in totals.items()
    ]


def _share(counts: tuple[int, int]) -> float | None:
    return counts[0] / counts[1] if counts[1] else None

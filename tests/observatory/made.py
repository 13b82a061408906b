"""Results of arms with known answers, made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rung.arms.records import ArmResult, Point, Step
from rung.kernel.gate import Verdict
from rung.records import Interval

SEED = "seed" * 16


def bits(solved: int, of: int) -> tuple[int, ...]:
    """Returns `of` figures, the first `solved` of them 1."""
    return (1,) * solved + (0,) * (of - solved)


def result(arm: str, seed: int, **fields: Any) -> ArmResult:
    """Returns a result of ten sealed puzzles, half of them solved, unless told otherwise."""
    usual = ArmResult(
        arm=arm,
        seed=seed,
        run=f"{arm}-{seed}",
        improver=SEED,
        held_out=bits(5, 10),
        moved=bits(5, 10),
        out_of_domain=bits(4, 10),
        stream={},
        solved=10,
        work=1000.0,
        cpu_seconds=2.0,
        curve=(Point(0, 0.0, 0.5), Point(4, 1000.0, 0.5)),
        steps=(),
    )
    return replace(usual, **fields)


def seeds(arm: str, count: int, made: Callable[[int], Mapping[str, Any]] = lambda _: {}) -> list[ArmResult]:
    """Returns results on seeds 0, 1, ..., with the fields that `made` gives for each."""
    return [result(arm, seed, **made(seed)) for seed in range(count)]


def verdict(*, admitted: bool = True, **fields: Any) -> Verdict:
    """Returns a verdict of the first test."""
    reason = "better on fresh cases" if admitted else "no better, by the bets so far"
    return replace(Verdict(admitted, reason, test=1, level=0.05, wealth=25.0, cases=40, gain=0.3), **fields)


def step(number: int, in_force: str, **fields: Any) -> Step:
    """Returns a generation of 100 units of work, 20 of them for the gate."""
    usual = Step(
        number,
        work=100.0 * number,
        cpu_seconds=0.1 * number,
        tried=10,
        solved=5,
        gate_work=20.0,
        solver=SEED,
        in_force=in_force,
        bytes=1000,
    )
    return replace(usual, **fields)


def climb(*programs: str) -> tuple[Step, ...]:
    """Returns generations in each of which a program is adopted; "" is one in which a proposal is refused."""
    steps: list[Step] = []
    now = SEED
    for number, program in enumerate(programs, start=1):
        before, now = now, program or now
        claimed, redrawn = (Interval(40, 0.2, 0.1, 0.3), Interval(40, 0.25, 0.1, 0.4)) if program else (None, None)
        steps.append(
            step(
                number,
                now,
                solver=before,
                proposal=program or f"refused-{number}",
                verdict=verdict(admitted=bool(program)),
                claimed=claimed,
                redrawn=redrawn,
                stage="canary" if program else steps[-1].stage if steps else "seed",
                bytes=1000 + 50 * number,
            )
        )
    return tuple(steps)


def coins(rng: random.Random, shares: Sequence[float]) -> tuple[int, ...]:
    """Returns a figure for each puzzle, 1 with the probability of its share."""
    return tuple(int(rng.random() < share) for share in shares)

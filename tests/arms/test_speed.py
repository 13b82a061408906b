"""Declared work is held against the CPU time of whoever did the same beside it."""

from __future__ import annotations

from rung.arms.practice import COMPARED_CPU_SECONDS, FASTER, Solved, Speed

from .conftest import Whole


def solved(work: float, cpu_seconds: float) -> Solved:
    return Solved("run", (1.0, 0.5), ("a", "b"), ("", ""), work, cpu_seconds)


def test_who_declares_much_less_for_the_same_cpu_time_is_not_believed() -> None:
    speed = Speed()
    scores = [speed.believed(solved(1_000, 0.1), beside=solved(10_000, 0.1)) for _ in range(12)]
    assert scores[0] == (1.0, 0.5)  # too little to tell
    assert scores[-1] == (0.0, 0.0)


def test_an_honest_one_is_believed_on_a_busy_machine() -> None:
    """Both slow down together; a vocabulary that costs half as much again per unit is no lie."""
    speed = Speed()
    for load in (1.0, 3.0, 1.0, 5.0) * 10:
        honest = solved(1_000, 0.02 * 1.5 * load)
        assert speed.believed(honest, beside=solved(1_000, 0.02 * load)) == (1.0, 0.5)


def test_little_cpu_time_says_nothing() -> None:
    speed = Speed()
    quick = solved(1, COMPARED_CPU_SECONDS)
    assert speed.believed(quick, beside=solved(1_000, COMPARED_CPU_SECONDS / (2 * FASTER))) == (1.0, 0.5)
    assert speed.believed(solved(1, 0.01), beside=solved(1_000, 0.0)) == (0.0, 0.0)


def test_late_learns_once_from_what_the_seed_solved(whole: Whole) -> None:
    late, frozen, seed = whole.results["late"], whole.results["frozen"], whole.results["no-meta"]
    assert frozen.improver == seed.improver
    assert late.improver != seed.improver
    assert late.solved == frozen.solved
    assert not any(step.verdict for step in late.steps)
    assert sum(late.held_out) >= sum(frozen.held_out)

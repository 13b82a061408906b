"""Draws follow from the seed, and only from what was committed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.kernel.draw import derive, draw_cases, paired_gain
from rung.records import Case, Fresh


@given(st.integers(0, 2**63), st.text(), st.text())
def test_streams_do_not_meet(seed: int, one: str, two: str) -> None:
    """Other labels give other draws, the same labels the same ones."""
    assert derive(seed, one) == derive(seed, one)
    if one != two:
        assert derive(seed, one) != derive(seed, two)
    assert 0 <= derive(seed, one) < 2**63


def test_labels_are_not_glued() -> None:
    """("ab", "c") and ("a", "bc") are different streams."""
    assert derive(1, "ab", "c") != derive(1, "a", "bc")


def test_fresh_cases_depend_on_the_committed_program() -> None:
    """A program cannot know its own cases: they follow from its hash."""
    one = draw_cases(Fresh(3), name="held_out", seed=1, after="aa")
    two = draw_cases(Fresh(3), name="held_out", seed=1, after="bb")
    assert len({case.input for case in one + two}) == 6
    assert one == draw_cases(Fresh(3), name="held_out", seed=1, after="aa")
    fixed = (Case("a", 1),)
    assert draw_cases(fixed, name="train", seed=1, after="") is fixed


def test_paired_gain() -> None:
    """The mean is exact, the interval holds it, pairing removes what both share."""
    start = [1.0, 5.0, 9.0, 2.0, 7.0] * 4
    gain = paired_gain(start, [value + 0.5 for value in start], seed=0)
    assert (gain.n, gain.mean, gain.low, gain.high) == (20, 0.5, 0.5, 0.5)
    noisy = paired_gain([0.0] * 40, [(-1) ** i + 0.1 for i in range(40)], seed=0)
    assert noisy.low < 0 < noisy.high
    assert noisy.low <= noisy.mean <= noisy.high
    with pytest.raises(ValueError, match="zip"):
        paired_gain([1.0], [1.0, 2.0], seed=0)
    with pytest.raises(ValueError, match="no paired"):
        paired_gain([], [], seed=0)


def test_interval_covers_the_truth() -> None:
    """Of 200 experiments with a true gain of 0.3, about 95 % of the intervals hold it."""
    import random

    rng = random.Random(5)
    held = 0
    for trial in range(200):
        pairs = [rng.gauss(0.3, 1.0) for _ in range(40)]
        interval = paired_gain([0.0] * 40, pairs, seed=trial)
        held += interval.low <= 0.3 <= interval.high
    assert 0.88 <= held / 200 <= 0.99

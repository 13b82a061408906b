"""The gate keeps its promise under every way of looking, and finds what is truly better."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.kernel.gate import Bet, Pair, Rules, decide, level, weight

LOOSE = Rules(most=300)


def pairs(rng: random.Random, effect: float, *, discordance: float = 0.3, count: int = 10_000) -> Iterator[Pair]:
    """Yields paired scores of 0 and 1 whose mean difference is the effect."""
    for _ in range(count):
        u = rng.random()
        if u < (discordance + effect) / 2:
            yield Pair(1.0, 0.0)
        elif u < discordance:
            yield Pair(0.0, 1.0)
        else:
            yield Pair(1.0, 1.0)


def test_weights_never_spend_more_than_there_is() -> None:
    """The first million decisions together cost less than alpha."""
    assert sum(weight(t) for t in range(1, 1_000_000)) <= 1.0
    assert all(weight(t) > weight(t + 1) > 0 for t in range(4, 1000))


def test_false_admissions_stay_below_the_level() -> None:
    """Of 1,500 successors that are no better, looked at after every case, at most alpha * gamma are admitted."""
    rng = random.Random(1)
    rules = Rules(most=150, futility=0.0)
    admitted = sum(reaches(rng, rules, target=20.0) for _ in range(1500))
    assert admitted / 1500 <= 0.05


def reaches(rng: random.Random, rules: Rules, *, target: float) -> bool:
    """Returns whether wealth ever reaches the target although the true effect is zero."""
    bet = Bet(0.0)
    for pair in pairs(rng, 0.0, count=rules.most):
        bet.see(pair.successor - pair.incumbent)
        if bet.wealth >= target:
            return True
    return False


def test_a_worse_successor_is_not_admitted_by_trying_often() -> None:
    """A hundred tries of something slightly worse: none gets in."""
    rng = random.Random(2)
    verdicts = [decide(pairs(rng, -0.02), rules=LOOSE, test=t, admitted=0) for t in range(1, 101)]
    assert not any(verdict.admitted for verdict in verdicts)


def test_a_better_successor_is_found() -> None:
    """A clear gain is admitted with a fraction of the cases, at the strict level of a later test."""
    rng = random.Random(3)
    verdict = decide(pairs(rng, 0.25), rules=Rules(), test=5, admitted=1)
    assert verdict.admitted
    assert verdict.cases < 400
    assert verdict.wealth >= 1 / verdict.level
    assert verdict.gain == pytest.approx(0.25, abs=0.12)


def test_futility_ends_it_early() -> None:
    """What is plainly worse costs few cases."""
    verdict = decide(pairs(random.Random(4), -0.25), rules=Rules(), test=1, admitted=0)
    assert not verdict.admitted
    assert verdict.cases < 100


def test_no_more_cases_are_drawn_than_needed() -> None:
    """A decision pays only for what it looked at."""
    drawn = 0

    def counted() -> Iterator[Pair]:
        nonlocal drawn
        for pair in pairs(random.Random(5), 0.3):
            drawn += 1
            yield pair

    verdict = decide(counted(), rules=Rules(), test=1, admitted=0)
    assert drawn == verdict.cases


def test_a_protected_metric_is_never_traded() -> None:
    """A large gain that costs the protected metric is refused; one that leaves it alone is admitted."""
    rng = random.Random(6)

    def traded() -> Iterator[Pair]:
        for pair in pairs(rng, 0.3):
            yield Pair(pair.successor, pair.incumbent, {"safety": (0.4 + 0.1 * rng.random(), 0.9)})

    def kept() -> Iterator[Pair]:
        for pair in pairs(rng, 0.3):
            yield Pair(pair.successor, pair.incumbent, {"safety": (0.9, 0.9)})

    margins = {"safety": 0.1}
    assert decide(traded(), rules=Rules(), test=1, admitted=0, margins=margins).reason.startswith("veto: safety")
    assert decide(kept(), rules=Rules(), test=1, admitted=0, margins=margins).admitted


def test_later_tests_are_stricter_and_success_pays_only_without_familywise() -> None:
    """Every decision costs level; e-LOND gives some back for each admission."""
    strict, rewarded = Rules(), Rules(familywise=False)
    assert level(strict, test=10, admitted=0) < level(strict, test=3, admitted=0)
    assert level(strict, test=10, admitted=5) == level(strict, test=10, admitted=0)
    assert level(rewarded, test=10, admitted=5) == 6 * level(rewarded, test=10, admitted=0)


@given(st.lists(st.floats(-1, 1), max_size=40))
def test_wealth_is_a_fair_game(differences: list[float]) -> None:
    """Mirrored bets multiply to at most one: nobody gets rich on both sides."""
    up, down = Bet(0.0), Bet(0.0)
    for difference in differences:
        up.see(difference)
        down.see(-difference)
    assert up.wealth >= 0
    assert min(up.wealth, down.wealth) <= 1.0 + 1e-9


@pytest.mark.parametrize("difference", [1.01, -2.0, float("nan")])
def test_differences_are_not_clipped(difference: float) -> None:
    """What does not fit the interval is an error, for a clip would break the guarantee."""
    with pytest.raises(ValueError, match="lie in"):
        Bet(0.0).see(difference)

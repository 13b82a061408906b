"""The gate keeps its promise under every way of looking, and finds what is truly better."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

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


PLANNED = Rules(alpha=0.05, most=120, plan=8, stakes=(0.5, 0.95))


def test_a_declared_plan_shares_alpha_evenly_and_ends() -> None:
    """Every declared decision gets the same level, all of them together alpha; beyond the plan there is none."""
    levels = [level(PLANNED, test=test, admitted=3) for test in range(1, 12)]
    assert levels[:8] == [pytest.approx(0.05 / 8)] * 8
    assert sum(levels) == pytest.approx(0.05)
    assert levels[8:] == [0.0] * 3


def test_a_decision_beyond_the_plan_is_refused_unseen() -> None:
    """However good the successor is; and no case is drawn for it."""

    def drawn(_number: int) -> Pair:
        pytest.fail("a case was drawn")

    verdict = decide(map(drawn, range(9)), rules=PLANNED, test=9, admitted=0)
    assert not verdict.admitted
    assert verdict.reason == "all 8 declared decisions are spent"
    assert (verdict.cases, verdict.level) == (0, 0.0)
    assert decide(pairs(random.Random(1), 0.3), rules=PLANNED, test=8, admitted=0).admitted


def graded(rng: random.Random, *, shift: float = 0.0) -> Iterator[Pair]:
    """Yields scores as suites give them, 0 or in [0.5, 1], of two that are equally good but for the shift."""
    while True:
        successor, incumbent = (rng.uniform(0.5, 1.0) if rng.random() < 0.5 + by else 0.0 for by in (shift, 0.0))
        yield Pair(successor, incumbent)


def lopsided(rng: random.Random) -> Iterator[Pair]:
    """Yields a mean difference of zero out of many small gains and few large losses."""
    while True:
        yield Pair(0.6, 0.5) if rng.random() < 10 / 11 else Pair(0.0, 1.0)


def hunting(rng: random.Random) -> Iterator[Pair]:
    """Yields fair differences whose size depends on how the bets stand: it doubles after a loss."""
    size = 0.1
    while True:
        won = rng.random() < 0.5
        yield Pair(size if won else 0.0, 0.0 if won else size)
        size = 0.1 if won else min(1.0, 2 * size)


@pytest.mark.parametrize("source", [graded, lopsided, hunting])
def test_with_plan_stakes_and_early_ends_errors_stay_below_alpha(
    source: Callable[[random.Random], Iterator[Pair]],
) -> None:
    """400 arms of 8 decisions on successors that are no better: at most alpha of the arms ever admit one."""
    rng = random.Random(11)
    wrong = sum(
        any(decide(source(rng), rules=PLANNED, test=test, admitted=0).admitted for test in range(1, 9))
        for _ in range(400)
    )
    assert wrong / 400 <= 0.05


def test_stakes_that_fit_find_a_gain_sooner() -> None:
    """Bold stakes need fewer cases for a large gain, and both find it."""

    def mean_cases(rules: Rules) -> float:
        rng = random.Random(12)
        verdicts = [decide(graded(rng, shift=0.35), rules=rules, test=1, admitted=0) for _ in range(60)]
        assert sum(verdict.admitted for verdict in verdicts) >= 54
        return sum(verdict.cases for verdict in verdicts) / 60

    assert mean_cases(PLANNED) < mean_cases(replace(PLANNED, stakes=(0.1, 0.2), most=400))


def test_the_order_of_the_cases_does_not_matter_to_the_wealth() -> None:
    """A product has no order; when it ends may depend on it, whether it may be believed does not."""
    rng = random.Random(13)
    differences = [rng.uniform(-1, 1) for _ in range(60)]
    wealth = []
    for _ in range(3):
        bet = Bet(0.0, (0.5, 0.95))
        for difference in differences:
            bet.see(difference)
        wealth.append(bet.wealth)
        rng.shuffle(differences)
    assert wealth == [pytest.approx(wealth[0])] * 3


def test_cases_in_any_order_that_was_fixed_before_they_were_seen_err_below_alpha() -> None:
    """Drawn in blocks and looked at backwards, or turn and turn about; an order by outcome would be another matter."""
    rng = random.Random(14)

    def reordered(step: int) -> Iterator[Pair]:
        source = graded(rng)
        while True:
            block = [next(source) for _ in range(8)]
            yield from (block[(number * step) % 8] for number in range(8))

    rules = replace(PLANNED, plan=1)
    for step in (7, 3):
        wrong = sum(decide(reordered(step), rules=rules, test=1, admitted=0).admitted for _ in range(500))
        assert wrong / 500 <= 0.05


def test_far_gives_up_only_what_cannot_be_proven() -> None:
    """Not before there are cases to judge by, not while the pace is good; soon when the pace is too slow."""
    good, slow, early = Bet(0.0), Bet(0.0), Bet(0.0)
    for number in range(40):
        good.see(0.5 if number % 2 else 0.1)
        slow.see(0.01 if number % 2 else -0.008)
    for _ in range(15):
        early.see(-1.0)
    assert not good.far(160.0, most=120)
    assert slow.far(160.0, most=120)
    assert not early.far(160.0, most=120)
    assert not slow.far(1.0 + 1e-9, most=120)


def test_giving_up_early_costs_little_power() -> None:
    """Of clear gains hardly one is lost to it, and of none most of the cases are saved."""
    rng = random.Random(15)
    better = [decide(graded(rng, shift=0.3), rules=PLANNED, test=1, admitted=0) for _ in range(200)]
    equal = [decide(graded(rng), rules=PLANNED, test=1, admitted=0) for _ in range(200)]
    assert sum(verdict.admitted for verdict in better) >= 160
    assert sum(verdict.cases for verdict in equal) <= 0.6 * 200 * PLANNED.most
    assert {verdict.reason for verdict in equal} >= {"no better, by the bets so far"}

"""Rates of the gate, with exact intervals, and the summary of verdicts."""

from __future__ import annotations

import pytest
from scipy import stats
from tests.observatory.made import climb, result, step

from rung.errors import BadInput
from rung.observatory.gate_rates import clopper_pearson, false_accepts, verdicts


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 2000), (3, 10), (100, 2000), (2000, 2000)])
def test_the_interval_is_that_of_the_beta_distribution(successes: int, n: int) -> None:
    found = clopper_pearson(successes, n)
    low = float(stats.beta.ppf(0.025, successes, n - successes + 1)) if successes else 0.0
    high = float(stats.beta.ppf(0.975, successes + 1, n - successes)) if successes < n else 1.0
    assert (found.n, found.mean) == (n, successes / n)
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(BadInput, match="successes of n >= 1 trials"):
        clopper_pearson(successes, n)


def tally(flipped: int, admitted: int, *, alpha: float = 0.05) -> dict[str, object]:
    return {
        "flipped": flipped,
        "flipped_admitted": admitted,
        "copied": 1,
        "copied_admitted": 0,
        "alpha": alpha,
        "work": 1.0,
    }


def test_null_edits_of_all_seeds_are_one_rate() -> None:
    found = false_accepts([tally(124, 3), tally(124, 1), tally(0, 0)])
    assert found is not None
    assert (found.edits, found.admitted, found.alpha) == (251, 4, 0.05)
    assert found.rate.mean == pytest.approx(4 / 251)
    assert found.holds
    open_, broken = false_accepts([tally(124, 3)]), false_accepts([tally(124, 15)])
    assert open_ is not None
    assert open_.holds is None
    assert broken is not None
    assert broken.holds is False
    assert false_accepts([]) is None


def test_tallies_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(BadInput, match="several alphas"):
        false_accepts([tally(9, 0), tally(9, 0, alpha=0.1)])
    with pytest.raises(BadInput, match="whole counts"):
        false_accepts([{"flipped": 3}])


def test_the_summary_counts_every_verdict() -> None:
    mine = result("self", 0, steps=(*climb("a", "", ""), step(4, "a"), step(5, "seed", undone="a")))
    found = verdicts([mine])
    assert (found.proposals, found.judged, found.admitted, found.ungated, found.undone) == (3, 3, 1, 0, 1)
    assert found.refused == {"no better, by the bets so far": 2}
    assert found.cases == 120
    assert found.gain == pytest.approx(0.3)
    assert found.claimed == pytest.approx(0.2)
    assert found.meta == pytest.approx(0.2)
    nothing = verdicts([])
    assert (nothing.judged, nothing.gain, nothing.claimed, nothing.meta, nothing.refused) == (0, None, None, None, {})

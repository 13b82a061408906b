"""Gains between arms: known answers, pairing, coverage of the interval, and what is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy import stats
from tests.observatory.made import bits, coins, result, seeds

from rung.errors import BadInput
from rung.observatory.bootstrap import resampled_means, spread
from rung.observatory.gains import by_grade, gain, gains, measures_of, over_puzzles, ratio, signed_rank


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_mean_is_the_mean_paired_difference() -> None:
    results = {
        "self": seeds("self", 8, lambda seed: {"held_out": bits(6 + seed % 3, 10)}),
        "control": seeds("control", 8),
    }
    found = gain(results, ("self", "control"), rng=rng())
    assert found is not None
    assert found.gain.mean == pytest.approx(np.mean([0.1 * (1 + seed % 3) for seed in range(8)]))
    assert found.gain.n == 8
    assert (found.wins, found.ties, found.losses) == (8, 0, 0)
    assert found.gain.low <= found.gain.mean <= found.gain.high
    assert found.gain.low > 0
    assert found.by_seed[2][0] == 2
    assert found.by_seed[2][1] == pytest.approx(0.3)
    assert [found.first, found.second] == pytest.approx([0.6875, 0.5])


def test_the_same_generator_gives_the_same_interval() -> None:
    results = {"self": seeds("self", 7, lambda seed: {"solved": 10 + 3**seed}), "frozen": seeds("frozen", 7)}
    first, again, other = (
        gain(results, ("self", "frozen"), rng=rng(seed), measures=("solved", "solved")) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_gain_is_the_others_loss() -> None:
    both = {
        "self": seeds("self", 9, lambda seed: {"held_out": bits(seed, 10)}),
        "frozen": seeds("frozen", 9, lambda seed: {"held_out": bits(9 - seed % 4, 10)}),
    }
    there, back = (gain(both, arms, rng=rng()) for arms in (("self", "frozen"), ("frozen", "self")))
    assert there is not None
    assert back is not None
    assert [there.gain.mean, there.gain.low, there.gain.high] == pytest.approx(
        [-back.gain.mean, -back.gain.high, -back.gain.low], abs=0.02
    )
    assert (there.wins, there.losses, there.p) == (back.losses, back.wins, back.p)


def test_arms_are_paired_on_the_seeds_that_both_have() -> None:
    results = {
        "self": [result("self", seed, held_out=bits(9, 10)) for seed in (3, 1, 2)],
        "control": [result("control", seed) for seed in (2, 3, 4)],
    }
    found = gain(results, ("self", "control"), rng=rng())
    assert found is not None
    assert [seed for seed, _ in found.by_seed] == [2, 3]


def test_no_common_seed_is_no_gain() -> None:
    assert gain({"self": seeds("self", 3)}, ("self", "control"), rng=rng()) is None
    assert gain({}, ("self", "control"), rng=rng()) is None
    apart = {"self": [result("self", 0)], "control": [result("control", 1)]}
    assert gain(apart, ("self", "control"), rng=rng()) is None
    assert gains({}, rng=rng()) == {}


def test_one_seed_has_no_width() -> None:
    results = {"self": [result("self", 0, held_out=bits(8, 10))], "control": [result("control", 0)]}
    found = gain(results, ("self", "control"), rng=rng())
    assert found is not None
    assert found.gain.low == found.gain.mean == found.gain.high == pytest.approx(0.3)


def test_pairing_puzzles_narrows_the_interval() -> None:
    """Arms that solve the same puzzles but one differ surely by that one, however hard the world was."""
    dice = random.Random(1)
    base = [coins(dice, [0.5] * 40) for _ in range(10)]
    first = {"self": [result("self", seed, held_out=(1, *row[1:])) for seed, row in enumerate(base)]}
    second = {"control": [result("control", seed, held_out=(0, *row[1:])) for seed, row in enumerate(base)]}
    shuffled = {"control": [result("control", seed, held_out=(*row[:0:-1], 0)) for seed, row in enumerate(base)]}
    paired, torn = (gain({**first, **other}, ("self", "control"), rng=rng()) for other in (second, shuffled))
    assert paired is not None
    assert torn is not None
    assert paired.gain.mean == pytest.approx(torn.gain.mean) == pytest.approx(1 / 40)
    assert paired.gain.high - paired.gain.low < 0.5 * (torn.gain.high - torn.gain.low)


@pytest.mark.parametrize("between", [0.0, 0.2])
def test_the_interval_covers_the_truth(between: float) -> None:
    """95 % intervals of 200 comparisons of 10 seeds hold the true gain in at least 88 % of them."""
    dice, draws, truth, hits = np.random.default_rng(5), rng(), 0.15, 0
    for _ in range(200):
        effects = truth + between * np.sqrt(3) * dice.uniform(-1, 1, size=10)
        clusters = [
            np.column_stack([dice.random(40) < 0.4 + effect, dice.random(40) < 0.4]).astype(float) for effect in effects
        ]
        drawn = resampled_means(clusters, rng=draws, replicates=400)
        low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
        hits += low <= truth <= high
    assert hits >= 0.88 * 200


def test_two_stage_variance_is_that_of_the_sum_of_both_stages() -> None:
    clusters = [np.array([[0.0]] * 5 + [[1.0]] * 5) for _ in range(6)]
    drawn = resampled_means(clusters, rng=rng(), replicates=20_000)
    assert float(drawn.var()) == pytest.approx(0.25 / 10 / 6, rel=0.05)


def test_no_meta_acts_with_what_it_saved() -> None:
    results = {
        "self": seeds("self", 6, lambda _: {"held_out": bits(7, 10), "moved": bits(8, 10)}),
        "no-meta": seeds("no-meta", 6, lambda _: {"held_out": bits(1, 10), "moved": bits(3, 10)}),
    }
    found = gains(results, rng=rng())
    assert found["self-no-meta-moved"].gain.mean == pytest.approx(0.5)
    assert found["self-no-meta-moved"].measures == ("moved", "moved")
    assert found["self-no-meta"].gain.mean == pytest.approx(0.6)
    assert measures_of(("self", "no-meta"), "stream") == ("held_out", "held_out")
    assert measures_of(("self", "frozen"), "stream") == ("stream", "stream")
    assert measures_of(("self", "control"), "stream") == ("held_out", "held_out")  # its improver never practises
    assert measures_of(("self", "control"), "moved") == ("moved", "moved")


def test_the_stream_is_paired_by_name_and_an_endless_one_is_counted() -> None:
    finite = {
        "self": seeds("self", 6, lambda _: {"stream": {"a": 1, "b": 1, "c": 1, "d": 0}}),
        "frozen": seeds("frozen", 6, lambda _: {"stream": {"d": 0, "a": 1}}),
    }
    found = gain(finite, ("self", "frozen"), rng=rng(), measures=("stream", "stream"))
    assert found is not None
    assert found.gain.mean == pytest.approx(0.5)
    share = ratio(finite, ("self", "frozen"), rng=rng())
    assert share is None  # in some draws FROZEN solves nothing: no finite interval
    endless = {
        "self": seeds("self", 6, lambda seed: {"solved": 24 + seed}),
        "frozen": seeds("frozen", 6, lambda seed: {"solved": 20 + seed}),
    }
    times = ratio(endless, ("self", "frozen"), rng=rng())
    assert times is not None
    assert times.mean == pytest.approx(26.5 / 22.5)
    assert 1 < times.low < times.mean < times.high < 1.21


def test_gains_by_depth() -> None:
    names = ("a", "b", "c", "d")
    grades = {"a": 2, "b": 5, "c": 9, "d": 20}
    fields = {"names": names, "grades": grades}
    results = {
        "self": seeds("self", 6, lambda _: {"held_out": (1, 0, 1, 1), **fields}),
        "control": seeds("control", 6, lambda _: {"held_out": (1, 0, 1, 0), **fields}),
    }
    found = by_grade(results, ("self", "control"), rng=rng())
    assert {name: one.gain.mean for name, one in found.items()} == {"0-3": 0.0, "4-7": 0.0, "8+": 0.5}
    assert by_grade({arm: seeds(arm, 6) for arm in results}, ("self", "control"), rng=rng()) == {}
    across = over_puzzles(results, ("self", "control"), rng=rng())
    assert across is not None
    assert (across.n, across.mean) == (4, 0.25)
    assert across.low == 0.0


@pytest.mark.parametrize(
    "differences",
    [[0.1, 0.2, 0.3, -0.05, 0.4, 0.6], [0.5, -0.4, 0.3, -0.2, 0.1], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]],
)
def test_signed_rank_agrees_with_the_reference(differences: list[float]) -> None:
    assert signed_rank(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_signed_rank_with_ties_counts_every_sign() -> None:
    """Ranks 1.5, 1.5, 3: of 8 signs, 2 give a sum as extreme as 6 or 0."""
    assert signed_rank([0.1, 0.1, 0.3]) == pytest.approx(2 / 8)
    assert signed_rank([0.0, 0.1, 0.1, 0.3, 0.0]) == pytest.approx(2 / 8)
    assert signed_rank([0.0, 0.0]) is None
    assert signed_rank([]) is None


def test_unlike_puzzles_are_refused() -> None:
    results = {"self": [result("self", 0)], "control": [result("control", 0, held_out=bits(5, 9))]}
    with pytest.raises(BadInput, match="seed 0: self has 10 figures of held_out and control has 9"):
        gain(results, ("self", "control"), rng=rng())
    named = {
        "self": [result("self", 0, names=tuple("abcdefghij"))],
        "control": [result("control", 0, names=tuple("bcdefghijk"))],
    }
    with pytest.raises(BadInput, match="not those of the same puzzles"):
        gain(named, ("self", "control"), rng=rng())


def test_a_seed_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="two results for seed 4"):
        gains({"self": [result("self", 4), result("self", 4)]}, rng=rng())


def test_names_that_do_not_fit_are_refused() -> None:
    for names in (("a",) * 10, ("a", "b")):
        broken = {arm: [result(arm, 0, names=names)] for arm in ("self", "control")}
        with pytest.raises(BadInput, match="needs one figure and a name of its own"):
            gain(broken, ("self", "control"), rng=rng())


def test_an_unknown_measure_is_refused() -> None:
    both = {arm: [result(arm, 0)] for arm in ("self", "control")}
    with pytest.raises(BadInput, match="no measure 'beauty'"):
        gain(both, ("self", "control"), rng=rng(), measures=("beauty", "beauty"))


def test_puzzles_of_another_world_have_no_names() -> None:
    fields = {"names": tuple("abcdefghij"), "out_of_domain": bits(4, 20)}
    both = {arm: seeds(arm, 3, lambda _: fields) for arm in ("self", "frozen")}
    found = gain(both, ("self", "frozen"), rng=rng(), measures=("out_of_domain", "out_of_domain"))
    assert found is not None
    assert (found.first, found.gain.mean) == (0.2, 0.0)


def test_an_empty_measure_is_no_gain() -> None:
    both = {arm: seeds(arm, 3, lambda _: {"moved": ()}) for arm in ("self", "no-meta")}
    assert "self-no-meta-moved" not in gains(both, rng=rng())
    assert "self-no-meta" in gains(both, rng=rng())


def test_figures_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match="finite"):
        spread([0.1, float("nan")], rng=rng())
    with pytest.raises(BadInput, match="there is no seed"):
        resampled_means([], rng=rng())
    assert spread([], rng=rng()) is None

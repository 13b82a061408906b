"""imp@C, break-even, friction, clades and claims, on climbs whose answer is known; the transfer table and curves."""

from __future__ import annotations

import numpy as np
import pytest
from tests.observatory.made import SEED, bits, climb, result, seeds, step, verdict

from rung.arms.records import Point
from rung.errors import BadInput
from rung.observatory.curves import bands, mean_limits, seed_limits, steps
from rung.observatory.progress import (
    adopted,
    break_even,
    clades,
    claimed_over_redrawn,
    friction,
    improvement_at_cost,
    meta_work,
)
from rung.observatory.transfer import SEED as SEED_ROW
from rung.observatory.transfer import out_of_domain_loss, transfer
from rung.records import Interval


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


CURVE = (Point(0, 0.0, 0.2), Point(1, 400.0, 0.4), Point(3, 1000.0, 0.6))


def test_a_share_holds_until_the_next_point() -> None:
    held = steps(result("self", 0, curve=CURVE), np.array([0.0, 399.0, 400.0, 999.0, 1000.0, 5000.0]))
    assert held.tolist() == [0.2, 0.2, 0.4, 0.4, 0.6, 0.6]


def test_a_band_lies_around_the_mean() -> None:
    results = {
        "self": seeds("self", 8, lambda seed: {"curve": (Point(0, 0.0, 0.2), Point(2, 500.0 + seed, 0.4 + seed / 20))}),
        "no-meta": seeds("no-meta", 8, lambda _: {"curve": (Point(0, 0.0, 0.2),)}),
        "aa": seeds("aa", 2),
        "sham": seeds("sham", 2, lambda _: {"curve": ()}),
    }
    mine, rival = bands(results, rng=rng(), grid=5)
    assert (mine.arm, mine.n, mine.climbs) == ("self", 8, True)
    assert (rival.arm, rival.climbs) == ("no-meta", False)
    assert mine.work == rival.work
    assert mine.work[-1] == 507.0
    assert mine.mean[0] == mine.low[0] == mine.high[0] == pytest.approx(0.2)
    assert mine.low[-1] < mine.mean[-1] < mine.high[-1]
    assert mine.mean[-1] == pytest.approx(0.575)
    wide = bands(results, rng=rng(), limits=seed_limits, grid=5)[0]
    assert wide.high[-1] - wide.low[-1] > mine.high[-1] - mine.low[-1]
    assert (mine.what, wide.what) == ("95 % of the mean over seeds", "10 to 90 % of the seeds")
    assert bands({}, rng=rng()) == []
    assert mean_limits(np.ones((3, 2)), rng())[0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("points", [(), ((9, 0.1), (5, 0.2)), ((0, float("nan")),)])
def test_a_broken_curve_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    curve = tuple(Point(0, work, share) for work, share in points)
    with pytest.raises(BadInput, match="self, seed 0: a curve needs points"):
        steps(result("self", 0, curve=curve), np.array([0.0]))


def test_improvement_at_cost_is_a_share_of_the_headroom() -> None:
    results = {"self": seeds("self", 6, lambda _: {"curve": CURVE})}
    found = improvement_at_cost(results, "self", rng=rng(), grid=6)
    assert [work for work, _ in found] == [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]
    assert [gained.mean for _, gained in found] == pytest.approx([0, 0, 0.25, 0.25, 0.25, 0.5])
    assert improvement_at_cost(results, "self", rng=rng(), ceiling=0.6)[-1][1].mean == pytest.approx(1.0)
    assert improvement_at_cost(results, "self", rng=rng(), ceiling=0.2) == []
    assert improvement_at_cost(results, "control", rng=rng()) == []


def test_break_even() -> None:
    """SELF pays 80 in practice for each of 10 and 20 for the gate: 16 a puzzle; FROZEN pays 20: 2 gates in 4 uses."""
    mine = {"steps": tuple(step(number, SEED) for number in (1, 2, 3))}
    slow = {"steps": tuple(step(number, SEED, gate_work=0.0) for number in (1, 2, 3))}
    results = {"self": seeds("self", 6, lambda _: mine), "frozen": seeds("frozen", 6, lambda _: slow)}
    found = break_even(results, rng=rng())
    assert found is not None
    assert found.meta == 60.0
    assert meta_work(results["self"][0]) == 60.0
    assert found.saving.mean == pytest.approx(4.0)
    assert found.uses == pytest.approx(15.0)


def test_break_even_is_infinite_when_the_saving_may_be_nothing() -> None:
    def noisy(seed: int) -> dict[str, object]:
        return {"steps": tuple(step(number, SEED, solved=4 + seed % 3, gate_work=20.0) for number in (1, 2))}

    results = {
        "self": seeds("self", 6, noisy),
        "frozen": seeds("frozen", 6, lambda _: {"steps": (step(1, SEED, gate_work=20.0),)}),
    }
    found = break_even(results, rng=rng())
    assert found is not None
    assert found.uses is None
    assert "includes 0" in found.reason
    assert break_even({"self": results["self"]}, rng=rng()) is None
    assert break_even({arm: some[:1] for arm, some in results.items()}, rng=rng()) is None


def test_friction_finds_the_slopes() -> None:
    def growing(number: int) -> dict[str, float]:
        spent = sum(1.1**k for k in range(number))
        return {"work": 100.0 * number, "cpu_seconds": spent, "bytes": 1000 + 70 * number}

    steps_ = tuple(step(number, SEED, **growing(number)) for number in range(1, 9))
    found = friction({"self": seeds("self", 3, lambda _: {"steps": steps_})}, rng=rng())
    assert found.bytes is not None
    assert found.bytes.mean == pytest.approx(70.0)
    assert found.cpu is not None
    assert found.cpu.mean == pytest.approx(10.0)
    assert found.work is not None
    assert found.work.mean == pytest.approx(0.0)
    nothing = friction({"self": seeds("self", 3)}, rng=rng())
    assert (nothing.bytes, nothing.cpu, nothing.work) == (None, None, None)


def test_a_clade_counts_what_its_descendants_did() -> None:
    one = result("self", 0, steps=climb("a", "", "b", ""))
    found = {clade.program: clade for clade in clades({"self": [one]})}
    assert found[SEED].own == (1, 1)
    assert found[SEED].clade == (2, 4)
    assert found["a"].own == (1, 2)
    assert found["a"].clade == (1, 3)
    assert found["a"].productivity == pytest.approx(1 / 3)
    assert (found["b"].parent, found["b"].generation, found["b"].productivity) == ("a", 3, 0.0)
    assert clades({"self": [result("self", 0)]}) == []


def test_after_an_undo_the_predecessor_proposes_again() -> None:
    first = step(1, "a", proposal="a", verdict=verdict(), stage="canary")
    back = step(2, SEED, undone="a")
    again = step(3, "b", proposal="b", verdict=verdict(), stage="canary")
    found = {clade.program: clade for clade in clades({"self": [result("self", 0, steps=(first, back, again))]})}
    assert found[SEED].own == (2, 2)
    assert found["b"].parent == SEED


def test_who_was_never_adopted_is_not_in_force() -> None:
    with pytest.raises(BadInput, match="nobody adopted"):
        clades({"self": [result("self", 0, steps=(step(1, "intruder"),))]})


def test_an_arm_without_a_gate_adopts_by_rule() -> None:
    assert adopted(step(1, "x", proposal="x"))
    assert not adopted(step(1, SEED, proposal="x"))
    assert not adopted(step(1, SEED))


def test_claims_are_held_against_a_second_draw() -> None:
    results = {"self": seeds("self", 6, lambda seed: {"steps": climb(*("a", "b")[: 1 + seed % 2])})}
    found = claimed_over_redrawn(results, rng=rng())
    assert found is not None
    assert found.n == 6
    assert [found.low, found.mean, found.high] == pytest.approx([0.8, 0.8, 0.8])
    twice = {**results, "control": seeds("control", 6, lambda _: {"steps": climb("a")})}
    assert claimed_over_redrawn(twice, rng=rng()) == found
    assert claimed_over_redrawn({"self": seeds("self", 6)}, rng=rng()) is None
    lost = step(1, "a", claimed=Interval(9, 0.2, 0.1, 0.3), redrawn=Interval(9, -0.1, -0.2, 0.1))
    assert claimed_over_redrawn({"self": seeds("self", 6, lambda _: {"steps": (lost,)})}, rng=rng()) is None


def test_the_transfer_table_begins_with_the_seed_improver() -> None:
    results = {
        "self": seeds("self", 6, lambda _: {"held_out": bits(9, 10), "out_of_domain": bits(1, 10)}),
        "control": seeds("control", 6, lambda _: {"out_of_domain": ()}),
        "frozen": seeds("frozen", 6, lambda _: {"held_out": bits(2, 10)}),
    }
    rows = transfer(results, rng=rng())
    assert [row.improver for row in rows] == [SEED_ROW, "self", "control", "frozen"]
    means = [(row.held_out.mean if row.held_out else None) for row in rows]
    assert means == pytest.approx([0.2, 0.9, 0.5, 0.2])
    assert rows[2].out_of_domain is None
    loss = out_of_domain_loss(results, rng=rng())
    assert loss is not None
    assert loss.gain.mean == pytest.approx(0.3)
    assert out_of_domain_loss({"self": results["self"]}, rng=rng()) is None
    assert transfer({}, rng=rng()) == []

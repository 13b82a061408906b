"""What was adopted is taken back when it does not pay, and only then."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from tests.arms import toy

from rung.arms.undo import PAYBACK, Checkpoint, Watch, fallen

SEED = toy.improver()


def point(earned: int, practised: float, cost: float = 0.0) -> Checkpoint:
    """Returns an adoption when so much had been earned with so much practice."""
    return Checkpoint(SEED, earned, practised, cost, 1)


def count(rng: random.Random, rate: float, work: float) -> int:
    """Returns how many puzzles are solved at a rate per unit of work."""
    return sum(rng.random() < rate * work / 1000 for _ in range(1000))


def test_nothing_falls_where_nothing_was_adopted() -> None:
    assert fallen([], earned=0, practised=0.0) is None
    assert fallen([], earned=100, practised=1e6) is None


def test_noise_alone_does_not_undo() -> None:
    """Equal true rates before and after: about one look in forty is wrong, not more."""
    rng = random.Random(1)
    wrong = 0
    for _ in range(600):
        before, after = count(rng, 0.01, 10_000), count(rng, 0.01, 10_000)
        wrong += fallen([point(before, 10_000.0, 100.0)], earned=before + after, practised=20_000.0) is not None
    assert wrong / 600 <= 0.06


def test_a_clearly_worse_rate_is_undone() -> None:
    rng = random.Random(2)
    undone = 0
    for _ in range(100):
        before, after = count(rng, 0.01, 10_000), count(rng, 0.005, 10_000)
        undone += fallen([point(before, 10_000.0, 100.0)], earned=before + after, practised=20_000.0) == 0
    assert undone >= 95


def test_a_better_rate_stays() -> None:
    assert fallen([point(100, 10_000.0, 100.0)], earned=300, practised=20_000.0) is None


def test_its_own_cost_counts() -> None:
    """The same rate, but what making it cost is never earned back."""
    free, dear = point(400, 40_000.0), point(400, 40_000.0, 10_000.0)
    assert fallen([free], earned=800, practised=80_001.0) is None
    assert fallen([dear], earned=800, practised=80_001.0) == 0


def test_not_before_payback() -> None:
    """It has PAYBACK times its cost to work before it must have paid."""
    dear = point(100, 10_000.0, 5_000.0)
    assert fallen([dear], earned=100, practised=10_000.0 + PAYBACK * 5_000.0 - 1) is None
    assert fallen([dear], earned=100, practised=10_000.0 + PAYBACK * 5_000.0) == 0


def test_few_puzzles_say_nothing() -> None:
    assert fallen([point(19, 1_000.0)], earned=19, practised=100_000.0) is None
    assert fallen([point(20, 1_000.0)], earned=20, practised=100_000.0) == 0


def test_the_oldest_that_fell_is_undone_with_all_that_came_after() -> None:
    """The second adoption cannot save the first when both together earn less."""
    first, second = point(100, 10_000.0), point(130, 20_000.0)
    assert fallen([first, second], earned=160, practised=30_000.0) == 0
    assert fallen([point(100, 10_000.0), point(300, 20_000.0)], earned=320, practised=30_000.0) == 1


def test_practice_that_was_never_charged_is_no_rate() -> None:
    """Whoever declared nothing before an adoption has no rate to fall from, and breaks nothing."""
    assert fallen([point(50, 0.0)], earned=50, practised=10_000.0) is None


def test_a_watch_ends_when_the_predecessor_was_better() -> None:
    watch = Watch(SEED, index=0, alpha=0.05, stakes=(0.5, 0.95))
    watch.left = 2
    assert not watch.see([1.0, 1.0], [0.0, 0.0])
    assert watch.left == 1
    assert watch.see([1.0] * 4, [0.0] * 4)
    calm = Watch(SEED, index=0, alpha=0.05, stakes=(0.5, 0.95))
    calm.left = 2
    assert not calm.see([1.0] * 50, [1.0] * 50)
    assert not calm.see([0.0] * 50, [1.0] * 50)
    assert calm.left == 0


def test_a_watch_seldom_fails_what_is_no_worse() -> None:
    """At most alpha of the canaries that are as good as their predecessor are taken back."""
    rng = random.Random(3)
    failed = 0
    for _ in range(1000):
        watch = Watch(SEED, index=0, alpha=0.05, stakes=(0.5, 0.95))
        failed += any(
            watch.see([float(rng.random() < 0.5) for _ in range(8)], [float(rng.random() < 0.5) for _ in range(8)])
            for _ in range(4)
        )
    assert failed / 1000 <= 0.05


SABOTEUR = """
import json
from honest import learn, practise


def improve(brief, host):
    if "improver.py" in brief.program["files"]:
        return learn(brief, host)
    learned = json.loads(brief.improver["files"]["library.json"])
    if not learned or not ({when}):
        practise(brief, host)
    else:
        host.log(work=len(brief.cases) * brief.extra["work"])
"""


@pytest.mark.parametrize(
    ("when", "reason", "practice", "canary"),
    [
        ("brief.cases[0]['puzzle'][0] == 'c'", "worse than before on paired puzzles", 24, 16),
        ("len(brief.cases) > 8", "earned less per work than before it", 64, 4),
    ],
)
def test_good_in_the_gate_and_bad_afterwards_is_undone(
    when: str, reason: str, practice: int, canary: int, tmp_path: Path
) -> None:
    """A successor that shirks under watch fails as a canary; one that shirks in practice falls by what it earns."""
    program = toy.improver(SABOTEUR.format(when=when))
    once = replace(toy.PLAN.rules, plan=1, alpha=0.05)
    on = toy.suite(rules=once, practice=practice, recheck=0, generations=5, work=90_000.0, patience=1.0, canary=canary)
    k, results = toy.run(tmp_path / "w", program=program, on=on, key="abc")
    undone = [event.body for event in k.ledger.read(types=("undone",))]
    assert undone
    first = undone[0]
    assert isinstance(first, dict)
    assert (first["reason"], first["in_force"]) == (reason, program.id)
    steps = results["self"].steps
    at = next(number for number, step in enumerate(steps) if step.undone)
    assert steps[at - 1].in_force == steps[at].undone == first["program"]
    assert (steps[at].in_force, steps[at].stage) == (program.id, "seed")

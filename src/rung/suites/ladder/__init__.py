"""The ladder suite: puzzles that build on one another more deeply than one attempt can reach; the positive control."""

from __future__ import annotations

from rung.kernel.gate import Rules
from rung.suites.ladder.worlds import Ladder
from rung.suites.suite import Plan, Suite

PLAN = Plan(
    work=2_000_000,
    practice=40,
    practice_work=40_000,
    probe=10,
    rules=Rules(alpha=0.05, most=240, plan=12, stakes=(0.5, 0.95)),
    recheck=80,
    patience=0.3,
    watch=2,
    canary=4,
    insist=2,
    margins={"solved": 0.05},
    cpu_seconds_per_work=4e-6,
)
SUITE = Suite(
    name="ladder",
    goal="Solve puzzles whose programs share parts, and parts of parts.",
    improver="climber",
    unit="nodes",
    worlds={
        "": lambda seed: Ladder(seed, "", structured=1.0),
        "null": lambda seed: Ladder(seed, "null", structured=0.0),
        "mixed": lambda seed: Ladder(seed, "mixed", structured=0.5),
    },
    plan=PLAN,
)

__all__ = ["PLAN", "SUITE", "Ladder"]

"""What an arm leaves behind: frozen records that are written to the ledger and read by the observatory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.kernel.gate import Verdict
    from rung.records import Interval

ARMS = ("self", "control", "late", "frozen", "no-meta", "sham", "random", "aa")


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a held-out curve: share of the held-out puzzles solved by the improver in force, beside the work."""

    generation: int
    work: float
    held_out: float


@dataclass(frozen=True, slots=True)
class Step:
    """One generation of an arm.

    work, cpu_seconds: spent by the arm until the end of it. tried, solved: puzzles of practice. gate_work: of this
    generation alone, what learning, the gate and the watch took. solver, in_force: program ids, of who practised and of
    who is in force afterwards. proposal: id of the successor that was judged, None when there was none. verdict: the
    gate's, None when it was not asked. claimed: the effect estimated again on fresh puzzles after adoption. redrawn:
    the same, drawn once more. stage: of who is in force: "seed", "canary" or "main". undone: id of what was
    popped. bytes: size of the improver in force.
    """

    number: int
    work: float
    cpu_seconds: float
    tried: int
    solved: int
    gate_work: float
    solver: str
    in_force: str
    proposal: str | None = None
    verdict: Verdict | None = None
    claimed: Interval | None = None
    redrawn: Interval | None = None
    stage: str = "seed"
    undone: str | None = None
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What one arm came to on one seed.

    held_out, out_of_domain: 1 or 0 for each sealed puzzle, at the common budget per puzzle. moved: held-out puzzles
    again, with the work the arm had left shared out among them. stream: name -> 1 or 0 for the puzzles of a finite
    stream, else empty. solved: how many puzzles of the stream were solved in all. work: spent, in the suite's unit.
    names: of the held-out puzzles. grades: name -> depth of a puzzle where the suite knows it.
    """

    arm: str
    seed: int
    run: str
    improver: str
    held_out: tuple[int, ...]
    moved: tuple[int, ...]
    out_of_domain: tuple[int, ...]
    stream: Mapping[str, int]
    solved: int
    work: float
    cpu_seconds: float
    curve: tuple[Point, ...]
    steps: tuple[Step, ...]
    names: tuple[str, ...] = ()
    grades: Mapping[str, int] = field(default_factory=dict)

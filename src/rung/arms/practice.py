"""Solving: an improver is handed a block of puzzles, and what it found and spent comes back as plain facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung import wire
from rung.kernel.budget import Allowance
from rung.kernel.draw import derive
from rung.kernel.identity import Request
from rung.suites.registry import REFERENCE, called
from rung.suites.suite import EASY

if TYPE_CHECKING:
    from rung.kernel.kernel import Kernel
    from rung.records import Outcome, Program
    from rung.suites.suite import Block, Suite, World
    from rung.wire import JSON

FREE_CPU_SECONDS = 0.6  # of one block, whatever work was declared: processes, imports, evaluation
SEALED_CPU_SECONDS = 1.5  # the same where a second backend confirms, in fresh interpreters
COMPARED_CPU_SECONDS, FASTER = 0.5, 2.2  # from so much CPU on, who declares so much less for it is not believed
WAIT_SECONDS, SLOW = 30.0, 4.0  # of the clock: so much, and so many times the CPU seconds that are allowed
ROUNDING = 1.01
LONGEST = 20_000  # characters of one solution that are kept as a lesson
BROKEN = ("the improver failed", "budget of")  # how a search ends that did not end by itself
HARD = 3.0  # a block may take so many times the CPU that its whole work may take, then the kernel ends it


@dataclass(frozen=True, slots=True)
class Field:
    """Where the arms of one seed climb.

    variant, world_seed: which of the suite's worlds it is.
    secret: what everything drawn follows from; no improver knows it. run: under which the blocks are recorded, so that
    two arms that ask the same improver the same thing share the answer, and each is charged for it.
    """

    kernel: Kernel
    suite: Suite
    world: World
    seed: int
    secret: int
    run: str
    variant: str = ""
    world_seed: int = 0

    def salt(self, *labels: str) -> int:
        """Returns 63 bits for a draw."""
        return derive(self.secret, *labels)

    def stream(self, at: int, size: int, *, salt: int, solved: frozenset[str]) -> Block | None:
        """Returns the next puzzles of the stream, None when it has ended."""
        known: list[JSON] = [*sorted(solved)] if self.world.stream else []
        return self._named({"call": "block", "at": at, "size": size, "salt": str(salt), "solved": known})

    def screen(self, size: int, *, salt: int) -> Block:
        """Returns puzzles like the stream's, but not its next ones."""
        return self._there({"call": "screen", "size": size, "salt": str(salt)})

    def held_out(self, work: int | None = None) -> Block:
        """Returns the sealed puzzles."""
        return self._there({"call": "held_out", "work": work})

    def out_of_domain(self) -> Block:
        """Returns the sealed puzzles of another world."""
        return self._there({"call": "out_of_domain", "work": None})

    def _there(self, call: dict[str, JSON]) -> Block:
        block = self._named(call)
        assert block is not None  # noqa: S101 - only a stream can end
        return block

    def _named(self, call: dict[str, JSON]) -> Block | None:
        whole: JSON = {"suite": self.suite.name, "variant": self.variant, "seed": str(self.world_seed), **call}
        return called(self.world, call, reference=REFERENCE + wire.canonical(whole).decode())


@dataclass(frozen=True, slots=True)
class Solved:
    """What an improver made of a block.

    scores: [puzzles], 0 where unsolved. names: of the solved ones. texts: their solutions, in the same order. work:
    declared. refused: why all of it counts for nothing, in words, or "".
    """

    run: str
    scores: tuple[float, ...]
    names: tuple[str, ...]
    texts: tuple[str, ...]
    work: float
    cpu_seconds: float
    refused: str = ""


def solve(field: Field, block: Block, improver: Program, *, sealed: bool = False) -> Solved:
    """Returns what the improver solves of a block within the work it may spend on each puzzle.

    sealed: the result will be published, so a second backend has to confirm it.

    Raises:
      RungError: see errors.py; an improver that fails has solved nothing, which is no error.
    """
    rate, most = field.suite.plan.cpu_seconds_per_work, block.work * len(block.puzzles)
    free = SEALED_CPU_SECONDS if sealed else FREE_CPU_SECONDS
    cpu_seconds = free + HARD * most * rate
    request = Request(
        seed=field.salt("solve", block.task.name),
        attempts=1,
        allowance=Allowance(cpu_seconds=cpu_seconds, seconds=WAIT_SECONDS + SLOW * cpu_seconds),
        reference=block.reference,
    )
    outcome = field.kernel.improve(block.task, improver, request, parent=field.run, kept=sealed)
    cost, refused = outcome.spent, _refusal(outcome, block, rate=rate, free=free)
    scores = outcome.scores or (0.0,) * len(block.puzzles)
    easy = min(EASY, float(block.work))  # who declares nothing would never be done
    least = sum(claim(score, block.work) if score > 0 else easy for score in scores)
    work = max(cost.work, least, cost.cpu_seconds / rate if refused else 0.0)
    charged = float(most) if outcome.stop_reason.startswith(BROKEN) else min(work, float(most))
    if refused or not outcome.scores:
        return Solved(outcome.run, (0.0,) * len(block.puzzles), (), (), charged, cost.cpu_seconds, refused)
    names = tuple(name for name, score in zip(block.puzzles, outcome.scores, strict=True) if score > 0)
    texts = tuple(text[:LONGEST] for text in field.world.solutions(outcome.incumbent.program, names))
    return Solved(outcome.run, outcome.scores, names, texts, charged, cost.cpu_seconds)


def _refusal(outcome: Outcome, block: Block, *, rate: float, free: float) -> str:
    """Returns why what was found does not count, or ""."""
    cost, most = outcome.spent, block.work * len(block.puzzles)
    if cost.work > most:
        return f"it declared {cost.work:,.0f} units of work where {most:,} were allowed"
    if cost.cpu_seconds > free + cost.work * rate:
        return f"unmetered work: {cost.cpu_seconds:.1f} CPU-s for {cost.work:,.0f} declared units"
    claimed = sum(claim(score, block.work) for score in outcome.scores)
    if outcome.scores and cost.work > ROUNDING * claimed:
        return f"its answers claim {claimed:,.0f} units of work where it declared {cost.work:,.0f}"
    return ""


class Speed:
    """What two improvers declare for their CPU time on the same blocks, summed up: the machine is the same for both."""

    def __init__(self) -> None:
        self._sums = [(0.0, 0.0), (0.0, 0.0)]

    def believed(self, result: Solved, *, beside: Solved) -> tuple[float, ...]:
        """Returns the scores, or zeros when the CPU time says that much more was done than was declared."""
        self._sums = [
            (cpu + each.cpu_seconds, work + each.work)
            for (cpu, work), each in zip(self._sums, (result, beside), strict=True)
        ]
        (cpu, work), (usual_cpu, usual_work) = self._sums
        if cpu > COMPARED_CPU_SECONDS and cpu * usual_work > FASTER * usual_cpu * work:
            return (0.0,) * len(result.scores)
        return result.scores


def claim(score: float, most: int) -> float:
    """Returns the work that a score of `effort` stands for at most; all there was for an unsolved puzzle."""
    return float(most) if score <= 0.0 or most <= EASY else EASY * (most / EASY) ** (2.0 * (1.0 - score))

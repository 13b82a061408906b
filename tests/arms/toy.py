"""A tiny suite: a puzzle is a hidden number, shown as a digest; numbers lie in clusters, and the far ones are reached
only from those that were learned."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.helpers import kernel

from rung.arms.bench import Bench
from rung.arms.records import ArmResult, Step
from rung.arms.registration import register, request_of
from rung.kernel.gate import Rules
from rung.records import Case, Limits, Program
from rung.suites.suite import Block, Plan, Suite, effort, puzzle_task

if TYPE_CHECKING:
    from rung.kernel.kernel import Kernel
    from rung.kernel.trial import Trial
    from rung.wire import JSON

MODULUS, FACTOR, WORK, CLUSTERS, WIDTH = 10007, 7919, 200, 16, 10
HELD_OUT, OTHER = 24, 12
ANSWERS = "answers.json"
SOURCE = """import json
from pathlib import Path

ANSWERS = json.loads(Path(__file__).with_name("answers.json").read_text())


def answer(puzzle):
    return ANSWERS.get(puzzle)
"""
PROGRAM = Program({"answers.py": SOURCE, ANSWERS: "{}"}, "answers.py:answer")
HONEST = """
import json
from rung_host import Child


def values(windows):
    seen = set()
    for window in windows:
        yield from range(10 * window, 10 * window + 10)
    if windows:
        yield from range(10 * max(windows) + 10, 10007)
    yield from range(10007)


def practise(brief, host):
    windows, answers, work = json.loads(brief.improver["files"]["library.json"]), {}, 0
    for case in brief.cases:
        for spent, value in enumerate(values(windows), 1):
            if value * 7919 % 10007 == case["digest"]:
                answers[case["puzzle"]] = {"value": value, "work": spent}
                break
            if spent >= brief.extra["work"]:
                break
        work += spent
    host.log(work=work)
    if answers:
        host.evaluate([Child({"answers.json": json.dumps(answers)}, brief.program["id"], "count")])


def learn(brief, host):
    windows = sorted({int(lesson["source"]) // 10 for lesson in brief.extra["solutions"]})
    host.log(work=len(brief.extra["solutions"]))
    if windows != json.loads(brief.program["files"]["library.json"]):
        host.evaluate([Child({"library.json": json.dumps(windows)}, brief.program["id"], "windows")])
"""
ENTRY = """
from honest import learn, practise


def improve(brief, host):
    return (learn if "improver.py" in brief.program["files"] else practise)(brief, host)
"""
PLAN = Plan(
    work=40_000,
    practice=24,
    probe=8,
    rules=Rules(alpha=0.2, most=64, plan=10, stakes=(0.5, 0.95)),
    recheck=8,
    patience=0.7,
    watch=2,
    canary=4,
    generations=10,
)


def improver(source: str = ENTRY, **files: str) -> Program:
    """Returns an improver of the suite; source: of its entry. files: others, by name without suffix."""
    texts = {f"{name}.py": text for name, text in files.items()}
    return Program({"improver.py": source, "honest.py": HONEST, "library.json": "[]", **texts}, "improver.py:improve")


def evaluate(case: Case, trial: Trial) -> float:
    """Returns the effort of a right answer, 0 for another."""
    asked: Any = case.input
    answer: Any = trial.run(asked["puzzle"])
    if type(answer) is not dict or answer.keys() != {"value", "work"}:
        return 0.0
    value, work = answer["value"], answer["work"]
    if type(value) is not int or type(work) is not int or not (0 <= value < MODULUS and 1 <= work <= asked["work"]):
        return 0.0
    return effort(work, asked["work"]) if value * FACTOR % MODULUS == asked["digest"] else 0.0


@dataclass(frozen=True, slots=True)
class Clusters:
    """The world of one seed."""

    seed: int

    @property
    def grades(self) -> Mapping[str, int]:
        """Nothing is known."""
        return {}

    @property
    def stream(self) -> tuple[str, ...]:
        """It never ends."""
        return ()

    def block(self, at: int, size: int, *, salt: int, solved: frozenset[str]) -> Block | None:
        """Returns the next puzzles."""
        del solved
        return self._block([f"s{number}" for number in range(at, at + size)], f"stream {salt}", following=at + size)

    def screen(self, size: int, *, salt: int) -> Block:
        """Returns puzzles like the stream's."""
        return self._block([f"c{number}" for number in range(size)], f"screen {salt}")

    def held_out(self, work: int | None = None) -> Block:
        """Returns the sealed puzzles."""
        return self._block([f"h{number}" for number in range(HELD_OUT)], "held-out", work=work)

    def out_of_domain(self, work: int | None = None) -> Block:
        """Returns sealed puzzles of another world."""
        return self._block([f"o{number}" for number in range(OTHER)], "other", work=work, world="other")

    def solutions(self, answered: Program, solved: Sequence[str]) -> list[str]:
        """Returns the numbers as texts."""
        answers: Any = json.loads(answered.files[ANSWERS])
        return [str(answers[name]["value"]) for name in solved]

    def scramble(self, solutions: Sequence[str], rng: random.Random) -> list[str]:
        """Returns other numbers."""
        return [str(rng.randrange(1000, MODULUS)) for _ in solutions]

    def _block(
        self, names: Sequence[str], purpose: str, *, work: int | None = None, world: str = "own", following: int = 0
    ) -> Block:
        where = random.Random(f"{self.seed} {world}")
        starts, start = [], 0
        for _ in range(CLUSTERS):
            starts.append(10 * start)
            start += where.choice((2, 3))
        rng, most = random.Random(f"{self.seed} {purpose}"), WORK if work is None else work
        values = [rng.choice(starts) + rng.randrange(WIDTH) for _ in names]
        cases: list[JSON] = [
            {"puzzle": name, "digest": value * FACTOR % MODULUS, "work": most}
            for name, value in zip(names, values, strict=True)
        ]
        task = puzzle_task(
            f"toy/{self.seed}/{purpose}/{names[0]}",
            goal="Find the numbers.",
            program=PROGRAM,
            evaluate=evaluate,
            shown=cases,
            hidden=cases,
            limits=Limits(cpu_seconds=2.0, wall_seconds=20.0, memory_mb=64, output_bytes=1 << 14, disk_mb=1),
            work=most,
            editable=(ANSWERS,),
        )
        return Block(task, tuple(names), most, following)


SUITE = Suite("toy", "Find hidden numbers.", "none", "tries", {"": Clusters}, PLAN)


def suite(**changes: Any) -> Suite:
    """Returns the suite with a changed plan."""
    return replace(SUITE, plan=replace(PLAN, **changes))


def ignore(_arm: str, _seed: int, _step: Step) -> None:
    """Looks at nothing."""


def bench(
    k: Kernel,
    *,
    arms: Sequence[str] = ("self",),
    program: Program | None = None,
    on: Suite = SUITE,
    key: str = "5eed",
    tell: Callable[[str, int, Step], None] = ignore,
) -> Bench:
    """Returns a registered comparison of one seed."""
    program = improver() if program is None else program
    registration = register(k.ledger, request_of(on, program, variant="", arms=arms, seeds=1), key=key)
    return Bench(k, on, program, registration, tell)


def run(
    workspace: Path,
    *,
    arms: Sequence[str] = ("self",),
    program: Program | None = None,
    on: Suite = SUITE,
    key: str = "5eed",
) -> tuple[Kernel, dict[str, ArmResult]]:
    """Returns the kernel and what every arm came to."""
    k = kernel(workspace)
    return k, {result.arm: result for result in bench(k, arms=arms, program=program, on=on, key=key).run()}

"""One arm: generations of practice, learning and judgement, until its work is spent."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rung.arms.learn import Lesson, learn
from rung.arms.practice import Field, Solved, Speed, solve
from rung.arms.records import Point, Step
from rung.arms.undo import Checkpoint, Watch, fallen
from rung.kernel import codec
from rung.kernel.draw import paired_gain
from rung.kernel.gate import Pair, Verdict, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.arms.journal import Journal
    from rung.records import Interval, Program
    from rung.suites.suite import Block


@dataclass(frozen=True, slots=True)
class Policy:
    """What sets one arm apart.

    own: the improver in force does the practice, else the seed improver does. learns: proposes successors. evidence:
    from what it solved, else from scrambled texts.
    """

    own: bool = True
    learns: bool = True
    evidence: bool = True


POLICIES = {
    "self": Policy(),
    "control": Policy(own=False),
    "frozen": Policy(own=False, learns=False),
    "late": Policy(own=False, learns=False),  # and learns once at the end, without a gate to pay for
    "random": Policy(evidence=False),
}


@dataclass(frozen=True, slots=True)
class Adoption:
    """A successor that was adopted: in which generation, what it learned from, and who it is."""

    generation: int
    lessons: tuple[Lesson, ...]
    successor: Program


@dataclass(slots=True)
class Climb:
    """The state of an arm; everything in it follows from the ledger, so it may be lost at any moment."""

    place: Field
    policy: Policy
    journal: Journal
    seed_improver: Program
    in_force: Program
    tell: Callable[[Step], None]
    work: float = 0.0
    cpu_seconds: float = 0.0
    at: int = 0
    tests: int = 0
    admitted: int = 0
    earned: int = 0
    practised: float = 0.0
    last_work: float = 0.0
    pause: int = 1
    wait: int = 0
    silent: int = 0
    solved: dict[str, int] = field(default_factory=dict)
    paid: dict[tuple[str, str], float] = field(default_factory=dict)
    memory: list[Lesson] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    watch: Watch | None = None
    steps: list[Step] = field(default_factory=list)
    curve: list[Point] = field(default_factory=list)
    adoptions: list[Adoption] = field(default_factory=list)

    def run(self) -> None:
        """Climbs until the work, the stream or the patience is at an end.

        Raises:
          RungError: see errors.py; the same call goes on from what is recorded.
        """
        plan = self.place.suite.plan
        self._measure(0)
        while self.work < plan.work and len(self.steps) < plan.generations:
            if self.policy.learns and self.work - self.last_work >= plan.patience * plan.work:
                break
            if not self._generation(len(self.steps) + 1):
                break

    def learn_once(self) -> None:
        """Replaces the improver in force by what it makes of everything that was solved, whether or not it is better.

        Raises:
          RungError: see errors.py.
        """
        number = len(self.steps) + 1
        lessons = tuple(self.memory)
        proposed = learn(self.place, self.in_force, lessons, generation=number, screened=False)
        self.work += proposed.work
        self.cpu_seconds += proposed.cpu_seconds
        self.in_force = proposed.successor or self.in_force

    def _generation(self, number: int) -> bool:
        """Returns whether there is more to practise after one generation."""
        solver, before = self._solver(), self.work
        tried, found, more = self._practise(number)
        if not tried:
            return False
        mark = self.work
        self.practised += mark - before
        undone = self._look_back(number)
        proposal, verdict, claimed, redrawn = None, None, None, None
        self.wait -= 1
        if self.policy.learns and more and self.wait <= 0 and self.work < self.place.suite.plan.work:
            proposal, verdict, lessons = self._propose(number)
            if verdict is not None and verdict.admitted and proposal is not None:
                claimed, redrawn = self._adopt(number, proposal, lessons, mark=mark)
                self.pause, self.wait = 1, 0
            elif verdict is not None:
                self._refused(verdict)
        step = Step(
            number,
            self.work,
            round(self.cpu_seconds, 6),
            tried,
            found,
            self.work - mark if self.policy.learns else 0.0,
            solver.id,
            self.in_force.id,
            None if proposal is None else proposal.id,
            verdict,
            claimed,
            redrawn,
            self._stage(),
            undone,
            sum(len(text) for text in self.in_force.files.values()),
        )
        self.journal.record("generation", step_to_json(step), blobs=(codec.program_bytes(self.in_force),))
        self.steps.append(step)
        if undone or (verdict and verdict.admitted):
            self._measure(number)
        self.tell(step)
        return more and self.work > before

    def _solver(self) -> Program:
        return self.in_force if self.policy.own else self.seed_improver

    def _stage(self) -> str:
        if self.in_force.id == self.seed_improver.id:
            return "seed"
        return "canary" if self.watch is not None else "main"

    def _practise(self, number: int) -> tuple[int, int, bool]:
        """Returns how many puzzles were tried and solved, and whether the stream goes on."""
        plan, tried, found = self.place.suite.plan, 0, 0
        begun = self.work
        while (tried < plan.practice or self.work - begun < plan.practice_work) and self.work < plan.work:
            salt = self.place.salt("practice", str(self.at))
            size = plan.practice - tried if tried < plan.practice else plan.practice
            block = self._block(size, salt)
            if block is None:
                return tried, found, False
            self.at = block.following
            result = self._charged(
                block.puzzles, float(block.work), self._solver(), solve(self.place, block, self._solver())
            )
            tried, found = tried + len(block.puzzles), found + len(result.names)
            self._remember(result, number)
        self.earned += found
        return tried, found, True

    def _block(self, size: int, salt: int) -> Block | None:
        """Returns the next puzzles, no more than what is left can pay for."""
        solved = frozenset(self.solved)
        block = self.place.stream(self.at, size, salt=salt, solved=solved)
        if block is None:
            return None
        affordable = max(1, int((self.place.suite.plan.work - self.work) / block.work))
        if affordable >= len(block.puzzles):
            return block
        return self.place.stream(self.at, affordable, salt=salt, solved=solved)

    def _charged(self, puzzles: tuple[str, ...], most: float, improver: Program, result: Solved) -> Solved:
        """Returns the result, charged; a search that the same improver goes on with is not paid for twice."""
        known = sum(self.paid.get((improver.id, name), 0.0) for name in puzzles)
        self.work += max(0.0, result.work - known)
        self.cpu_seconds += result.cpu_seconds
        if self.place.world.stream:
            unsolved = set(puzzles) - set(result.names)
            each = min(most, result.work / max(len(unsolved), 1))  # what was not charged is not credited either
            self.paid.update({(improver.id, name): each for name in unsolved})
        return result

    def _remember(self, result: Solved, number: int) -> None:
        for name, text in zip(result.names, result.texts, strict=True):
            self.solved.setdefault(name, number)
            self.memory.append(Lesson(name, text, number))
        del self.memory[: -self.place.suite.plan.memory]

    def _propose(self, number: int) -> tuple[Program | None, Verdict | None, tuple[Lesson, ...]]:
        """Returns the successor that was proposed, what the gate said, and what it was learned from."""
        plan = self.place.suite.plan
        lessons = tuple(self.memory if self.policy.evidence else scrambled(self.place, self.memory, number))
        if not lessons or (plan.rules.plan is not None and self.tests >= plan.rules.plan):
            return None, None, lessons
        screened = plan.screen and self.policy.evidence and self.silent < plan.insist
        proposed = learn(self.place, self.in_force, lessons, generation=number, screened=screened)
        self.work += proposed.work
        self.cpu_seconds += proposed.cpu_seconds
        successor = proposed.successor
        self.silent = 0 if successor is not None else self.silent + 1
        if successor is None:
            return None, None, lessons
        self.journal.record(
            "commit",
            {"program": successor.id, "for": "gate", "blobs": [successor.id]},
            blobs=(codec.program_bytes(successor),),
        )
        self.tests += 1
        pairs = self._pairs(successor, number)
        verdict = decide(pairs, rules=plan.rules, test=self.tests, admitted=self.admitted, margins=plan.margins)
        self.journal.record("verdict", {"program": successor.id, "generation": number, **asdict(verdict)})
        return successor, verdict, lessons

    def _pairs(self, successor: Program, number: int) -> Iterator[Pair]:
        """Yields the scores of the successor and of the improver in force on puzzles drawn after the commit."""
        plan, speed = self.place.suite.plan, Speed()
        while self.work < plan.work:
            salt = self.place.salt("gate", str(self.tests), successor.id, str(self.at))
            block = self.place.stream(self.at, plan.probe, salt=salt, solved=frozenset(self.solved))
            if block is None:
                return
            self.at = block.following
            most = float(block.work)
            old = self._charged(block.puzzles, most, self.in_force, solve(self.place, block, self.in_force))
            new = self._charged(block.puzzles, most, successor, solve(self.place, block, successor))
            practised = old
            if not self.policy.own and self.in_force.id != self.seed_improver.id:
                practised = solve(self.place, block, self.seed_improver)
                self._charged(block.puzzles, most, self.seed_improver, practised)
            self._remember(practised, number)
            if self.policy.own:
                self._remember_names(new, number, known=frozenset(practised.names))
            scores = speed.believed(new, beside=old)
            self.journal.record(
                "pairs", {"program": successor.id, "successor": list(scores), "incumbent": list(old.scores)}
            )
            yield from (
                Pair(n, o, {"solved": (float(n > 0), float(o > 0))}) for n, o in zip(scores, old.scores, strict=True)
            )

    def _remember_names(self, result: Solved, number: int, *, known: frozenset[str]) -> None:
        """Keeps what a successor found while it was judged; nothing is lost when it is refused."""
        fresh = [at for at, name in enumerate(result.names) if name not in known and name not in self.solved]
        for at in fresh:
            self.solved[result.names[at]] = number
            self.memory.append(Lesson(result.names[at], result.texts[at], number))

    def _adopt(
        self, number: int, successor: Program, lessons: tuple[Lesson, ...], *, mark: float
    ) -> tuple[Interval | None, Interval | None]:
        plan = self.place.suite.plan
        claimed, redrawn = (self._effect(successor, number, name) for name in ("recheck", "redraw"))
        self.checkpoints.append(Checkpoint(self.in_force, self.earned, self.practised, self.work - mark, number))
        if self.watch is None:
            index = len(self.checkpoints) - 1
            self.watch = Watch(self.in_force, index=index, alpha=plan.rules.alpha, stakes=plan.rules.stakes)
        self.watch.left = plan.watch
        self.in_force, self.last_work = successor, self.work
        self.admitted += 1
        self.adoptions.append(Adoption(number, lessons, successor))
        learned = [lesson.to_json() for lesson in lessons]
        self.journal.record("adopted", {"program": successor.id, "generation": number, "solutions": list(learned)})
        return claimed, redrawn

    def _refused(self, verdict: Verdict) -> None:
        """Waits before the next proposal, unless one test alone would have admitted this one."""
        if verdict.wealth >= 1.0 / self.place.suite.plan.rules.alpha:
            self.last_work, self.pause, self.wait = self.work, 1, 0  # what is so likely better is worth more patience
        else:
            self.pause, self.wait = min(2 * self.pause, 8), self.pause + 1

    def _effect(self, successor: Program, number: int, name: str) -> Interval | None:
        """Returns the successor's gain over the improver in force on fresh puzzles of a fixed number.

        For people who read the report: the arm neither learns of it nor pays for it.
        """
        plan = self.place.suite.plan
        if not plan.recheck:
            return None
        block = self.place.screen(plan.recheck, salt=self.place.salt(name, str(number), successor.id))
        results = [solve(self.place, block, program) for program in (self.in_force, successor)]
        return paired_gain(results[0].scores, results[1].scores, seed=self.place.salt("interval", name, str(number)))

    def _look_back(self, number: int) -> str | None:
        """Returns the id of an adopted improver that is taken back now, None when all of them stand."""
        plan, undone = self.place.suite.plan, self.in_force.id
        if self.watch is not None:
            block = self.place.screen(plan.canary, salt=self.place.salt("canary", str(number)))
            old, new = (solve(self.place, block, each) for each in (self.watch.predecessor, self.in_force))
            self.work += old.work + new.work
            self.cpu_seconds += old.cpu_seconds + new.cpu_seconds
            if self.watch.see(old.scores, new.scores):
                return self._undo(self.watch.index, number, undone, "worse than before on paired puzzles")
            self.watch = self.watch if self.watch.left > 0 else None
        if plan.stationary and self.policy.own:
            index = fallen(self.checkpoints, earned=self.earned, practised=self.practised)
            if index is not None:
                return self._undo(index, number, undone, "earned less per work than before it")
        return None

    def _undo(self, index: int, number: int, undone: str, reason: str) -> str:
        self.in_force = self.checkpoints[index].before
        del self.checkpoints[index:]
        self.watch = None
        self.journal.record(
            "undone", {"program": undone, "generation": number, "in_force": self.in_force.id, "reason": reason}
        )
        return undone

    def _measure(self, generation: int) -> None:
        """Adds a point to the held-out curve; looking is free for the arm and tells it nothing."""
        block = self.place.held_out()
        result = solve(self.place, block, self.in_force)
        share = len(result.names) / len(block.puzzles)
        self.curve.append(Point(generation, self.work, share))
        self.journal.record("curve", {"generation": generation, "work": self.work, "held_out": share})


def scrambled(place: Field, lessons: list[Lesson], number: int) -> list[Lesson]:
    """Returns lessons of the same number and size that teach nothing."""
    rng = random.Random(place.salt("scramble", str(number)))  # noqa: S311 - drawn from the keyed secret
    texts = place.world.scramble([lesson.source for lesson in lessons], rng)
    return [Lesson(lesson.puzzle, text, lesson.generation) for lesson, text in zip(lessons, texts, strict=True)]


def step_to_json(step: Step) -> dict[str, Any]:
    """Returns a step as the body of an event."""
    return {**asdict(step), "blobs": [step.in_force]}

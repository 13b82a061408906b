"""A comparison: every arm on every seed, each from the same start, at the same cost."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rung import wire
from rung.arms.calibrate import null_edits
from rung.arms.climb import POLICIES, Adoption, Climb, scrambled
from rung.arms.journal import Journal
from rung.arms.learn import learn
from rung.arms.practice import Field, solve
from rung.arms.records import ArmResult, Point
from rung.kernel import codec
from rung.kernel.draw import derive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.arms.records import Step
    from rung.arms.registration import Registration
    from rung.kernel.kernel import Kernel
    from rung.records import Program
    from rung.suites.suite import Suite

EVENTS = (
    "arm_start",
    "curve",
    "commit",
    "pairs",
    "verdict",
    "adopted",
    "undone",
    "generation",
    "null_edits",
    "arm_end",
)
WORTH_MOVING = 0.01  # of an arm's work; less is not shared out


@dataclass(frozen=True, slots=True)
class Bench:
    """A registered comparison that can be run, and run again after an interruption.

    tell: called with (arm, seed, step) after each generation, recorded now or earlier.
    """

    kernel: Kernel
    suite: Suite
    improver: Program
    registration: Registration
    tell: Callable[[str, int, Step], None]

    def run(self) -> Iterator[ArmResult]:
        """Yields what each arm came to, seed by seed.

        Raises:
          RungError: see errors.py; what is recorded stays, and the same call goes on from there.
        """
        with self.kernel.kept():
            for seed in range(self.registration.seeds):
                yield from self._seed(seed)
        self._end()

    def _end(self) -> None:
        journal = Journal(self.kernel.ledger, self.registration.id, parent=None, types=("bench_end",))
        journal.record("bench_end", {"seeds": self.registration.seeds})

    def _seed(self, seed: int) -> Iterator[ArmResult]:
        key = int(self.registration.key, 16)
        variant, world_seed = self.registration.variant, derive(key, "world", str(seed))
        place = Field(
            kernel=self.kernel,
            suite=self.suite,
            world=self.suite.worlds[variant](world_seed),
            variant=variant,
            world_seed=world_seed,
            seed=seed,
            secret=derive(key, "secret", str(seed)),
            run=self.registration.id,
        )
        like: tuple[ArmResult, list[Adoption]] | None = None
        for arm in self.registration.arms:
            journal = Journal(self.kernel.ledger, self._name(arm, seed), parent=self.registration.id, types=EVENTS)
            journal.record(
                "arm_start",
                {"arm": arm, "seed": seed, "improver": self.improver.id, "blobs": [self.improver.id]},
                blobs=(codec.program_bytes(self.improver),),
            )
            if arm in POLICIES:
                climb = self._climb(arm, seed, place, journal)
                result = self._result(arm, place, journal, climb)
                like = (result, climb.adoptions) if arm == "self" else like
            elif arm == "aa":
                result = self._calibrated(place, journal, like)
            else:
                result = self._still(arm, place, journal, like)
            yield result

    def _name(self, arm: str, seed: int) -> str:
        return hashlib.sha256(wire.canonical([self.registration.id, arm, seed])).hexdigest()[:12]

    def _climb(self, arm: str, seed: int, place: Field, journal: Journal) -> Climb:
        climb = Climb(
            place=place,
            policy=POLICIES[arm],
            journal=journal,
            seed_improver=self.improver,
            in_force=self.improver,
            tell=lambda step: self.tell(arm, seed, step),
        )
        climb.run()
        if arm == "late":
            climb.learn_once()
        return climb

    def _still(
        self, arm: str, place: Field, journal: Journal, like: tuple[ArmResult, list[Adoption]] | None
    ) -> ArmResult:
        """Returns an arm that does not climb: NO-META spends nothing, SHAM makes SELF's edits without evidence."""
        climb = self._empty(place, journal)
        if arm == "sham" and like is not None:
            climb.work = like[0].work
            for adoption in like[1]:
                lessons = scrambled(place, list(adoption.lessons), adoption.generation)
                proposed = learn(place, climb.in_force, lessons, generation=adoption.generation, screened=False)
                climb.cpu_seconds += proposed.cpu_seconds
                climb.in_force = proposed.successor or climb.in_force
        return self._result(arm, place, journal, climb)

    def _calibrated(self, place: Field, journal: Journal, like: tuple[ArmResult, list[Adoption]] | None) -> ArmResult:
        """Returns the A/A arm: the seed improver, and how many null edits the gate let pass."""
        climb = self._empty(place, journal)
        run = None if like is None else like[0].run
        tally = null_edits(place, self.improver, evidence_of=run)
        journal.record("null_edits", {**asdict(tally)})
        climb.work, climb.cpu_seconds = tally.work, tally.cpu_seconds
        return self._result("aa", place, journal, climb)

    def _empty(self, place: Field, journal: Journal) -> Climb:
        return Climb(
            place=place,
            policy=POLICIES["frozen"],
            journal=journal,
            seed_improver=self.improver,
            in_force=self.improver,
            tell=lambda _: None,
        )

    def _result(self, arm: str, place: Field, journal: Journal, climb: Climb) -> ArmResult:
        plan, world = self.suite.plan, place.world
        held = place.held_out()
        common = solve(place, held, climb.in_force, sealed=True)
        outside = place.out_of_domain()
        abroad = solve(place, outside, climb.in_force, sealed=True)
        left = plan.work - climb.work
        moved = common
        if left > WORTH_MOVING * plan.work and arm != "aa":
            moved = solve(place, place.held_out(held.work + int(left / len(held.puzzles))), climb.in_force)
        share = len(common.names) / len(held.puzzles)
        curve = [*climb.curve, Point(len(climb.steps), climb.work, share)]
        result = ArmResult(
            arm=arm,
            seed=place.seed,
            run=journal.run,
            improver=climb.in_force.id,
            held_out=_bits(common.scores),
            moved=_bits(moved.scores),
            out_of_domain=_bits(abroad.scores),
            stream={name: int(name in climb.solved) for name in world.stream},
            solved=len(climb.solved),
            work=climb.work,
            cpu_seconds=climb.cpu_seconds,
            curve=tuple(curve),
            steps=tuple(climb.steps),
            names=held.puzzles,
            grades={name: grade for name, grade in world.grades.items() if name in {*held.puzzles, *world.stream}},
        )
        body = {**asdict(result), "blobs": [climb.in_force.id]}
        del body["steps"]  # each generation is an event of its own
        journal.record("arm_end", body, blobs=(codec.program_bytes(climb.in_force),))
        return result


def _bits(scores: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(int(score > 0) for score in scores)

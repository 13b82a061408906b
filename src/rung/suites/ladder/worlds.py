"""Worlds of the compounding grammar: concepts of three operations, and super-concepts of two concepts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.suites.ladder.programs import spelling
from rung.suites.ladder.puzzles import WORK, answers_of, block

if TYPE_CHECKING:
    from rung.records import Program
    from rung.suites.suite import Block

CONCEPTS, SUPERS, OPERATIONS_EACH = 8, 6, 3
HELD_OUT_NAMES = tuple(f"h{number}" for number in range(60))
OTHER_NAMES = tuple(f"o{number}" for number in range(40))
PARTS = ("c", "s", "sc", "ss", "sss")  # concepts and super-concepts in a row: 3, 6, 9, 12 and 18 operations
DEEPER, SHALLOWER = PARTS[1:], PARTS[:3]
UNSTRUCTURED = (3, 4, 5, 6)  # operations of a program without structure


@dataclass(frozen=True, slots=True)
class Words:
    """What the programs of one world are made of."""

    concepts: tuple[str, ...]
    supers: tuple[str, ...]


def words(rng: random.Random) -> Words:
    """Returns random concepts, and random pairs of them."""
    concepts = tuple(spelling(OPERATIONS_EACH, rng) for _ in range(CONCEPTS))
    return Words(concepts, tuple("".join(rng.sample(concepts, 2)) for _ in range(SUPERS)))


def program(known: Words, rng: random.Random, *, parts: Sequence[str], structured: float) -> str:
    """Returns a random program; structured: the probability that it is made of the world's words."""
    if rng.random() < structured:
        row = rng.choice(parts)
        return "".join(rng.choice(known.supers if part == "s" else known.concepts) for part in row)
    return spelling(rng.choice(UNSTRUCTURED), rng)


@dataclass(frozen=True, slots=True)
class Ladder:
    """The world of one seed; everything drawn is a function of the seed and of what is asked for.

    structured: the part of the puzzles whose program is made of the world's words; 0 is the null world.
    """

    seed: int
    variant: str
    structured: float

    @property
    def grades(self) -> Mapping[str, int]:
        """Name of a held-out puzzle -> operations of its program."""
        programs, _ = self._programs(HELD_OUT_NAMES, "held-out", parts=DEEPER)
        return {name: len(text) for name, text in programs.items()}

    @property
    def stream(self) -> tuple[str, ...]:
        """Nothing: the stream never ends."""
        return ()

    def block(self, at: int, size: int, *, salt: int, solved: frozenset[str] = frozenset()) -> Block:
        """Returns the next puzzles of a stream that never ends and never repeats."""
        del solved
        names = [f"s{number}" for number in range(at, at + size)]
        return self._block(names, "stream", at, salt, following=at + size)

    def screen(self, size: int, *, salt: int) -> Block:
        """Returns puzzles like the stream's."""
        return self._block([f"c{number}" for number in range(size)], "screen", salt)

    def held_out(self, work: int | None = None) -> Block:
        """Returns puzzles of this world, without the shortest."""
        return self._block(HELD_OUT_NAMES, "held-out", work=work, parts=DEEPER)

    def out_of_domain(self, work: int | None = None) -> Block:
        """Returns short puzzles of a world with other words."""
        return self._block(OTHER_NAMES, "out-of-domain", work=work, parts=SHALLOWER, world="other")

    def solutions(self, answered: Program, solved: Sequence[str]) -> list[str]:
        """Returns the answered operations of each puzzle."""
        found = answers_of(answered)
        return [found.get(puzzle, "") for puzzle in solved]

    def scramble(self, solutions: Sequence[str], rng: random.Random) -> list[str]:
        """Returns random operations in their place, as many; what was equal stays equal."""
        other: dict[str, str] = {}
        for text in solutions:
            if text not in other:
                other[text] = spelling(len(text), rng)
        return [other[text] for text in solutions]

    def _block(
        self,
        names: Sequence[str],
        *purpose: str | int,
        work: int | None = None,
        parts: Sequence[str] = PARTS,
        world: str = "own",
        following: int = 0,
    ) -> Block:
        programs, rng = self._programs(names, *purpose, parts=parts, world=world)
        label = "-".join(map(str, purpose))
        task = f"ladder{self.variant and '-' + self.variant}/{self.seed}/{label}"
        return block(task, programs, rng, work=WORK if work is None else work, following=following)

    def _programs(
        self, names: Sequence[str], *purpose: str | int, parts: Sequence[str], world: str = "own"
    ) -> tuple[dict[str, str], random.Random]:
        rng, known = self._rng(*purpose), words(self._rng("words", world))
        return {name: program(known, rng, parts=parts, structured=self.structured) for name in names}, rng

    def _rng(self, *purpose: str | int) -> random.Random:
        return random.Random(f"ladder {self.variant} {self.seed} {purpose}")  # noqa: S311 - seeded, no secrets

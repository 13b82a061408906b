"""The functions of one seed as a world: a stream that is met in passes, and sealed functions to judge by."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rung.kernel.gate import Rules
from rung.records import Program
from rung.suites.induction.blocks import FILE, make_block
from rung.suites.induction.catalogue import grade
from rung.suites.induction.scramble import scrambled
from rung.suites.induction.splits import splits
from rung.suites.suite import Block, Plan, Suite

PASSES = (1000, 1400, 2000, 2800, 4000, 5600, 8000, 11300, 16000, 22600, 32000)
SEALED = 4000
LONGEST_ANSWER = 1 << 17  # characters of a block's answers: reading them takes time that grows faster
LONGEST_COMMENT = 10  # lines
HELD_OUT = 80
SMALL_SEALED = 30
_DEF = re.compile(r"def (\w+)\(")
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class InductionWorld:
    """What all arms of one seed meet.

    name: of the variant and seed. stream: names in the order in which they are met, pass after pass; a position in it
    counts attempts. held, outside: sealed names.
    """

    name: str
    seed: int
    stream: tuple[str, ...]
    held: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def grades(self) -> Mapping[str, int]:
        """Depth of every function: the size of its sketch in primitives."""
        return {name: grade(name) for name in (*self.stream, *self.held, *self.outside)}

    def block(self, at: int, size: int, *, salt: int, solved: frozenset[str]) -> Block | None:
        """Returns the next unsolved functions of a pass; every pass allows more work than the one before.

        at: pass * length of the stream + place in it. A block does not cross the end of a pass.
        """
        length = len(self.stream)
        for number in range(at // length, len(PASSES)):
            first = at % length if number == at // length else 0
            places = [place for place in range(first, length) if self.stream[place] not in solved][:size]
            if places:
                return make_block(
                    [self.stream[place] for place in places],
                    title=f"{self.name}/stream-{at}-{salt}",
                    seed=self.seed,
                    work=PASSES[number],
                    following=number * length + places[-1] + 1,
                )
        return None

    def screen(self, size: int, *, salt: int) -> Block:
        """Returns some functions of the stream, drawn at random."""
        rng = random.Random(f"screen {self.seed} {salt}")  # noqa: S311 - seeded, no secrets
        names = rng.sample(self.stream, min(size, len(self.stream)))
        return make_block(names, title=f"{self.name}/screen-{salt}", seed=self.seed, work=PASSES[0])

    def held_out(self, work: int | None = None) -> Block:
        """Returns the sealed functions of the domain."""
        return self._sealed("held_out", self.held, work)

    def out_of_domain(self, work: int | None = None) -> Block:
        """Returns the sealed functions on strings."""
        return self._sealed("out_of_domain", self.outside, work)

    def _sealed(self, title: str, names: tuple[str, ...], work: int | None) -> Block:
        return make_block(names, title=f"{self.name}/{title}", seed=self.seed, work=work or SEALED)

    def solutions(self, answered: Program, solved: Sequence[str]) -> list[str]:
        """Returns the source of each function: its own text, after that of all that it calls."""
        text = answered.files.get(FILE, "")
        chunks = _functions(text) if isinstance(text, str) and len(text) <= LONGEST_ANSWER else {}
        return ["\n\n\n".join(_reached(f"solve_{name}", chunks)) + "\n" for name in solved]

    def scramble(self, solutions: Sequence[str], rng: random.Random) -> list[str]:
        """Returns random functions of the same types and sizes."""
        return [scrambled(text, rng) for text in solutions]


def _functions(text: str) -> dict[str, str]:
    """Returns name -> text of each function at the top of a file, with the comment above it."""
    found: dict[str, str] = {}
    comment: list[str] = []
    lines: list[str] = []
    name = ""
    for line in [*text.splitlines(), "end"]:
        if name and (not line.strip() or line[0] in " \t"):
            lines.append(line)
            continue
        if name:
            found[name] = "\n".join(lines).rstrip()
            name = ""
        start = _DEF.match(line)
        if start:
            name, lines, comment = start[1], [*comment, line], []
        else:
            comment = [*comment, line] if line.startswith("#") and len(comment) < LONGEST_COMMENT else []
    return found


def _reached(name: str, chunks: Mapping[str, str]) -> Iterator[str]:
    """Yields the texts of a function and of those it reaches, callees first, each once."""
    done: set[str] = set()
    pending = [name]
    while pending:
        top = pending[-1]
        below = [word for word in _WORD.findall(chunks.get(top, "")) if word in chunks and word not in done]
        fresh = [word for word in below if word not in pending]
        if fresh and top not in done:
            pending.append(fresh[0])
            continue
        pending.pop()
        if top in chunks and top not in done:
            done.add(top)
            yield chunks[top]


def world(seed: int) -> InductionWorld:
    """Returns the usual world of a seed."""
    chosen = splits(seed, held_out=HELD_OUT)
    return InductionWorld(f"{seed}", seed, chosen.stream, chosen.held_out, chosen.out_of_domain)


def small_world(seed: int) -> InductionWorld:
    """Returns the world of a seed with fewer sealed functions; the stream is whole, for a gate needs evidence."""
    whole = world(seed)
    rng = random.Random(f"small {seed}")  # noqa: S311 - seeded, no secrets
    held, outside = (tuple(sorted(rng.sample(names, SMALL_SEALED))) for names in (whole.held, whole.outside))
    return replace(whole, name=f"small-{seed}", held=held, outside=outside)


PLAN = Plan(
    work=2.2e6,
    practice=20,
    probe=20,
    rules=Rules(alpha=0.05, most=300, plan=4, stakes=(0.5, 0.9)),
    recheck=20,
    patience=1.0,
    canary=4,
    cpu_seconds_per_work=3e-5,
    primary="stream",
    stationary=False,
)

SUITE = Suite(
    name="induction",
    goal="Find real functions from examples.",
    improver="inducer",
    unit="applications",
    worlds={"": world, "small": small_world},
    plan=PLAN,
)

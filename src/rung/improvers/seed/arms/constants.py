"""The numbers of the best structures, tuned by an optimiser that is told nothing but values."""

from __future__ import annotations

import ast
import random

import numpy as np
from rung_host import Child

from arms.cma import Cma
from arms.grow import number
from arms.sites import Sites
from arms.source import compiles, units

MAX_NUMBERS = 30
STRUCTURES = 12  # how far down the list of the best an untuned structure may be
WANTED = 3  # structures of a model that wait for their turn
GENERATIONS = 12
SIGMA = 0.25
LEAST = 1e-6  # smaller numbers guard a division; they are not tuned
FLOOR_SCALE = 0.05
TINY = 1e-12


class Slot:
    """A literal in a file: where it is, its value, and the size of a step that matters.

    A step is relative, so that numbers of all sizes move alike; a whole number stays one where only that makes sense.
    """

    def __init__(self, file, node, line, *, whole):
        self.file, self.line, self.whole = file, line, whole
        self.first, self.last, self.value = node.col_offset, node.end_col_offset, node.value
        self.scale = max(abs(float(node.value)), FLOOR_SCALE)

    def text(self, step):
        """Returns the literal after a step."""
        value = self.value + self.scale * step
        text = str(round(value)) if self.whole else number(float(value))
        return f"({text})" if text.startswith("-") else text


class Constants:
    """The arm: one structure at a time, the best first."""

    def __init__(self, brief, seed):
        self.brief, self.rng = brief, random.Random(seed)
        self.work, self.pool, self.session, self.tuned = 0.0, None, None, set()
        self.wanted = []

    def join(self, pool):
        """Gives the arm the pool it shares with the others."""
        self.pool = pool

    def fits(self):
        """Returns whether there may be numbers to tune."""
        return bool(self.pool.names)

    def step(self):
        """Returns one generation of the optimiser as children."""
        self.work = 0.3
        if self.session is None:
            self.session = self._next()
        if self.session is None:
            self.work = 0.0
            return []
        children = self.session.ask(self.pool)
        if not children:
            self.session = None
        return children

    def learn(self, results):
        """Tells the optimiser what its points were worth."""
        if not self.session.tell(results, self.pool):
            self.session = None

    def watch(self, member, parent):
        """Takes what a model proposed: its structure is tuned next, also when its own numbers are not good yet."""
        del parent
        if member.operator.startswith("model"):
            self.wanted = sorted([*self.wanted, member], key=lambda one: -one.value)[:WANTED]

    def _next(self):
        for member in [*self.wanted, *self.pool.members[:STRUCTURES]]:
            slots = numbers(member.files)
            key = blanked(member.files, slots)
            if not slots or key in self.tuned:
                continue
            self.tuned.add(key)
            if len(slots) > MAX_NUMBERS:
                slots = self.rng.sample(slots, MAX_NUMBERS)
            return Session(member, slots, self.rng.randrange(1 << 30))
        return None


class Session:
    """One structure under the optimiser."""

    def __init__(self, member, slots, seed):
        self.member, self.slots, self.best = member, slots, member.value
        self.optimiser = Cma(np.zeros(len(slots)), SIGMA, seed=seed)
        self.left, self.points = GENERATIONS, []

    def ask(self, pool):
        """Returns the children of one generation; points that were tried before are left out."""
        self.points, children = [], []
        for point in self.optimiser.ask():
            files = with_steps(self.member.files, self.slots, point)
            if files is not None and pool.claim(files):
                changed = {name: text for name, text in files.items() if text != self.member.files[name]}
                self.points.append((point, files))
                children.append(Child(changed, self.member.id, "constants"))
        return children

    def tell(self, results, pool):
        """Returns whether to go on, having learned the results of the last generation."""
        values = []
        for (_, files), result in zip(self.points, results, strict=True):
            member = pool.add(files, result, "constants")
            values.append(None if member is None else member.value)
            if member is not None and member.value > self.best + TINY:
                self.best, self.left = member.value, max(self.left, GENERATIONS // 2 + 1)
        worst = min((value for value in values if value is not None), default=0.0)
        losses = [-(worst - 1.0 if value is None else value) for value in values]
        self.optimiser.tell([point for point, _ in self.points], losses)
        self.left -= 1
        return self.left > 0


def numbers(files):
    """Returns the slots of all tunable literals in the units of the files."""
    found = []
    for name, text in files.items():
        for unit in units(name, text):
            lines = text.splitlines()[unit.first : unit.last]
            if any(not line.isascii() for line in lines):
                continue  # columns are bytes
            tree = ast.parse(unit.text)
            for place in Sites(tree, outer=unit.outer).expressions:
                node = place.node
                if isinstance(node, ast.Constant) and type(node.value) in (int, float) and abs(node.value) >= LEAST:
                    slot = Slot(name, node, unit.first + node.lineno - 1, whole=place.whole)
                    slot.first, slot.last = slot.first + len(unit.indent), slot.last + len(unit.indent)
                    found.append(slot)
    return found


def with_steps(files, slots, point):
    """Returns the files with every slot moved by its step, or None when they do not compile."""
    changed = {slot.file: files[slot.file].splitlines() for slot in slots}
    for slot, step in sorted(zip(slots, point, strict=True), key=lambda pair: (-pair[0].line, -pair[0].first)):
        lines = changed[slot.file]
        line = lines[slot.line]
        lines[slot.line] = line[: slot.first] + slot.text(float(step)) + line[slot.last :]
    texts = {name: _tidy("\n".join(lines) + "\n") for name, lines in changed.items()}
    return {**files, **texts} if all(texts.values()) else None


def blanked(files, slots):
    """Returns a key of the structure: the files with their tunable literals left out."""
    return repr(with_steps(files, slots, [-slot.value / slot.scale for slot in slots]))


def _tidy(text):
    return text if compiles(text) else ""

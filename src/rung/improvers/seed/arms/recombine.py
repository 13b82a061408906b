"""Crossover of archive members: whole functions, statements or subexpressions of one in another."""

from __future__ import annotations

import ast
import random

from rung_host import Child

from arms.mutate import parsed
from arms.sites import Sites, imported
from arms.source import replace_unit, units

BATCH = 4
BEST = 24  # parents come from this many of the best
TRIES = 25


class Recombine:
    """The arm: two parents of the best, one child."""

    def __init__(self, brief, seed):
        self.brief, self.rng = brief, random.Random(seed)
        self.work, self.pool, self.waiting = 0.0, None, []

    def join(self, pool):
        """Gives the arm the pool it shares with the others."""
        self.pool = pool

    def fits(self):
        """Returns whether there is anything to edit."""
        return any(units(name, text) for name, text in self.pool.seed.files.items())

    def step(self):
        """Returns up to a batch of children of pairs."""
        self.waiting, tries = [], 0
        parents = self.pool.members[:BEST]
        while len(parents) > 1 and len(self.waiting) < BATCH and tries < TRIES:
            tries += 1
            # the better, the likelier to be the one that is changed
            first = parents[min(self.rng.randrange(len(parents)), self.rng.randrange(len(parents)))]
            second = self.rng.choice(parents)
            files = None if first is second else crossed(first.files, second.files, self.rng)
            if files is not None and self.pool.claim(files):
                changed = {name: text for name, text in files.items() if text != first.files[name]}
                child = Child(changed, first.id, "recombine", (first.id, second.id))
                self.waiting.append((child, files))
        self.work = 0.15 * tries
        return [child for child, _ in self.waiting]

    def learn(self, results):
        """Keeps what was valid."""
        for (child, files), result in zip(self.waiting, results, strict=True):
            self.pool.add(files, result, child.operator)


def crossed(first, second, rng):
    """Returns the files of `first` with one unit, statement or subexpression of `second`, or None."""
    pairs = [
        (mine, theirs)
        for name, text in first.items()
        if name in second
        for mine in units(name, text)
        for theirs in units(name, second[name])
        if mine.name == theirs.name and mine.text != theirs.text
    ]
    if not pairs:
        return None
    mine, theirs = rng.choice(pairs)
    differing = len({pair[0].name for pair in pairs})
    if differing > 1 and rng.random() < 0.5:
        source = theirs.text
    else:
        source = _mixed(mine, theirs, imported(first[mine.file]), rng)
    text = None if source is None else replace_unit(first[mine.file], mine, source)
    return None if text is None else {**first, mine.file: text}


def _mixed(mine, theirs, imports, rng):
    tree = ast.parse(mine.text)
    here = Sites(tree, outer=mine.outer, imports=imports)
    there = Sites(ast.parse(theirs.text), outer=theirs.outer, imports=imports)
    if rng.random() < 0.25 and here.lines and there.lines:
        line, donor = rng.choice(here.lines), rng.choice(there.lines).node
        if isinstance(donor, (ast.FunctionDef, ast.Return)):
            return None
        line.block.insert(line.index, ast.parse(ast.unparse(donor)).body[0])
    else:
        places = [p for p in here.expressions if here.kind(p.node) == "num" and not p.whole]
        donors = [p for p in there.expressions if there.kind(p.node) == "num" and not isinstance(p.node, ast.Constant)]
        if not places or not donors:
            return None
        place, donor = rng.choice(places), rng.choice(donors)
        known = {*place.names, *imports, "abs", "min", "max", "float", "int", "len", "sum", "round"}
        if not {node.id for node in ast.walk(donor.node) if isinstance(node, ast.Name)} <= known:
            return None
        place.put(parsed(ast.unparse(donor.node)))
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"

"""Greedy climbs by random typed edits: several start, the better half goes on after every rung, the last one stays.

Strict acceptance, no annealing, no bandit: at budgets of thousands of attempts that was the best policy measured.
"""

from __future__ import annotations

import ast
import json
import random

from rung_host import Child

from arms.mutate import Mutator
from arms.pool import MAX_DONORS
from arms.sites import imported
from arms.source import replace_unit, units

CLIMBS = 8
RUNG = 0.15  # of all attempts, shared by the climbs of a rung
MAX_RUNG = 1500
MIN_RUNG_PER_CLIMB = 12
STALL = 0.25  # of all attempts without an improvement, then the last climb gives way to new ones
BATCH = 4
TWICE = 0.3  # how often a child gets two edits
TRIES = 30
TINY = 1e-12


class Climb:
    """One strictly greedy climb."""

    def __init__(self, start, seed):
        self.current, self.rng = start, random.Random(seed)
        self.donors, self.since = [], 0


class Edits:
    """The arm: climbs in rounds of halving."""

    def __init__(self, brief, seed):
        self.brief, self.seed, self.work = brief, seed, 0.0
        self.weights = json.loads(brief.improver["files"]["weights.json"])["operators"]
        self.pool, self.climbs, self.waiting, self.cohort = None, [], [], 0
        self.rung = min(MAX_RUNG, max(40, int(RUNG * brief.attempts)))
        self.left = 0
        self._units = {}

    def join(self, pool):
        """Gives the arm the pool it shares with the others."""
        self.pool = pool

    def fits(self):
        """Returns whether there is anything to edit."""
        return any(units(name, text) for name, text in self.pool.seed.files.items())

    def step(self):
        """Returns a few children, from the climbs in turn."""
        if not self.climbs:
            self._start()
        if self.left <= 0:
            self._halve()
        each = max(1, BATCH // len(self.climbs))
        children, self.waiting, tries = [], [], 0
        for climb in self.climbs[:]:
            for _ in range(each):
                child, used = self._child(climb)
                tries += used
                if child is not None:
                    self.waiting.append((climb, child))
                    children.append(child[0])
        self.left -= max(1, len(children))
        self.work = 0.15 * tries
        return children

    def learn(self, results):
        """Takes the results of the last step's children: each climb accepts its best child if it is strictly better."""
        for (climb, (child, files)), result in zip(self.waiting, results, strict=True):
            climb.since += 1
            member = self.pool.add(files, result, child.operator)
            if member is not None and member.value > climb.current.value + TINY:
                self._accept(climb, member)
        if len(self.climbs) == 1 and self.climbs[0].since > STALL * self.brief.attempts:
            self.climbs = []

    def watch(self, member, parent):
        """Takes a success of another arm: a climb that stands on its parent moves to it."""
        for climb in self.climbs:
            if climb.current.id == parent and member.value > climb.current.value + TINY:
                self._accept(climb, member)

    def _accept(self, climb, member):
        climb.donors = (climb.donors + _new_expressions(climb.current.files, member.files))[-MAX_DONORS:]
        climb.current, climb.since = member, 0

    def _start(self):
        count = max(1, min(CLIMBS, self.brief.attempts // 60))
        starts = [self.pool.seed if self.cohort == 0 or k % 2 else self.pool.best for k in range(count)]
        base = (self.seed * 1000 + self.cohort) * 100
        self.climbs = [Climb(start, base + k) for k, start in enumerate(starts)]
        self.cohort += 1
        self.left = max(self.rung, MIN_RUNG_PER_CLIMB * count)

    def _halve(self):
        self.climbs.sort(key=lambda climb: -climb.current.value)
        self.climbs = self.climbs[: max(1, len(self.climbs) // 2)]
        self.left = self.rung

    def _child(self, climb):
        """Returns ((child, its files) or None, tries made)."""
        for attempt in range(1, TRIES + 1):
            found = edited(climb.current.files, self.weights, climb.rng, donors=climb.donors, cache=self._units)
            if found is not None and self.pool.claim(found[0]):
                files, names, operators = found
                changed = {name: files[name] for name in names}
                return (Child(changed, climb.current.id, "edits:" + "+".join(operators)), files), attempt
        return None, TRIES


def edited(files, weights, rng, *, donors=(), cache=None, edits=None):
    """Returns (files, changed names, operators) after a random edit of one unit, or None when it did not work out."""
    cache = {} if cache is None else cache
    choices = []
    for name, text in files.items():
        if (name, text) not in cache:
            if len(cache) > 500:
                cache.clear()
            cache[name, text] = (units(name, text), imported(text))
        choices += [(unit, cache[name, text][1]) for unit in cache[name, text][0]]
    if not choices:
        return None
    unit, imports = rng.choices(choices, [len(unit.text) for unit, _ in choices])[0]
    count = edits or (2 if rng.random() < TWICE else 1)
    new = Mutator(weights, rng).mutate(unit.text, outer=unit.outer, imports=imports, donors=donors, edits=count)
    if new is None or not new[1]:
        return None
    text = replace_unit(files[unit.file], unit, new[0])
    return None if text is None else ({**files, unit.file: text}, [unit.file], new[1])


def _new_expressions(old, new):
    """Returns the compound number expressions of the files that changed, as source."""
    found = []
    for name, text in new.items():
        if old.get(name) == text:
            continue
        for unit in units(name, text):
            for node in ast.walk(ast.parse(unit.text)):
                if isinstance(node, (ast.BinOp, ast.Call, ast.IfExp)):
                    source = ast.unparse(node)
                    if len(source) < 200:
                        found.append(source)
    return found

"""Random restarts: the seed program after several random edits at once, to land somewhere else."""

from __future__ import annotations

import json
import random

from rung_host import Child

from arms.edits import edited
from arms.source import units

BATCH = 2
EDITS = (2, 6)
TRIES = 20


class Fresh:
    """The arm: far children of the seed program, sometimes of another member."""

    def __init__(self, brief, seed):
        self.rng = random.Random(seed)
        self.weights = json.loads(brief.improver["files"]["weights.json"])["operators"]
        self.work, self.pool, self.waiting = 0.0, None, []

    def join(self, pool):
        """Gives the arm the pool it shares with the others."""
        self.pool = pool

    def fits(self):
        """Returns whether there is anything to edit."""
        return any(units(name, text) for name, text in self.pool.seed.files.items())

    def step(self):
        """Returns a few children far from their parent."""
        self.waiting, tries = [], 0
        while len(self.waiting) < BATCH and tries < TRIES:
            tries += 1
            parent = self.pool.seed if self.rng.random() < 0.7 else self.rng.choice(self.pool.members)
            found = edited(parent.files, self.weights, self.rng, edits=self.rng.randint(*EDITS))
            if found is not None and self.pool.claim(found[0]):
                files, names, _ = found
                child = Child({name: files[name] for name in names}, parent.id, "fresh")
                self.waiting.append((child, files))
        self.work = 0.3 * tries
        return [child for child, _ in self.waiting]

    def learn(self, results):
        """Keeps what was valid."""
        for (child, files), result in zip(self.waiting, results, strict=True):
            self.pool.add(files, result, child.operator)

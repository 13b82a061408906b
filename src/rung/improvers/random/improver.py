"""A baseline: one random edit per attempt, of the seed program or of any candidate at random; nothing is learned.

Where the task has a public problem, half of the attempts are random points of it, or random changes of points that were
tried, as programs that return them.
"""

from __future__ import annotations

import random

from edit import editable, edited
from points import changed, drawn, kind, load, returning
from rung_host import Child

BATCH = 4
KEPT = 200  # candidates to choose parents from
IDLE = 50


def improve(brief, host):
    """Spends all attempts on random children."""
    rng = random.Random(brief.seed)
    names, problem = editable(brief), load(brief)
    points = problem is not None and kind(problem) is not None
    parents = [(brief.program["id"], dict(brief.program["files"]))]
    known, idle = [], 0
    while idle < IDLE:
        made = [
            child_of_point(brief, problem, known, rng)
            if points and rng.random() < 0.5
            else child_of(parents, names, rng)
            for _ in range(BATCH)
        ]
        children = [child for child in made if child is not None]
        idle = 0 if children else idle + 1
        if not children:
            continue
        files = {number: dict(parent) for number, parent in parents}
        for child, result in zip(children, host.evaluate(children), strict=True):
            if result.status == "ok" and child.operator == "edit":
                entry = (result.id, {**files[child.parent], **child.files})
                if len(parents) < KEPT:
                    parents.append(entry)
                else:
                    parents[rng.randrange(1, KEPT)] = entry
    return {"stopped": "no new program found"}


def child_of(parents, names, rng):
    """Returns a child by one random edit of any parent, or None."""
    parent, files = rng.choice(parents)
    new = edited(files, names, rng) if names else None
    return None if new is None else Child(new, parent, "edit")


def child_of_point(brief, problem, known, rng):
    """Returns a program that returns a random point, or a random change of one that was tried before."""
    point = changed(problem, rng.choice(known), rng) if known and rng.random() < 0.5 else drawn(problem, rng)
    if point is None:
        return None
    known.append(point)
    del known[:-KEPT]
    found = returning(brief.program["files"], brief.program["entry"], problem.output(point))
    return None if found is None else Child({found[0]: found[1]}, brief.program["id"], "point")

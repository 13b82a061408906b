"""A baseline: n independent short chains of random edits from the seed program, the best is kept.

Where the task has a public problem, every fifth attempt is a single local solve from a random start.
"""

from __future__ import annotations

import random

from edit import editable, edited
from points import kind, load, returning, solved
from rung_host import Child

CHAIN = 25  # attempts per chain
PARALLEL = 4
IDLE = 50


def improve(brief, host):
    """Spends all attempts on chains that know nothing of each other."""
    rng = random.Random(brief.seed)
    names, problem = editable(brief), load(brief)
    points = problem is not None and kind(problem) is not None
    idle = 0
    while idle < IDLE:
        chains = [(brief.program["id"], dict(brief.program["files"]), brief.value) for _ in range(PARALLEL)]
        for _ in range(CHAIN):
            chains, tried = advance(host, chains, names=names, rng=rng)
            idle = 0 if tried else idle + 1
            child = solve(brief, problem, rng) if points else None
            if child is not None:
                host.evaluate([child])
                idle = 0
    return {"stopped": "no new program found"}


def advance(host, chains, *, names, rng):
    """Returns (the chains after one more child each, how many children there were)."""
    made = [edited(files, names, rng) if names else None for _, files, _ in chains]
    children = [
        Child(new, parent, "chain") for new, (parent, _, _) in zip(made, chains, strict=True) if new is not None
    ]
    if not children:
        return chains, 0
    results = iter(host.evaluate(children))
    after = []
    for new, (parent, files, value) in zip(made, chains, strict=True):
        result = next(results) if new is not None else None
        if result is not None and result.status == "ok" and result.value > value:
            after.append((result.id, {**files, **new}, result.value))
        else:
            after.append((parent, files, value))
    return after, len(children)


def solve(brief, problem, rng):
    """Returns a program that returns the end of one local solve, or None."""
    point = solved(problem, rng)
    found = None if point is None else returning(brief.program["files"], brief.program["entry"], problem.output(point))
    return None if found is None else Child({found[0]: found[1]}, brief.program["id"], "solve")

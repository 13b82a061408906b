"""Your own program in 20 lines: a naive bin packer, and a function that judges it.

rung improve examples/binpack.py --attempts 500
"""

import random

import rung


@rung.task(goal="Pack items into as few bins as possible.", program="binpack/", entry="pack.py:pack",
           train=range(20), validation=range(20, 40), held_out=rung.fresh(100))
def binpack(case, trial):
    """Mean fill of the bins used, in [0, 1]."""
    items = random.Random(case.input).choices(range(10, 60), k=50)
    bins = trial.run({"items": items, "capacity": 100})
    if not (isinstance(bins, list) and all(isinstance(b, list) and b for b in bins)):
        raise rung.Invalid("the answer is a list of non-empty lists")
    if sorted(x for b in bins for x in b) != sorted(items) or any(sum(b) > 100 for b in bins):
        raise rung.Invalid("lost, invented or overfilled items")
    return sum(items) / (100 * len(bins))

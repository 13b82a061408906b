"""A region of a file: only what stands between the EVOLVE-BLOCK lines may be changed.

rung improve examples/delivery --attempts 300
"""

import random

import rung


@rung.task(
    goal="Choose parcels for a van: as much value as possible within its load.",
    program="program/van.py",
    entry="van.py:load",
    train=range(15),
    validation=range(15, 30),
    held_out=rung.fresh(50),
    bound=1.0,
    unit="share of the value that a fractional load would have",
)
def delivery(case, trial):
    """Value loaded, relative to the best fractional load, which no whole load can beat."""
    rng = random.Random(case.input)
    parcels = [{"weight": rng.randint(5, 60), "value": rng.randint(1, 100)} for _ in range(40)]
    chosen = trial.run({"parcels": parcels, "capacity": 300})
    if not (isinstance(chosen, list) and all(type(i) is int and 0 <= i < len(parcels) for i in chosen)):
        raise rung.Invalid("the answer is a list of parcel numbers")
    if len(set(chosen)) != len(chosen):
        raise rung.Invalid("a parcel is loaded once")
    if sum(parcels[i]["weight"] for i in chosen) > 300:
        raise rung.Invalid("overloaded")
    return sum(parcels[i]["value"] for i in chosen) / fractional(parcels, 300)


def fractional(parcels, capacity):
    """Value of the best load if parcels could be cut."""
    value = 0.0
    for parcel in sorted(parcels, key=lambda parcel: parcel["value"] / parcel["weight"], reverse=True):
        part = min(1.0, capacity / parcel["weight"])
        value, capacity = value + part * parcel["value"], capacity - part * parcel["weight"]
    return value

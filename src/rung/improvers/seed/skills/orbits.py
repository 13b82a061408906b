"""Subsets without forbidden triples: draw a symmetry group, then be greedy over its orbits instead of its elements.

When a group leaves the forbidden triples unchanged, whether two orbits may be joined depends on one representative,
so the whole relation fits in bit masks and thousands of orders can be tried a second. Random groups come from random
symmetries raised to random powers, which makes small cyclic groups as likely as large ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

MOST_ORBITS = 320
FEWEST_ORBITS = 24  # fewer leave greedy nothing to choose, and random groups are mostly large
ORDERS = 100
GENERATORS = (1, 2, 2, 2, 3)
SLICE = 150.0
EMPHASIS = (0.0, 1.0, 3.0)
LONGEST_CYCLE = 64
ELITE = 6
FROM_ELITE = 0.4


class Quotient(NamedTuple):
    """The orbits of a group.

    label: [size] orbit of each element. sizes, features: [count] per orbit. hits: [count][count] bit masks: the orbits
    that hold the third element of a forbidden triple with one element in each of two orbits.
    """

    label: np.ndarray
    sizes: np.ndarray
    features: np.ndarray
    hits: list[list[int]]


def fits(problem: Any) -> bool:
    """Returns whether the problem has elements, forbidden triples and symmetries."""
    return all(hasattr(problem, name) for name in ("size", "completions", "symmetry"))


def search(problem: Any, rng_seed: int, start: Any = None) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yields (size of the largest set, its elements, work since the last yield), without end.

    start: elements of a valid set, the one to beat.
    """
    rng = random.Random(rng_seed)
    best = np.zeros(0, int) if start is None else np.asarray(start, int)
    work = 0.0
    elite: list[tuple[int, list[np.ndarray]]] = []
    while True:
        generators = _generators(problem, rng)
        if elite and rng.random() < FROM_ELITE:
            generators = _related(rng.choice(elite)[1], generators, rng)
        label = _labels(problem.size, generators)
        count = int(label.max()) + 1
        work += 0.4 + problem.size * len(generators) * 1e-4
        if FEWEST_ORBITS <= count <= MOST_ORBITS:
            quotient = _quotient(problem, label, count)
            chosen = _best_union(quotient, rng)
            work += count * problem.size * 1.2e-5 + ORDERS * count * 2e-4
            members = np.flatnonzero(np.isin(label, chosen))
            if len(members) > len(best):
                best = members
            elite = sorted([*elite, (len(members), generators)], key=lambda group: -group[0])[:ELITE]
        if work >= SLICE:
            yield float(len(best)), best, work
            work = 0.0


def _generators(problem: Any, rng: random.Random) -> list[np.ndarray]:
    """Returns one to three symmetries, each a random power of a random one."""
    found = []
    for _ in range(rng.choice(GENERATORS)):
        image = np.asarray(problem.symmetry(rng))
        powers = [image]
        identity = np.arange(len(image))
        while len(powers) < LONGEST_CYCLE and not np.array_equal(powers[-1], identity):
            powers.append(image[powers[-1]])
        found.append(powers[rng.randrange(max(1, len(powers) - 1))])
    return found


def _related(known: list[np.ndarray], fresh: list[np.ndarray], rng: random.Random) -> list[np.ndarray]:
    """Returns a group near a known one: the same, one generator less, one more, or one exchanged."""
    kind = rng.randrange(4)
    kept = list(known)
    if kind in {1, 3} and len(kept) > 1:
        kept.pop(rng.randrange(len(kept)))
    if kind in {2, 3}:
        kept.append(rng.choice(fresh))
    return kept[-max(GENERATORS) :]


def _labels(size: int, generators: list[np.ndarray]) -> np.ndarray:
    """Returns [size] orbit numbers, in the order of each orbit's smallest element."""
    label = np.arange(size)
    while True:
        before = label
        for image in generators:
            least = np.minimum(label, label[image])
            back = least.copy()
            np.minimum.at(back, image, least)
            label = back[back]
        if np.array_equal(before, label):
            return np.unique(label, return_inverse=True)[1]


def _quotient(problem: Any, label: np.ndarray, count: int) -> Quotient:
    first = np.unique(label, return_index=True)[1]
    features = getattr(problem, "features", np.zeros(len(label), int))
    here = np.arange(len(label))
    hits = []
    for a in first.tolist():
        third = np.asarray(problem.completions(a))
        completed = label[third]
        table = np.zeros((count + 1, -(-count // 8) * 8), bool)
        table[np.where((third == a) | (third == here) | (here == a), count, label), completed] = True
        packed = np.packbits(table[:count], axis=1, bitorder="little")
        hits.append([int.from_bytes(row.tobytes(), "little") for row in packed])
    return Quotient(label, np.bincount(label, minlength=count), np.asarray(features)[first], hits)


def _best_union(quotient: Quotient, rng: random.Random) -> list[int]:
    """Returns the orbits of the largest union found by greedy over random orders, biased by feature."""
    kinds, best, most = sorted(set(quotient.features.tolist())), [], 0
    sizes, features = quotient.sizes.tolist(), quotient.features.tolist()
    for _ in range(ORDERS):
        weight = {kind: rng.random() * rng.choice(EMPHASIS) for kind in kinds}
        rank = [weight[feature] + 0.5 * rng.random() for feature in features]
        chosen = _greedy(sorted(range(len(sizes)), key=rank.__getitem__), quotient.hits)
        total = sum(sizes[orbit] for orbit in chosen)
        if total > most:
            best, most = chosen, total
    return best


def _greedy(order: list[int], hits: list[list[int]]) -> list[int]:
    """Returns the orbits kept when whole orbits are added in order while no forbidden triple is completed."""
    chosen: list[int] = []
    taken = blocked = 0
    for orbit in order:
        if blocked >> orbit & 1:
            continue
        row = hits[orbit]
        new = row[orbit]
        for other in chosen:
            new |= row[other]
        if new & (taken | 1 << orbit):
            continue
        chosen.append(orbit)
        taken |= 1 << orbit
        blocked |= new
    return chosen

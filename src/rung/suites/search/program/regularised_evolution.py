"""Regularised evolution (Real et al. 2019): the best of a sample has a child with one change; the oldest one dies."""

POPULATION = 20
SAMPLE = 10


def search(space, ordered, budget, rng):
    """Yields lists of points to measure, is sent their results, and returns the point it chooses (None: the best)."""
    first = min(POPULATION, budget)
    points = [[rng.randrange(size) for size in space] for _ in range(first)]
    results = yield points
    alive = list(zip(results, points, strict=True))
    for _ in range(budget - first):
        parent = max(rng.sample(alive, min(SAMPLE, len(alive))), key=lambda member: member[0])[1]
        child = list(parent)
        place = rng.randrange(len(space))
        child[place] = rng.choice([choice for choice in range(space[place]) if choice != parent[place]])
        (value,) = yield [child]
        alive.append((value, child))
        alive.pop(0)

"""Random search."""


def search(space, ordered, budget, rng):
    """Yields lists of points to measure, is sent their results, and returns the point it chooses (None: the best)."""
    yield [[rng.randrange(size) for size in space] for _ in range(budget)]

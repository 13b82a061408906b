"""Hill climbing: to the first neighbour that is better, in random order; from a new random point when there is none."""


def search(space, ordered, budget, rng):
    """Yields lists of points to measure, is sent their results, and returns the point it chooses (None: the best)."""
    seen = {}
    left = budget
    while left:
        here = [rng.randrange(size) for size in space]
        if tuple(here) in seen:
            continue
        (value,) = yield [here]
        seen[tuple(here)] = value
        left -= 1
        climbing = True
        while climbing and left:
            climbing = False
            neighbours = [
                [*here[:place], choice, *here[place + 1 :]]
                for place, size in enumerate(space)
                for choice in range(size)
                if choice != here[place]
            ]
            rng.shuffle(neighbours)
            for point in neighbours:
                if tuple(point) in seen or not left:
                    continue
                (found,) = yield [point]
                seen[tuple(point)] = found
                left -= 1
                if found > value:
                    here, value, climbing = point, found, True
                    break

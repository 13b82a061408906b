"""The search policy to make better: which points to measure next, given what was measured so far.

Every number below may be any real number.
"""

from bisect import bisect_left, insort

START = 20  # points at random before anything else, at most
OPENING = 0.2  # how much of the budget these may take
WINDOW = 50  # how many of the latest points may be parents; older ones have died
SAMPLE = 5  # of them, how many are looked at for one parent: more is greedier
ELITE = 0.1  # how often the parent is the best point of all instead
HURRY = 0.5  # how much oftener when the budget is no more than there are choices
FRESH = 0.1  # how often a point at random takes the place of a child
AGAIN = 0.3  # how often one more place of a child changes
STEP = 0.5  # how often a parameter that has an order moves to a choice nearby instead of to any
NEAR = 1.5  # how near that is
LOOK = 2  # how many children are drawn for each that is measured: the most promising is
RATE = 0.1  # how fast the model of what promises most learns
REPLAY = 2  # how many earlier points it looks at again for each new one
CHECK = 0.05  # how much of the budget goes to measuring the best points again
FINALISTS = 5  # so many of them
DOUBT = 0.5  # how many results at the average a point has before it has any


def search(space, ordered, budget, rng):
    """Yields lists of points to measure, is sent their results, and returns the point it chooses.

    space: number of choices of each parameter. ordered: whether its choices have an order. budget: measurements in
    all. rng: random.Random. A point is a list of whole numbers, a result a number with noise, and higher is better.
    """
    seen, history, ranked = {}, [], []
    model = [[0.0] * size for size in space]
    elite = ELITE + HURRY * sum(space) / budget
    points = [anywhere(space, rng) for _ in range(count(min(START, OPENING * budget), budget))]
    while points:
        results = yield points
        for point, result in zip(points, results, strict=True):
            seen.setdefault(tuple(point), []).append(result)
            history.append((result, point))
            insort(ranked, result)
            learn(model, ranked, [(result, point), *rng.choices(history, k=count(REPLAY, budget))])
        left = budget - len(history)
        if left <= 0:
            points = []
        elif left <= CHECK * budget:
            finalists = best(seen, history)[: count(FINALISTS, left)]
            points = [finalists[number % len(finalists)] for number in range(left)]
        else:
            points = [proposal(space, ordered, seen, history, model, elite, rng)]
    return next(iter(best(seen, history)))


def proposal(space, ordered, seen, history, model, elite, rng):
    """Returns the next point to measure; elite: how often the parent is the best so far."""
    if rng.random() < FRESH:
        return anywhere(space, rng)
    parent = tournament(history, rng)
    if rng.random() < elite:
        _, parent = max(history)
    children = [child(parent, space, ordered, rng) for _ in range(count(LOOK, len(history)))]
    new = [point for point in children if tuple(point) not in seen]
    return max(new, key=lambda point: promise(point, model)) if new else anywhere(space, rng)


def tournament(history, rng):
    """Returns the best of a few points of the window."""
    window = history[-count(WINDOW, len(history)) :]
    _, point = max(rng.sample(window, count(SAMPLE, len(window))))
    return point


def child(parent, space, ordered, rng):
    """Returns the parent with one place changed, or more."""
    point = list(parent)
    for _ in space:
        place = rng.randrange(len(space))
        if ordered[place] and rng.random() < STEP:
            nearby = [choice for choice in range(space[place]) if abs(choice - parent[place]) < NEAR]
            point[place] = rng.choice(nearby or range(space[place]))
        else:
            point[place] = rng.randrange(space[place])
        if point != parent and rng.random() >= AGAIN:
            break
    return point


def learn(model, ranked, rows):
    """Moves the model, one number per choice, towards the ranks of some results."""
    for result, point in rows:
        error = bisect_left(ranked, result) / len(ranked) - promise(point, model)
        for place, choice in enumerate(point):
            model[place][choice] += RATE * error


def promise(point, model):
    """Returns which rank the model expects of a point."""
    return sum([model[place][choice] for place, choice in enumerate(point)])


def best(seen, history):
    """Returns the points, best first by the mean of their results; few results are doubted."""
    average = sum(result for result, _ in history) / len(history)
    worth = {point: (sum(found) + DOUBT * average) / (len(found) + DOUBT) for point, found in seen.items()}
    return [list(point) for point in sorted(worth, key=worth.get, reverse=True)]


def anywhere(space, rng):
    """Returns a point at random."""
    return [rng.randrange(size) for size in space]


def count(number, most):
    """Returns a number as a count: at least one, if there is one at all."""
    return min(max(int(number), 1), most)

"""A step function with little overlap, guessed."""


def overlap(task):
    """Returns task["steps"] heights in [0, 1] of mean 1/2: a low, a high and a low third."""
    steps = task["steps"]
    third = steps // 3
    middle = steps - 2 * third
    low = 0.45
    high = (steps / 2 - 2 * third * low) / middle
    return [low] * third + [high] * middle + [low] * third

"""A cap set: the vectors of zeros and ones."""

from itertools import product


def cap(task):
    """Returns vectors of task["dimension"] entries 0, 1, 2, no three distinct ones of which add up to zero."""
    return [list(vector) for vector in product((0, 1), repeat=task["dimension"])]

"""The rule to make better: how an optimiser turns a gradient into a step."""

import numpy as np


def update(step: int, weights: np.ndarray, gradient: np.ndarray, memory: tuple) -> tuple:
    """Returns (what to add to the weights, the memory for the next step).

    step: 1, 2, 3 ... memory: two arrays of the shape of the weights, zero at first, for whatever is worth keeping.
    """
    first, second = memory
    rate = 0.01
    delta = -rate * gradient
    return delta, (first, second)

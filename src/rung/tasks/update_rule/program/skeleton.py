"""Adapts `update` to plain data; weights and memory of every problem are kept here between two steps."""

import numpy as np
from rule import update


class Runs:
    """The problems in progress: weights and memory of each, None for one that diverged."""

    def __init__(self):
        self.states = []

    def start(self, weights):
        """Begins with these weights and an empty memory."""
        arrays = [np.array(values, dtype=float) for values in weights]
        self.states = [(array, (np.zeros_like(array), np.zeros_like(array))) for array in arrays]
        return []

    def step(self, number, gradients):
        """Returns the change of the weights per problem, null where it is not finite."""
        return [self._one(place, number, values) for place, values in enumerate(gradients)]

    def _one(self, place, number, values):
        if values is None or self.states[place] is None:
            return None
        weights, memory = self.states[place]
        delta, memory = update(number, weights.copy(), np.array(values), memory)
        delta = np.broadcast_to(np.asarray(delta, dtype=float), weights.shape)
        if not np.isfinite(delta).all():
            self.states[place] = None
            return None
        self.states[place] = (weights + delta, memory)
        return delta.tolist()


RUNS = Runs()


def optimise(document):
    """Returns [] for {"start": weights of every problem}, the changes for {"step": number, "gradients": ...}."""
    if "start" in document:
        return RUNS.start(document["start"])
    return RUNS.step(document["step"], document["gradients"])

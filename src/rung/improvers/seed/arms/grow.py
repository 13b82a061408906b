"""Random expressions as source text, from the names in scope and what the module imports."""

from __future__ import annotations

import math

CONSTANTS = (0.0, 0.5, 1.0, 2.0, 3.0, 10.0, 20.0, 50.0)
OPERATORS = ("+", "-", "*", "/")
LEAF = 0.2  # how often an expression ends before its depth
NAME = 0.7  # how often a leaf is a name rather than a number
DRAWN = 0.4  # how often a number is drawn rather than taken from CONSTANTS
FAR = 0.12  # how often a number moves by an order of magnitude or so
TINY = "1e-09"

ARRAY_UNARY = (
    "np.sqrt(np.abs({}))",
    "np.log(np.abs({}) + 1e-09)",
    "np.exp(np.clip({}, -50.0, 50.0))",
    "np.square({})",
    "np.abs({})",
    "np.sign({})",
    "np.tanh({})",
)
PLAIN_UNARY = ("abs({0}) ** 0.5", "({0}) * ({0})", "abs({0})")
MATH_UNARY = (
    "math.sqrt(abs({}))",
    "math.log(abs({}) + 1e-09)",
    "math.exp(max(-50.0, min(50.0, {})))",
    "({0}) * ({0})",
    "abs({})",
)


class Vocabulary:
    """What random expressions are made of in one module: numpy's functions, math's, or plain Python's."""

    def __init__(self, imports):
        self.arrays = "np" in imports
        self.unary = ARRAY_UNARY if self.arrays else MATH_UNARY if "math" in imports else PLAIN_UNARY
        self.extremes = ("np.maximum({}, {})", "np.minimum({}, {})") if self.arrays else ("max({}, {})", "min({}, {})")
        self.choice = "np.where({0} < {1}, {2}, {3})" if self.arrays else "({2} if {0} < {1} else {3})"

    def grow(self, names, depth, rng):
        """Returns a random number expression over `names`."""
        if depth <= 0 or rng.random() < LEAF:
            return self.leaf(names, rng)
        kind = rng.random()
        if kind < 0.15:
            return self.splice(names, self.grow(names, depth - 1, rng), self.grow(names, depth - 1, rng), rng)
        if kind < 0.65:
            return self.pair(rng.choice(OPERATORS), self.grow(names, depth - 1, rng), self.grow(names, depth - 1, rng))
        if kind < 0.85:
            return rng.choice(self.unary).format(self.grow(names, depth - 1, rng))
        return rng.choice(self.extremes).format(self.grow(names, depth - 1, rng), self.grow(names, depth - 1, rng))

    def leaf(self, names, rng):
        """Returns a name or a number."""
        if names and rng.random() < NAME:
            return rng.choice(names)
        return number(round(rng.gauss(0.0, 2.0), 3) if rng.random() < DRAWN else rng.choice(CONSTANTS))

    def condition(self, names, rng):
        """Returns a comparison of a leaf with a number or another leaf."""
        right = number(rng.choice(CONSTANTS)) if rng.random() < 0.5 else self.grow(names, 1, rng)
        return f"{self.leaf(names, rng)} {rng.choice(('<', '>', '<=', '>='))} {right}"

    def splice(self, names, yes, no, rng):
        """Returns a choice between two expressions by a random comparison."""
        left = self.leaf(names, rng)
        right = number(rng.choice(CONSTANTS)) if rng.random() < 0.5 else self.grow(names, 1, rng)
        return self.choice.format(left, right, yes, no)

    def pair(self, operator, left, right):
        """Returns two expressions joined by an operator; a denominator that could vanish is kept off zero."""
        if operator == "/" and not right.isidentifier():
            right = f"{right} + {TINY}"
        return f"(({left}) {operator} ({right}))"


def number(value):
    """Returns the source of a number, short and round enough to read."""
    if isinstance(value, int):
        return str(value)
    return repr(float(f"{value:.4g}"))


def spread(rng):
    """Returns a positive number of any size from 0.1 to 100."""
    return float(f"{10.0 ** rng.uniform(-1.0, 2.0):.2g}")


def perturbed(value, rng, *, whole=False):
    """Returns a number near `value`: mostly on a logarithmic scale, sometimes shifted, seldom with the sign turned.

    whole: a whole number must stay one.
    """
    if whole:
        step = max(1, round(abs(value) * abs(rng.gauss(0.0, 0.3))))
        return int(value) + rng.choice((-step, step))
    kind = rng.random()
    if kind < FAR:
        moved = value * 10.0 ** rng.uniform(-1.5, 1.5)
    else:
        moved = value * math.exp(rng.gauss(0.0, 0.3)) if kind < 0.7 else value + rng.gauss(0.0, 0.3)
    return float(f"{-moved if rng.random() < 0.1 else moved:.4g}")

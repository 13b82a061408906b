"""Random points of a public problem, changes of one, one local solve, and the program that returns a point.

What a problem offers decides its kind: `objective` (continuous), `pieces` (minimise the largest), `cost` (a sequence)
or `completions` (a subset without forbidden triples). The file is the same in both baselines.
"""

from __future__ import annotations

import ast

import numpy as np
from scipy.optimize import minimize

STEPS = 3000  # of one local search on a sequence
ITERATIONS = 120  # of one local solve on numbers


def load(brief):
    """Returns the public problem of the only case, or None when there is none."""
    if brief.public is None or len(brief.cases) != 1:
        return None
    space = {"__name__": "public"}
    exec(compile(brief.public, "public.py", "exec"), space)
    return space["problem"](brief.cases[0])


def kind(problem):
    """Returns "numbers", "minimax", "sequence" or "subset"; None for a kind that is not known here."""
    for attribute, name in (
        ("pieces", "minimax"),
        ("objective", "numbers"),
        ("cost", "sequence"),
        ("completions", "subset"),
    ):
        if hasattr(problem, attribute):
            return name
    return None


def drawn(problem, rng):
    """Returns a random point."""
    which = kind(problem)
    if which == "sequence":
        return [problem.element(rng) for _ in range(rng.randint(1, 2 * len(problem.start()) + 2))]
    if which == "subset":
        return _filled(problem, [], rng)
    low, high = np.asarray(problem.low, float), np.asarray(problem.high, float)
    return _legal(problem, np.array([rng.uniform(a, b) for a, b in zip(low, high, strict=True)]))


def changed(problem, point, rng):
    """Returns a point near another one."""
    which = kind(problem)
    if which == "sequence":
        return _other_sequence(problem, point, rng)
    if which == "subset":
        gone = set(rng.sample(range(len(point)), min(len(point), rng.randint(1, 8))))
        return _filled(problem, [value for place, value in enumerate(point) if place not in gone], rng)
    low, high = np.asarray(problem.low, float), np.asarray(problem.high, float)
    moved = np.array(point, float)
    for place in rng.sample(range(len(moved)), rng.randint(1, min(4, len(moved)))):
        moved[place] += rng.gauss(0.0, 0.05) * (high[place] - low[place])
    return _legal(problem, moved)


def solved(problem, rng):
    """Returns the end of one local solve from a random start."""
    which = kind(problem)
    if which == "subset":
        return drawn(problem, rng)
    if which == "sequence":
        point = problem.start()
        value = problem.cost(point)
        for _ in range(STEPS):
            other = _other_sequence(problem, point, rng)
            if (cost := problem.cost(other)) <= value:
                point, value = other, cost
        return point
    return _legal(problem, _descended(problem, drawn(problem, rng), minimax=which == "minimax"))


def returning(files, entry, output):
    """Returns (file, its text) in which the entry returns this output, or None when the entry is no plain function."""
    name, _, function = entry.partition(":")
    text = files[name]
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            first = node.body[0]
            source = [*lines[: first.lineno - 1], f"    return {output!r}", *lines[node.end_lineno :]]
            if first.lineno > node.lineno:
                return name, "\n".join(source) + "\n"
    return None


def _descended(problem, start, *, minimax):
    low, high = np.asarray(problem.low, float), np.asarray(problem.high, float)
    constraints, bounds = [], list(zip(low, high, strict=True))
    if minimax:

        def lift(function):
            return lambda z: function(z[:-1])

        gradient = np.append(np.zeros(len(start)), 1.0)
        constraints.append(
            {
                "type": "ineq",
                "fun": lambda z: z[-1] - problem.pieces(z[:-1]),
                "jac": lambda z: _with_column(-np.asarray(problem.pieces_jacobian(z[:-1]))),
            }
        )
        if getattr(problem, "equality", None) is not None:
            matrix, wanted = problem.equality
            constraints.append({"type": "eq", "fun": lift(lambda x: np.atleast_1d(np.asarray(matrix) @ x - wanted))})
        begin = np.append(start, np.max(problem.pieces(start)))
        found = minimize(
            lambda z: z[-1],
            begin,
            jac=lambda _: gradient,
            bounds=[*bounds, (None, None)],
            constraints=constraints,
            method="SLSQP",
            options={"maxiter": ITERATIONS},
        )
        return found.x[:-1]
    constraints.append({"type": "ineq", "fun": problem.slack})
    if hasattr(problem, "jacobian"):
        constraints[0]["jac"] = problem.jacobian
    slope = (lambda x: -np.asarray(problem.gradient(x))) if hasattr(problem, "gradient") else None
    found = minimize(
        lambda x: -problem.objective(x),
        start,
        jac=slope,
        bounds=bounds,
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": ITERATIONS},
    )
    return found.x


def _with_column(matrix):
    return np.hstack([matrix, np.ones((len(matrix), 1))])


def _legal(problem, point):
    point = np.clip(point, problem.low, problem.high)
    equality = getattr(problem, "equality", None)
    if equality is not None:
        matrix, wanted = np.atleast_2d(equality[0]), np.atleast_1d(equality[1])
        for _ in range(50):
            point = np.clip(point - np.linalg.pinv(matrix) @ (matrix @ point - wanted), problem.low, problem.high)
    return problem.repair(point) if hasattr(problem, "repair") else point


def _other_sequence(problem, point, rng):
    other = list(point)
    action = rng.random()
    if action < 0.35 or not other:
        other.insert(rng.randint(0, len(other)), problem.element(rng))
    elif action < 0.7:
        del other[rng.randrange(len(other))]
    elif action < 0.85:
        other[rng.randrange(len(other))] = problem.element(rng)
    else:
        first, second = rng.randrange(len(other)), rng.randrange(len(other))
        other[first], other[second] = other[second], other[first]
    return other


def _filled(problem, start, rng):
    """Returns a subset that nothing can be added to, from the start on in random order."""
    free = np.ones(problem.size, dtype=bool)
    chosen = []
    order = list(range(problem.size))
    rng.shuffle(order)
    for value in [*start, *order]:
        if free[value]:
            third = np.asarray(problem.completions(value))[chosen]
            free[third[(third >= 0) & (third < problem.size)]] = False
            free[value] = False
            chosen.append(value)
    return sorted(chosen)

"""Discovering an optimiser: a rule from gradients to steps, scored on small training problems.

The score of a problem is log10(first loss / last loss) after 60 steps, clipped to -2..6; the score of a case is the
mean over its problems. Losses and gradients are computed here, on the weights that follow from the rule's answers.

Covered: the rule sees gradients and its own weights, nothing else; where the minimum lies is drawn, so that no point is
a good guess; a rule that diverges gets the lowest score of the
problem, -2. The held-out cases draw other problems, and three families that train and validation do not have.
Not covered: horizons other than 60 steps, noise in the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import rung

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rung.kernel.trial import Trial
    from rung.records import Case
    from rung.wire import JSON

    Array = NDArray[np.float64]

STEPS = 60
LOWEST, HIGHEST = -2.0, 6.0
LIMIT = 1e12  # weights beyond it have diverged


@dataclass(frozen=True, slots=True)
class Problem:
    """A loss to minimise from `start`; `evaluate` returns the loss and its gradient at some weights."""

    start: Array
    evaluate: Callable[[Array], tuple[float, Array]]


def quadratic(rng: np.random.Generator) -> Problem:
    """Returns an ill-conditioned quadratic in 12 dimensions, condition number 10 to 1,000."""
    d = 12
    basis, _ = np.linalg.qr(rng.standard_normal((d, d)))
    curvature = 10.0 ** np.linspace(-rng.uniform(1.0, 3.0), 0.5, d)
    matrix = (basis * curvature) @ basis.T
    lowest = 2.0 * rng.standard_normal(d)

    def evaluate(w: Array) -> tuple[float, Array]:
        away = w - lowest
        product = matrix @ away
        return 0.5 * float(away @ product) + 1e-9, product

    return Problem(lowest + rng.standard_normal(d), evaluate)


def valley(rng: np.random.Generator) -> Problem:
    """Returns a chained Rosenbrock valley in 6 dimensions."""
    steep = rng.uniform(2.0, 20.0)
    shift = 2.0 * rng.standard_normal(6)

    def evaluate(w: Array) -> tuple[float, Array]:
        x = w - shift
        rise, flat = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
        gradient = np.zeros_like(w)
        gradient[1:] += 2.0 * steep * rise
        gradient[:-1] += -4.0 * steep * rise * x[:-1] - 2.0 * flat
        return float(steep * rise @ rise + flat @ flat) + 1e-9, gradient

    return Problem(shift + rng.uniform(-1.0, 1.0, 6), evaluate)


def logistic(rng: np.random.Generator) -> Problem:
    """Returns a logistic regression on 48 samples of 8 features of unlike scales, slightly regularised."""
    scale = 10.0 ** rng.uniform(-1.0, 1.0, 8)
    features = rng.standard_normal((48, 8)) * scale
    labels = np.sign(features @ (rng.standard_normal(8) / scale) + 0.3 * rng.standard_normal(48))

    def evaluate(w: Array) -> tuple[float, Array]:
        margin = labels * (features @ w)
        slope = -labels / (1.0 + np.exp(np.clip(margin, -500.0, 500.0)))
        loss = float(np.logaddexp(0.0, -margin).mean()) + 5e-4 * float(w @ w)
        return loss, features.T @ slope / len(labels) + 1e-3 * w

    return Problem(np.zeros(8), evaluate)


def network(rng: np.random.Generator) -> Problem:
    """Returns the fit of a tiny network, 2 inputs, 6 hidden tanh units, to a smooth function on 32 points."""
    inputs = rng.uniform(-2.0, 2.0, (32, 2))
    wanted = np.sin(inputs[:, 0] * rng.uniform(0.5, 2.0)) + rng.uniform(-1.0, 1.0) * inputs[:, 1]

    def evaluate(w: Array) -> tuple[float, Array]:
        first, shift, second, last = w[:12].reshape(2, 6), w[12:18], w[18:24], w[24]
        hidden = np.tanh(inputs @ first + shift)
        wrong = hidden @ second + last - wanted
        back = 2.0 * wrong / len(wrong)
        inner = np.outer(back, second) * (1.0 - hidden**2)
        parts = ((inputs.T @ inner).ravel(), inner.sum(0), hidden.T @ back, [back.sum()])
        return float(wrong @ wrong) / len(wrong) + 1e-9, np.concatenate(parts)

    return Problem(rng.standard_normal(25) * 0.5, evaluate)


def absolute(rng: np.random.Generator) -> Problem:
    """Returns a robust regression, square roots instead of squares, 40 samples of 8 features (held-out only)."""
    features = rng.standard_normal((40, 8)) * 10.0 ** rng.uniform(-0.7, 0.7, 8)
    wanted = features @ rng.standard_normal(8)

    def evaluate(w: Array) -> tuple[float, Array]:
        wrong = features @ w - wanted
        size = np.sqrt(wrong**2 + 0.01)
        return float(size.mean()) - 0.1 + 1e-9, features.T @ (wrong / size) / len(wrong)

    return Problem(np.zeros(8), evaluate)


def softmax(rng: np.random.Generator) -> Problem:
    """Returns a softmax regression, 3 classes, 5 features, 45 samples (held-out only)."""
    features = rng.standard_normal((45, 5)) * 10.0 ** rng.uniform(-0.7, 0.7, 5)
    labels = np.eye(3)[np.argmax(features @ rng.standard_normal((5, 3)) + 0.3 * rng.standard_normal((45, 3)), axis=1)]

    def evaluate(w: Array) -> tuple[float, Array]:
        table = w.reshape(5, 3)
        scores = features @ table
        scores = scores - scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        loss = -float(np.log(np.maximum((chances * labels).sum(axis=1), 1e-300)).mean())
        return loss + 5e-4 * float(w @ w), (features.T @ (chances - labels) / len(labels)).ravel() + 1e-3 * w

    return Problem(np.zeros(15), evaluate)


def factors(rng: np.random.Generator) -> Problem:
    """Returns the factorisation of a 5 x 4 matrix of rank 2 (held-out only)."""
    wanted = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 4))

    def evaluate(w: Array) -> tuple[float, Array]:
        left, right = w[:10].reshape(5, 2), w[10:].reshape(2, 4)
        wrong = left @ right - wanted
        gradient = np.concatenate([(wrong @ right.T).ravel(), (left.T @ wrong).ravel()])
        return 0.5 * float((wrong**2).sum()) + 1e-9, gradient

    return Problem(rng.standard_normal(18) * 0.5, evaluate)


Family = Callable[[np.random.Generator], Problem]
SHOWN: tuple[Family, ...] = (quadratic, valley, logistic, network)
UNSEEN: tuple[Family, ...] = (absolute, softmax, factors)


def problems(source: JSON, *, families: Sequence[Family]) -> list[Problem]:
    """Returns the problems of a case input, {"seed"} or a bare seed: one of each family."""
    seed = source["seed"] if isinstance(source, dict) else source
    rng = np.random.default_rng(int(str(seed)))
    return [family(rng) for family in families]


def final_losses(trial: Trial, drawn: Sequence[Problem]) -> list[float | None]:
    """Returns the loss of each problem after all steps, None where the rule diverged; they advance together.

    Raises:
      Invalid: an answer is not one step per problem.
    """
    weights: list[Array | None] = [problem.start.copy() for problem in drawn]
    trial.run({"start": [problem.start.tolist() for problem in drawn]})
    for step in range(1, STEPS + 1):
        gradients = [_gradient(problem, at) for problem, at in zip(drawn, weights, strict=True)]
        if all(gradient is None for gradient in gradients):
            break
        document: JSON = {"step": step, "gradients": [None if g is None else g.tolist() for g in gradients]}
        answers = trial.run(document)
        if type(answers) is not list or len(answers) != len(drawn):
            raise rung.Invalid("one step per problem was expected")
        weights = [
            None if at is None or gradient is None or answer is None else at + _step(answer, len(at))
            for at, gradient, answer in zip(weights, gradients, answers, strict=True)
        ]
    return [_loss(problem, at) for problem, at in zip(drawn, weights, strict=True)]


def _gradient(problem: Problem, at: Array | None) -> Array | None:
    if at is None or float(np.abs(at).max()) > LIMIT:
        return None
    with np.errstate(all="ignore"):
        gradient = problem.evaluate(at)[1]
    return gradient if np.isfinite(gradient).all() else None


def _loss(problem: Problem, at: Array | None) -> float | None:
    if at is None or float(np.abs(at).max()) > LIMIT:
        return None
    with np.errstate(all="ignore"):
        loss = problem.evaluate(at)[0]
    return loss if math.isfinite(loss) else None


def _step(answer: JSON, length: int) -> Array:
    if type(answer) is not list or len(answer) != length or any(type(value) is not float for value in answer):
        raise rung.Invalid("a step must be one number per weight")
    return np.array(answer)


def update_rule(case: Case, trial: Trial) -> float:
    """Mean log10 of the first over the last loss, each clipped to -2..6."""
    drawn = problems(case.input, families=SHOWN + UNSEEN if case.id.startswith("held_out") else SHOWN)
    total = 0.0
    for problem, last in zip(drawn, final_losses(trial, drawn), strict=True):
        first = problem.evaluate(problem.start)[0]
        ratio = LOWEST if last is None else math.log10(first / max(last, 1e-12))
        total += min(max(ratio, LOWEST), HIGHEST)
    return total / len(drawn)


update_rule_task = rung.task(
    name="update-rule",
    goal="Find a rule that turns gradients into steps and trains small models well in 60 steps.",
    program="program/",
    entry="skeleton.py:optimise",
    editable=("rule.py",),
    train=[{"seed": 31 + k} for k in range(6)],
    validation=rung.fresh(8),
    held_out=rung.fresh(16),
    limits=rung.Limits(cpu_seconds=5.0, wall_seconds=60.0),
    attempts=2500,
    bound=HIGHEST,
    known={},
    unit="log10 loss ratio",
)(update_rule)

"""What the gate did: how often it let pass what cannot help, and what it said of everything else.

metrics.md, section 2, A/A: the binomial interval of the false-accept rate must lie below the declared alpha.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rung.arms.records import ArmResult
from rung.errors import BadInput
from rung.observatory.bootstrap import LEVEL
from rung.observatory.progress import adopted
from rung.records import Interval

HALVINGS = 60


@dataclass(frozen=True, slots=True)
class FalseAccepts:
    """How many edits that cannot help were admitted.

    holds: whether the whole interval of the rate is at most alpha; None when alpha lies in it: more edits would tell.
    """

    edits: int
    admitted: int
    alpha: float
    rate: Interval
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What became of the proposals of an arm.

    judged: by the gate. refused: reason -> count. ungated: adopted by rule, without a verdict. cases: drawn in all.
    gain: mean gain that the gate saw in what it admitted, which overstates. claimed: the same on fresh puzzles.
    meta: share of the arm's work that was no practice.
    """

    proposals: int
    judged: int
    admitted: int
    ungated: int
    undone: int
    cases: int
    gain: float | None
    claimed: float | None
    meta: float | None
    refused: dict[str, int] = field(default_factory=dict)


def clopper_pearson(successes: int, n: int) -> Interval:
    """Returns the rate with its exact 95 % interval, conservative for every n.

    Raises:
      BadInput: there are no trials, or more successes than trials.
    """
    if not 0 <= successes <= n or n < 1:
        raise BadInput(f"a rate takes 0 to n successes of n >= 1 trials, not {successes} of {n}")
    tail = (1 - LEVEL) / 2
    # P(X >= k) rises with p; the lower end is where it reaches the tail, the upper end where P(X <= k) falls to it.
    low = _root(successes, n, tail) if successes else 0.0
    high = _root(successes + 1, n, 1 - tail) if successes < n else 1.0
    return Interval(n, successes / n, low, high)


def false_accepts(tallies: Iterable[Mapping[str, object]]) -> FalseAccepts | None:
    """Returns the false-accept rate over the bodies of "null_edits" events, None when there was no null edit.

    Raises:
      BadInput: a body lacks a count, or the declared alphas differ.
    """
    edits = admitted = 0
    alphas = set()
    for body in tallies:
        counts = [body.get(name) for name in ("flipped", "copied", "flipped_admitted", "copied_admitted")]
        alpha = body.get("alpha")
        if not all(isinstance(count, int) for count in counts) or not isinstance(alpha, float):
            raise BadInput("an A/A tally needs whole counts of null edits and of those admitted, and an alpha")
        flipped, copied, flips, copies = (count for count in counts if isinstance(count, int))
        edits, admitted = edits + flipped + copied, admitted + flips + copies
        alphas.add(alpha)
    if not edits:
        return None
    if len(alphas) > 1:
        raise BadInput(f"null edits were judged at several alphas, {sorted(alphas)}: report each by itself")
    rate, alpha = clopper_pearson(admitted, edits), alphas.pop()
    holds = None if rate.low <= alpha < rate.high else rate.high <= alpha
    return FalseAccepts(edits, admitted, alpha, rate, holds)


def verdicts(results: Sequence[ArmResult]) -> Verdicts:
    """Returns the summary of one arm's generations over its seeds."""
    steps = [step for result in results for step in result.steps]
    judged = [step.verdict for step in steps if step.verdict is not None]
    admitted = [verdict for verdict in judged if verdict.admitted]
    claims = [step.claimed.mean for step in steps if step.claimed is not None]
    work = sum(result.steps[-1].work for result in results if result.steps)
    return Verdicts(
        proposals=sum(step.proposal is not None for step in steps),
        judged=len(judged),
        admitted=len(admitted),
        ungated=sum(adopted(step) for step in steps if step.verdict is None),
        undone=sum(step.undone is not None for step in steps),
        cases=sum(verdict.cases for verdict in judged),
        gain=_mean([verdict.gain for verdict in admitted]),
        claimed=_mean(claims),
        meta=sum(step.gate_work for step in steps) / work if work else None,
        refused=dict(Counter(verdict.reason for verdict in judged if not verdict.admitted).most_common()),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _root(least: int, n: int, level: float) -> float:
    """Returns the p at which P(X >= least) is the level, X binomial, by bisection."""
    ways = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        p = (low + high) / 2
        below = sum(math.exp(ways[k] + k * math.log(p) + (n - k) * math.log1p(-p)) for k in range(least))
        low, high = (p, high) if 1.0 - below < level else (low, p)
    return (low + high) / 2

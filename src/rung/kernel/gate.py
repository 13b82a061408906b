"""The gate: commit, draw, bet. Who is adopted is decided on cases that did not exist when the successor was fixed.

A bet is a wealth that grows while the successor is better than the incumbent on fresh paired cases. If it is not better
in truth, the wealth reaches 1 / level with probability at most `level`, whenever one looks (Ville's inequality).

Papers: Waudby-Smith and Ramdas 2024 (betting); Xu and Ramdas 2024 (e-LOND); Javanmard and Montanari 2018 (weights).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BETS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7)
PATIENT, OPTIMISM = 16, 1.5


@dataclass(frozen=True, slots=True)
class Rules:
    """What a gate promises, fixed before the first decision.

    alpha: probability of ever admitting what is not better (familywise), or the rate of such among the admitted.
    margin: how much better is better, in score. most: fresh cases per decision. futility: give up below this wealth.
    familywise: True for improvers and whatever is near the kernel. plan: how many decisions share alpha evenly, where
    that is declared beforehand (None: `weight`, for any number of them). stakes: parts of the wealth that are bet.
    """

    alpha: float = 0.05
    margin: float = 0.0
    most: int = 400
    futility: float = 0.05
    familywise: bool = True
    plan: int | None = None
    stakes: tuple[float, ...] = BETS


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and what it rests on.

    reason: in words. test: how many decisions there were, this one included. level: wealth had to reach its inverse.
    wealth: what it reached. cases: how many were drawn. gain: mean paired difference in the gate; it overstates.
    """

    admitted: bool
    reason: str
    test: int
    level: float
    wealth: float
    cases: int
    gain: float


def weight(test: int) -> float:
    """Returns the part of alpha that the test-th decision may spend; all of them together at most 1."""
    t = max(test, 1)
    return 0.07720838 * math.log(max(t, 2)) / (t * math.exp(math.sqrt(math.log(t))))


def level(rules: Rules, *, test: int, admitted: int) -> float:
    """Returns the level of the test-th decision after `admitted` admissions; e-LOND, or familywise without reward."""
    share = weight(test) if rules.plan is None else (1.0 / rules.plan if test <= rules.plan else 0.0)
    return rules.alpha * share * (1 if rules.familywise else admitted + 1)


class Bet:
    """The wealth of betting on paired score differences in [-1, 1], averaged over a few fixed stakes."""

    def __init__(self, margin: float, stakes: tuple[float, ...] = BETS) -> None:
        self._margin, self._stakes = margin, stakes
        self._logs = [0.0] * len(stakes)
        self._sum = self._squares = 0.0
        self.count = 0

    def see(self, difference: float) -> None:
        """Bets on one more difference.

        Raises:
          ValueError: it lies outside [-1, 1]; clipping it would raise its mean and break the guarantee.
        """
        if not -1.0 <= difference <= 1.0:
            raise ValueError(f"a paired difference must lie in [-1, 1], not {difference}; scale the scores to [0, 1]")
        shifted = (difference - self._margin) / (1.0 + self._margin)
        self._logs = [log + math.log1p(stake * shifted) for log, stake in zip(self._logs, self._stakes, strict=True)]
        self._sum += shifted
        self._squares += shifted * shifted
        self.count += 1

    @property
    def hopeless(self) -> bool:
        """Whether even the optimist sees no gain: giving up early is free, it can only refuse."""
        mean = self._sum / max(self.count, 1)
        error = math.sqrt(max(self._squares / max(self.count, 1) - mean * mean, 0.0) / max(self.count, 1))
        return self.count >= PATIENT and mean + OPTIMISM * error <= 0.0

    @property
    def wealth(self) -> float:
        """What one unit of money would have become."""
        return sum(math.exp(log) for log in self._logs) / len(self._logs)

    def far(self, target: float, *, most: int) -> bool:
        """Whether even at an optimist's pace the wealth does not reach the target within `most` cases."""
        if self.count < PATIENT:
            return False
        mean = self._sum / self.count
        spread = max(self._squares / self.count - mean * mean, 0.0)
        hope = mean + OPTIMISM * math.sqrt(spread / self.count)
        pace = max(hope * stake - (spread + hope * hope) * stake * stake / 2 for stake in self._stakes)
        return pace * most < math.log(target)


@dataclass(frozen=True, slots=True)
class Pair:
    """The successor's and the incumbent's result on one fresh case.

    successor, incumbent: scores in [0, 1]. protected: name -> (successor, incumbent) of metrics that must not fall.
    """

    successor: float
    incumbent: float
    protected: Mapping[str, tuple[float, float]] | None = None


def decide(
    pairs: Iterable[Pair], *, rules: Rules, test: int, admitted: int, margins: Mapping[str, float] | None = None
) -> Verdict:
    """Returns the verdict after as few of the fresh pairs as it takes.

    pairs: drawn one by one, only while they are needed. margins: by how much each protected metric may fall; to be
    admitted, non-inferiority on each must reach the level too, and a proven fall ends it at once.

    Raises:
      ValueError: a difference lies outside [-1, 1].
    """
    margins = margins or {}
    spend = level(rules, test=test, admitted=admitted)
    if spend <= 0.0:
        return Verdict(False, f"all {rules.plan} declared decisions are spent", test, 0.0, 1.0, 0, 0.0)  # noqa: FBT003
    target = 1.0 / spend
    bet, total = Bet(rules.margin, rules.stakes), 0.0
    keeps = {name: Bet(0.0, rules.stakes) for name in margins}
    falls = {name: Bet(0.0) for name in margins}
    reason = "the fresh cases ran out"
    for pair in pairs:
        bet.see(pair.successor - pair.incumbent)
        total += pair.successor - pair.incumbent
        for name, margin in margins.items():
            successor, incumbent = (pair.protected or {})[name]
            keeps[name].see((successor - incumbent + margin) / (1.0 + margin))
            falls[name].see((incumbent - successor - margin) / (1.0 + margin))
        fallen = [name for name, fall in falls.items() if fall.wealth >= 1.0 / rules.alpha]
        if fallen:
            reason = f"veto: {fallen[0]} falls by more than {margins[fallen[0]]}"
            break
        if bet.wealth >= target and all(keep.wealth >= target for keep in keeps.values()):
            return Verdict(True, "better on fresh cases", test, 1 / target, bet.wealth, bet.count, total / bet.count)  # noqa: FBT003
        if bet.wealth < rules.futility or bet.hopeless:
            reason = "no better, by the bets so far"
            break
        if bet.far(target, most=rules.most):
            reason = "too small a gain to be proven on the cases there are"
            break
        if bet.count >= rules.most:
            break
    return Verdict(False, reason, test, 1 / target, bet.wealth, bet.count, total / max(bet.count, 1))  # noqa: FBT003

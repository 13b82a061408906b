"""Budgets form a tree: whatever a child spends, its parents spend too."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rung.errors import BudgetExhausted
from rung.records import Cost

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may be spent; None is no limit of this kind.

    cpu_seconds: measured by the kernel, of everything a run causes. seconds: wall. tokens, usd: of models.
    """

    cpu_seconds: float | None = None
    seconds: float | None = None
    tokens: int | None = None
    usd: float | None = None


class Budget:
    """An allowance, what was charged against it, and the parent that is charged along."""

    def __init__(
        self, allowance: Allowance, *, parent: Budget | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowance, self.parent, self._clock = allowance, parent, clock
        self._spent, self._aside = Cost(), Cost()
        self._began = clock()

    def child(self, allowance: Allowance) -> Budget:
        """Returns a budget inside this one."""
        return Budget(allowance, parent=self, clock=self._clock)

    def charge(self, cost: Cost) -> None:
        """Adds a cost here and in every parent; never refuses, what was used was used.

        Wall seconds are not added: the budget's own clock runs, and what runs side by side is not longer for that.
        """
        self.carry(replace(cost, seconds=0.0))

    def carry(self, cost: Cost) -> None:
        """Adds what an earlier sitting of the same work had spent, wall seconds included."""
        budget: Budget | None = self
        while budget is not None:
            budget._spent += cost  # noqa: SLF001 - the same class, up the tree
            budget = budget.parent

    def put_aside(self, cost: Cost) -> None:
        """Keeps this much back, of what is left here, for what must be paid at the end; Cost() gives it free."""
        self._aside = cost

    @property
    def spent(self) -> Cost:
        """What was charged so far; `seconds` is the wall time charged by earlier sittings plus that of this one."""
        return self._spent + Cost(seconds=self._clock() - self._began)

    def left(self) -> Allowance:
        """Returns what is left here, given every parent; zero when overspent."""
        own, spent = self._allowance, self.spent + self._aside
        above = Allowance() if self.parent is None else self.parent.left()
        return Allowance(
            _least(own.cpu_seconds, spent.cpu_seconds, above.cpu_seconds),
            _least(own.seconds, spent.seconds, above.seconds),
            None if (tokens := _least(own.tokens, spent.tokens, above.tokens)) is None else int(tokens),
            _least(own.usd, spent.usd, above.usd),
        )

    @property
    def limited(self) -> bool:
        """Whether anything at all can run out."""
        return self.left() != Allowance()

    def exhausted(self) -> str | None:
        """Returns which kind of seconds is used up, in words, or None; without tokens or money, work goes on."""
        left = self.left()
        kinds = {"CPU seconds": left.cpu_seconds, "seconds": left.seconds}
        gone = [kind for kind, amount in kinds.items() if amount is not None and amount <= 0]
        return f"budget of {gone[0]} used up" if gone else None

    def check(self) -> None:
        """Does nothing while something is left.

        Raises:
          BudgetExhausted: there are no more seconds.
        """
        if reason := self.exhausted():
            raise BudgetExhausted(reason)


def _least(own: float | None, spent: float, above: float | None) -> float | None:
    amounts = [amount for amount in (None if own is None else max(0.0, own - spent), above) if amount is not None]
    return min(amounts) if amounts else None

"""The reservations of calls that are under way, beside the budgets they will be charged to.

What is reserved counts as spent until it is settled, at its own budget and at every parent of it. Whoever uses a book
from several threads holds a lock. Covered: tokens and money. Not covered: charges of tokens or money to the same
budgets by anybody else than the one broker of a process.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rung.errors import BudgetExhausted
from rung.models.prices import NANO, Charge
from rung.records import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rung.kernel.budget import Budget

NOTHING = Charge(0, 0)
ROUNDING = 1e-3  # of a billionth of a dollar: what sums of floats may be off, far less than the unit


class Book:
    """Who holds how much."""

    def __init__(self) -> None:
        self._held: WeakKeyDictionary[Budget, Charge] = WeakKeyDictionary()

    def held(self, budget: Budget) -> Charge:
        """Returns what is reserved at a budget and below it."""
        return self._held.get(budget, NOTHING)

    def reserve(self, budget: Budget, worst: Charge) -> bool:
        """Returns whether the worst case is reserved now; False: it may fit once others have settled.

        Raises:
          BudgetExhausted: it does not fit even when nobody else takes anything.
        """
        budget.check()
        fits = True
        for each in _line(budget):
            left, held = each.left(), self.held(each)
            if left.tokens is not None:
                _refuse_if(worst.tokens > left.tokens, f"{worst.tokens:,} tokens", f"{left.tokens:,} are left")
                fits &= worst.tokens + held.tokens <= left.tokens
            if left.usd is not None:
                nano = _nano(left.usd)
                _refuse_if(worst.nano_usd > nano, f"{worst.usd:.6f} US dollars", f"{left.usd:.6f} are left")
                fits &= worst.nano_usd + held.nano_usd <= nano
        if fits:
            self._add(budget, worst.tokens, worst.nano_usd)
        return fits

    def settle(self, budget: Budget, worst: Charge, *, true: Charge) -> None:
        """Charges what a call cost and gives back what had been reserved for it."""
        budget.charge(Cost(tokens=true.tokens, usd=true.usd))
        self._add(budget, -worst.tokens, -worst.nano_usd)

    def _add(self, budget: Budget, tokens: int, nano_usd: int) -> None:
        for each in _line(budget):
            held = self.held(each)
            self._held[each] = Charge(held.tokens + tokens, held.nano_usd + nano_usd)


def _refuse_if(lacking: bool, worst: str, left: str) -> None:  # noqa: FBT001 - the condition of the sentence
    if lacking:
        raise BudgetExhausted(f"budget of models used up: the next call may cost {worst}, {left}")


def _nano(usd: float) -> int:
    return math.floor(usd * NANO + ROUNDING)


def _line(budget: Budget) -> Iterator[Budget]:
    """Yields the budget and its parents."""
    each: Budget | None = budget
    while each is not None:
        yield each
        each = each.parent

"""Budgets are a tree and are conserved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import BudgetExhausted
from rung.kernel.budget import Allowance, Budget
from rung.records import Cost


class Clock:
    """A clock that stands until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Returns the time it was told."""
        return self.now


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1000)), max_size=30))
def test_every_charge_reaches_the_root_once(charges: list[tuple[int, int]]) -> None:
    """Whatever is charged below is the sum above."""
    root = Budget(Allowance(), clock=Clock())
    branch = root.child(Allowance())
    leaves = [root, branch, branch.child(Allowance()), root.child(Allowance())]
    for which, tokens in charges:
        leaves[which].charge(Cost(tokens=tokens))
    assert root.spent.tokens == sum(tokens for _, tokens in charges)
    assert branch.spent.tokens == sum(tokens for which, tokens in charges if which in {1, 2})


def test_a_child_cannot_have_more_than_its_parents() -> None:
    """What is left is the least along the way up."""
    root = Budget(Allowance(cpu_seconds=10.0), clock=Clock())
    child = root.child(Allowance(cpu_seconds=100.0))
    root.charge(Cost(cpu_seconds=4.0))
    assert child.left().cpu_seconds == 6.0
    child.charge(Cost(cpu_seconds=7.0))
    assert child.left().cpu_seconds == 0.0
    with pytest.raises(BudgetExhausted, match="CPU seconds"):
        child.check()
    with pytest.raises(BudgetExhausted):
        root.check()


def test_wall_time_is_the_clocks_and_survives_a_restart() -> None:
    """Parallel work is not longer for being parallel; an earlier sitting's time counts."""
    clock = Clock()
    budget = Budget(Allowance(seconds=10.0), clock=clock)
    budget.charge(Cost(seconds=100.0))
    assert budget.exhausted() is None
    budget.carry(Cost(seconds=6.0))
    clock.now = 3.0
    assert budget.left().seconds == pytest.approx(1.0)
    clock.now = 5.0
    assert budget.exhausted() == "budget of seconds used up"


def test_no_limit_is_no_limit() -> None:
    """An empty allowance never ends anything."""
    budget = Budget(Allowance(), clock=Clock())
    budget.charge(Cost(cpu_seconds=1e9, tokens=10**9, usd=1e9))
    budget.check()
    assert budget.left() == Allowance()

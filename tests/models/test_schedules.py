"""Caps hold on a thousand schedules of calls side by side, to the token and to the billionth of a dollar."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.models.setting import MODEL, broker, prompt
from tests.models.turns import Turns

from rung.errors import BudgetExhausted
from rung.kernel.budget import Allowance, Budget
from rung.models.client import Client
from rung.models.errors import ModelError, Unavailable
from rung.models.pace import Pace
from rung.models.port import Completion, Prompt
from rung.models.prices import NANO, Charge, Price, Prices, prompt_bound
from rung.models.replay import Tape

SCHEDULES = 1000
CALLERS, CALLS = 6, 3


@dataclass(frozen=True)
class Yielding(Prices):
    """Prices that give up the turn wherever the broker holds no lock: before reserving, before settling."""

    turns: Turns

    def worst(self, prompt: Prompt) -> Charge:
        self.turns.sleep(0.0)
        return Prices.worst(self, prompt)

    def true(self, prompt: Prompt, completion: Completion) -> Charge | None:
        self.turns.sleep(0.0)
        return Prices.true(self, prompt, completion)


class Erratic:
    """A model that takes any time and any share of what it may use, fails, is cut, or reports nothing."""

    name, endpoint = MODEL, "toy"

    def __init__(self, turns: Turns, rng: random.Random, tree: Tree) -> None:
        self._turns, self._rng, self._tree = turns, rng, tree
        self.inside = self.most_inside = 0

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        assert timeout > 0
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self._turns.sleep(self._rng.choice((0.0, 0.01, 0.05, 0.1)))
        self.inside -= 1
        self._tree.check()
        fate = self._rng.random()
        if fate < 0.1:
            raise Unavailable("busy", retry_after=self._rng.choice((None, 0.1, 0.5)))
        if fate < 0.2:
            raise Unavailable("cut", in_doubt=True)
        if fate < 0.3:
            return Completion("unknown", "stop", None, None, "small")
        full = fate > 0.8
        used = (
            prompt_bound(prompt) if full else self._rng.randint(0, prompt_bound(prompt)),
            prompt.max_tokens if full else self._rng.randint(0, prompt.max_tokens),
        )
        return Completion("known", "stop", *used, "small")


class Tree:
    """A budget with two children, each with its own caps, and the caps by budget."""

    def __init__(self, rng: random.Random, turns: Turns) -> None:
        def caps() -> Allowance:
            tokens = rng.choice((None, rng.randint(300, 12_000)))
            usd = rng.choice((None, rng.randint(50_000, 3_000_000) / NANO))
            return Allowance(tokens=tokens, usd=usd)

        root = Allowance(tokens=rng.randint(1_000, 20_000), usd=rng.choice((None, rng.randint(10**5, 10**7) / NANO)))
        self.root = Budget(root, clock=turns.clock)
        below = caps(), caps()
        self.children = [self.root.child(each) for each in below]
        self.caps = list(zip([self.root, *self.children], [root, *below], strict=True))

    def check(self) -> None:
        for budget, cap in self.caps:
            spent = budget.spent
            assert cap.tokens is None or spent.tokens <= cap.tokens
            assert cap.usd is None or round(spent.usd * NANO) <= round(cap.usd * NANO)


def play(seed: int, *, callers: int = CALLERS) -> tuple[dict[str, int], Tree]:
    """Plays one schedule and returns what happened in it, having checked every cap at every step."""
    rng, turns = random.Random(seed), Turns(seed)
    tree = Tree(rng, turns)
    model = Erratic(turns, rng, tree)
    pace = Pace(at_once=rng.randint(1, callers), attempts=3, first_wait=0.05, longest_wait=1.0)
    prices = Yielding("today", {MODEL: Price(Decimal("0.15"), Decimal("0.6"))}, turns)
    shared = broker(model, clock=None, prices=prices, pace=pace)
    shared._clock, shared._sleep = turns.clock, turns.sleep
    tapes = [Tape(), Tape()]
    clients = [Client(shared, budget=b, recorder=t) for b, t in zip(tree.children, tapes, strict=True)]
    happened = {"answered": 0, "exhausted": 0, "failed": 0}

    def caller(number: int) -> None:
        for index in range(CALLS):
            asked = prompt("x" * rng.randint(1, 400), max_tokens=rng.randint(1, 2000), seed=number * 100 + index)
            try:
                clients[number % 2].complete(asked)
                happened["answered"] += 1
            except BudgetExhausted:
                happened["exhausted"] += 1
            except ModelError:
                happened["failed"] += 1
            tree.check()

    turns.run([lambda number=number: caller(number) for number in range(callers)])  # type: ignore[misc]
    assert model.most_inside <= pace.at_once
    assert shared._book.held(tree.root) == Charge(0, 0)
    for child, tape in zip(tree.children, tapes, strict=True):
        charged: Any = [body for kind, body in tape.events if kind == "model_answer"]
        assert child.spent.tokens == sum(body["tokens"] for body in charged)
        assert round(child.spent.usd * NANO) == sum(body["nano_usd"] for body in charged)
    happened["most"] = model.most_inside
    happened["switches"] = turns.switches
    return happened, tree


def test_no_cap_is_exceeded_on_a_thousand_schedules() -> None:
    """Never one token and never one billionth of a dollar above, at any budget of the tree, at any moment."""
    played = [play(seed) for seed in range(SCHEDULES)]
    total = {name: sum(each[name] for each, _ in played) for name in played[0][0]}
    assert total["answered"] > 3000, total
    assert total["exhausted"] > 3000, total
    assert total["failed"] > 10, total
    assert sum(each["most"] > 2 for each, _ in played) > SCHEDULES / 10  # calls did run side by side
    pairs = [(budget.spent.tokens, cap.tokens) for _, tree in played for budget, cap in tree.caps if cap.tokens]
    close = sum(spent > 0.9 * cap for spent, cap in pairs)
    assert close > 20, close  # and the caps were reached, not merely avoided


def test_no_cap_is_exceeded_by_thirty_two_callers() -> None:
    """The same with 32 calls side by side."""
    assert max(play(seed, callers=32)[0]["most"] for seed in range(30)) > 4


def test_a_schedule_is_the_same_twice() -> None:
    """What a seed plays can be looked at again."""
    assert play(7)[0] == play(7)[0]


def test_without_reservations_the_same_schedules_exceed_caps(monkeypatch: Any) -> None:
    """The schedules can tell: a book that forgets what is held breaks caps on them."""
    monkeypatch.setattr("rung.models.book.Book.held", lambda *_: Charge(0, 0))
    broken = 0
    for seed in range(60):
        try:
            play(seed)
        except AssertionError:
            broken += 1
    assert broken > 5

"""Reserve, call, settle: no call begins before its worst case is put aside, so that no cap is ever exceeded.

Covered: caps of tokens and money along the whole budget tree, also by calls side by side; calls that were cut and may
have been billed (charged at their worst case); endpoints that report nothing (the same). Not covered: an endpoint that
bills more than it reports; fairness between callers that wait.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.errors import BadInput, BudgetExhausted
from rung.models.book import NOTHING, Book
from rung.models.errors import ModelError, NotRecorded, Overspent, Unavailable
from rung.models.pace import POLL, Pace, Turnstile
from rung.models.port import Backend, Call, Completion

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from rung.kernel.budget import Allowance, Budget
    from rung.models.port import Prompt
    from rung.models.prices import Charge, Prices
    from rung.models.secrets import Scrubber


@dataclass(frozen=True, slots=True)
class Settled:
    """One attempt that is over: its answer or its error, what was put aside, and what was charged."""

    outcome: Completion | ModelError
    worst: Charge
    charged: Charge

    @property
    def overspent(self) -> bool:
        """Whether more was reported than had been put aside."""
        return self.charged.tokens > self.worst.tokens or self.charged.nano_usd > self.worst.nano_usd

    def complaint(self, model: str) -> str:
        """Returns what to say of a model that overspent."""
        return (
            f"model {model!r} reported {self.charged.tokens:,} tokens ({self.charged.usd:.6f} US dollars) for a call "
            f"that can cost {self.worst.tokens:,} ({self.worst.usd:.6f}) at most: all of it was charged, and it is "
            "asked no more; see how its endpoint counts, or leave it out"
        )


class Broker:
    """The only door to models; one per process, shared by all runs. It holds the keys' scrubber, never writes."""

    def __init__(
        self,
        backend: Backend,
        *,
        prices: Prices,
        scrubber: Scrubber,
        rng: random.Random,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        pace: Pace = Pace(),
        paces: Mapping[str, Pace] | None = None,
    ) -> None:
        self.scrubber, self.prices = scrubber, prices
        self._backend = backend
        self._rng, self._clock, self._sleep = rng, clock, sleep
        self._pace, self._paces = pace, dict(paces or {})
        self._lock = threading.Lock()
        self._book = Book()
        self._turnstiles: dict[str, Turnstile] = {}
        self._stopped: dict[str, str] = {}

    def pace(self, model: str) -> Pace:
        """Returns the limits of a model's endpoint.

        Raises:
          BadInput: there is no such model.
        """
        return self._paces.get(self._backend.endpoint(model), self._pace)

    def worst(self, prompt: Prompt, *, budget: Budget) -> Charge:
        """Returns what must be put aside for a prompt.

        Raises:
          BadInput: nothing would ever end the spending: no cap that counts for this model.
        """
        self.refuse_uncapped(prompt.model, budget.left())
        return self.prices.worst(prompt)

    def refuse_uncapped(self, model: str, left: Allowance) -> None:
        """Does nothing for a model whose spending will end.

        Raises:
          BadInput: neither tokens nor money are capped, or money is and the model costs none, or nobody knows how much.
        """
        price = self.prices.models.get(model)
        if price is not None and price.prompt == price.completion == 0:
            if left.tokens is None and left.seconds is None:
                raise BadInput(
                    f"model {model!r} costs no money, so nothing would end its spending: cap the tokens it may use "
                    "(--max-tokens), or the seconds of the run (--seconds)"
                )
            return
        if model not in self.prices.models and left.tokens is None:
            raise BadInput(
                f"model {model!r} has no price (list of {self.prices.as_of}): give it one in a price list of your own "
                "(--prices), or cap the tokens it may use (--max-tokens)"
            )
        if left.tokens is None and left.usd is None:
            raise BadInput(
                f"model {model!r} costs money: cap the tokens or the US dollars it may use (--max-tokens, --max-usd)"
            )

    def settled(self, prompt: Prompt, outcome: Completion | ModelError, *, worst: Charge) -> Settled:
        """Returns what an attempt cost: as reported; the worst case where a bill may come that nobody reported."""
        if isinstance(outcome, Completion):
            charged = self.prices.true(prompt, outcome) or worst
        else:
            charged = worst if outcome.in_doubt else NOTHING
        return Settled(outcome, worst, charged)

    def attempt(
        self,
        call: Call,
        *,
        budget: Budget,
        before: Callable[[Charge], None],
        after: Callable[[Settled], None],
    ) -> Settled:
        """Returns how one attempt ended, having reserved, asked and settled.

        before: told what is reserved, before anything is sent. after: told how it ended, in one step with the charge.

        Raises:
          BadInput: no such model, or no cap that counts for it.
          BudgetExhausted: it does not fit into the budget.
          NotRecorded: a replay does not hold the answer.
          Overspent: this model broke a reservation before.
        """
        worst = self.worst(call.prompt, budget=budget)
        turnstile = self._admitted(call, budget=budget, worst=worst)
        charge, settled = NOTHING, None
        try:
            before(worst)
            charge = worst  # from here on a bill may come, whatever ends this call
            try:
                outcome: Completion | ModelError = self.scrubber.completion(
                    self._backend.ask(call, timeout=self._timeout(call, budget))
                )
            except NotRecorded:
                charge = NOTHING
                raise
            except ModelError as error:
                outcome = self._scrubbed(error)
            settled = self.settled(call.prompt, outcome, worst=worst)
            charge = settled.charged
        finally:
            with self._lock:
                turnstile.leave()
                self._book.settle(budget, worst, true=charge)
                if settled is not None:
                    self._take_notice(call, settled, turnstile)
                    after(settled)
        return settled

    def back_off(self, attempt: int, error: Unavailable, *, model: str, budget: Budget) -> None:
        """Waits before the next attempt.

        Raises:
          BudgetExhausted: the wait is longer than the seconds that are left.
          Unavailable: the endpoint asks for a longer wait than anybody wants.
        """
        pace = self.pace(model)
        if error.retry_after is not None and error.retry_after > pace.longest_wait:
            asked, longest = f"{error.retry_after:.0f} s", f"{pace.longest_wait:.0f} s"
            raise Unavailable(f"{error}; it asks to wait {asked}, the longest wait here is {longest}") from None
        self._pause(pace.wait(attempt, retry_after=error.retry_after, rng=self._rng), budget)

    def _take_notice(self, call: Call, settled: Settled, turnstile: Turnstile) -> None:
        if isinstance(settled.outcome, Unavailable) and settled.outcome.retry_after is not None:
            turnstile.close_until(self._clock() + settled.outcome.retry_after)
        if settled.overspent:
            self._stopped[call.prompt.model] = settled.complaint(call.prompt.model)

    def _admitted(self, call: Call, *, budget: Budget, worst: Charge) -> Turnstile:
        endpoint = self._backend.endpoint(call.prompt.model)
        while True:
            now = self._clock()
            with self._lock:
                if (reason := self._stopped.get(call.prompt.model)) is not None:
                    raise Overspent(reason)
                if endpoint not in self._turnstiles:
                    self._turnstiles[endpoint] = Turnstile(self.pace(call.prompt.model))
                turnstile = self._turnstiles[endpoint]
                delay = turnstile.delay(now)
                if delay <= 0:
                    if self._book.reserve(budget, worst):
                        turnstile.enter(now)
                        return turnstile
                    delay = POLL
            self._pause(delay, budget)

    def _timeout(self, call: Call, budget: Budget) -> float:
        left, longest = budget.left().seconds, self.pace(call.prompt.model).timeout
        return longest if left is None else min(longest, max(left, POLL))

    def _pause(self, seconds: float, budget: Budget) -> None:
        left = budget.left().seconds
        if left is not None and seconds > left:
            raise BudgetExhausted(f"budget of seconds used up: the model asks for a wait of {seconds:.1f} s")
        self._sleep(seconds)

    def _scrubbed(self, error: ModelError) -> ModelError:
        reason = self.scrubber.reason(str(error))
        if isinstance(error, Unavailable):
            return Unavailable(reason, in_doubt=error.in_doubt, retry_after=error.retry_after)
        return type(error)(reason, in_doubt=error.in_doubt)

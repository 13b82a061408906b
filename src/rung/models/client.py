"""What one run holds of the broker: it numbers the questions, writes everything down, and tries again."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from rung.errors import BudgetExhausted, RungError
from rung.models.abreast import abreast
from rung.models.errors import Malformed, ModelError, Overspent, Refused, Unavailable
from rung.models.port import Call, Completion
from rung.models.replay import ANSWER, OUTAGE, REQUEST, Answers, answer_event, lost_event, request_event
from rung.records import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.kernel.budget import Budget
    from rung.models.abreast import Together
    from rung.models.broker import Broker, Settled
    from rung.models.port import Prompt
    from rung.models.prices import Charge
    from rung.models.replay import Recorder
    from rung.wire import JSON

    Numbered: TypeAlias = tuple[Prompt, str, int]
    Outcome: TypeAlias = Completion | ModelError | BudgetExhausted


class Client:
    """The models as one run sees them.

    known: what an earlier sitting of the same run recorded. It is answered from there, in order, and was paid for;
    what that sitting left unfinished is charged at its worst case, once, and asked again. together: how several
    questions are asked at once.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        budget: Budget,
        recorder: Recorder,
        known: Answers | None = None,
        together: Together = abreast,
    ) -> None:
        self._broker, self._budget, self._recorder, self._together = broker, budget, recorder, together
        self._known = Answers(blob=_no_blob) if known is None else known
        self._asked: Counter[str] = Counter()
        self._kept: dict[tuple[str, int], Completion] = {}
        self._lock = threading.Lock()
        for lost in self._known.lost:
            self._budget.charge(Cost(tokens=lost.worst.tokens, usd=lost.worst.usd))
            body = lost_event(lost)
            self._recorder.record(ANSWER, body)
            self._known.add(ANSWER, body)

    def complete(self, prompt: Prompt) -> Completion:
        """Returns the answer to one question; asked again, the same question gets a new one.

        Raises:
          BadInput: no such model, no cap that counts for it, or a prompt that cannot be sent.
          BudgetExhausted: what is left does not cover the worst case.
          ModelError: there is no answer, in words.
        """
        return self._answer(self._numbered(prompt))

    def complete_all(self, prompts: Sequence[Prompt]) -> tuple[Outcome, ...]:
        """Returns one outcome per question, asked side by side within the limits of their endpoints.

        Raises:
          BadInput, NotRecorded, Overspent: as for `complete`, once all calls that had begun are over.
        """
        return self._outcomes([self._numbered(prompt) for prompt in prompts])

    def samples(self, prompts: Sequence[Prompt], numbers: Sequence[int]) -> tuple[Outcome, ...]:
        """Returns one outcome per question and number of its sample; the same two are asked once and then known.

        Raises:
          BadInput, NotRecorded, Overspent: as for `complete_all`.
        """
        safe = [self._broker.scrubber.prompt(prompt) for prompt in prompts]
        wanted = [(prompt, prompt.request, number) for prompt, number in zip(safe, numbers, strict=True)]
        missing = {each[1:]: each for each in wanted if each[1:] not in self._kept}
        fresh = dict(zip(missing, self._outcomes(list(missing.values())), strict=True))
        self._kept.update({key: outcome for key, outcome in fresh.items() if isinstance(outcome, Completion)})
        return tuple(self._kept.get((request, n)) or fresh[request, n] for _, request, n in wanted)

    def _outcomes(self, numbered: list[Numbered]) -> tuple[Outcome, ...]:
        outcomes = self._together(self._outcome, numbered)
        for outcome in outcomes:
            if isinstance(outcome, RungError) and not isinstance(outcome, HANDED_ON):
                raise outcome
        down = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
        if down and not any(isinstance(outcome, Completion) for outcome in outcomes):
            unanswered = zip(numbered, outcomes, strict=True)
            open_again: list[JSON] = [[q[1], q[2]] for q, outcome in unanswered if isinstance(outcome, Unavailable)]
            self._recorder.record(OUTAGE, {"questions": open_again, "reason": str(down[0])})
            raise Unavailable(f"{down[0]}; all that was found is on record, and the same command goes on from there")
        return tuple(outcome for outcome in outcomes if isinstance(outcome, (Completion, *HANDED_ON)))

    def _outcome(self, numbered: Numbered) -> Completion | RungError:
        try:
            return self._answer(numbered)
        except RungError as error:
            return error

    def _numbered(self, prompt: Prompt) -> Numbered:
        """Returns the question as it may be sent, its hash, and how often it was asked before."""
        safe = self._broker.scrubber.prompt(prompt)
        request = safe.request
        with self._lock:
            number = self._asked[request]
            self._asked[request] += 1
        return safe, request, number

    def _answer(self, numbered: Numbered) -> Completion:
        prompt, request, number = numbered
        pace = self._broker.pace(prompt.model)
        for attempt in range(pace.attempts):
            call = Call(prompt, request, number, attempt)
            settled = self._remembered(call)
            live = settled is None
            if settled is None:
                settled = self._broker.attempt(
                    call,
                    budget=self._budget,
                    before=lambda worst, call=call: self._before(call, worst),  # type: ignore[misc]
                    after=lambda settled, call=call: self._after(call, settled),  # type: ignore[misc]
                )
            if settled.overspent:
                raise Overspent(settled.complaint(prompt.model))
            if isinstance(settled.outcome, Completion):
                return settled.outcome
            if not isinstance(settled.outcome, Unavailable):
                raise settled.outcome
            last = settled.outcome
            if live and attempt + 1 < pace.attempts:
                self._broker.back_off(attempt, last, model=prompt.model, budget=self._budget)
        raise Unavailable(f"model {prompt.model!r} gave no answer in {pace.attempts} attempts; the last one: {last}")

    def _remembered(self, call: Call) -> Settled | None:
        """Returns how this attempt ended in an earlier sitting, which paid for it."""
        outcome = self._known.outcome(call)
        if outcome is None:
            return None
        worst = self._broker.worst(call.prompt, budget=self._budget)
        return self._broker.settled(call.prompt, outcome, worst=worst)

    def _before(self, call: Call, worst: Charge) -> None:
        body, blob = request_event(call, worst)
        with self._lock:
            self._recorder.record(REQUEST, body, blobs=(blob,))

    def _after(self, call: Call, settled: Settled) -> None:
        body, blobs = answer_event(call, settled)
        with self._lock:
            self._recorder.record(ANSWER, body, blobs=blobs)


HANDED_ON = (Unavailable, Refused, Malformed, BudgetExhausted)  # what a caller may go on after


def _no_blob(digest: str) -> bytes:
    raise KeyError(digest)

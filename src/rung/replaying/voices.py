"""The models of a replay: the same door and the same broker, with the record behind them instead of endpoints."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from rung import wire
from rung.errors import BadInput
from rung.models.broker import Broker
from rung.models.door import Door, Proposer
from rung.models.errors import ModelError, NotRecorded
from rung.models.prices import Price, Prices
from rung.models.replay import ANSWER, REQUEST, Answers
from rung.models.secrets import Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rung.models.port import Call, Completion
    from rung.replaying.script import Script

T = TypeVar("T")
R = TypeVar("R")


class Voice:
    """The backend that says what was recorded, at the place in the record where the call is."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def endpoint(self, model: str) -> str:  # noqa: ARG002 - the record speaks for every model
        """Returns "record"."""
        return "record"

    def ask(self, call: Call, *, timeout: float) -> Completion:  # noqa: ARG002 - the record answers at once
        """Returns the recorded answer of this attempt, or raises the recorded error.

        Raises:
          ModelError: what was recorded. NotRecorded: nothing was. Interrupted: that the engine ended in this call.
        """
        event = self._script.answer({"request": call.request, "number": call.number, "attempt": call.attempt})
        if event is None:
            raise NotRecorded(f"the record holds no answer to the call {call.request[:12]} of {call.prompt.model!r}")
        outcome = Answers([(ANSWER, event.body)], blob=self._script.recorded.get).outcome(call)
        if outcome is None or isinstance(outcome, ModelError):
            raise outcome or NotRecorded(f"event {event.seq} is no answer")
        return outcome


class Still:
    """A clock that only waits move, so that no wait takes time."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """Returns the seconds waited so far."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Lets the seconds pass."""
        self._now += seconds


def recorded_door(identity: str, script: Script) -> Door:
    """Returns the door of the recorded run. identity: what the run says of its models.

    Raises:
      BadInput: this is not what a door says of itself.
    """
    try:
        document: Any = wire.parse(identity.encode())
        told, rollouts = document["proposers"], document["rollouts"]
        proposers = tuple(Proposer(each["name"], each["weight"]) for each in told)
        priced = {each["name"]: _price(each["usd_per_million"]) for each in (*told, rollouts)}
        name = rollouts["name"]
    except (wire.WireError, KeyError, TypeError, ArithmeticError) as error:
        raise BadInput(f"what the run says of its models cannot be read ({error}): it was damaged") from error
    still = Still()
    broker = Broker(
        Voice(script),
        prices=Prices("of the record", {name: price for name, price in priced.items() if price is not None}),
        scrubber=Scrubber(),
        rng=random.Random(0),  # noqa: S311 - of waits that take no time
        clock=still,
        sleep=still.wait,
    )
    door = Door(broker, proposers=proposers, rollouts=name, together=InTurn(script))
    if door.identity != identity:
        raise BadInput("the models of the run were described by another version of rung: replay it with that one")
    return door


def _price(pair: Any) -> Price | None:  # noqa: ANN401 - canonical JSON
    return None if pair is None else Price(*(Decimal(repr(each)) for each in pair))


class InTurn:
    """Asks questions that were asked side by side one after the other, in the order in which they were let in.

    What the record does not hold comes last: it was not let in, for its worst case did not fit into the budget, and
    after all others there is no more room than there was then.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    def __call__(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Returns what the function returns for each item, in the order of the items."""
        places: dict[tuple[object, ...], int] = {}
        for event in self._script.row():
            body: Any = event.body
            if event.type == REQUEST:
                places.setdefault((body["request"], body["number"]), event.seq)

        def place(number: int) -> tuple[int, int]:
            item: Any = items[number]
            return places.get(tuple(item[1:]), self._script.last + 1), number

        results = {number: function(items[number]) for number in sorted(range(len(items)), key=place)}
        return [results[number] for number in range(len(items))]

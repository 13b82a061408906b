"""Prompts, prices, clocks and models for the tests of the broker."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.models.server import KEY, State

from rung.kernel.budget import Allowance, Budget
from rung.models.broker import Broker
from rung.models.client import Client
from rung.models.endpoint import Endpoint
from rung.models.errors import ModelError
from rung.models.names import Address, read_name
from rung.models.pace import Pace
from rung.models.port import Completion, Live, Message, Prompt
from rung.models.prices import Price, Prices
from rung.models.replay import Tape
from rung.models.secrets import Scrubber, key_from

MODEL = "toy:small"
PRICES = Prices("2026-11-20", {MODEL: Price(Decimal("0.15"), Decimal("0.60"))})
WIDE = Allowance(tokens=10_000_000, usd=1000.0)


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Real:
    """The time of the machine."""

    def __call__(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Scripted:
    """A model that says what it was told to say, in order, then repeats the last."""

    def __init__(self, *outcomes: Completion | ModelError, name: str = MODEL) -> None:
        self.name, self.endpoint = name, "toy"
        self._outcomes, self.prompts, self.timeouts = list(outcomes), list[Prompt](), list[float]()

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        self.prompts.append(prompt)
        self.timeouts.append(timeout)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, ModelError):
            raise outcome
        return outcome


def prompt(text: str = "hello", *, model: str = MODEL, max_tokens: int = 100, **more: Any) -> Prompt:
    return Prompt(model, (Message("user", text),), max_tokens, **more)


def said(text: str = "hi", *, prompt_tokens: int | None = 10, completion_tokens: int | None = 5) -> Completion:
    return Completion(text, "stop", prompt_tokens, completion_tokens, "small-2026")


def broker(*models: Any, clock: Clock | Real | None = None, backend: Any = None, **more: Any) -> Broker:
    clock = clock or Clock()
    settings: dict[str, Any] = {
        "prices": PRICES,
        "scrubber": Scrubber(),
        "rng": random.Random(1),
        "clock": clock,
        "sleep": clock.sleep,
        **more,
    }
    return Broker(backend or Live(models), **settings)


def client(
    *models: Any, budget: Budget | None = None, tape: Tape | None = None, known: Any = None, **more: Any
) -> tuple[Client, Budget, Tape]:
    budget = budget or Budget(WIDE)
    tape = tape or Tape()
    return Client(broker(*models, **more), budget=budget, recorder=tape, known=known), budget, tape


def loopback(
    state: State,
    *,
    name: str = "small",
    environment: Mapping[str, str] | None = None,
    budget: Budget | None = None,
    clock: Clock | Real | None = None,
    pace: Pace = Pace(first_wait=0.01, longest_wait=2.0, timeout=10.0),
) -> tuple[Client, Budget, Tape]:
    """Returns a client of a server on the loopback interface, with the canary key unless told otherwise."""
    environment = {"RUNG_MODEL_KEY": KEY} if environment is None else environment
    clock = clock or Clock()
    key = key_from(environment, "RUNG_MODEL_KEY")
    model = Endpoint(place(state, name), key=key, clock=clock)
    return client(model, budget=budget, clock=clock, scrubber=Scrubber(() if key is None else (key,)), pace=pace)


def place(state: State, name: str = "small") -> Address:
    """Returns where the server is, for whoever is to write the questions to it."""
    found = read_name(address(state, name))
    assert isinstance(found, Address)
    return replace(found, api=state.api)


def address(state: State, name: str = "small") -> str:
    return f"http://127.0.0.1:{state.port}/v1#{name}"

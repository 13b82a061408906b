"""From what a person writes after --model to a door that is ready to be used."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING

from rung.errors import BadInput
from rung.models.adapters import open_models
from rung.models.broker import Broker
from rung.models.door import Door, Proposer
from rung.models.pace import read_paces
from rung.models.port import Live
from rung.models.prices import read_prices, shipped_prices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rung.models.prices import Prices


def open_door(
    models: Sequence[str], *, rollouts: str | None, prices: Path | None, environment: Mapping[str, str]
) -> Door:
    """Returns the door to the models that were named.

    models: "NAME" or "NAME=WEIGHT". rollouts: whom evaluators ask, None for the first of the models. prices: a list of
    the user's own, with limits of endpoints. environment: where keys are.

    Raises:
      BadInput: a name, a weight, a key or the list of prices is wrong; the message says what to do.
    """
    proposers = tuple(_proposer(text) for text in models)
    names = [each.name for each in proposers]
    if twice := [name for name in names if names.count(name) > 1]:
        raise BadInput(f"model {twice[0]!r} is named twice: once is enough, a weight is written NAME=2")
    if rollouts is None and not names:
        raise BadInput("no model was named: name one with --model or --task-model")
    asked = names[0] if rollouts is None else rollouts
    adapters = open_models([*names, asked], environment=environment)
    paces = adapters.paces if prices is None else {**adapters.paces, **read_paces(prices, known=adapters.paces)}
    broker = Broker(
        Live(adapters.models),
        prices=adapters.priced(_prices(prices)),
        scrubber=adapters.scrubber,
        paces=paces,
        rng=random.Random(),  # noqa: S311 - jitter between retries
        clock=time.monotonic,
        sleep=time.sleep,
    )
    return Door(broker, proposers=proposers, rollouts=asked)


def _prices(path: Path | None) -> Prices:
    shipped = shipped_prices()
    return shipped if path is None else shipped.override(read_prices(path))


def _proposer(text: str) -> Proposer:
    name, equals, tail = text.rpartition("=")
    if not equals:
        return Proposer(text)
    try:
        weight = float(tail)
    except ValueError:
        return Proposer(text)  # the sign is a part of the name
    if not (math.isfinite(weight) and weight > 0):
        raise BadInput(f"the weight of a model is a number above 0, not {tail!r}: write {name}=2, or leave it out")
    return Proposer(name, weight)

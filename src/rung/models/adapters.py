"""From the names of models to the models: where they are, which keys they need, what speaks to them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from rung.models.endpoint import Endpoint
from rung.models.local import Local
from rung.models.names import File, read_name
from rung.models.pace import Pace
from rung.models.prices import Price, Prices
from rung.models.secrets import Key, Scrubber, key_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rung.models.port import Model

LOCAL_PACE = Pace(at_once=1, attempts=2, timeout=1800.0)  # one question at a time; a busy machine writes 3 tokens/s


@dataclass(frozen=True, slots=True)
class Adapters:
    """Models that are ready to be asked. keys: all that may be sent to one of them."""

    models: tuple[Model, ...]
    keys: tuple[Key, ...]

    @property
    def local(self) -> tuple[Local, ...]:
        """The models that run on this machine."""
        return tuple(model for model in self.models if isinstance(model, Local))

    @property
    def scrubber(self) -> Scrubber:
        """Takes the keys out of what is sent, recorded or said."""
        return Scrubber(self.keys)

    @property
    def paces(self) -> dict[str, Pace]:
        """The limits of the endpoints that are not like others."""
        return {model.endpoint: LOCAL_PACE for model in self.local}

    @property
    def cpu_seconds(self) -> float:
        """What the local models' processes have used so far."""
        return sum(model.cpu_seconds for model in self.local)

    def priced(self, prices: Prices) -> Prices:
        """Returns the prices with those of local models: nothing, unless the list says something else."""
        return replace(prices, models={**{model.name: FREE for model in self.local}, **prices.models})

    def close(self) -> None:
        """Ends the local models' processes; they end with this process at the latest."""
        for model in self.local:
            model.close()


FREE = Price(Decimal(0), Decimal(0))


def open_models(
    names: Iterable[str], *, environment: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.time
) -> Adapters:
    """Returns the models of these names, each once.

    environment: where keys are. clock: seconds since 1970, to read dates in Retry-After.

    Raises:
      BadInput: a name that is not understood, a missing key or one that would travel in the open, a package that is
        not installed, a file that is no model; the message says what to do.
    """
    models: list[Model] = []
    keys: list[Key] = []
    for name in dict.fromkeys(names):
        where = read_name(name)
        if isinstance(where, File):
            local = Local(where)
            models.append(local)
            keys.append(local.key)
        else:
            key = key_from(environment, where.key_variable)
            models.append(Endpoint(where, key=key, clock=clock))
            keys += [] if key is None else [key]
    return Adapters(tuple(models), tuple(keys))

"""What a call may cost at worst, and what it did cost.

Money is counted in whole billionths of a dollar, rounded up per call, so that sums are exact. Covered: the tokens of
prompt and answer at the list price. Not covered: discounts for caches and batches (the true bill is lower then), and
a list that is out of date: the user's own file wins.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any

from rung.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rung.models.port import Completion, Prompt

NANO = 1_000_000_000
PER_MESSAGE = 16  # what chat templates put around one message
PER_REQUEST = 256  # what they put around all of them: begin marks, a default system text


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of the prompt and of the answer."""

    prompt: Decimal
    completion: Decimal

    def nano_usd(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Returns the price of one call in billionths of a dollar, rounded up."""
        return math.ceil((prompt_tokens * self.prompt + completion_tokens * self.completion) * (NANO // 1_000_000))


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call costs, or may cost; nano_usd: billionths of a dollar."""

    tokens: int
    nano_usd: int

    @property
    def usd(self) -> float:
        """The money in dollars."""
        return self.nano_usd / NANO


@dataclass(frozen=True, slots=True)
class Prices:
    """A dated list of prices by model name; as_of: the day of the list, as the list says it."""

    as_of: str
    models: Mapping[str, Price]

    def worst(self, prompt: Prompt) -> Charge:
        """Returns the most that a call may cost; a model without a price costs tokens only."""
        bound = prompt_bound(prompt)
        return Charge(bound + prompt.max_tokens, self._nano(prompt.model, bound, prompt.max_tokens))

    def true(self, prompt: Prompt, completion: Completion) -> Charge | None:
        """Returns what the call cost by its own report, None when it reported nothing."""
        if completion.prompt_tokens is None or completion.completion_tokens is None:
            return None
        used = completion.prompt_tokens, completion.completion_tokens
        return Charge(sum(used), self._nano(prompt.model, *used))

    def override(self, other: Prices) -> Prices:
        """Returns these prices with those of the other list where it has any."""
        return Prices(f"{self.as_of}, overridden {other.as_of}", {**self.models, **other.models})

    def _nano(self, model: str, prompt_tokens: int, completion_tokens: int) -> int:
        price = self.models.get(model)
        return 0 if price is None else price.nano_usd(prompt_tokens, completion_tokens)


def prompt_bound(prompt: Prompt) -> int:
    """Returns a number of tokens that the prompt cannot exceed: its bytes, and what a chat template adds.

    Every token of a byte-level vocabulary covers at least one byte. It is loose, about four times the truth for
    English; only the reservation is, for what is charged afterwards is the truth.
    """
    text = sum(len(each.role.encode()) + len(each.content.encode()) for each in prompt.messages)
    return text + PER_MESSAGE * len(prompt.messages) + PER_REQUEST


def shipped_prices() -> Prices:
    """Returns the list that comes with rung."""
    text = resources.files("rung.models").joinpath("prices.toml").read_text(encoding="utf-8")
    return _prices(text, "the price list of rung")


def read_prices(path: Path) -> Prices:
    """Returns the user's list.

    Raises:
      BadInput: the file cannot be read or is not of the form of the shipped list.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the price list {path} cannot be read: {error}") from error
    return _prices(text, f"the price list {path}")


def _prices(text: str, where: str) -> Prices:
    try:
        document: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError) as error:
        raise BadInput(f"{where} is not TOML: {error}") from error
    if unknown := document.keys() - {"as_of", "models", "endpoints"}:
        raise BadInput(f"{where} has an unknown key {min(unknown)!r}: it holds as_of, a table models, and endpoints")
    as_of, rows = document.get("as_of"), document.get("models")
    if type(as_of) is not str or type(rows) is not dict:
        raise BadInput(f'{where} needs as_of = "a date" and a table [models] of "name" = {{ prompt, completion }}')
    return Prices(as_of, {name: _price(row, f"{where}, model {name!r}") for name, row in rows.items()})


def _price(row: object, where: str) -> Price:
    if type(row) is not dict or row.keys() != {"prompt", "completion"}:
        raise BadInput(f"{where}: write {{ prompt = 0.40, completion = 1.60 }}, US dollars per million tokens")
    values = row["prompt"], row["completion"]
    if not all(type(value) in {int, Decimal} and Decimal(value).is_finite() and 0 <= value < NANO for value in values):
        raise BadInput(f"{where}: a price is a number of US dollars per million tokens, 0 or more")
    return Price(Decimal(values[0]), Decimal(values[1]))

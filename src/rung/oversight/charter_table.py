"""One table of a charter, read key by key: what is wrong is collected, so that a person sees all of it at once."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rung.oversight.charter_lines import Path

_MOST_TEXT: Final = 4000
_MOST_ITEMS: Final = 1000
_UNREADABLE: Final = f"a text holds at most {_MOST_TEXT:,} characters, and none that cannot be printed"
_WORDS: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: path leads to the key. line: in the file, 0 where there is no file."""

    path: Path
    sentence: str
    line: int = 0

    @property
    def place(self) -> str:
        """The key as a person finds it: "thresholds[2].owner"."""
        steps = (f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".") or "the file"


class Table:
    """A table whose keys are asked for one by one; `close` then refuses those that nobody asked for."""

    def __init__(self, value: Any, path: Path, faults: list[Fault]) -> None:  # noqa: ANN401 - whatever TOML held
        self.path, self._faults = path, faults
        self._known: list[str] = []
        self._value: dict[str, Any] = value if type(value) is dict else {}
        if type(value) is not dict:
            self.fault("", f"a table was expected, not {_kind(value)}")

    def fault(self, key: str, sentence: str) -> None:
        """Notes what is wrong with a key, or with the table itself where the key is empty."""
        self._faults.append(Fault((*self.path, key) if key else self.path, sentence))

    def has(self, key: str) -> bool:
        """Returns whether the key is there."""
        return key in self._value

    def text(self, key: str, *, default: str | None = None, one_of: Collection[str] = ()) -> str:
        """Returns a text that is not empty, one of a few where there are few."""
        value = self._get(key, str, default)
        if type(value) is not str:
            return ""
        if self.has(key) and not value.strip():
            self.fault(key, "an empty text says nothing: write one, or leave the key out if it may be left out")
        if not _readable(value):
            self.fault(key, _UNREADABLE)
        if one_of and self.has(key) and value not in one_of:
            self.fault(key, f"{_short(value)} is none of {', '.join(sorted(one_of))}{_near(value, one_of)}")
            return ""
        return value

    def texts(
        self,
        key: str,
        *,
        default: tuple[str, ...] | None = None,
        one_of: Collection[str] = (),
        check: Callable[[str], str | None] = lambda _: None,
    ) -> tuple[str, ...]:
        """Returns a list of different texts, sorted. check: says what is wrong with one, or None."""
        value = self._get(key, list, default)
        if type(value) is not list:
            return default or ()
        good: set[str] = set()
        for item in value[:_MOST_ITEMS]:
            if type(item) is not str or not item.strip():
                self.fault(key, f"a list of texts was expected, and {_short(item)} is not one")
            elif not _readable(item):
                self.fault(key, _UNREADABLE)
            elif item in good:
                self.fault(key, f"{_short(item)} stands there twice")
            elif one_of and item not in one_of:
                self.fault(key, f"{_short(item)} is none of {', '.join(sorted(one_of))}{_near(item, one_of)}")
            elif complaint := check(item):
                self.fault(key, complaint)
            else:
                good.add(item)
        if len(value) > _MOST_ITEMS:
            self.fault(key, f"a list holds at most {_MOST_ITEMS} items")
        return tuple(sorted(good))

    def number(self, key: str, *, least: float, default: float | None = None, most: float = math.inf) -> float:
        """Returns a finite number in a range."""
        value = self._get(key, float, default)
        if isinstance(value, int | float):
            try:
                amount = float(value)
            except OverflowError:
                amount = math.inf
            if math.isfinite(amount) and least <= amount <= most:
                return amount + 0.0  # minus zero is zero
            limit = "" if most == math.inf else f" and at most {most:g}"
            self.fault(key, f"a finite number of at least {least:g}{limit} was expected, not {_short(value)}")
        return 0.0

    def maybe(self, key: str, *, least: float) -> float | None:
        """Returns a finite number, None where the key is not there."""
        self._known.append(key)
        return self.number(key, least=least) if self.has(key) else None

    def whole(self, key: str, *, least: int, most: int = 10**15, default: int | None = None) -> int:
        """Returns a whole number in a range."""
        value = self._get(key, int, default)
        if type(value) is int:
            if least <= value <= most:
                return value
            self.fault(key, f"a whole number from {least} to {most} was expected, not {_short(value)}")
        return least

    def table(self, key: str) -> Table:
        """Returns the table under a key; a missing one is a fault, and reads as empty."""
        value = self._get(key, dict, None)
        return Table(value if type(value) is dict else {}, (*self.path, key), self._faults if value is not None else [])

    def tables(self, key: str) -> Iterator[Table]:
        """Yields the tables that are written as [[key]]; there may be none."""
        self._known.append(key)
        value = self._value.get(key, [])
        if type(value) is not list:
            self.fault(key, f"write [[{key}]] with two brackets, once for each")
            return
        for number, each in enumerate(value[:_MOST_ITEMS]):
            yield Table(each, (*self.path, key, number), self._faults)
        if len(value) > _MOST_ITEMS:
            self.fault(key, f"at most {_MOST_ITEMS} of them can be kept")

    def close(self) -> None:
        """Notes every key that means nothing here, with the nearest that does."""
        for key in self._value.keys() - set(self._known):
            self.fault(key, f"unknown key {_short(key)}{_near(key, self._known)}; known here: {', '.join(self._known)}")

    def _get(self, key: str, kind: type, default: Any) -> Any:  # noqa: ANN401 - checked by whoever asks
        if key not in self._known:
            self._known.append(key)
        if key not in self._value:
            if default is None:
                self.fault(key, f"{key} is missing: say {'it' if kind is dict else _WORDS[kind]}")
            return default
        value = self._value[key]
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        self.fault(key, f"{'a table' if kind is dict else _WORDS[kind]} was expected, not {_kind(value)}")
        return None


def _readable(text: str) -> bool:
    return len(text) <= _MOST_TEXT and text.replace("\n", "").isprintable()


def _kind(value: object) -> str:
    return "a table" if type(value) is dict else _WORDS.get(type(value), f"a {type(value).__name__}")


def _short(value: object) -> str:
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _near(word: str, known: Collection[str]) -> str:
    found = difflib.get_close_matches(word[:80], known, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""

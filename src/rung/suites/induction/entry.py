"""One function of the suite, and the generators its arguments are drawn from."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Draw = Callable[[random.Random], Any]

INT_T, BOOL, CHAR_T, STR, INTS, ROWS, STRS = "int", "bool", "char", "str", "list[int]", "list[list[int]]", "list[str]"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument may be: its type in the task's signature, and how one is drawn."""

    type: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class Entry:
    """A function of the suite.

    like: what it is called elsewhere. oracle: the function, over plain JSON values. sketch: a term that builds it from
    primitives and other functions of the suite; its grade and its prerequisites are read from it. where: which drawn
    arguments are in its domain. constants: literals that are given with the task.
    """

    name: str
    family: str
    like: str
    kinds: tuple[Kind, ...]
    result: str
    oracle: Callable[..., Any]
    sketch: str
    where: Callable[..., bool] = lambda *_: True
    constants: tuple[int | str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """The argument types."""
        return tuple(kind.type for kind in self.kinds)


Maker = Callable[..., Entry]


def family(name: str) -> Maker:
    """Returns a function that makes entries of one family: (name, like, kinds, result, oracle, sketch, ...)."""

    def make(
        function: str,
        like: str,
        kinds: tuple[Kind, ...],
        result: str,
        oracle: Callable[..., Any],
        sketch: str,
        *,
        where: Callable[..., bool] = lambda *_: True,
        constants: tuple[int | str, ...] = (),
    ) -> Entry:
        return Entry(function, name, like, kinds, result, oracle, sketch, where, constants)

    return make

"""All functions of the suite by name, what each is built from, and how deep that goes."""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType

from rung.suites.induction.arithmetic import NUMBERS
from rung.suites.induction.entry import Entry
from rung.suites.induction.lists import LISTS
from rung.suites.induction.nested import NESTED
from rung.suites.induction.sets import SETS
from rung.suites.induction.strings import STRINGS

_WORD = re.compile(r"#\[[^\]]*\]|[^\s()]+")

FUNCTIONS = MappingProxyType({entry.name: entry for entry in (*NUMBERS, *LISTS, *SETS, *NESTED, *STRINGS)})


def words(entry: Entry) -> tuple[str, ...]:
    """Returns the names in a function's sketch, one per node of the term."""
    return tuple(word.removeprefix("@") for word in _WORD.findall(entry.sketch))


@cache
def prerequisites(name: str) -> frozenset[str]:
    """Returns the functions of the suite that a function is naturally built from, directly or through others."""
    direct = {word for word in words(FUNCTIONS[name]) if word in FUNCTIONS}
    return frozenset(direct.union(*(prerequisites(word) for word in direct)))


@cache
def grade(name: str) -> int:
    """Returns the size of a function's sketch in primitives, every function in it spelled out."""
    return sum(grade(word) if word in FUNCTIONS else 1 for word in words(FUNCTIONS[name]))


def step(name: str) -> int:
    """Returns the size of a function's sketch when its prerequisites are known."""
    return len(words(FUNCTIONS[name]))

"""Suites by the names that people call them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rung.errors import BadInput
from rung.suites import ladder
from rung.suites.induction import world as induction

if TYPE_CHECKING:
    from rung.suites.suite import Suite

NAMES = ("ladder", "null", "induction")


def find_suite(name: str) -> Suite:
    """Returns the suite of this name.

    Raises:
      BadInput: there is none.
    """
    if name == "ladder":
        return ladder.SUITE
    if name == "null":
        worlds = {"": ladder.SUITE.worlds["null"], "mixed": ladder.SUITE.worlds["mixed"]}
        return replace(ladder.SUITE, name="null", worlds=worlds)
    if name == "induction":
        return induction.SUITE
    raise BadInput(f"there is no suite {name!r}; the suites are {', '.join(NAMES)} and search")

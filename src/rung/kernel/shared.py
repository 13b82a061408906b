"""Sandboxes that a run and the runs inside it use together: to start one costs more than many evaluations."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.errors import NoSandbox
from rung.kernel.sandbox.choice import UNISOLATED, open_rescorer, open_sandbox

if TYPE_CHECKING:
    from rung.kernel.sandbox.port import Sandbox, Session
    from rung.records import Limits, Program

PRELOADABLE = ("numpy", "scipy")


class Borrowed:
    """A sandbox that somebody else will close."""

    def __init__(self, owned: Sandbox) -> None:
        self._owned = owned
        self.name, self.layers, self.isolated = owned.name, owned.layers, owned.isolated

    def open(self, program: Program, limits: Limits, *, sdk: str | None = None) -> Session:
        """Returns a session of the sandbox that was borrowed."""
        return self._owned.open(program, limits, sdk=sdk)

    def close(self) -> None:
        """Gives it back."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run puts its programs: first for everything, second to confirm what will be kept.

    name: goes into the name of a run inside another one, so that it is answered from no record of another place.
    """

    name: str
    first: Callable[..., Sandbox]
    second: Callable[..., Sandbox]


class Shared:
    """Opens each kind of sandbox once, and closes all of them at the end.

    name: the backend that was asked for, or "auto".
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: dict[tuple[str, ...], Sandbox] = {}

    def first(self, *programs: Program) -> Sandbox:
        """Returns the sandbox for these programs."""
        libraries = preloads(*programs)
        if libraries not in self._open:
            self._open[libraries] = open_sandbox(self._name, preload=libraries)
        return Borrowed(self._open[libraries])

    def second(self, *programs: Program) -> Sandbox:
        """Returns the second, independent sandbox for these programs, which confirms what the first found.

        Raises:
          NoSandbox: there is none here.
        """
        key = ("second", *preloads(*programs))
        try:
            if key not in self._open:
                self._open[key] = open_rescorer(preload=key[1:])
            return Borrowed(self._open[key])
        except NoSandbox:
            if self._name != UNISOLATED:
                raise
            return self.first(*programs)  # asked for by name, and the name stands in every result

    @property
    def outside(self) -> Places:
        """The places of a run that somebody asked for."""
        return Places("outside", self.first, self.second)

    @property
    def inside(self) -> Places:
        """The places of a run inside another one: it keeps nothing, so there is nothing to confirm elsewhere."""
        return Places("inside", self.first, self.first)

    @property
    def confirming(self) -> Places:
        """The places of the runs that confirm an improver: all of it happens on the second."""
        return Places("confirming", self.second, self.second)

    def close(self) -> None:
        """Ends them all."""
        for sandbox in self._open.values():
            sandbox.close()
        self._open.clear()


def preloads(*programs: Program) -> tuple[str, ...]:
    """Returns the libraries worth importing once, before programs are forked: those the programs import."""
    texts = [text for program in programs for text in program.files.values() if isinstance(text, str)]
    return tuple(
        name for name in PRELOADABLE if any(re.search(rf"^\s*(import|from) {name}\b", t, re.MULTILINE) for t in texts)
    )

"""Where in a charter a key stands: tomllib tells it for bad TOML only, so it is asked about ever longer beginnings."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from typing import Any

Path = tuple[str | int, ...]


class Lines:
    """The lines of a text that is TOML.

    A key begins on the line after the longest beginning that is TOML and does not hold it yet: no second parser is
    needed, and none can disagree with the first.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._parsed: dict[int, dict[str, Any] | None] = {}

    def of(self, path: Path) -> int:
        """Returns the line, counted from 1, of a key, or of the innermost table around it that is in the text."""
        while path and not self._holds(len(self._lines), path):
            path = path[:-1]
        if not path:
            return 1
        return bisect_left(range(len(self._lines)), True, lo=1, key=lambda count: self._holds(count, path))  # noqa: FBT003

    def _holds(self, count: int, path: Path) -> bool:
        """Returns whether the key is there when the statement that the first `count` lines end in is complete."""
        while (value := self._parse(count)) is None and count < len(self._lines):
            count += 1
        found: Any = value
        for step in path:
            listed = isinstance(found, list) and isinstance(step, int) and step < len(found)
            if not (listed or (isinstance(found, dict) and step in found)):
                return False
            found = found[step]
        return True

    def _parse(self, count: int) -> dict[str, Any] | None:
        if count not in self._parsed:
            try:
                self._parsed[count] = tomllib.loads("\n".join(self._lines[:count]))
            except (ValueError, RecursionError):
                self._parsed[count] = None
        return self._parsed[count]

"""The wall: the one place where any exception of somebody else's code is caught."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from rung.errors import RungError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Raised:
    """What foreign code raised: the exception's type, its text, and where in `file` it happened (line 0: elsewhere)."""

    type: str
    message: str
    line: int

    def __str__(self) -> str:
        """Returns it as one line for a person."""
        where = f" (line {self.line})" if self.line else ""
        return f"{self.type}: {self.message}{where}"


@dataclass(frozen=True, slots=True)
class Returned(Generic[T]):
    """What foreign code returned."""

    value: T


def attempt(call: Callable[[], T], *, file: str) -> Returned[T] | Raised:
    """Returns what the call returned or raised; `file` is the source whose line numbers are wanted.

    Raises:
      RungError: passed through, it is a sentence already.
    """
    try:
        return Returned(call())
    except RungError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code may raise anything; this is the wall
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno or 0 for frame in frames if frame.filename == file]
        if isinstance(error, SyntaxError) and error.filename == file:
            lines.append(error.lineno or 0)
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        return Raised(type(error).__name__, text[:500], lines[-1] if lines else 0)

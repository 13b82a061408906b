"""How fast, how often and how long one endpoint is asked."""

from __future__ import annotations

import tomllib
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rung.errors import BadInput

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from pathlib import Path

MINUTE = 60.0
POLL = 0.02  # seconds between two looks at whether a place has become free
LEAST_JITTER = 0.5  # of the wait: callers that failed together must not come back together


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of one endpoint.

    at_once: calls side by side. per_minute: calls begun within any minute, None for no limit. attempts: of one
    question. first_wait, longest_wait, timeout: seconds; the wait doubles from one attempt to the next.

    Raises:
      BadInput: a limit that nothing could be done within.
    """

    at_once: int = 4
    per_minute: int | None = None
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 300.0

    def __post_init__(self) -> None:
        """Refuses limits under which no call could ever be made."""
        if self.at_once < 1 or self.attempts < 1 or (self.per_minute is not None and self.per_minute < 1):
            raise BadInput("at_once, per_minute and attempts of an endpoint must be 1 or more")
        if self.timeout <= 0 or not 0 < self.first_wait <= self.longest_wait:
            raise BadInput("timeout and first_wait of an endpoint must be above 0, longest_wait at least first_wait")

    def wait(self, attempt: int, *, retry_after: float | None, rng: random.Random) -> float:
        """Returns the seconds to wait after a failed attempt (0, 1, ...); never less than what was asked for."""
        doubled = min(self.longest_wait, self.first_wait * 2.0 ** min(attempt, 60))
        jittered = doubled * (LEAST_JITTER + (1 - LEAST_JITTER) * rng.random())
        return max(jittered, retry_after or 0.0)


KINDS: dict[str, tuple[type, ...]] = {
    "at_once": (int,),
    "per_minute": (int,),
    "attempts": (int,),
    "first_wait": (int, float),
    "longest_wait": (int, float),
    "timeout": (int, float),
}


def read_paces(path: Path, *, known: Mapping[str, Pace]) -> dict[str, Pace]:
    """Returns the limits in the [endpoints] of a user's price list, each on top of what is known of the endpoint.

    Raises:
      BadInput: the file cannot be read, or a limit is none.
    """
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"the price list {path} cannot be read: {error}") from error
    tables = document.get("endpoints", {})
    if type(tables) is not dict or not all(type(table) is dict for table in tables.values()):
        raise BadInput(f'the price list {path}: [endpoints] holds "host" = {{ at_once = 4, per_minute = 60 }}')
    return {host: _pace(table, known.get(host, Pace()), f"{path}, endpoint {host!r}") for host, table in tables.items()}


def _pace(table: dict[str, Any], pace: Pace, where: str) -> Pace:
    for name, value in table.items():
        if name not in KINDS or type(value) not in KINDS[name]:
            raise BadInput(f"{where}: {name} = {value!r} is no limit; there is {', '.join(KINDS)}, each a number")
    try:
        return replace(pace, **table)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


class Turnstile:
    """What is going on at one endpoint; whoever uses it from several threads holds a lock."""

    def __init__(self, pace: Pace) -> None:
        self._pace, self._inside, self._not_before = pace, 0, 0.0
        self._begun: deque[float] = deque(maxlen=pace.per_minute or 1)

    def delay(self, now: float) -> float:
        """Returns 0 when a call may begin, else the seconds after which it is worth asking again."""
        if now < self._not_before:
            return self._not_before - now
        if self._inside >= self._pace.at_once:
            return POLL
        full = self._pace.per_minute is not None and len(self._begun) == self._pace.per_minute
        return max(0.0, self._begun[0] + MINUTE - now) if full else 0.0

    def enter(self, now: float) -> None:
        """Notes that a call begins."""
        self._inside += 1
        self._begun.append(now)

    def leave(self) -> None:
        """Notes that a call ended."""
        self._inside -= 1

    def close_until(self, moment: float) -> None:
        """Lets nobody in before the moment: the endpoint asked for it."""
        self._not_before = max(self._not_before, moment)

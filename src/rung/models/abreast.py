"""Several waits at once: one thread each, none of which keeps the process alive when a person says stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


class Together(Protocol):
    """How several questions are asked at once; `abreast` is what live models want."""

    def __call__(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Returns what the function returns for each item, in the order of the items."""


def abreast(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Returns what the function returns for each item, called in a thread each; it must not raise.

    Raises:
      RuntimeError: it raised; what, the thread has said.
    """
    results: dict[int, R] = {}

    def work(number: int) -> None:
        results[number] = function(items[number])

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(results) < len(items):
        raise RuntimeError(f"{len(items) - len(results)} of {len(items)} calls ended with an error that nobody foresaw")
    return [results[number] for number in range(len(items))]

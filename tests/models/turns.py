"""Threads that take turns: one runs at a time, a seed decides which, and time passes only when all of them sleep."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence


class Turns:
    """A schedule. `sleep` is the only place where a thread gives up its turn; `now` is virtual seconds."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.switches = 0
        self._rng = random.Random(seed)
        self._waiting: list[tuple[float, threading.Semaphore]] = []
        self._over = threading.Event()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        mine = threading.Semaphore(0)
        self._waiting.append((self.now + seconds, mine))
        self._next()
        mine.acquire()

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Runs all jobs to their end; what one raises is raised here."""
        failed: list[BaseException] = []

        def turn(job: Callable[[], None], start: threading.Semaphore) -> None:
            start.acquire()
            try:
                job()
            except BaseException as error:  # noqa: BLE001 - it is raised again below
                failed.append(error)
            finally:
                self._next()

        for job in jobs:
            start = threading.Semaphore(0)
            self._waiting.append((0.0, start))
            threading.Thread(target=turn, args=(job, start), daemon=True).start()
        self._next()
        assert self._over.wait(30.0), "the schedule stands still"
        if failed:
            raise failed[0]

    def _next(self) -> None:
        self.switches += 1
        if not self._waiting:
            self._over.set()
            return
        first = min(moment for moment, _ in self._waiting)
        self.now = max(self.now, first)
        ready = [index for index, (moment, _) in enumerate(self._waiting) if moment <= self.now]
        self._waiting.pop(self._rng.choice(ready))[1].release()

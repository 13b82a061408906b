"""What a person sees while a run works: the curve, the pace, what each arm earns, what is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from rung.cli.curve import curve
from rung.cli.screen import live, number, plain, signed, table, talk
from rung.cli.story import Story
from rung.kernel.sandbox.choice import UNISOLATED

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table

    from rung.kernel.ledger.port import Event

LIVE_SECONDS = 0.2
LINE_SECONDS = 5.0
ARMS_SHOWN = 8
CURVE_WIDTH = 72
CURVE_HEIGHT = 5


class Progress:
    """Shows a run on stderr: redrawn in place on a terminal, a line now and then elsewhere, nothing when quiet.

    There is no thread behind it (the kernel forks): what it shows is as new as the last event.
    """

    def __init__(self, *, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.story = Story()
        self._quiet, self._clock = quiet, clock
        self._console: Console = talk()
        self._live: Live | None = None
        self._began_at = time.time()
        self._began = self._shown = clock()
        self._on_record = self._before = 0
        self._greeted = self._drawn = False

    def __enter__(self) -> Self:
        """Takes the screen, if there is one."""
        self._live = live(self._console, quiet=self._quiet)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the screen back, after a last look: a quick run is over before anything was due."""
        if self._live is not None:
            if self._greeted and self.story.steps:
                self._draw(self._clock())
            self._live.stop()
        if error is None and not self._greeted and not self._quiet and self.story.end:
            self._console.print(f"run {self.story.run} was finished before; this is what it found", soft_wrap=True)

    def observe(self, event: Event) -> None:
        """Takes the next event, and shows what changed if it is time to."""
        self.story.add(event)
        if self._quiet:
            return
        if event.at < self._began_at:
            self._on_record, self._before = self.story.attempts, self.story.spent.evaluations
            return
        if not self._greeted:
            self._greet()
        now = self._clock()
        first = self._live is not None and not self._drawn and bool(self.story.steps)
        if first or now - self._shown >= (LIVE_SECONDS if self._live else LINE_SECONDS):
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._shown, self._drawn = now, True
        pace = (self.story.spent.evaluations - self._before) / max(now - self._began, 1e-3)
        if self._live is not None:
            self._live.update(picture(self.story, pace=pace, width=self._console.width), refresh=True)
        else:
            self._console.print(line(self.story, pace=pace) + _earning(self.story), soft_wrap=True)

    def _greet(self) -> None:
        self._greeted = True
        start = self.story.start
        what = f"{self._on_record:,} attempts on record" if self._on_record else f"{start['attempts']:,} attempts"
        verb = "resuming run" if self._on_record else "run"
        bare = "; nothing isolates the programs of this run" if start["sandbox"] == UNISOLATED else ""
        sandbox = f"sandbox {start['sandbox']} ({', '.join(start['layers'])}{bare})"
        self._console.print(f"{verb} {self.story.run} of {plain(start['task'])}, {what}, {sandbox}", soft_wrap=True)


def picture(story: Story, *, pace: float, width: int) -> RenderableType:
    """Returns the whole display. pace: evaluations per second, of this sitting. width: of the terminal."""
    lines = [Text(row, style="green") for row in story_curve(story, width=width - 1)]
    arms = arms_table(story)
    return Group(*lines, Text(line(story, pace=pace)), *([arms] if arms else []))


def story_curve(story: Story, *, width: int = CURVE_WIDTH) -> list[str]:
    """Returns the lines of the run's score curve, its least and its best value beside it."""
    points = [(step.number, step.value) for step in story.steps]
    labels = [number(story.best), *[""] * (CURVE_HEIGHT - 2), number(story.first)]
    margin = max(map(len, labels))
    rows = curve(points, last=story.attempts, width=min(width, CURVE_WIDTH) - margin - 1, height=CURVE_HEIGHT)
    return [f"{label:>{margin}} {row}" for label, row in zip(labels, rows, strict=False)]


def line(story: Story, *, pace: float) -> str:
    """Returns how things stand, in one line."""
    parts = [
        f"{story.attempts:,} attempts ({pace:.0f} evaluations/s)",
        f"incumbent {number(story.best)} (seed {number(story.first)})",
    ]
    parts.append("scoring held-out cases" if story.committed else f"left: {_left(story)}")
    return " · ".join(parts)


def _earning(story: Story) -> str:
    if not story.arms:
        return ""
    name, earned = max(story.arms.items(), key=lambda item: item[1].get("share", 0.0))
    return f" · most goes to {plain(name, limit=24)} ({earned.get('share', 0.0):.0%})"


def _left(story: Story) -> str:
    allowance, spent = story.start["allowance"], story.spent
    parts = [f"{story.start['attempts'] - story.attempts:,} attempts"]
    if allowance["cpu_seconds"] is not None:
        parts.append(f"{max(0.0, allowance['cpu_seconds'] - spent.cpu_seconds):.1f} CPU-s")
    if allowance["seconds"] is not None:
        parts.append(f"{max(0.0, allowance['seconds'] - spent.seconds):.0f} s")
    if allowance["tokens"] is not None:
        parts.append(f"{max(0, allowance['tokens'] - spent.tokens):,} tokens")
    if allowance["usd"] is not None:
        parts.append(f"${max(0.0, allowance['usd'] - spent.usd):,.4f}")
    return ", ".join(parts)


def arms_table(story: Story) -> Table | None:
    """Returns what each arm earned, or None when the improver does not say."""
    if not story.arms:
        return None
    rows = table("arm", "#share", "#cost", "#earned")
    ranked = sorted(story.arms.items(), key=lambda item: -item[1].get("share", 0.0))
    for name, earned in ranked[:ARMS_SHOWN]:
        rows.add_row(
            plain(name, limit=30),
            f"{earned['share']:.0%}" if "share" in earned else "-",
            f"{earned['cost']:,.4g}" if "cost" in earned else "-",
            signed(earned["earned"]) if "earned" in earned else "-",
        )
    return rows

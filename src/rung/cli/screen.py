"""How things look: where talk and results go, and numbers and foreign text as they may stand on a terminal."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rung.records import Cost, Interval
    from rung.wire import JSON

PIPE_WIDTH = 120


def results() -> Console:
    """Returns the console for what was asked for: stdout."""
    return _console(stderr=False)


def talk() -> Console:
    """Returns the console for everything else: stderr."""
    return _console(stderr=True)


@contextmanager
def foreign_talk() -> Iterator[None]:
    """Sends what tasks and evaluators print to stderr, also from processes of theirs: stdout is for results alone."""
    with ExitStack() as undo:
        with suppress(OSError):  # one of them was closed by who called; there is nothing to keep apart then
            sys.stdout.flush()
            kept = os.dup(1)
            undo.callback(os.close, kept)
            undo.callback(os.dup2, kept, 1)
            undo.callback(_flush)
            os.dup2(2, 1)
        undo.enter_context(redirect_stdout(sys.stderr))
        yield


def _flush() -> None:
    if sys.__stdout__ is not None:
        sys.__stdout__.flush()


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    # Names and messages come from programs and improvers: nothing in them is markup.
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def live(console: Console, *, quiet: bool) -> Live | None:
    """Returns a display that redraws in place, started; None when there is no terminal or nothing is to be shown."""
    if quiet or not console.is_terminal or console.is_dumb_terminal:
        return None
    made = Live(console=console, auto_refresh=False, transient=True)
    made.start()
    return made


def table(*columns: str, title: str | None = None) -> Table:
    """Returns an empty table; a column whose name starts with "#" holds numbers."""
    made = Table(box=None, title=title, title_justify="left", header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column.removeprefix("#"), justify="right" if column.startswith("#") else "left")
    return made


def print_json(document: JSON) -> None:
    """Prints one document on stdout, numbers in full precision."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def plain(text: str, *, limit: int = 300) -> str:
    """Returns foreign text as one line without control characters."""
    line = "".join(character if character.isprintable() else " " for character in text[: limit + 1])
    return line if len(text) <= limit else line[: limit - 1] + "…"


def number(value: float | None, *, digits: int = 7) -> str:
    """Returns a number as people read it; "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}g}"


def signed(value: float) -> str:
    """Returns a difference with its sign."""
    return f"{value:+.6g}"


def gain_words(gain: Interval) -> str:
    """Returns a held-out gain with its interval."""
    cases = "case" if gain.n == 1 else "cases"
    return f"{signed(gain.mean)}  (95% between {signed(gain.low)} and {signed(gain.high)}, {gain.n} {cases})"


def interval_document(gain: Interval) -> dict[str, JSON]:
    """Returns a held-out gain as every JSON document has it."""
    return {"n": gain.n, "gain": gain.mean, "low": gain.low, "high": gain.high}


def cost_line(cost: Cost) -> str:
    """Returns what was spent, in words; tokens and money where models were asked."""
    asked = f", {cost.tokens:,} tokens (${cost.usd:,.4f})" if cost.tokens else ""
    return f"{cost.evaluations:,} evaluations, {cost.cpu_seconds:.1f} CPU-s, {cost.seconds:.1f} s{asked}"


def colour_diff(diff: str) -> Text:
    """Returns a unified diff in colour, without control characters."""
    styles = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}
    text = Text()
    for line in diff.splitlines():
        style = next((style for start, style in styles.items() if line.startswith(start)), "")
        text.append(plain(line.expandtabs(4), limit=2000) + "\n", style)
    return text

"""The table of the engine: what was wanted, what was measured, and whether it was met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a target is a largest value (at_most), a least value (at_least), or there is none."""

    what: str
    measured: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str:
        """The target in words, "-" where there is none."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return "-" if self.at_least is None else f">= {self.at_least:g}"

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.at_most is not None:
            return self.measured <= self.at_most
        return None if self.at_least is None else self.measured >= self.at_least


def rendered(rows: Sequence[Row]) -> str:
    """Returns the rows as a table in Markdown, which a lab note can hold as it is."""
    words = {None: "-", True: "met", False: "not met"}
    cells = [("what", "target", "measured", "unit", "verdict"), ("---",) * 5]
    cells += [(row.what, row.target, f"{row.measured:.4g}", row.unit, words[row.is_met]) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in cells)

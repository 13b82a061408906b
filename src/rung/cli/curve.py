"""A score curve out of block characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"


def curve(points: Sequence[tuple[int, float]], *, last: int, width: int = 60, height: int = 5) -> list[str]:
    """Returns the lines of a step curve, top line first.

    points: (attempt, value), attempts rising; a value holds until the next point. last: the attempt at the right edge.
    """
    if not points:
        return []
    columns = _columns(points, last=max(last, points[-1][0], 1), width=width)
    low, high = min(columns), max(columns)
    span = (high - low) or 1.0
    eighths = [1 + round((value - low) / span * (8 * height - 1)) if high > low else 4 for value in columns]
    return [
        "".join(BLOCKS[max(0, min(8, level - 8 * row))] for level in eighths).rstrip()
        for row in range(height - 1, -1, -1)
    ]


def _columns(points: Sequence[tuple[int, float]], *, last: int, width: int) -> list[float]:
    values, index = [], 0
    for column in range(width):
        attempt = last * (column + 1) / width
        while index + 1 < len(points) and points[index + 1][0] <= attempt:
            index += 1
        values.append(points[index][1])
    return values

"""Curves with bands for a terminal: all arms in one frame, a mark for each, and one line per arm below it."""

from __future__ import annotations

from collections.abc import Sequence

from rung.observatory.curves import Band
from rung.observatory.words import LABELS, amount, plain, short

MARKS = {"self": "●", "control": "○", "late": "◐", "frozen": "▲", "no-meta": "□", "sham": "◇", "random": "+", "aa": "="}
ORDER = ("aa", "random", "sham", "no-meta", "frozen", "late", "control", "self")  # the last one lies on top
SHADE = "░"
BLOCKS = "▁▂▃▄▅▆▇█"


def picture(bands: Sequence[Band], *, unit: str, width: int = 64, height: int = 14) -> list[str]:
    """Returns the lines of a frame of mean curves, with the band of the first arm shaded, and a legend.

    bands: on one grid of works; those of arms that never climbed are in the legend alone. unit: of work.
    width, height: of the frame's inside, in characters.
    """
    if not bands:
        return ["no arm has a curve"]
    climbing = [band for band in bands if band.climbs]
    rows = [[" "] * width for _ in range(height)]
    top = max((value for band in climbing for value in (*band.high, *band.mean)), default=1.0) or 1.0
    if climbing:
        _shade(rows, climbing[0], top=top)
    for band in sorted(climbing, key=lambda one: ORDER.index(one.arm)):
        _draw(rows, band, top=top)
    frame = _frame(rows, top=top, most=bands[0].work[-1], unit=unit) if climbing else []
    return [*frame, *(_line(band) for band in bands)]


def _frame(rows: Sequence[Sequence[str]], *, top: float, most: float, unit: str) -> list[str]:
    height, width = len(rows), len(rows[0])
    labels = [short(top * (height - row) / height) if row in {0, height // 2} else "" for row in range(height)]
    half, end = amount(most / 2), amount(most)
    left = width // 2 + len(half) // 2
    return [
        *(f"{label:>5} ┤{''.join(row).rstrip()}" for label, row in zip(labels, rows, strict=True)),
        f"    0 ┼{'─' * width}",
        f"      0{half:>{left}}{end:>{width - left}}",
        f"      share of held-out puzzles solved, by work spent ({unit})",
    ]


def sparkline(values: Sequence[float], *, top: float, width: int = 24) -> str:
    """Returns a row of blocks; each column is the value at its right edge, `top` the full block."""
    columns = [values[(len(values) * (column + 1) - 1) // width] for column in range(width)]
    return "".join(BLOCKS[_level(value, top=top, count=len(BLOCKS))] for value in columns)


def _line(band: Band) -> str:
    why = "all its work on these" if band.moved else "at the end only"
    spark = sparkline(band.mean, top=1.0) if band.climbs else f"{why:24}"
    end = plain(band.end)
    return f"{MARKS[band.arm]} {LABELS[band.arm]:8}{spark}  {end}  {band.n} seed{'' if band.n == 1 else 's'}"


def _level(value: float, *, top: float, count: int) -> int:
    return max(0, min(count - 1, int(value / top * count)))


def _columns(values: Sequence[float], width: int) -> list[float]:
    return [values[(len(values) - 1) * column // max(width - 1, 1)] for column in range(width)]


def _shade(rows: list[list[str]], band: Band, *, top: float) -> None:
    height, width = len(rows), len(rows[0])
    for column, (low, high) in enumerate(zip(_columns(band.low, width), _columns(band.high, width), strict=True)):
        for level in range(_level(low, top=top, count=height), _level(high, top=top, count=height) + 1):
            rows[height - 1 - level][column] = SHADE


def _draw(rows: list[list[str]], band: Band, *, top: float) -> None:
    height, width = len(rows), len(rows[0])
    for column, value in enumerate(_columns(band.mean, width)):
        rows[height - 1 - _level(value, top=top, count=height)][column] = MARKS[band.arm]

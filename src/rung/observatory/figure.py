"""Curves with bands as an SVG file: light ground, colours that the colour-blind tell apart, dashes for print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from rung.observatory.curves import Band
from rung.observatory.words import LABELS, amount, plain, short

# Okabe and Ito 2008, with black for the arm in question.
COLOURS = {
    "self": "#000000",
    "control": "#D55E00",
    "late": "#8C564B",
    "frozen": "#0072B2",
    "no-meta": "#009E73",
    "sham": "#CC79A7",
    "random": "#E69F00",
    "aa": "#56B4E9",
}
DASHES = {
    "self": "",
    "control": "7 3",
    "late": "11 3 4 3",
    "frozen": "2 3",
    "no-meta": "9 3 2 3",
    "sham": "4 4",
    "random": "1 4",
    "aa": "12 4",
}
WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 66, 176, 58, 104
LINE = 15  # pixels between two lines of small text
CAPTION = 100  # characters of a line of the caption


@dataclass(frozen=True, slots=True)
class Frame:
    """Where data lie on the page. most: work at the right edge; top: share at the upper edge."""

    most: float
    top: float

    def x(self, work: float) -> float:
        """Returns the pixel of a work."""
        return LEFT + (WIDTH - LEFT - RIGHT) * work / self.most

    def y(self, share: float) -> float:
        """Returns the pixel of a share."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / self.top


def figure(bands: Sequence[Band], *, title: str, caption: str, unit: str) -> str:
    """Returns the text of an SVG file.

    bands: on one grid of works; arms that never climbed are marked at their end. caption: a sentence or two, wrapped.
    unit: of work.
    """
    highest = max((value for band in bands for value in (*band.high, *band.mean)), default=1.0)
    ticks = _ticks(highest)
    frame = Frame(max((band.work[-1] for band in bands), default=1.0) or 1.0, ticks[-1])
    what = f"; band: {bands[0].what}" if bands and bands[0].n > 1 else "; one seed"
    lines = _wrapped(caption)
    height = HEIGHT - 25 + LINE * len(lines)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222222" role="img">'
    )
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(caption)}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 26, title, size=16, weight="bold"),
        _text(LEFT, 44, f"share of held-out puzzles solved{what}" if bands else "no arm has a curve", grey=True),
        *_axes(frame, ticks, unit),
        *(_shade(band, frame) for band in reversed(bands) if band.climbs),
        *(_stroke(band, frame) for band in reversed(bands)),
        *_legend(bands, frame),
        *(_text(LEFT, HEIGHT - 40 + LINE * row, line, grey=True) for row, line in enumerate(lines)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _ticks(highest: float) -> list[float]:
    """Returns round shares from 0 to at least the highest, four to six of them."""
    step = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if highest <= 5 * step + 1e-9), 0.2)
    return [step * number for number in range(max(1, math.ceil(highest / step - 1e-9)) + 1)]


def _round_step(most: float) -> float:
    """Returns 1, 2 or 5 times a power of ten that goes four to ten times into the most."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(factor * power for factor in (0.1, 0.2, 0.5, 1.0) if most <= 8 * factor * power or factor == 1.0)


def _axes(frame: Frame, ticks: Sequence[float], unit: str) -> list[str]:
    right, base = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for share in ticks:
        y = frame.y(share)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e4e4e4"/>')
        parts.append(_text(LEFT - 8, y + 4, short(share) if share else "0", anchor="end"))
    step = _round_step(frame.most)
    for number in range(math.floor(frame.most / step) + 1):
        x = frame.x(step * number)
        parts.append(f'<line x1="{x:.1f}" y1="{base}" x2="{x:.1f}" y2="{base + 5}" stroke="#222222"/>')
        parts.append(_text(x, base + 19, amount(step * number), anchor="middle"))
    parts.append(f'<line x1="{LEFT}" y1="{base}" x2="{right}" y2="{base}" stroke="#222222"/>')
    parts.append(_text((LEFT + right) / 2, base + 38, f"work spent per seed, gate included ({unit})", anchor="middle"))
    middle = (TOP + base) / 2
    turned = f'text-anchor="middle" transform="rotate(-90 18 {middle:.1f})"'
    parts.append(f'<text x="18" y="{middle:.1f}" {turned}>held-out share</text>')
    return parts


def _shade(band: Band, frame: Frame) -> str:
    points = " ".join([*_points(band.work, band.high, frame), *reversed(_points(band.work, band.low, frame))])
    return f'<polygon points="{points}" fill="{COLOURS[band.arm]}" fill-opacity="0.12"/>'


def _points(work: Sequence[float], shares: Sequence[float], frame: Frame) -> list[str]:
    return [f"{frame.x(at):.1f},{frame.y(share):.1f}" for at, share in zip(work, shares, strict=True)]


def _stroke(band: Band, frame: Frame) -> str:
    colour = COLOURS[band.arm]
    if not band.climbs:
        x = frame.x(frame.most)
        ends = f'x1="{x:.1f}" y1="{frame.y(band.low[-1]):.1f}" x2="{x:.1f}" y2="{frame.y(band.high[-1]):.1f}"'
        dot = f'<circle cx="{x:.1f}" cy="{frame.y(band.mean[-1]):.1f}" r="4" fill="{colour}"/>'
        return f'<line {ends} stroke="{colour}" stroke-width="1.5"/>{dot}'
    points = " ".join(_points(band.work, band.mean, frame))
    dash = f' stroke-dasharray="{DASHES[band.arm]}"' if DASHES[band.arm] else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'


def _legend(bands: Sequence[Band], frame: Frame) -> list[str]:
    """Returns a label for each arm at the height of its end, moved apart where two would touch."""
    parts, free = [], float(TOP)
    rows = sorted(bands, key=lambda band: -band.mean[-1])
    for index, band in enumerate(rows):
        left_below = 30 * (len(rows) - index)
        y = min(max(frame.y(band.mean[-1]), free), HEIGHT - BOTTOM + 30 - left_below)
        free, x, colour = y + 30, WIDTH - RIGHT + 14, COLOURS[band.arm]
        dash = f' stroke-dasharray="{DASHES[band.arm]}"' if DASHES[band.arm] else ""
        parts.append(
            f'<line x1="{x}" y1="{y:.1f}" x2="{x + 26}" y2="{y:.1f}" stroke="{colour}" stroke-width="2"{dash}/>'
            if band.climbs
            else f'<circle cx="{x + 13}" cy="{y:.1f}" r="4" fill="{colour}"/>'
        )
        parts.append(_text(x + 32, y + 4, LABELS[band.arm] + (" moved" if band.moved else ""), weight="bold"))
        parts.append(_text(x + 32, y + 17, f"{plain(band.end)}, n = {band.n}", size=10, grey=True))
    return parts


def _wrapped(caption: str) -> list[str]:
    lines = [""]
    for word in caption.split():
        if len(lines[-1]) + len(word) >= CAPTION:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal", grey: bool = False
) -> str:
    colour = ' fill="#555555"' if grey else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}"{colour}>'
        f"{escape(text)}</text>"
    )

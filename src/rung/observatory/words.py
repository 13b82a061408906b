"""How figures of the observatory are written for people."""

from __future__ import annotations

from rung.records import Interval

LABELS = {
    "self": "SELF",
    "control": "CONTROL",
    "late": "LATE",
    "frozen": "FROZEN",
    "no-meta": "NO-META",
    "sham": "SHAM",
    "random": "RANDOM",
    "aa": "A/A",
}


def short(value: float) -> str:
    """Returns a figure with two decimals and no zero before the point; with three where two would show none of it."""
    text = f"{value:.3f}" if 0 < abs(value) < 0.005 else f"{value:.2f}"
    text = text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
    return text.lstrip("-") if float(text) == 0 else text


def signed(interval: Interval) -> str:
    """Returns "+.38 [.31, .44]", without limits for one seed."""
    mean = short(interval.mean)
    return f"{mean if mean.startswith('-') else '+' + mean} {limits(interval)}".strip()


def plain(interval: Interval) -> str:
    """Returns ".38 [.31, .44]", without limits for one seed."""
    return f"{short(interval.mean)} {limits(interval)}".strip()


def limits(interval: Interval) -> str:
    """Returns "[.31, .44]", nothing for one seed."""
    return "" if interval.n < 2 else f"[{short(interval.low)}, {short(interval.high)}]"


def amount(value: float) -> str:
    """Returns a large number in at most four characters and a letter: "940", "1.2k", "12M"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"

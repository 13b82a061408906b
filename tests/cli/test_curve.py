"""The score curve and numbers, as they are drawn."""

from __future__ import annotations

from rung.cli.curve import curve
from rung.cli.screen import number, plain


def test_a_curve_rises_at_its_steps() -> None:
    rows = curve([(0, 0.0), (5, 1.0)], last=10, width=10, height=2)
    assert [len(row) for row in rows] == [10, 10]
    assert rows[0] == "    ██████"
    assert rows[1] == "▁▁▁▁██████"


def test_a_flat_curve_and_none() -> None:
    assert curve([], last=10) == []
    assert curve([(0, -3.0)], last=0, width=4, height=2) == ["", "▄▄▄▄"]


def test_numbers_and_foreign_text() -> None:
    assert (number(None), number(2.0), number(2.6359830853)) == ("-", "2", "2.635983")
    assert plain("a\x1b[31m\nb") == "a [31m b"
    assert plain("x" * 500, limit=10) == "x" * 9 + "…"

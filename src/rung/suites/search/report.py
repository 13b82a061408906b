"""The document of a search bench as rows of text, for a terminal or a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = ("policy", "measurements", "regret [95 %]", "best found", "score", "evolved is better by [95 %]")


def rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Returns a row per budget and arm, the evolved policy first. Regrets and scores are means; the gain is paired."""
    found: list[tuple[str, ...]] = []
    for budget in next(iter(document["arms"].values())):
        for arm, results in document["arms"].items():
            one, gain = results[budget], document["gains"].get(f"evolved-{arm}")
            found.append(
                (
                    arm.replace("_", " "),
                    budget,
                    interval(one["regret"], digits=5),
                    f"{one['found']:.1%}",
                    f"{one['score']['mean']:.3f}",
                    interval(gain[budget]["score"], digits=3, sign="+") if gain else "",
                )
            )
    return found


def interval(values: Mapping[str, float], *, digits: int, sign: str = "") -> str:
    """Returns "mean [low, high]"."""
    mean, low, high = (f"{values[name]:{sign}.{digits}f}" for name in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"

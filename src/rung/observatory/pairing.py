"""Which figures of two arms belong together: the same seed, the same puzzle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from rung.arms.records import ArmResult
from rung.errors import BadInput
from rung.observatory.bootstrap import Array

MEASURES = ("held_out", "moved", "out_of_domain", "stream", "solved")
Results: TypeAlias = Mapping[str, Sequence[ArmResult]]
Keep: TypeAlias = Callable[[ArmResult, str], bool]


def by_seed(results: Results, arm: str) -> dict[int, ArmResult]:
    """Returns seed -> result of an arm, seeds rising; empty when the arm did not run.

    Raises:
      BadInput: a seed stands there twice.
    """
    found: dict[int, ArmResult] = {}
    for result in results.get(arm, ()):
        if result.seed in found:
            raise BadInput(f"arm {arm!r} has two results for seed {result.seed}: keep one run per arm and seed")
        found[result.seed] = result
    return dict(sorted(found.items()))


def paired(results: Results, arms: tuple[str, str]) -> list[tuple[ArmResult, ArmResult]]:
    """Returns the results of two arms on the seeds that both have, seeds rising."""
    first, second = by_seed(results, arms[0]), by_seed(results, arms[1])
    return [(result, second[seed]) for seed, result in first.items() if seed in second]


def figures(result: ArmResult, measure: str) -> dict[str, float]:
    """Returns puzzle -> 1 or 0 of one measure; "solved", and "stream" of an endless one, is a single count.

    Raises:
      BadInput: there is no such measure, or as many names as figures are missing.
    """
    if measure not in MEASURES:
        raise BadInput(f"there is no measure {measure!r}; the measures are {', '.join(MEASURES)}")
    if measure == "solved" or (measure == "stream" and not result.stream):
        return {"": float(result.solved)}
    if measure == "stream":
        return {name: float(value) for name, value in result.stream.items()}
    values: tuple[int, ...] = getattr(result, measure)
    named = measure != "out_of_domain" and result.names
    names = result.names if named else tuple(str(number) for number in range(len(values)))
    if values and len(set(names)) != len(values):
        raise BadInput(
            f"{result.arm}, seed {result.seed}: {len(values)} figures of {measure} for {len(set(names))} puzzles; "
            "each puzzle needs one figure and a name of its own"
        )
    return dict(zip(names, map(float, values), strict=False))


def matched(pair: tuple[ArmResult, ArmResult], measures: tuple[str, str]) -> dict[str, tuple[float, float]]:
    """Returns puzzle -> figures of two arms on one seed; empty where one of them has none.

    A puzzle of the stream that an arm never met is one that it did not solve.

    Raises:
      BadInput: they did not meet the same sealed puzzles.
    """
    first, second = (figures(result, measure) for result, measure in zip(pair, measures, strict=True))
    if not first or not second:
        return {}
    if "stream" not in measures and first.keys() != second.keys():
        raise BadInput(
            f"seed {pair[0].seed}: {pair[0].arm} has {len(first)} figures of {measures[0]} and {pair[1].arm} has "
            f"{len(second)} of {measures[1]}, which are not those of the same puzzles; compare arms of one world only"
        )
    return {name: (first.get(name, 0.0), second.get(name, 0.0)) for name in sorted(first.keys() | second.keys())}


def cluster(pair: tuple[ArmResult, ArmResult], measures: tuple[str, str], *, keep: Keep | None = None) -> Array:
    """Returns [puzzles, 2], the figures of two arms on the puzzles of a seed that count; keep: which do, None for all.

    Raises:
      BadInput: see `matched`.
    """
    rows = [row for name, row in matched(pair, measures).items() if keep is None or keep(pair[0], name)]
    return np.array(rows, dtype=float).reshape(-1, 2)

"""Sorting networks with few comparators, checked on all zero-one inputs and, by other code, on permutations."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

import rung

if TYPE_CHECKING:
    import random

    from rung.kernel.trial import Trial
    from rung.records import Case

LONGEST = 200
PERMUTATIONS = 200


def sorting_network(case: Case, trial: Trial) -> float:
    """Returns minus the number of comparators.

    Raises:
      rung.Invalid: the answer is no list of comparators, or some input is not sorted.
    """
    wires = cast("dict[str, int]", case.input)["wires"]
    network = _comparators(trial.run(case.input), wires)
    unsorted = _unsorted(network, wires)
    if unsorted:
        raise rung.Invalid(f"{unsorted} of the {1 << wires} zero-one inputs are not sorted")
    _try_permutations(network, wires, trial.rng)
    return -float(len(network))


def _comparators(answer: object, wires: int) -> list[tuple[int, int]]:
    if not isinstance(answer, list) or len(answer) > LONGEST:
        raise rung.Invalid(f"the answer must be a list of at most {LONGEST} comparators [i, j]")
    for number, comparator in enumerate(answer):
        if type(comparator) is not list or len(comparator) != 2 or any(type(wire) is not int for wire in comparator):
            raise rung.Invalid(f"comparator {number} must be a list [i, j] of whole numbers")
        if not 0 <= comparator[0] < comparator[1] < wires:
            raise rung.Invalid(f"comparator {number} must name two wires i < j below {wires}")
    return [(low, high) for low, high in answer]


def _unsorted(network: list[tuple[int, int]], wires: int) -> int:
    """Returns how many of all zero-one inputs end up unsorted; bit x of wire w is what input x carries there."""
    carried = [sum(1 << x for x in range(1 << wires) if x >> wire & 1) for wire in range(wires)]
    for low, high in network:
        carried[low], carried[high] = carried[low] & carried[high], carried[low] | carried[high]
    wrong = 0
    for above, below in pairwise(carried):
        wrong |= above & ~below
    return wrong.bit_count()


def _try_permutations(network: list[tuple[int, int]], wires: int, rng: random.Random) -> None:
    """Sorts random permutations one by one; the zero-one principle says that this cannot fail now, code can.

    Raises:
      rung.RungError: the two checks disagree.
    """
    for _ in range(PERMUTATIONS):
        values = rng.sample(range(wires), wires)
        for low, high in network:
            if values[low] > values[high]:
                values[low], values[high] = values[high], values[low]
        if values != sorted(values):
            raise rung.EvaluatorFailed("the zero-one check and the permutations disagree about a sorting network")


def _task(wires: int, optimum: int) -> rung.Task:
    return rung.task(
        name=f"sorting-network-{wires}",
        goal=f"Sort {wires} values with as few comparators as possible.",
        program="program/",
        entry="network.py:network",
        public="public.py",
        train=[{"wires": wires}],
        validation=[{"wires": wires}],
        held_out=[{"wires": wires}],
        limits=rung.Limits(cpu_seconds=2.0, wall_seconds=30.0),
        attempts=2000,
        bound=-float(optimum),
        known={"optimum": -optimum},
        unit="-comparators",
    )(sorting_network)


sorting_network_7 = _task(7, 16)
sorting_network_8 = _task(8, 19)
sorting_network_9 = _task(9, 25)

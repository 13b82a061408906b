"""Online bin packing: a rule that places each item as it comes, scored by the bins it wastes.

The rules are those of FunSearch: `bins` holds the room left in every bin the item fits in, untouched ones included, in
the order of their first use; the item goes to the first bin of the highest priority.

Covered: the program is asked about one item and the current bins, never shown a sequence, and this side simulates. A
rule is first read as a table (the rank of every room level for every item size) and simulated with heaps. Queries with
whole `bins` arrays, from an instance that is not scored, then check that the table describes the rule. If it does not
(the rule looks at neighbours, positions or counts), every item is simulated literally, one query per step.
Not covered: a rule that behaves like its table on the audited states and otherwise elsewhere.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import rung

if TYPE_CHECKING:
    import random

    from rung.kernel.trial import Trial
    from rung.records import Case

AUDITS = 6

Items = Sequence[int]


@dataclass(frozen=True, slots=True)
class Family:
    """A distribution of instances; sizes lie in low..high, `length` items are drawn when the input names no number."""

    capacity: int
    low: int
    high: int
    length: int
    weibull: tuple[float, float] | None = None

    def draw(self, rng: np.random.Generator, length: int) -> list[int]:
        """Returns `length` item sizes."""
        if self.weibull is None:
            return [int(size) for size in rng.integers(self.low, self.high + 1, length)]
        scale, shape = self.weibull
        sizes = np.clip(np.round(scale * rng.weibull(shape, length)), self.low, self.high)
        return [int(size) for size in sizes]

    @property
    def levels(self) -> list[int]:
        """The room that a bin can have left, least first; the last one is an untouched bin."""
        return [*range(self.capacity - self.low + 1), self.capacity]


OR_LIKE = Family(capacity=150, low=20, high=100, length=500)
WEIBULL = Family(capacity=100, low=1, high=100, length=5000, weibull=(45.0, 3.0))


@dataclass(frozen=True, slots=True)
class State:
    """One moment of a simulation, as a rule sees it.

    bins: the room in the bins that the item fits in, up to the first untouched one; untouched: how many follow.
    chosen: the place of the bin that the table took.
    """

    item: int
    bins: list[int]
    untouched: int
    chosen: int


def instances(family: Family, source: int | Mapping[str, int]) -> tuple[list[list[int]], list[int]]:
    """Returns the scored instances of a case input and one more of the same length that is used for audits.

    source: a seed, or {"seed", "count", "items"} for several instances of a stated length.
    """
    document = {"seed": source} if isinstance(source, int) else source
    rng = np.random.default_rng(document["seed"])
    length, count = document.get("items", family.length), document.get("count", 1)
    drawn = [family.draw(rng, length) for _ in range(count + 1)]
    return drawn[:count], drawn[count]


def lower_bound(family: Family, items: Items) -> int:
    """Returns the L1 bound: the bins that the total size needs at least."""
    return math.ceil(sum(items) / family.capacity)


def ranks(trial: Trial, queries: Sequence[tuple[int, list[int]]]) -> list[list[int]]:
    """Returns the rank of every bin, per query (item, bins).

    Raises:
      Invalid: an answer is not one rank per bin.
    """
    answers: Any = trial.run({"rank": [[item, [*bins]] for item, bins in queries]})
    if type(answers) is not list or len(answers) != len(queries):
        raise rung.Invalid("one answer per query was expected")
    for answer, (_, bins) in zip(answers, queries, strict=True):
        if type(answer) is not list or len(answer) != len(bins) or any(type(rank) is not int for rank in answer):
            raise rung.Invalid("priorities must be one finite number per bin")
    return list(answers)


def choices(trial: Trial, queries: Sequence[tuple[int, list[int], int]]) -> list[int]:
    """Returns the place of the chosen bin, per query (item, bins, untouched bins after those).

    Raises:
      Invalid: an answer is no place of a bin.
    """
    answers: Any = trial.run({"choose": [[item, [*bins], untouched] for item, bins, untouched in queries]})
    if type(answers) is not list or len(answers) != len(queries):
        raise rung.Invalid("one answer per query was expected")
    for answer, (_, bins, untouched) in zip(answers, queries, strict=True):
        if type(answer) is not int or not 0 <= answer < len(bins) + untouched:
            raise rung.Invalid("priorities must be one finite number per bin")
    return list(answers)


def preferences(trial: Trial, family: Family, sizes: Sequence[int]) -> dict[int, list[list[int]]]:
    """Returns for each item size the groups of equally good room levels, best first.

    A group with the untouched level is the last one: an untouched bin is always there.
    """
    queries = [(size, [level for level in family.levels if level >= size]) for size in sizes]
    table = {}
    for answer, (size, levels) in zip(ranks(trial, queries), queries, strict=True):
        groups: dict[int, list[int]] = {}
        for level, rank in zip(levels, answer, strict=True):
            groups.setdefault(rank, []).append(level)
        ordered = [groups[rank] for rank in sorted(groups, reverse=True)]
        last = next(k for k, group in enumerate(ordered) if family.capacity in group)
        table[size] = ordered[: last + 1]
    return table


def placements(family: Family, table: Mapping[int, list[list[int]]], items: Items) -> Iterator[int]:
    """Yields the number of the bin that each item goes to by the table; a new bin gets the next number.

    One heap of bin numbers per room level tells the first bin of a level at once.
    """
    heaps: list[list[int]] = [[] for _ in range(family.capacity + 1)]
    plain = {size: [group[0] for group in row] for size, row in table.items() if all(len(g) == 1 for g in row)}
    used = 0
    for item in items:
        number, chosen = used, family.capacity
        if item in plain:  # no ties, the usual case: the first level that has a bin
            for level in plain[item]:
                if heaps[level]:
                    number, chosen = heapq.heappop(heaps[level]), level
                    break
        else:
            for group in table[item]:
                for level in group:
                    if heaps[level] and heaps[level][0] < number:
                        number, chosen = heaps[level][0], level
                if number < used:
                    heapq.heappop(heaps[chosen])
                    break
        used += number == used
        heapq.heappush(heaps[chosen - item], number)
        yield number


def table_bins(family: Family, table: Mapping[int, list[list[int]]], items: Items) -> int:
    """Returns the bins that the table uses for the items."""
    return 1 + max(placements(family, table, items))


def audit_states(family: Family, table: Mapping[int, list[list[int]]], items: Items, rng: random.Random) -> list[State]:
    """Returns some moments of the simulation of `items` by the table, with the bins as the rules show them."""
    wanted = {rng.randrange(len(items)) for _ in range(AUDITS)} | {len(items) - 1}
    room: list[int] = []
    states = []
    for step, number in enumerate(placements(family, table, items)):
        item = items[step]
        if step in wanted:
            fitting = [*(k for k, left in enumerate(room) if left >= item), len(room)]
            bins = [*(room[k] for k in fitting[:-1]), family.capacity]
            states.append(State(item, bins, len(items) - len(room) - 1, fitting.index(number)))
        if number == len(room):
            room.append(family.capacity)
        room[number] -= item
    return states


def literal_bins(trial: Trial, family: Family, lists: Sequence[Items]) -> list[int]:
    """Returns the bins used per instance when every decision is asked for with the whole `bins` array.

    Shares no code with the simulation by table. The instances advance together, one message per step.
    """
    rooms = [np.full(len(items), family.capacity) for items in lists]
    for step in range(max(len(items) for items in lists)):
        active = [k for k, items in enumerate(lists) if step < len(items)]
        valid = [np.flatnonzero(rooms[k] >= lists[k][step]) for k in active]
        queries = []
        for k, fitting in zip(active, valid, strict=True):
            bins = rooms[k][fitting]
            used = np.flatnonzero(bins != family.capacity)
            shown = min(int(used[-1]) + 2 if len(used) else 1, len(bins))  # up to the tail of equal, untouched bins
            queries.append((lists[k][step], bins[:shown].tolist(), len(bins) - shown))
        for k, fitting, place in zip(active, valid, choices(trial, queries), strict=True):
            rooms[k][fitting[place]] -= lists[k][step]
    return [int(np.count_nonzero(room != family.capacity)) for room in rooms]


def excess(case: Case, trial: Trial, family: Family) -> float:
    """Returns minus the excess over the L1 bound in percent, over all instances of the case together."""
    lists, spare = instances(family, case.input)  # type: ignore[arg-type]
    sizes = sorted({size for items in [*lists, spare] for size in items})
    table = preferences(trial, family, sizes)
    states = audit_states(family, table, spare, trial.rng)
    places = choices(trial, [(state.item, state.bins, state.untouched) for state in states])
    agree = all(place == state.chosen for place, state in zip(places, states, strict=True))
    used = [table_bins(family, table, items) for items in lists] if agree else literal_bins(trial, family, lists)
    bound = sum(lower_bound(family, items) for items in lists)
    return -100.0 * (sum(used) - bound) / bound


def bin_packing_or(case: Case, trial: Trial) -> float:
    """Minus the excess in percent on items 20..100, capacity 150, like the OR library's third set."""
    return excess(case, trial, OR_LIKE)


def bin_packing_weibull(case: Case, trial: Trial) -> float:
    """Minus the excess in percent on Weibull(45, 3) items, capacity 100."""
    return excess(case, trial, WEIBULL)


or_task = rung.task(
    name="bin-packing-or",
    goal="Place items as they come into as few bins as possible: 500 items of size 20 to 100, bins of 150.",
    program="program/",
    entry="skeleton.py:decide",
    editable=("priority.py",),
    train=[{"seed": 11, "count": 10, "items": 500}],
    validation=rung.fresh(30),
    held_out=rung.fresh(20),
    limits=rung.Limits(cpu_seconds=5.0, wall_seconds=60.0),
    attempts=4000,
    bound=0.0,
    known={"first fit (OR3)": -5.74, "best fit (OR3)": -5.37, "FunSearch (OR3)": -3.11},
    unit="-excess %",
)(bin_packing_or)

weibull_task = rung.task(
    name="bin-packing-weibull",
    goal="Place items as they come into as few bins as possible: sizes Weibull(45, 3) in 1..100, bins of 100.",
    program="program/",
    entry="skeleton.py:decide",
    editable=("priority.py",),
    train=[{"seed": 21, "count": 3, "items": 3000}],
    validation=rung.fresh(3),
    held_out=rung.fresh(20),
    limits=rung.Limits(cpu_seconds=5.0, wall_seconds=60.0),
    attempts=4000,
    bound=0.0,
    known={"first fit": -4.23, "best fit": -3.98, "FunSearch": -0.68},
    unit="-excess %",
)(bin_packing_weibull)

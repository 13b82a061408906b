"""A black box: a table behind questions. It answers what one measurement says, counts, and knows what is best."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rung.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.suites.search.tables import Table
    from rung.wire import JSON

WORD = (1 << 64) - 1


class Box:
    """What is known of one table, by the evaluator alone.

    name, source: of the table. sizes, ordered: see Family. size: number of configurations.
    """

    def __init__(self, table: Table) -> None:
        self.name, self.source = table.name, table.source
        self.sizes, self.ordered = table.space.sizes, table.space.ordered
        self.size = len(table.counts)
        means = np.where(np.arange(table.values.shape[1]) < table.counts[:, None], table.values, 0.0).sum(1)
        means /= table.counts
        self._means: list[float] = means.tolist()
        self._descending: list[float] = np.sort(means)[::-1].tolist()
        self._ranks: list[int] = (self.size - np.searchsorted(np.sort(means), means, side="right")).tolist()
        self._values: list[list[float]] = table.values.tolist()
        self._counts: list[int] = table.counts.tolist()

    def measured(self, configuration: int, *, chance: int) -> float:
        """Returns one of the measurements of a configuration, at random."""
        return self._values[configuration][mixed(chance, configuration) % self._counts[configuration]]

    def score(self, configuration: int) -> float:
        """Returns 1 - log(1 + rank) / log(size) in [0, 1], where `rank` configurations have a better mean.

        Means of accuracies and of losses cannot be compared with one another; ranks can. The logarithm gives the way
        from the best hundredth to the best thousandth as much room as the way to the hundredth.
        """
        return 1.0 - math.log1p(self._ranks[configuration]) / math.log(self.size)

    def regret_at(self, score: float) -> float:
        """Returns how far below the best mean a configuration of this score is, in the table's unit."""
        rank = round(math.expm1((1.0 - score) * math.log(self.size)))
        return self._descending[0] - self._descending[min(rank, self.size - 1)]


def mixed(*numbers: int) -> int:
    """Returns 64 bits that follow from the numbers and look like chance."""
    state = 0
    for number in numbers:
        state = (state ^ number) + 0x9E3779B97F4A7C15 & WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & WORD
        state ^= state >> 31
    return state


@dataclass(frozen=True, slots=True)
class Labels:
    """What the policy sees instead of the table's own coordinates; nothing about a table can be learned by heart.

    order: place of each shown parameter in the table. choices: for each shown parameter, shown choice -> table's.
    """

    order: tuple[int, ...]
    choices: tuple[tuple[int, ...], ...]

    @classmethod
    def drawn(cls, box: Box, seed: int) -> Labels:
        """Returns labels at random: parameters in any order, choices shuffled, or turned round where they have one."""
        rng = random.Random(seed)  # noqa: S311 - seeded, no secrets
        order = rng.sample(range(len(box.sizes)), len(box.sizes))
        choices = []
        for place in order:
            shown = list(range(box.sizes[place]))
            if not box.ordered[place]:
                rng.shuffle(shown)
            elif rng.random() < 0.5:
                shown.reverse()
            choices.append(tuple(shown))
        return cls(tuple(order), tuple(choices))


class Episode:
    """One search on one box with its budget; the policy's answers are judged here.

    The same configuration gives the same sequence of measurements to every policy with the same seed.
    """

    def __init__(self, box: Box, *, budget: int, seed: int) -> None:
        self._box, self._budget, self._seed = box, budget, seed
        self._labels = Labels.drawn(box, mixed(seed, 1))
        self._chance = mixed(seed, 2)
        self._seen: dict[int, list[float]] = {}
        self._used = 0
        self._choice: int | None = None

    def opening(self) -> dict[str, JSON]:
        """Returns the first question: what the space is like and how many measurements there are."""
        shown = self._labels.order
        return {
            "space": [self._box.sizes[place] for place in shown],
            "ordered": [self._box.ordered[place] for place in shown],
            "budget": self._budget,
            "seed": mixed(self._seed, 3) >> 12,
        }

    @property
    def done(self) -> bool:
        """Whether the policy has said what it chooses."""
        return self._choice is not None

    def take(self, answer: JSON) -> list[float]:
        """Returns the measurements that an answer asks for; [] when it ends the episode.

        Raises:
          Invalid: the answer has no agreed form, leaves the space or the budget, or chooses what it never measured.
        """
        if not isinstance(answer, dict):
            raise Invalid(f"an object with points or a choice was expected, not {str(answer)[:60]!r}")
        if answer.keys() == {"choice"}:
            self._choice = self._chosen(answer["choice"])
            return []
        points = answer.get("points")
        if answer.keys() != {"points"} or not isinstance(points, list) or not points:
            raise Invalid('an answer is {"points": [[...], ...]} with at least one point, or {"choice": [...]}')
        if self._used + len(points) > self._budget:
            raise Invalid(f"{self._used + len(points)} measurements were asked for, and the budget is {self._budget}")
        return [self._measure(self._configuration(point)) for point in points]

    def score(self) -> float:
        """Returns the score of what was chosen."""
        assert self._choice is not None  # noqa: S101 - asked when it is done
        return self._box.score(self._choice)

    def _measure(self, configuration: int) -> float:
        before = self._seen.setdefault(configuration, [])
        value = self._box.measured(configuration, chance=mixed(self._chance, len(before)))
        before.append(value)
        self._used += 1
        return value

    def _chosen(self, point: JSON) -> int:
        if not self._seen:
            raise Invalid("nothing was measured")
        if point is None:
            return max(self._seen, key=lambda configuration: max(self._seen[configuration]))
        configuration = self._configuration(point)
        if configuration not in self._seen:
            raise Invalid("the point chosen was never measured")
        return configuration

    def _configuration(self, point: JSON) -> int:
        choices: Sequence[tuple[int, ...]] = self._labels.choices
        if not isinstance(point, list) or len(point) != len(choices):
            raise Invalid(f"a point is a list of {len(choices)} whole numbers, not {str(point)[:60]!r}")
        real = [0] * len(choices)
        for place, shown, value in zip(self._labels.order, choices, point, strict=True):
            if type(value) is not int or not 0 <= value < len(shown):
                raise Invalid(f"choice {str(value)[:40]!r} is outside the space: 0 to {len(shown) - 1} was expected")
            real[place] = shown[value]
        number = 0
        for size, value in zip(self._box.sizes, real, strict=True):
            number = number * size + value
        return number

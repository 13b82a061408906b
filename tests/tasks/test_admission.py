"""Every task that ships passes admission."""

from __future__ import annotations

from typing import ClassVar

from rung.authoring import built_in_tasks
from rung.records import Task
from rung.testing import TaskSuite

FUNCTIONS = {
    "bin-packing-or": ("priority.py", "priority"),
    "bin-packing-weibull": ("priority.py", "priority"),
    "cap-set-8": ("cap.py", "cap"),
    "circles-26": ("pack.py", "pack"),
    "circles-32": ("pack.py", "pack"),
    "erdos-overlap": ("overlap.py", "overlap"),
    "faster": ("report.py", "report"),
    "sorting-network-7": ("network.py", "network"),
    "sorting-network-8": ("network.py", "network"),
    "sorting-network-9": ("network.py", "network"),
    "update-rule": ("rule.py", "update"),
}
TASKS = built_in_tasks()


def test_every_task_is_here() -> None:
    """A task that ships without admission is a hole."""
    assert set(TASKS) == set(FUNCTIONS)


class Shipped(TaskSuite):
    """A task by its name."""

    name: ClassVar[str]

    def task(self) -> Task:
        """Returns the task."""
        return TASKS[self.name]

    def function(self) -> tuple[str, str]:
        """Returns what an improver works on."""
        return FUNCTIONS[self.name]


class BinPacking(Shipped):
    """Equal priorities for all bins are first fit, a rule in its own right that may beat the seed program's."""

    def harmless(self) -> frozenset[str]:
        """Returns those that come down to it."""
        return frozenset({"constant", "equals everything"})


class TestBinPackingOr(BinPacking):
    """Uniform items."""

    name = "bin-packing-or"


class TestBinPackingWeibull(BinPacking):
    """Weibull items."""

    name = "bin-packing-weibull"


class TestCapSet8(Shipped):
    """Caps."""

    name = "cap-set-8"


class TestCircles26(Shipped):
    """Circles."""

    name = "circles-26"


class TestCircles32(Shipped):
    """More circles."""

    name = "circles-32"


class TestErdosOverlap(Shipped):
    """Step functions."""

    name = "erdos-overlap"


class TestFaster(Shipped):
    """CPU time: noise may lift an idle program a little, so no program that does no work may be valid at all."""

    name = "faster"


class TestSortingNetwork7(Shipped):
    """Seven wires."""

    name = "sorting-network-7"


class TestSortingNetwork8(Shipped):
    """Eight wires."""

    name = "sorting-network-8"


class TestSortingNetwork9(Shipped):
    """Nine wires."""

    name = "sorting-network-9"


class TestUpdateRule(Shipped):
    """Optimisers."""

    name = "update-rule"

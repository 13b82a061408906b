"""Every task that ships passes admission."""

from __future__ import annotations

from rung.authoring import built_in_tasks, find_task
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


def test_every_task_is_here() -> None:
    """A task that ships without admission is a hole."""
    assert set(built_in_tasks()) == set(FUNCTIONS)

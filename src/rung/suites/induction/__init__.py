"""The induction suite: real functions on numbers, lists, nested lists and strings, given by examples."""

from rung.suites.induction.catalogue import FUNCTIONS, grade, prerequisites, step
from rung.suites.induction.entry import Entry
from rung.suites.induction.splits import Splits, splits
from rung.suites.induction.tasks import make_task

__all__ = ["FUNCTIONS", "Entry", "Splits", "grade", "make_task", "prerequisites", "splits", "step"]

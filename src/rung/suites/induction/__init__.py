"""The induction suite: real functions on numbers, lists, nested lists and strings, given by examples."""

from rung.suites.induction.blocks import make_block
from rung.suites.induction.catalogue import FUNCTIONS, grade, prerequisites, step
from rung.suites.induction.entry import Entry
from rung.suites.induction.splits import Splits, splits
from rung.suites.induction.tasks import make_task
from rung.suites.induction.world import SUITE, InductionWorld

__all__ = [
    "FUNCTIONS",
    "SUITE",
    "Entry",
    "InductionWorld",
    "Splits",
    "grade",
    "make_block",
    "make_task",
    "prerequisites",
    "splits",
    "step",
]

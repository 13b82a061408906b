"""Conformance suites: a plug-in inherits the one of its port, fills in the fixture, and pytest does the rest."""

from rung.testing.ledger import LedgerSuite
from rung.testing.tasks import TaskSuite

__all__ = ["LedgerSuite", "TaskSuite"]

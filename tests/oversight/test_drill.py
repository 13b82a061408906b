"""Drills say what happened, a drill that cannot be held has failed, and the ledger keeps it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from rung.errors import BadInput
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.control_drills import CONTROL, MOST_SECONDS
from rung.oversight.drill import Drill, last_drill, record, rehearse
from rung.oversight.ground import Ground

GOOD = Drill("it holds", "by itself", "looking", "it held", 0.1, passed=True)


def good(ground: Ground) -> Drill:
    """Looks."""
    assert ground.folder
    return GOOD


def broken_door(ground: Ground) -> Drill:
    """Opens a door."""
    raise BadInput(f"there is no door in\n{ground.folder}")


def test_what_cannot_be_rehearsed_has_failed_and_the_rest_goes_on(tmp_path: Path) -> None:
    first, second = rehearse((broken_door, good), Ground(tmp_path))
    assert (first.requirement, first.tried, first.passed) == ("broken door", "Opens a door.", False)
    assert first.happened == f"it could not be rehearsed: there is no door in {tmp_path}"
    assert second == GOOD


def test_the_last_drill_counts(tmp_path: Path) -> None:
    with closing(open_ledger(tmp_path)) as ledger:
        assert last_drill(ledger) is None
        record(ledger, [GOOD, *rehearse((broken_door,), Ground(tmp_path / "g"))], run="a", cpu_seconds=1.0)
        assert last_drill(ledger) is False
        record(ledger, [GOOD], run="b", cpu_seconds=1.0)
        assert last_drill(ledger) is True


def test_all_of_control_is_rehearsed_by_one_command(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "rung", "drill", "--json", "--workspace", str(tmp_path / "w")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    document = json.loads(ended.stdout)
    assert document["cpu_seconds"] < 180
    assert len(document["drills"]) >= len(CONTROL)
    # A machine that does much else may be late; what is done is done all the same.
    failed = [each for each in document["drills"] if not each["passed"] and each["seconds"] < MOST_SECONDS]
    assert failed == []
    assert ended.returncode == (0 if document["passed"] else 1)
    with closing(open_ledger(tmp_path / "w")) as ledger:
        assert last_drill(ledger) is document["passed"]

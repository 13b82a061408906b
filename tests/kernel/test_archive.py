"""The archive is a fold over candidates and costs the same however many there are."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from rung.errors import Status
from rung.kernel.archive import KEPT, Archive
from rung.records import Candidate, Evaluation


def candidate(number: int, value: float | None, *parents: str, program: int | None = None) -> Candidate:
    """Returns a candidate whose program is named by a number."""
    status = Status.ERROR if value is None else Status.OK
    return Candidate(number, name(number if program is None else program), Evaluation(status, value=value), parents)


def name(number: int) -> str:
    """Returns a program id."""
    return hashlib.sha256(str(number).encode()).hexdigest()


@given(st.lists(st.none() | st.floats(-10, 10), max_size=60), st.integers(1, 10))
def test_best_is_what_sorting_gives(values: list[float | None], count: int) -> None:
    """Best first, earlier ones first among equals, failures never."""
    archive = Archive()
    for number, value in enumerate(values):
        archive.add(candidate(number, value))
    ranked = sorted((-value, number) for number, value in enumerate(values) if value is not None)
    assert [found.number for found in archive.best(count)] == [number for _, number in ranked[:count]]
    assert len(archive) == len(values)


def test_the_best_survive_many() -> None:
    """Only the best are kept, and what was tried is still known."""
    archive = Archive()
    for number in range(3 * KEPT):
        archive.add(candidate(number, float(number % 500)))
    assert [found.evaluation.value for found in archive.best(2)] == [499.0, 498.0]
    assert len(archive.best(10 * KEPT)) == KEPT
    assert name(0) in archive


def test_the_same_program_ranks_once() -> None:
    """Trying a program again does not fill the archive with it."""
    archive = Archive()
    for number in range(5):
        archive.add(candidate(number, 1.0, program=7))
    assert len(archive.best(10)) == 1


def test_quarantine_reaches_all_descendants() -> None:
    """They are never among the best."""
    archive = Archive()
    archive.add(candidate(0, 1.0))
    archive.add(candidate(1, 9.0, name(0)), denied=True)
    archive.add(candidate(2, 10.0, name(1)))
    archive.add(candidate(3, 11.0, name(2)))
    archive.add(candidate(4, 2.0, name(0)))
    assert [found.number for found in archive.best(9)] == [4, 0]
    assert archive.quarantined(name(3))
    assert not archive.quarantined(name(4))

"""What every ledger must do, as a test suite that any implementation inherits."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from rung.errors import LedgerError
from rung.kernel.ledger.port import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rung.kernel.ledger.port import Ledger
    from rung.wire import JSON

_MISSING = hashlib.sha256(b"never put").hexdigest()
_BODIES: tuple[JSON, ...] = (
    None,
    True,
    0,
    -0.0,
    1.0,
    10**300,
    5e-324,
    "",
    "\u0000 \u2028 \U0001f600 é e\u0301",
    [],
    {},
    {"a": {"": 0.1, "é": "\ufffd"}, "z": [1, {"a": None}]},
)


class LedgerSuite(ABC):
    """Inherit as `class TestMine(LedgerSuite)` and say how yours is opened.

    Covered: order, durability across close, atomicity of a commit, filters, blobs, the chain. Not covered: processes
    that are killed, and trouble with the store beneath, which differ from store to store.
    """

    @abstractmethod
    def open(self, folder: Path) -> Ledger:
        """Returns the ledger kept in a folder; a second call, after a close, returns the same one."""

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        """Yields an empty ledger."""
        opened = self.open(tmp_path)
        yield opened
        opened.close()

    def test_starts_empty(self, ledger: Ledger) -> None:
        """Nothing is in a new ledger, and its head says so."""
        assert ledger.head() == (0, "0" * 64)
        assert list(ledger.read()) == []

    def test_returns_what_it_will_read(self, ledger: Ledger) -> None:
        """What append returned is what read returns, in order, for every kind of JSON."""
        appended = [ledger.append("kind", body, run="r", parent_run="p") for body in _BODIES]
        assert [event.body for event in appended] == list(_BODIES)
        assert [event.seq for event in appended] == list(range(1, len(_BODIES) + 1))
        assert all((event.type, event.run, event.parent_run) == ("kind", "r", "p") for event in appended)
        assert list(ledger.read()) == appended
        assert repr([event.body for event in ledger.read()]) == repr(list(_BODIES))

    def test_chains(self, ledger: Ledger) -> None:
        """Every event carries the hash of the one before it, over all runs, and the head is the last."""
        events = [ledger.append("kind", n, run=f"r{n % 3}") for n in range(7)]
        assert events[0].prev == "0" * 64
        assert all(before.hash == after.prev for before, after in pairwise(events))
        assert ledger.head() == (7, events[-1].hash)
        assert len({event.hash for event in events}) == len(events)

    def test_outlives_its_opening(self, tmp_path: Path) -> None:
        """Events and blobs are there after a close, and the chain goes on."""
        first = self.open(tmp_path)
        event = first.append("kind", {"blobs": [hashlib.sha256(b"data").hexdigest()]}, run="r", blobs=[b"data"])
        first.close()
        second = self.open(tmp_path)
        assert list(second.read()) == [event]
        assert second.append("kind", None, run="r").prev == event.hash
        assert second.get(hashlib.sha256(b"data").hexdigest()) == b"data"
        second.close()

    def test_does_not_keep_what_the_caller_changes_later(self, ledger: Ledger) -> None:
        """An event is a fact: changing the object that was handed in does not change it."""
        body: dict[str, JSON] = {"n": 1}
        event = ledger.append("kind", body, run="r")
        body["n"] = 2
        assert event.body == {"n": 1}
        assert [stored.body for stored in ledger.read()] == [{"n": 1}]

    def test_commits_a_batch_whole(self, ledger: Ledger) -> None:
        """A batch becomes consecutive events; one that fails leaves nothing, not even its blobs."""
        events = ledger.append_all([Entry("a", 1, "r"), Entry("b", 2, "s", "r", (b"x", b"y"))])
        assert [(event.seq, event.type, event.parent_run) for event in events] == [(1, "a", None), (2, "b", "r")]
        head = ledger.head()
        with pytest.raises(LedgerError):
            ledger.append_all([Entry("a", 1, "r", None, (b"lost",)), Entry("b", {"blobs": [_MISSING]}, "r")])
        assert ledger.head() == head
        assert list(ledger.read()) == events
        with pytest.raises(LedgerError):
            ledger.get(hashlib.sha256(b"lost").hexdigest())
        assert ledger.append_all([]) == []

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), "\ud800", {1, 2}, {"a": b"x"}, 10**500])
    def test_refuses_what_is_not_json(self, ledger: Ledger, bad: JSON) -> None:
        """What could not be read back is refused, and the ledger goes on."""
        with pytest.raises(LedgerError):
            ledger.append("kind", {"value": bad}, run="r")
        assert ledger.append("kind", None, run="r").seq == 1

    def test_refuses_json_that_nobody_could_read_back(self, ledger: Ledger) -> None:
        """Nesting beyond what the wire reads is refused when it is written, not when it is needed."""
        deep: JSON = []
        for _ in range(100):
            deep = [deep]
        with pytest.raises(LedgerError):
            ledger.append("kind", deep, run="r")

    def test_filters(self, ledger: Ledger) -> None:
        """`run`, `types` and `after` each narrow, together they narrow further, and the order stays."""
        everything = ledger.append_all([Entry("abc"[n % 3], n, f"r{n % 5}") for n in range(600)])
        for run in (None, "r0", "r4", "absent"):
            for types in (None, [], ["a"], ["b", "absent"], ["c", "a"], {"a", "b", "c"}):
                for after in (0, 1, 64, 599, 600, 10_000):
                    wanted = [
                        event
                        for event in everything
                        if event.seq > after and run in {None, event.run} and (types is None or event.type in types)
                    ]
                    assert list(ledger.read(run=run, types=types, after=after)) == wanted

    def test_can_be_appended_to_while_it_is_read(self, ledger: Ledger) -> None:
        """A reader sees what was there when it began, however much is appended meanwhile."""
        ledger.append_all([Entry("kind", n, "r") for n in range(200)])
        seen = 0
        for event in ledger.read():
            seen += 1
            ledger.append("echo", event.seq, run="r")
        assert seen == 200
        assert ledger.head()[0] == 400

    def test_addresses_blobs_by_content(self, ledger: Ledger) -> None:
        """A blob is found under its SHA-256, however often and with whatever content it was put."""
        for data in (b"", b"x", bytes(range(256)) * 5000):
            digest = ledger.put(data)
            assert digest == hashlib.sha256(data).hexdigest()
            assert ledger.put(data) == digest
            assert ledger.get(digest) == data
        with pytest.raises(LedgerError):
            ledger.get(_MISSING)

    def test_never_names_a_blob_that_is_not_there(self, ledger: Ledger) -> None:
        """The digests under the body's key "blobs" must be stored, before or in the same commit."""
        with pytest.raises(LedgerError):
            ledger.append("kind", {"blobs": [_MISSING]}, run="r")
        with pytest.raises(LedgerError):
            ledger.append("kind", {"blobs": {"files": _MISSING}}, run="r")
        assert ledger.append("kind", {"blobs": {"files": _MISSING}}, run="r", blobs=[b"never put"]).seq == 1
        assert ledger.append("kind", {"blobs": [_MISSING]}, run="r").seq == 2

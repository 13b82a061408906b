"""The SQLite ledger: conformance, refusal of every change, concurrent writers, flat cost."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung import wire
from rung.errors import LedgerError
from rung.kernel.ledger.port import Entry
from rung.kernel.ledger.sqlite import SqliteLedger, open_ledger, read_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.testing import LedgerSuite

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.wire import JSON

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DOCUMENTS: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class TestSqliteLedger(LedgerSuite):
    """The shipped ledger passes the suite that it sets for others."""

    def open(self, folder: Path) -> Ledger:
        """Returns the ledger of the folder."""
        return open_ledger(folder)


def test_the_hash_is_the_documented_one(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, clock=lambda: 1.5)
    first = ledger.append("a", {"c": [1, 2.0], "b": "\n"}, run="r")
    second = ledger.append("é", None, run="s", parent_run="r")
    text = '{"at":1.5,"body":{"b":"\\n","c":[1,2.0]},"parent_run":null,"prev":"%s","run":"r","seq":1,"type":"a","v":1}'
    assert first.hash == hashlib.sha256((text % ("0" * 64)).encode()).hexdigest()
    text = '{"at":1.5,"body":null,"parent_run":"r","prev":"%s","run":"s","seq":2,"type":"é","v":1}'
    assert second.hash == hashlib.sha256((text % first.hash).encode()).hexdigest()
    ledger.close()


@given(DOCUMENTS)
def test_canonical_form_round_trips(document: JSON) -> None:
    text = wire.canonical(document)
    assert wire.canonical(wire.parse(text)) == text
    assert wire.parse(text) == document


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(TEXT, DOCUMENTS, TEXT, st.none() | TEXT, st.lists(st.binary(max_size=9), max_size=2))))
def test_reading_folds_to_what_was_appended(entries: list[tuple[str, JSON, str, str | None, list[bytes]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder))
        appended = [
            ledger.append(kind, {"it": body}, run=run, parent_run=parent, blobs=blobs)
            for kind, body, run, parent, blobs in entries
        ]
        assert list(ledger.read()) == appended
        assert [(event.type, event.body, event.run, event.parent_run) for event in ledger.read()] == [
            (kind, {"it": body}, run, parent) for kind, body, run, parent, _ in entries
        ]
        found = verify_chain(Path(folder, "ledger.sqlite"))
        assert (found.events, found.head, found.problems) == (len(entries), ledger.head(), ())
        assert found.blobs == len({data for *_, blobs in entries for data in blobs})
        ledger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = '{}' WHERE seq = 2",
        "UPDATE events SET seq = 9 WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT seq, run, parent_run, at, 'other', prev, hash, body FROM events",
        "INSERT INTO events SELECT seq + 9, run, parent_run, at, type, prev, hash, body FROM events",
        "INSERT INTO events SELECT seq - 9, run, parent_run, at, type, prev, hash, body FROM events",
        "UPDATE blobs SET data = x'00'",
        "DELETE FROM blobs",
        "INSERT OR REPLACE INTO blobs SELECT id, digest, x'00' FROM blobs",
        "INSERT OR REPLACE INTO blobs SELECT id, 'other', x'00' FROM blobs",
    ],
)
def test_the_file_itself_refuses_changes(tmp_path: Path, statement: str) -> None:
    ledger = open_ledger(tmp_path)
    before = [ledger.append("kind", n, run="r", blobs=[b"data"]) for n in range(3)]
    raw = sqlite3.connect(tmp_path / "ledger.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(statement)
    raw.close()
    assert list(ledger.read()) == before
    assert ledger.get(hashlib.sha256(b"data").hexdigest()) == b"data"
    ledger.close()


def test_reading_only_refuses_to_append_and_sees_what_others_append(tmp_path: Path) -> None:
    writer = open_ledger(tmp_path)
    reader = read_ledger(tmp_path)
    event = writer.append("kind", 1, run="r")
    assert list(reader.read()) == [event]
    with pytest.raises(LedgerError, match="writable"):
        reader.append("kind", 2, run="r")
    assert list(writer.read()) == [event]
    reader.close()
    writer.close()


WRITER = """
import sys, pathlib
from rung.kernel.ledger.sqlite import open_ledger
ledger = open_ledger(pathlib.Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    ledger.append("kind", {"n": n}, run=sys.argv[2], blobs=[b"%d" % n])
"""


def test_two_processes_append_to_a_ledger_that_neither_found(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "new")]
    writers = [subprocess.Popen([*command, run, "200"]) for run in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    ledger = open_ledger(tmp_path / "new")
    for run in ("a", "b"):
        assert [event.body for event in ledger.read(run=run)] == [{"n": n} for n in range(200)]
    ledger.close()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ledger.sqlite"]
    found = verify_chain(tmp_path / "new" / "ledger.sqlite")
    assert (found.events, found.blobs, found.problems) == (400, 200, ())


def test_threads_share_a_ledger(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)

    def work(run: str) -> None:
        for n in range(50):
            ledger.append("kind", n, run=run)
            assert [event.body for event in ledger.read(run=run)] == list(range(n + 1))

    threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.head()[0] == 200
    ledger.close()
    assert verify_chain(tmp_path / "ledger.sqlite").problems == ()


def test_a_clock_that_jumps_back_breaks_nothing(tmp_path: Path) -> None:
    times = iter([5.0, 1e18, 0, -3.25])
    ledger = open_ledger(tmp_path, clock=lambda: next(times))
    assert [ledger.append("kind", None, run="r").at for _ in range(4)] == [5.0, 1e18, 0.0, -3.25]
    assert [event.at for event in ledger.read()] == [5.0, 1e18, 0.0, -3.25]
    ledger.close()
    assert verify_chain(tmp_path / "ledger.sqlite").problems == ()


def test_reading_takes_the_same_memory_however_much_is_there(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    peaks = []
    for count in (200, 3000):
        ledger.append_all([Entry("kind", "x" * 1000, "r") for _ in range(count)])
        tracemalloc.start()
        assert sum(1 for _ in ledger.read()) == ledger.head()[0]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    ledger.close()
    assert peaks[1] < 1.5 * peaks[0]


def _cpu_per_append(ledger: SqliteLedger, count: int) -> float:
    body: JSON = {"status": "ok", "scores": [n / 10 for n in range(20)], "feedback": ["a sentence"] * 3}
    rounds = []
    for _ in range(5):
        start = time.process_time()
        for n in range(count):
            ledger.append("evaluation", body, run="r", blobs=[json.dumps([n, ledger.head()]).encode() * 20])
        rounds.append((time.process_time() - start) / count)
    return min(rounds)


def test_appending_costs_the_same_however_much_is_there(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    empty = _cpu_per_append(ledger, 50)
    ledger.append_all([Entry("evaluation", {"n": n}, f"r{n % 9}", None, (b"%d" % n,)) for n in range(10_000)])
    full = _cpu_per_append(ledger, 50)
    ledger.close()
    assert full < 2 * empty
    assert full < 2e-3

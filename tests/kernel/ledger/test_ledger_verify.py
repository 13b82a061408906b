"""What the recheck sees: every kind of tampering by an owner of the file, and honestly not the ones that it cannot."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from pathlib import Path

import pytest

from rung.errors import LedgerError
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.ledger.verify import Verification, verify_chain
from rung.wire import JSON

EVENTS = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed ledger of 30 events in two runs, every third with a blob."""
    ledger = open_ledger(tmp_path)
    for n in range(EVENTS):
        blobs = [b"blob %d" % n] if n % 3 == 0 else []
        names: list[JSON] = [hashlib.sha256(data).hexdigest() for data in blobs]
        body: JSON = {"n": n, "text": "grüße \ufffd", "blobs": names}
        ledger.append("kind", body, run=f"r{n % 2}", parent_run="top" if n % 2 else None, blobs=blobs)
    ledger.close()
    return tmp_path / "ledger.sqlite"


def tamper(path: Path, *statements: str) -> Verification:
    """Returns the recheck after an owner ran statements with the triggers out of the way and then put back."""
    raw = sqlite3.connect(path, isolation_level=None)
    triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        raw.execute(statement)
    for _, sql in triggers:
        raw.execute(sql)
    raw.close()
    return verify_chain(path)


def where(found: Verification) -> list[int | None]:
    """Returns the events that have problems."""
    return sorted({problem.seq for problem in found.problems}, key=lambda seq: seq or 0)


def test_an_untouched_ledger_has_no_problems(path: Path) -> None:
    found = verify_chain(path)
    assert (found.events, found.blobs, found.head[0], found.problems) == (EVENTS, EVENTS // 3, EVENTS, ())
    assert tamper(path).problems == ()


def test_any_byte_of_a_body(path: Path) -> None:
    rng = random.Random(1)
    raw = sqlite3.connect(path)
    (text,) = raw.execute("SELECT CAST(body AS BLOB) FROM events WHERE seq = 8").fetchone()
    raw.close()
    for place in range(len(text)):
        flipped = bytearray(text)
        flipped[place] ^= 1 << rng.randrange(8)
        found = tamper(path, f"UPDATE events SET body = CAST(x'{flipped.hex()}' AS TEXT) WHERE seq = 8")
        assert where(found) == [8], flipped
    assert tamper(path, f"UPDATE events SET body = CAST(x'{text.hex()}' AS TEXT) WHERE seq = 8").problems == ()


@pytest.mark.parametrize(
    ("change", "seqs"),
    [
        ("run = 'other'", [7]),
        ("run = x'7230'", [7]),
        ("parent_run = 'r'", [7]),
        ("parent_run = ''", [7]),
        ("at = at + 0.001", [7]),
        ("type = 'Kind'", [7]),
        ("type = CAST(x'ff' AS TEXT)", [7]),
        ("body = ' ' || body", [7]),
        ("body = replace(body, ':', ': ')", [7]),
        ("body = x'00'", [7]),
        ("body = body || '{}'", [7]),
        ("prev = hash", [7]),
        ("hash = prev", [7, 8]),
        ("hash = upper(hash)", [7, 8]),
        ("seq = 1000", [8, 1000]),
        ("seq = -7", [-7, 1, 8]),
    ],
)
def test_any_other_column(path: Path, change: str, seqs: list[int]) -> None:
    assert where(tamper(path, f"UPDATE events SET {change} WHERE seq = 7")) == seqs


def test_dropped_from_the_middle(path: Path) -> None:
    assert where(tamper(path, "DELETE FROM events WHERE seq BETWEEN 7 AND 9")) == [10]


def test_dropped_and_renumbered(path: Path) -> None:
    found = tamper(path, "DELETE FROM events WHERE seq = 7", "UPDATE events SET seq = seq - 1 WHERE seq > 7")
    assert where(found) == list(range(7, EVENTS))


def test_dropped_from_the_start(path: Path) -> None:
    assert where(tamper(path, "DELETE FROM events WHERE seq < 3")) == [3]


def test_reordered(path: Path) -> None:
    swap = ("seq = 100 WHERE seq = 7", "seq = 7 WHERE seq = 8", "seq = 8 WHERE seq = 100")
    assert where(tamper(path, *(f"UPDATE events SET {part}" for part in swap))) == [7, 8, 9]


def test_inserted(path: Path) -> None:
    event = "'r0', NULL, 1.0, 'kind', (SELECT hash FROM events WHERE seq = 30), 'f', 'null'"
    assert where(tamper(path, f"INSERT INTO events VALUES (31, {event})")) == [31]


def test_moved_to_another_run(path: Path) -> None:
    assert where(tamper(path, "UPDATE events SET run = 'r0' WHERE run = 'r1'")) == list(range(2, EVENTS + 1, 2))


def test_blob_changed(path: Path) -> None:
    found = tamper(path, "UPDATE blobs SET data = x'00' WHERE id = 2")
    assert [(problem.seq, "hash" in problem.what) for problem in found.problems] == [(None, True)]
    assert tamper(path, "UPDATE blobs SET data = 'text' WHERE id = 2").problems


def test_blob_dropped(path: Path) -> None:
    found = tamper(path, "DELETE FROM blobs WHERE id = 2")
    assert where(found) == [4]
    assert hashlib.sha256(b"blob 3").hexdigest() in found.problems[0].what


def test_blob_swapped(path: Path) -> None:
    found = tamper(path, f"UPDATE blobs SET digest = '{'0' * 64}' WHERE id = 2")
    assert where(found) == [None, 4]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER events_update",
        "DROP INDEX events_run",
        "CREATE TRIGGER quiet AFTER INSERT ON events BEGIN SELECT 1; END",
    ],
)
def test_protection_taken_away(path: Path, statement: str) -> None:
    raw = sqlite3.connect(path)
    raw.execute(statement)
    raw.close()
    assert where(verify_chain(path)) == [None]
    with pytest.raises(LedgerError, match=statement.split()[2]):
        open_ledger(path.parent)


def test_file_cut_short_at_any_page(path: Path) -> None:
    whole = path.read_bytes()
    for size in (1, 99, *range(4096, len(whole), 4096)):
        path.write_bytes(whole[:size])
        for look in (verify_chain, lambda file: open_ledger(file.parent)):
            with pytest.raises(LedgerError, match=r"damaged or cut short|not a rung ledger"):
                look(path)
    path.write_bytes(whole)
    assert verify_chain(path).problems == ()


def test_file_cut_short_inside_its_last_page(path: Path) -> None:
    whole = path.read_bytes()
    for lost in (1, 10, 100, 1000, 4000):
        path.write_bytes(whole[:-lost])
        assert verify_chain(path).problems, lost


def test_flipped_bytes_anywhere_in_the_file(path: Path) -> None:
    """A flip is found, or it hit bytes that hold nothing: then every event and blob is still what it was."""
    whole = path.read_bytes()
    untouched = verify_chain(path)
    rng = random.Random(2)
    outcomes = {"found": 0, "harmless": 0}
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            found = verify_chain(path)
        except LedgerError:
            outcomes["found"] += 1
            continue
        if found.problems:
            outcomes["found"] += 1
        else:
            assert found == untouched
            outcomes["harmless"] += 1
    assert min(outcomes.values()) > 20


def test_only_somebody_who_kept_the_head_sees_a_shorter_ledger(path: Path) -> None:
    """The stated limit: whole events missing at the end leave a chain that holds, with another head."""
    kept = verify_chain(path).head
    found = tamper(path, "DELETE FROM events WHERE seq > 25")
    assert (found.events, found.problems) == (25, ())
    assert found.head != kept


def test_a_recheck_changes_nothing_and_runs_beside_a_writer(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    for n in range(5):
        ledger.append("kind", n, run="r")
        assert verify_chain(tmp_path / layout.FILE).head == ledger.head()
    ledger.close()
    before = (tmp_path / layout.FILE).read_bytes()
    assert verify_chain(tmp_path / layout.FILE).events == 5
    assert (tmp_path / layout.FILE).read_bytes() == before

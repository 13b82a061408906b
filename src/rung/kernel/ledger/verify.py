"""Rechecks a ledger file from its bytes alone, without anything the engine remembers.

Covered: any byte of an event or blob changed, events dropped from the middle, inserted, reordered or renumbered; blobs
that are named and missing; triggers or indexes removed; a file that is damaged or cut short.
Not covered: whole events missing at the very end, and a chain that its owner computed anew from some event on. Both
look like a ledger that ends there; only somebody who kept an earlier `head` can tell.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rung import wire
from rung.kernel.ledger import layout

_EVENTS = "SELECT seq, run, parent_run, at, type, CAST(coalesce(body, '') AS BLOB), prev, hash FROM events ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and with which event; seq is None where it concerns the file or a blob."""

    seq: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a recheck found: numbers of events and blobs read, the last seq and hash, and every problem."""

    events: int
    blobs: int
    head: tuple[int, str]
    problems: tuple[Problem, ...]


def verify_chain(path: Path) -> Verification:
    """Returns what is left of a ledger's promises; no problems means that all of them hold.

    Raises:
      LedgerError: there is no file, or it is not a ledger of this format.
    """
    with layout.sentences(path):
        db = layout.connect(path, "ro")
    # Undecodable text becomes lone surrogates, which no canonical form can hold: found at its event, not fatal.
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    problems: list[Problem] = []
    events, blobs, head = 0, 0, (0, layout.GENESIS)
    with closing(db):
        try:
            db.execute("BEGIN")
            problems += [Problem(None, f"{name} was altered or removed") for name in layout.altered(db)]
            damage = [line for (line,) in db.execute("PRAGMA integrity_check(20)") if line != "ok"]
            problems += [Problem(None, f"the file is damaged: {line}") for line in damage]
            for row in db.execute(_EVENTS):
                problems += [Problem(row[0], what) for what in _event_problems(db, row, head)]
                events, head = events + 1, (row[0], row[-1])
            for digest, data in db.execute("SELECT digest, data FROM blobs ORDER BY id"):
                blobs += 1
                if type(data) is not bytes or hashlib.sha256(data).hexdigest() != digest:
                    problems.append(Problem(None, f"blob {digest} does not match its hash"))
        except (sqlite3.Error, UnicodeDecodeError) as error:
            problems.append(Problem(None, f"the file is damaged or cut short after event {head[0]} ({error})"))
    return Verification(events, blobs, head, tuple(problems))


def _event_problems(db: sqlite3.Connection, row: tuple[Any, ...], head: tuple[int, str]) -> Iterator[str]:
    seq, *columns, text, prev, link = row
    if type(seq) is not int or seq != head[0] + 1 or prev != head[1]:
        yield f"it does not follow from event {head[0]}, the one before it"
    try:
        body = wire.parse(text)
        if wire.canonical(body) != text or layout.chain_hash(seq, *columns, body, prev) != link:
            yield "its content is not canonical, or does not match its hash"
        for digest in layout.mentioned(body):
            if db.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone() is None:
                yield f"blob {digest} is missing"
    except wire.WireError as error:
        yield f"its content is not strict JSON ({error})"

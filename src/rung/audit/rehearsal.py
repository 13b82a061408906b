"""Attacks on a ledger, carried out on throwaway ones to see that the verifier or the witness notices each of them.

For `rung drill` and whoever wants to see it on a machine of their own; nothing of a workspace is read or written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.audit import log, witness
from rung.audit.second_look import second_look
from rung.errors import IntegrityAlarm
from rung.kernel.ledger import layout
from rung.kernel.ledger.port import Entry
from rung.kernel.ledger.sqlite import open_ledger

_SEEN: Final = 20  # events when the witness looked; then come as many again
_BEGAN: Final = 1_700_000_000.0
_CUT: Final = "DELETE FROM events WHERE seq > 15"  # in the midst of what the witness saw


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One attack. tried: in words. alone, witnessed: whether the verifier noticed without and with the checkpoint.

    refused: whether the witness refused to cosign afterwards. passed: whether all came as it must. seconds: of the two
    verifications and the request together.
    """

    name: str
    tried: str
    alone: bool
    witnessed: bool
    refused: bool
    passed: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class _Attack:
    """What is done to a workspace, and who must notice. refused: None where it is no matter of the witness's."""

    name: str
    tried: str
    act: Callable[[Path], None]
    alone: bool
    refused: bool | None


def rehearse(only: Collection[str] = ()) -> Iterator[Rehearsed]:
    """Yields what came of each attack; the one called "nothing" is none at all, and nobody may notice it.

    only: names of attacks; all of them when there are none.
    """
    for attack in _attacks():
        if only and attack.name not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="rung-rehearsal-") as folder:
            yield _carry_out(attack, Path(folder))


def _carry_out(attack: _Attack, folder: Path) -> Rehearsed:
    workspace, state, kept = folder / "ledger", folder / "witness.json", folder / "kept.txt"
    _grow(workspace, range(_SEEN))
    key = witness.create(state, name="rehearsal.local", secret=os.urandom(32)).key
    kept.write_text(_cosigned(workspace, state), encoding="utf-8")
    shutil.copy(workspace / layout.FILE, folder / "older.sqlite")
    _grow(workspace, range(_SEEN, 2 * _SEEN))
    attack.act(workspace)
    began = time.monotonic()
    alone = bool(second_look(workspace / layout.FILE, ()).problems)
    witnessed = bool(second_look(workspace / layout.FILE, (f"--witness={kept}", f"--key={key}")).problems)
    try:
        _cosigned(workspace, state)
        refused = False
    except IntegrityAlarm:
        refused = True
    passed = (alone, witnessed) == (attack.alone, attack.name != "nothing") and attack.refused in {None, refused}
    return Rehearsed(attack.name, attack.tried, alone, witnessed, refused, passed, time.monotonic() - began)


def _cosigned(workspace: Path, state: Path) -> str:
    tree = log.ledger_tree(workspace)
    signed = log.checkpoint(workspace, tree)
    key, at = log.log_key(workspace)[0], int(_BEGAN) + 10_000
    line = log.ask_file(state, lambda old: log.request(tree, signed, old=old), key, at=at)
    return str(log.with_cosignature(signed, line))


def _grow(workspace: Path, numbers: Iterable[int], *, word: str = "fact", began: float = _BEGAN) -> None:
    given = list(numbers)
    times = iter([began + n for n in given])
    data = [f"{word} {n}".encode() for n in given]
    entries = [
        Entry("kind", {"n": n, "blobs": [hashlib.sha256(each).hexdigest()]}, "rehearsal", None, (each,))
        for n, each in zip(given, data, strict=True)
    ]
    with closing(open_ledger(workspace, clock=lambda: next(times))) as ledger:
        ledger.append_all(entries)


def _tamper(*statements: str) -> Callable[[Path], None]:
    """Returns an attack in SQL by who owns the file: triggers out of the way, and back again afterwards."""

    def act(workspace: Path) -> None:
        with closing(sqlite3.connect(workspace / layout.FILE, isolation_level=None)) as raw:
            triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for statement in (*(f"DROP TRIGGER {name}" for name, _ in triggers), *statements):
                raw.execute(statement)
            for _, sql in triggers:
                raw.execute(sql)

    return act


def _replace(*numbers: int) -> Callable[[Path], None]:
    """Returns the attack that writes the whole ledger anew, with these facts in it."""

    def act(workspace: Path) -> None:
        (workspace / layout.FILE).unlink()
        _grow(workspace, numbers)

    return act


def _put_back(workspace: Path) -> None:
    shutil.copy(workspace.parent / "older.sqlite", workspace / layout.FILE)
    _tamper(_CUT)(workspace)


def _fork(workspace: Path) -> None:
    _tamper(_CUT)(workspace)
    _grow(workspace, range(15, 3 * _SEEN), word="another")


def _clock_back(workspace: Path) -> None:
    _grow(workspace, [2 * _SEEN], began=_BEGAN - 86_400)


def _attacks() -> tuple[_Attack, ...]:
    exchange = _tamper(
        "UPDATE events SET seq = 100 WHERE seq = 7",
        "UPDATE events SET seq = 7 WHERE seq = 8",
        "UPDATE events SET seq = 8 WHERE seq = 100",
    )
    swap = _tamper("UPDATE blobs SET data = (SELECT data FROM blobs WHERE id = 3) WHERE id = 2")
    return (
        _Attack("nothing", "an honest ledger", lambda _: None, alone=False, refused=False),
        _Attack(
            "flip",
            "one digit of an event changed",
            _tamper("UPDATE events SET body = replace(body, '\"n\":6', '\"n\":7') WHERE seq = 7"),
            alone=True,
            refused=None,
        ),
        _Attack(
            "drop",
            "an event taken out, the others moved up",
            _tamper("DELETE FROM events WHERE seq = 9", "UPDATE events SET seq = seq - 1 WHERE seq > 9"),
            alone=True,
            refused=True,
        ),
        _Attack("reorder", "two events exchanged", exchange, alone=True, refused=True),
        _Attack("swap", "a blob exchanged for another", swap, alone=True, refused=None),
        _Attack("clock back", "the clock set back by a day", _clock_back, alone=True, refused=None),
        _Attack("truncate", "the end cut off", _tamper(_CUT), alone=False, refused=True),
        _Attack("replay", "an older copy put back", _put_back, alone=False, refused=True),
        _Attack("fork", "another growth from the middle", _fork, alone=False, refused=True),
        _Attack(
            "rewrite",
            "all of it written anew, without one event",
            _replace(*(n for n in range(2 * _SEEN) if n != 5)),
            alone=False,
            refused=True,
        ),
    )

"""The recorded run that ships with the tests: replaying it needs no network, no key and no extra."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.models.server import KEY
from tests.replaying.again import again, entry, forged
from tests.replaying.record import FOLDER, record, sealed

from rung import wire
from rung.authoring import find_task
from rung.cli.app import main
from rung.kernel.ledger.port import Entry, Event, Ledger
from rung.kernel.ledger.sqlite import read_ledger
from rung.kernel.ledger.verify import verify_chain

EXTRAS = ("openai", "anthropic", "google", "google.genai", "xllamacpp", "llm", "rung.models.configured")
KEPT = ("PATH", "HOME", "XDG_CACHE_HOME")


@pytest.fixture
def folder(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recorded run, in a world without network, keys and extras."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a replay asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    for name in os.environ.keys() - set(KEPT):
        monkeypatch.delenv(name)
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, None)
    return Path(shutil.copytree(root / "tests" / "data" / "recorded", tmp_path / "recorded"))


@pytest.fixture
def replayed(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Replays the run in a workspace; returns the exit code, the document, and what was said."""

    def replay(workspace: str = "ledger") -> tuple[int, Any, str]:
        code = main(["replay", run_of(folder), "--workspace", str(folder / workspace), "--json", "--quiet"])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, json.loads(out) if out else None, err

    return replay


def events(folder: Path) -> list[Event]:
    with closing(read_ledger(folder / "ledger")) as ledger:
        return list(ledger.read())


def run_of(folder: Path) -> str:
    return events(folder)[0].run


def test_it_comes_to_the_same_head(folder: Path, replayed: Any) -> None:
    head = verify_chain(folder / "ledger" / "ledger.sqlite").head
    code, document, said = replayed()
    assert (code, said) == (0, "")
    assert document["same"] is document["finished"] is True
    assert document["head"] == document["recorded_head"] == {"seq": head[0], "hash": head[1]}
    assert document["events"] == head[0]
    assert document["model_answers"] > 30


def test_the_record_holds_what_makes_a_replay_hard(folder: Path) -> None:
    """Faults of every kind, attempts that were repeated, calls that ended out of order, an end of the tokens."""
    found: list[Any] = [event.body for event in events(folder) if event.type == "model_answer"]
    assert {"answered", "unavailable", "malformed", "refused"} <= {body["status"] for body in found}
    assert any(body["attempt"] > 0 for body in found)
    kinds = [event.type for event in events(folder)]
    assert any(kinds[number : number + 3] == ["model_request"] * 3 for number in range(len(kinds)))
    logs: list[Any] = [event.body for event in events(folder) if event.type == "log"]
    assert any("budget" in body["measures"]["finishes"] for body in logs)
    assert not list((folder / "ledger").glob("*-wal"))
    assert KEY.encode() not in (folder / "ledger" / "ledger.sqlite").read_bytes()


def test_another_answer_is_another_run(folder: Path, replayed: Any) -> None:
    """Whichever of the first answers is another one, the event where it shows is named."""
    target = next(event for event in events(folder) if event.type == "model_answer")

    def change(event: Event, body: Any, ledger: Ledger) -> Iterator[Entry]:
        if event.seq != target.seq:
            yield entry(event, body, ledger)
            return
        said: Any = wire.parse(ledger.get(body["answer"]))
        blob = wire.canonical({**said, "text": "ROPE"})
        digest = hashlib.sha256(blob).hexdigest()
        yield Entry(event.type, {**body, "answer": digest, "blobs": [digest]}, event.run, None, [blob])

    forged(folder / "ledger", folder / "forged", change)
    code, document, said = replayed("forged")
    assert code == 1
    assert document["same"] is False
    assert document["difference"]["type"] == "evaluation"
    assert document["difference"]["field"] == "evaluation.feedback[0]"
    assert "does not come to the recorded head: event 6 (evaluation) differs in evaluation.feedback[0]: " in said


def test_an_answer_that_is_missing_is_a_sentence(folder: Path, replayed: Any) -> None:
    target = [event for event in events(folder) if event.type == "model_answer"][-1]
    forged(
        folder / "ledger",
        folder / "forged",
        lambda event, body, ledger: [] if event.seq == target.seq else [entry(event, body, ledger)],
    )
    code, document, said = replayed("forged")
    assert code == 1
    assert document["difference"]["now"] == "nothing"
    assert "the record holds no answer to the call" in said


@pytest.mark.parametrize(
    ("event_type", "field", "value"),
    [
        ("incumbent", "value", 0.5),
        ("evaluation", "operator", "other"),
        ("model_answer", "tokens", 3),
        ("log", "measures", {"turn": 0}),
        ("run_end", "stop_reason", "it was time"),
        ("commit", "program", "0" * 64),
    ],
)
def test_whatever_is_changed_in_the_record_is_found(
    folder: Path, replayed: Any, event_type: str, field: str, value: object
) -> None:
    target = [event for event in events(folder) if event.type == event_type][-1]

    def change(event: Event, body: Any, ledger: Ledger) -> Iterator[Entry]:
        yield entry(event, {**body, field: value} if event.seq == target.seq else body, ledger)

    forged(folder / "ledger", folder / "forged", change)
    code, document, _ = replayed("forged")
    assert code == 1
    assert (document["difference"]["seq"], document["difference"]["type"]) == (target.seq, event_type)
    assert document["difference"]["field"].startswith(field)


def test_sums_that_are_changed_are_found(folder: Path, replayed: Any) -> None:
    def change(event: Event, body: Any, ledger: Ledger) -> Iterator[Entry]:
        more = {"spent": {**body["spent"], "tokens": 1}} if event.type == "run_end" else {}
        yield entry(event, {**body, **more}, ledger)

    forged(folder / "ledger", folder / "forged", change)
    code, document, _ = replayed("forged")
    assert (code, document["difference"]["field"]) == (1, "spent.tokens")


def test_moments_and_seconds_are_not_compared(folder: Path, replayed: Any) -> None:
    def change(event: Event, body: Any, ledger: Ledger) -> Iterator[Entry]:
        more = {"spent": {**body["spent"], "cpu_seconds": 77.0, "seconds": 99.0}} if "spent" in body else {}
        yield entry(event, {**body, **more}, ledger)

    forged(folder / "ledger", folder / "forged", change)
    code, document, _ = replayed("forged")
    assert (code, document["same"]) == (0, True)


def test_an_event_that_is_too_much_or_too_little_is_named(folder: Path, replayed: Any) -> None:
    target = next(event for event in events(folder) if event.type == "rescore")
    for name, copies in (("less", 0), ("more", 2)):

        def change(event: Event, body: Any, ledger: Ledger, copies: int = copies) -> list[Entry]:
            return [entry(event, body, ledger)] * (copies if event.seq == target.seq else 1)

        forged(folder / "ledger", folder / name, change)
        code, _, said = replayed(name)
        assert code == 1
        assert f"event {target.seq + copies // 2} is " in said


def test_a_record_whose_chain_does_not_hold_is_no_record(folder: Path, replayed: Any) -> None:
    with closing(sqlite3.connect(folder / "ledger" / "ledger.sqlite")) as db:
        kept = [row[0] for row in db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]
        for name in [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE events SET at = at + 1 WHERE seq = 20")
        for sql in kept:
            db.execute(sql)
        db.commit()
    code, document, said = replayed()
    assert (code, document) == (1, None)
    assert "event 20 of the record has not the hash it must have: `rung verify`" in said


def test_another_evaluator_is_refused(folder: Path, replayed: Any) -> None:
    task = folder / "task.py"
    task.write_text(task.read_text().replace("/ 1000", "/ 999"))
    code, document, said = replayed()
    assert (code, document) == (2, None)
    assert "has changed since run" in said


def test_other_runs_in_the_ledger_are_copied(folder: Path, replayed: Any) -> None:
    """Before, between and after the events of the run; its head is then that of its own last event."""

    def change(event: Event, body: Any, ledger: Ledger) -> Iterator[Entry]:
        yield Entry("evaluate", {"at": event.seq, "blobs": [hashlib.sha256(b"x").hexdigest()]}, "another", None, [b"x"])
        yield entry(event, body, ledger)
        if event.type == "run_end":
            yield Entry("pair", {"case": "gate-0", "start": 0.0, "incumbent": 1.0}, event.run)

    forged(folder / "ledger", folder / "forged", change)
    code, document, _ = replayed("forged")
    assert (code, document["same"]) == (0, True)
    assert document["head"]["seq"] == 2 * len(events(folder))
    assert document["events"] == len(events(folder))


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
def test_a_run_that_is_not_finished_is_replayed_as_far_as_it_goes(folder: Path, replayed: Any, share: float) -> None:
    last = round(share * len(events(folder)))
    forged(
        folder / "ledger",
        folder / "cut",
        lambda event, body, ledger: [entry(event, body, ledger)] if event.seq <= last else [],
    )
    code, document, said = replayed("cut")
    assert (code, said) == (0, "")
    assert (document["same"], document["finished"], document["events"]) == (True, False, last)


def test_the_recorder_makes_such_a_run_anew(tmp_path: Path) -> None:
    run = record(tmp_path)
    sealed(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["ledger.sqlite"]
    assert again(tmp_path, run, find_task(str(FOLDER / "task.py"))).same

"""`rung witness` from the command line: three kinds of witness, and refusals in one sentence."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.audit.ground import grow, look, tamper
from tests.cli.conftest import Ended

from rung.audit import witness
from rung.audit.note import Key, cosigned_at, parse_key, parse_note
from rung.cli.app import main

Say = Callable[..., Ended]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    grow(tmp_path / ".rung", range(12))
    return tmp_path


@pytest.fixture
def say(place: Path, capfd: pytest.CaptureFixture[str]) -> Say:
    def ask(*words: str) -> Ended:
        code = main(["witness", *words])
        said = capfd.readouterr()
        return Ended(code, said.out, said.err)

    assert place.is_dir()
    return ask


def test_a_witness_at_hand(say: Say, place: Path) -> None:
    key = parse_key(say("init", "w.example", "--state", "w.json").out)
    assert say("cosign", "--state", "w.json", "--out", "kept.txt").code == 0
    found = parse_note((place / "kept.txt").read_text(encoding="utf-8"))
    assert cosigned_at(found, key) is not None
    grow(place / ".rung", range(12, 20))
    assert say("cosign", "--state", "w.json").out.startswith(found.checkpoint.origin + "\n20\n")
    shown = json.loads(say("show", "--json").out)
    assert (shown["origin"], shown["size"]) == (found.checkpoint.origin, 20)
    assert json.loads(say("show", "--state", "w.json", "--json").out)["logs"] == {found.checkpoint.origin: 20}
    assert look(place / ".rung", "--witness", "kept.txt", "--key", key, "--key", shown["key"])["covered"] == 12
    tamper(place / ".rung", "DELETE FROM events WHERE seq > 15")
    done = say("cosign", "--state", "w.json")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "the witness has seen 20 events and the ledger has 15" in done.err


def test_a_witness_that_listens(say: Say, place: Path) -> None:
    say("init", "--state", "w.json")
    served = witness.server(place / "w.json", port=0)
    url = f"http://127.0.0.1:{served.server_address[1]}"
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        done = say("cosign", "--url", url)
        assert (done.code, "is not known here" in done.err) == (2, True)
        key: Key = parse_key(json.loads(say("show", "--json").out)["key"])
        witness.change(place / "w.json", lambda state: (witness.known_log(state, key), ""))
        assert "\n— witness.local " in say("cosign", "--url", url).out
        grow(place / ".rung", range(12, 20))
        assert say("cosign", "--url", url).code == 0
        tamper(place / ".rung", "DELETE FROM events WHERE seq > 15")
        assert "the witness has seen 20 events" in say("cosign", "--url", url).err
        grow(place / ".rung", range(15, 30), word="another")
        done = say("cosign", "--url", url)
        assert (done.code, "rewritten or forked" in done.err) == (1, True)
    finally:
        served.shutdown()
        thread.join()
        served.server_close()


def test_a_request_carried_by_hand(say: Say, place: Path) -> None:
    text = say("cosign", "--old", "0").out
    asked = witness.parse_request(text)
    assert (asked.old, asked.note.checkpoint.size) == (0, 12)
    assert witness.parse_request(say("cosign", "--old", "7").out).old == 7
    assert say("cosign", "--old", "13").code == 1
    assert place.is_dir()


def test_a_git_repository(say: Say, place: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "there"], check=True)
    assert "12 events are in rung-witness at " in say("push", "--git", "there").out
    assert look(place / ".rung", "--git", place / "there")["covered"] == 12


def test_the_programs_that_travel(say: Say, place: Path) -> None:
    assert say("pack", "w.pyz").code == 0
    done = say("pack", "w.pyz")
    assert (done.code, "not there yet" in done.err) == (2, True)
    assert (place / "w.pyz").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("cosign",), "name one witness"),
        (("cosign", "--old", "3", "--state", "w.json"), "name one witness"),
        (("cosign", "--state", "none.json"), "`init` makes one"),
        (("cosign", "--url", "http://example.com:80"), "no witness on this machine"),
        (("cosign", "--url", "http://127.0.0.1:1"), "no witness answers"),
        (("cosign", "--old", "0", "--workspace", "nowhere"), "there is no ledger"),
        (("show", "--state", "none.json"), "cannot be read as a witness"),
        (("init", "a name"), "no name of a key"),
        (("push", "--git", "nowhere"), "git in nowhere"),
    ],
)
def test_refusals(say: Say, words: tuple[str, ...], sentence: str) -> None:
    done = say(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert sentence in done.err


def test_a_key_of_the_log_that_was_spoilt(say: Say, place: Path) -> None:
    say("show")
    assert (place / ".rung" / "log.key").stat().st_mode & 0o77 == 0
    (place / ".rung" / "log.key").write_text("spoilt")
    done = say("show")
    assert (done.code, "put back the one that was there" in done.err) == (2, True)

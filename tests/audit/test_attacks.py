"""What an owner can do to a ledger, and who notices: the verifier by itself, or a witness only. Both are claims."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.audit.ground import BEGAN, EVENTS, Attack, Outside, grow, look, tamper

from rung.audit import log
from rung.errors import IntegrityAlarm

WITNESSED = 24


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A ledger of 30 events, the first 24 of which the witness saw."""
    grow(tmp_path / "w", range(WITNESSED))
    return tmp_path / "w"


@pytest.fixture
def outside(tmp_path: Path, workspace: Path) -> Outside:
    (tmp_path / "elsewhere").mkdir()
    made = Outside(tmp_path / "elsewhere")
    made.cosign(workspace)
    shutil.copytree(workspace, tmp_path / "older")
    grow(workspace, range(WITNESSED, EVENTS))
    return made


def nothing(workspace: Path) -> None:
    tamper(workspace)


def flip(workspace: Path) -> None:
    tamper(workspace, "UPDATE events SET body = replace(body, '\"n\":6', '\"n\":7') WHERE seq = 7")


def flip_with_its_hash(workspace: Path) -> None:
    tamper(workspace, "UPDATE events SET body = replace(body, '\"n\":6', '\"n\":7'), hash = prev WHERE seq = 7")


def drop(workspace: Path) -> None:
    tamper(workspace, "DELETE FROM events WHERE seq = 9", "UPDATE events SET seq = seq - 1 WHERE seq > 9")


def drop_the_first(workspace: Path) -> None:
    tamper(workspace, "DELETE FROM events WHERE seq = 1")


def reorder(workspace: Path) -> None:
    steps = ("seq = 100 WHERE seq = 7", "seq = 7 WHERE seq = 8", "seq = 8 WHERE seq = 100")
    tamper(workspace, *(f"UPDATE events SET {step}" for step in steps))


def swap_a_blob(workspace: Path) -> None:
    tamper(workspace, "UPDATE blobs SET data = x'00' WHERE id = 2")


def swap_two_blobs(workspace: Path) -> None:
    tamper(
        workspace,
        "CREATE TABLE kept AS SELECT data FROM blobs WHERE id = 2",
        "UPDATE blobs SET data = (SELECT data FROM blobs WHERE id = 3) WHERE id = 2",
        "UPDATE blobs SET data = (SELECT data FROM kept) WHERE id = 3",
        "DROP TABLE kept",
    )


def drop_a_blob(workspace: Path) -> None:
    tamper(workspace, "DELETE FROM blobs WHERE id = 2")


def clock_back(workspace: Path) -> None:
    grow(workspace, [EVENTS], began=BEGAN - 3600)


def unprotect(workspace: Path) -> None:
    raw = sqlite3.connect(workspace / "ledger.sqlite")
    raw.execute("DROP TRIGGER events_delete")
    raw.close()


def truncate(workspace: Path) -> None:
    tamper(workspace, f"DELETE FROM events WHERE seq > {WITNESSED - 5}")


def replay(workspace: Path) -> None:
    """An older copy is put back: all of it true, once."""
    remake(workspace, range(WITNESSED - 3))


def fork(workspace: Path) -> None:
    """Another growth from the middle of what was witnessed."""
    truncate(workspace)
    grow(workspace, range(WITNESSED - 5, EVENTS), word="another")


def rewrite(workspace: Path) -> None:
    """All of it anew, by the engine itself, without the fact that is in the way; the log's key is kept."""
    remake(workspace, (n for n in range(EVENTS + 1) if n != 5))


def rewrite_under_another_key(workspace: Path) -> None:
    rewrite(workspace)
    (workspace / log.KEY_FILE).unlink()


def remake(workspace: Path, numbers: Any) -> None:
    (workspace / "ledger.sqlite").unlink()
    for rest in workspace.glob("ledger.sqlite-*"):
        rest.unlink()
    grow(workspace, numbers)


def cut_what_nobody_saw(workspace: Path) -> None:
    tamper(workspace, f"DELETE FROM events WHERE seq > {WITNESSED}")


# What is done, whether the verifier notices it by itself, whether it does with the witness's checkpoint.
TABLE: tuple[tuple[Attack, bool, bool], ...] = (
    (nothing, False, False),
    (flip, True, True),
    (flip_with_its_hash, True, True),
    (drop, True, True),
    (drop_the_first, True, True),
    (reorder, True, True),
    (swap_a_blob, True, True),
    (swap_two_blobs, True, True),
    (drop_a_blob, True, True),
    (clock_back, True, True),
    (unprotect, True, True),
    (truncate, False, True),
    (replay, False, True),
    (fork, False, True),
    (rewrite, False, True),
    (rewrite_under_another_key, False, True),
    (cut_what_nobody_saw, False, False),  # the stated limit: between two visits of the witness
)


@pytest.mark.parametrize(("attack", "alone", "witnessed"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_who_notices(workspace: Path, outside: Outside, attack: Attack, *, alone: bool, witnessed: bool) -> None:
    attack(workspace)
    assert look(workspace)["ok"] == (not alone)
    assert look(workspace, *outside.options())["ok"] == (not witnessed)


@pytest.mark.parametrize(("attack", "alone", "witnessed"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_the_witness_cosigns_nothing_that_it_should_not(
    workspace: Path, outside: Outside, attack: Attack, *, alone: bool, witnessed: bool
) -> None:
    """It sees hashes alone: what changes none of those it saw is the verifier's to notice."""
    attack(workspace)
    unseen = {flip, unprotect, clock_back, swap_a_blob, swap_two_blobs, drop_a_blob, rewrite_under_another_key}
    if attack in unseen or not (alone or witnessed):
        outside.cosign(workspace)
    else:
        with pytest.raises(IntegrityAlarm):
            outside.cosign(workspace)


def test_a_log_with_another_key_is_another_log(workspace: Path, outside: Outside) -> None:
    """The witness cosigns it from its beginning; who names the log's key beside the witness's is not deceived."""
    key = str(log.log_key(workspace)[0])
    outside.cosign(workspace)
    assert look(workspace, *outside.options(), "--key", key)["ok"]
    rewrite_under_another_key(workspace)
    outside.cosign(workspace)
    assert look(workspace, *outside.options())["ok"]
    (problem,) = look(workspace, *outside.options(), "--key", key)["problems"]
    assert "not signed by the log that you named" in problem["what"]


def test_every_sentence_says_what_happened(workspace: Path, outside: Outside) -> None:
    truncate(workspace)
    (problem,) = look(workspace, *outside.options())["problems"]
    assert "the ledger has 19: its end was cut off, or an older copy was put back" in problem["what"]
    grow(workspace, range(WITNESSED - 5, EVENTS), word="another")
    (problem,) = look(workspace, *outside.options())["problems"]
    assert "it was rewritten or forked" in problem["what"]


def test_two_growths_are_told_apart_whichever_the_witness_saw(tmp_path: Path, workspace: Path) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(workspace, twin)
    log.log_key(workspace)
    shutil.copy(workspace / log.KEY_FILE, twin / log.KEY_FILE)
    grow(workspace, range(WITNESSED, EVENTS))
    grow(twin, range(WITNESSED, EVENTS), word="another")
    for first, second in ((workspace, twin), (twin, workspace)):
        folder = tmp_path / f"after-{first.name}"
        folder.mkdir()
        one = Outside(folder)
        one.cosign(first)
        with pytest.raises(IntegrityAlarm, match="rewritten or forked"):
            one.cosign(second)
        assert look(first, *one.options())["ok"]
        assert not look(second, *one.options())["ok"]


def test_a_checkpoint_that_the_owner_made_up_is_not_believed(workspace: Path, outside: Outside) -> None:
    """The owner signs what it likes with the log's key; whoever asks for the witness's is not satisfied."""
    rewrite(workspace)
    outside.note.write_text(str(log.checkpoint(workspace, log.ledger_tree(workspace))), encoding="utf-8")
    assert look(workspace, "--witness", outside.note)["ok"], "compared, but believed only with a key"
    (problem,) = look(workspace, *outside.options())["problems"]
    assert "not signed by the witness that you named" in problem["what"]


def test_a_clock_ahead_is_noticed_by_the_time_of_the_cosignature(workspace: Path, outside: Outside) -> None:
    grow(workspace, [EVENTS], began=BEGAN + 1_000_000)
    assert look(workspace)["ok"]
    outside.cosign(workspace)
    (problem,) = look(workspace, *outside.options())["problems"]
    assert "younger than its cosignature" in problem["what"]


def test_a_clock_that_a_person_set_right_can_be_tolerated(workspace: Path) -> None:
    clock_back(workspace)
    assert [problem["seq"] for problem in look(workspace)["problems"]] == [WITNESSED + 1]
    assert look(workspace, "--clock-back", 7200)["ok"]


def test_all_checkpoints_must_hold(workspace: Path, outside: Outside, tmp_path: Path) -> None:
    early = tmp_path / "early.txt"
    shutil.copy(outside.note, early)
    outside.cosign(workspace)
    found = look(workspace, *outside.options(), "--witness", early)
    assert (found["ok"], found["covered"], len(found["witnessed"])) == (True, EVENTS, 2)
    cut_what_nobody_saw(workspace)
    found = look(workspace, *outside.options(), "--witness", early)
    assert (found["ok"], found["covered"]) == (False, WITNESSED)

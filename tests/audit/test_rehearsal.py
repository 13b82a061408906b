"""The rehearsal carries out every attack on a ledger, and each is noticed by whom it should be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rung.audit import rehearsal
from rung.audit.rehearsal import Rehearsed, rehearse
from rung.oversight import audit_drills
from rung.oversight.ground import Ground


@pytest.fixture(scope="module")
def rows() -> dict[str, Rehearsed]:
    return {row.name: row for row in rehearse()}


def test_every_attack_is_noticed_and_honesty_is_not(rows: dict[str, Rehearsed]) -> None:
    attacks = {name: row for name, row in rows.items() if name != "nothing"}
    assert set(attacks) == {"flip", "drop", "reorder", "swap", "clock back", "truncate", "replay", "fork", "rewrite"}
    assert all(row.passed for row in rows.values()), rows
    assert (rows["nothing"].alone, rows["nothing"].witnessed, rows["nothing"].refused) == (False, False, False)
    assert {name for name, row in attacks.items() if not row.alone} == {"truncate", "replay", "fork", "rewrite"}
    assert all(row.witnessed for row in attacks.values())


def test_an_attack_that_goes_unnoticed_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    (flip,) = (attack for attack in rehearsal._attacks() if attack.name == "flip")
    monkeypatch.setattr(rehearsal, "_attacks", lambda: (replace(flip, act=lambda _: None),))
    assert [row.passed for row in rehearse()] == [False]


def test_the_drills_say_who_noticed(
    rows: dict[str, Rehearsed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_drills, "rehearse", lambda only: iter([rows[name] for name in only]))
    changed, rewritten = (drill(Ground(tmp_path)) for drill in audit_drills.AUDIT)
    assert (changed.passed, rewritten.passed) == (True, True)
    assert changed.happened == "5 of 5 noticed, and nothing in an honest ledger"
    assert rewritten.happened == "4 of 4 noticed with the checkpoint, 0 without it; 4 refused by the witness"
    for name in (*audit_drills.BY_ITSELF, *audit_drills.BY_A_WITNESS):
        missed = {**rows, name: replace(rows[name], alone=False, witnessed=False, passed=False)}
        monkeypatch.setattr(audit_drills, "rehearse", lambda only, missed=missed: iter([missed[each] for each in only]))
        assert sum(drill(Ground(tmp_path)).passed for drill in audit_drills.AUDIT) == 1

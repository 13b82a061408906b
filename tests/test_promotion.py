"""Who is in force under a name: promotions and steps back are events, the newest counts, nothing is erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers import improver

from rung.errors import BadInput
from rung.kernel.ledger.port import Ledger
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.promotion import in_force, promote, promotions, roll_back

SEED, FIRST, SECOND = (improver(f"def improve(brief, host):\n    return {n}\n") for n in range(3))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(tmp_path / "w")
    for program, stage in ((SEED, "seed"), (FIRST, "shadow"), (FIRST, "canary"), (FIRST, "main"), (SECOND, "canary")):
        promote(made, "it", program, stage=stage, by="kernel", run="r", reason="tried")
    yield made
    made.close()


def test_the_newest_step_that_is_no_shadow_is_in_force(ledger: Ledger) -> None:
    assert in_force(ledger, "it").id == SECOND.id
    promote(ledger, "it", improver("# only looked at\n" + "def improve(brief, host):\n    return 9\n"), stage="shadow",
            by="kernel", run="r", reason="judged")  # fmt: skip
    assert in_force(ledger, "it").id == SECOND.id


def test_back_to_the_one_before_to_any_step_and_forward_again(ledger: Ledger, tmp_path: Path) -> None:
    assert roll_back(ledger, "it", to=None, reason="worse").program == FIRST.id
    assert in_force(ledger, "it").files == FIRST.files
    assert roll_back(ledger, "it", to="0", reason="worse").stage == "seed"
    assert in_force(ledger, "it").id == SEED.id
    assert roll_back(ledger, "it", to=SECOND.id[:8], reason="after all").by == "person"
    assert in_force(ledger, "it").id == SECOND.id
    assert len(promotions(ledger, "it")) == 8  # five and three: nothing was erased
    ledger.close()
    assert not verify_chain(tmp_path / "w" / "ledger.sqlite").problems


@pytest.mark.parametrize("to", ["99", "nonsense", SECOND.id[:8], "-1", ""])
def test_a_step_that_is_not_there_or_in_force_is_refused(ledger: Ledger, to: str) -> None:
    with pytest.raises(BadInput, match=r"step|already"):
        roll_back(ledger, "it", to=to, reason="")
    assert in_force(ledger, "it").id == SECOND.id


def test_what_was_only_judged_cannot_be_put_in_force(ledger: Ledger) -> None:
    """A refused proposal is in the record; going back is no way around the gate."""
    refused = improver("# refused\ndef improve(brief, host):\n    return 9\n")
    promote(ledger, "it", refused, stage="shadow", by="kernel", run="r", reason="no better")
    number = promotions(ledger, "it")[-1].number
    for to in (str(number), refused.id[:8]):
        with pytest.raises(BadInput, match="was in force"):
            roll_back(ledger, "it", to=to, reason="")
    assert in_force(ledger, "it").id == SECOND.id


def test_another_name_has_nothing_to_go_back_to(ledger: Ledger) -> None:
    with pytest.raises(BadInput, match="nothing to go back to"):
        roll_back(ledger, "other", to=None, reason="")
    with pytest.raises(BadInput, match="no improver was promoted"):
        in_force(ledger, "other")


def test_a_stage_has_a_name(ledger: Ledger) -> None:
    with pytest.raises(BadInput, match="the stages are"):
        promote(ledger, "it", SEED, stage="production", by="person", run="r", reason="")

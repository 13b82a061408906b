"""Drills of the record: every attack on a ledger, on throwaway ones, before the verifier and before a witness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rung.audit.rehearsal import rehearse
from rung.oversight.drill import Drill

if TYPE_CHECKING:
    from rung.audit.rehearsal import Rehearsed
    from rung.oversight.drill import Rehearsal
    from rung.oversight.ground import Ground

BY_ITSELF: Final = ("flip", "drop", "reorder", "swap", "clock back")
BY_A_WITNESS: Final = ("truncate", "replay", "fork", "rewrite")


def independent_audit(ground: Ground) -> Drill:  # noqa: ARG001 - it brings its own
    """A ledger is changed in its middle, and looked at by the verifier that knows nothing of rung."""
    honest, *rows = rehearse(("nothing", *BY_ITSELF))
    noticed = sum(row.alone for row in rows)
    quiet = "nothing" if not honest.alone else "something"
    return Drill(
        "the record cannot be changed unnoticed",
        "the verifier in one file, where rung is not to be found",
        _tried(rows),
        f"{noticed} of {len(rows)} noticed, and {quiet} in an honest ledger",
        max(row.seconds for row in rows),
        passed=honest.passed and all(row.passed for row in rows) and len(rows) == len(BY_ITSELF),
    )


def witness(ground: Ground) -> Drill:  # noqa: ARG001 - it brings its own
    """A ledger is cut, put back, forked and rewritten by its owner, whom only somebody elsewhere can convict."""
    rows = list(rehearse(BY_A_WITNESS))
    noticed, alone, refused = (
        sum(each) for each in zip(*((r.witnessed, r.alone, r.refused) for r in rows), strict=True)
    )
    return Drill(
        "the record cannot be cut short or written anew unnoticed",
        "checkpoints that a witness keeps, who cosigns only what continues them",
        _tried(rows),
        f"{noticed} of {len(rows)} noticed with the checkpoint, {alone} without it; {refused} refused by the witness",
        max(row.seconds for row in rows),
        passed=all(row.passed for row in rows) and len(rows) == len(BY_A_WITNESS),
    )


def _tried(rows: list[Rehearsed]) -> str:
    return "; ".join(row.tried for row in rows)


AUDIT: Final[tuple[Rehearsal, ...]] = (independent_audit, witness)

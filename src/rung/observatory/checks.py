"""The pass rule of a comparison, criterion by criterion: met, not met, or not measured.

metrics.md, protocol rule 7: RG_FROZEN and RG_CONTROL with intervals above 0, SHAM about FROZEN, A/A at most alpha,
out-of-domain loss reported. In a null world: RG of NO-META not below 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rung.observatory.bootstrap import FEW
from rung.observatory.gains import Comparison
from rung.observatory.gate_rates import FalseAccepts
from rung.observatory.words import plain, signed
from rung.records import Interval

MOST_LOSS = 0.05  # of the puzzles of another world
FAIR = (0.9, 1.1)  # claimed effect over the effect drawn once more


@dataclass(frozen=True, slots=True)
class Check:
    """One criterion. met: None when it was not measured, or on too little to say. figure: what it rests on."""

    criterion: str
    met: bool | None
    figure: str


def checks(
    gains: Mapping[str, Comparison],
    *,
    loss: Comparison | None = None,
    accepts: FalseAccepts | None = None,
    claims: Interval | None = None,
    shared: bool = True,
) -> list[Check]:
    """Returns the criteria with what was measured of them.

    gains: as `gains.gains` returns them. loss, accepts, claims: out-of-domain loss, null edits, claimed over redrawn.
    shared: whether the world has structure to learn; if not, the criterion is that SELF does no harm.
    """
    rows = [
        _check("SELF - FROZEN lies above 0", gains.get("self-frozen"), lambda gain: gain.low > 0),
        _check("SELF - CONTROL lies above 0", gains.get("self-control"), lambda gain: gain.low > 0),
        _check("SHAM - FROZEN does not lie above 0", gains.get("sham-frozen"), lambda gain: gain.low <= 0),
    ]
    if not shared:
        harm = gains.get("self-no-meta")
        rows = [_check("SELF - NO-META includes 0 or lies above", harm, lambda gain: gain.high >= 0)]
    rows.append(_check(f"out-of-domain loss is at most {MOST_LOSS}", loss, lambda gain: gain.mean <= MOST_LOSS))
    if accepts is None:
        rows.append(Check("false accepts are at most alpha", None, ""))
    else:
        figure = f"{accepts.admitted} of {accepts.edits}: {plain(accepts.rate)}"
        rows.append(Check(f"false accepts are at most {accepts.alpha}", accepts.holds, figure))
    fair = None if claims is None or claims.n < FEW else FAIR[0] <= claims.mean <= FAIR[1]
    rows.append(Check(f"claimed over redrawn lies in {FAIR[0]} to {FAIR[1]}", fair, plain(claims) if claims else ""))
    return rows


def _check(criterion: str, comparison: Comparison | None, met: Callable[[Interval], bool]) -> Check:
    if comparison is None:
        return Check(criterion, None, "")
    gain = comparison.gain
    return Check(criterion, met(gain) if gain.n >= FEW else None, f"{signed(gain)}, n = {gain.n}")

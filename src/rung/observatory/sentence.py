"""The one sentence that says what was shown and what was not."""

from __future__ import annotations

from collections.abc import Mapping

from rung.observatory.bootstrap import FEW
from rung.observatory.gains import Comparison
from rung.observatory.words import LABELS, plain, signed
from rung.records import Interval

MEASURED = {
    "held_out": "of the held-out puzzles",
    "moved": "of the held-out puzzles with the work it has left",
    "stream": "of the stream",
    "solved": "puzzles of the stream",
    "out_of_domain": "of the puzzles of another world",
}


def sentence(gains: Mapping[str, Comparison], *, loss: Comparison | None = None, stream: Interval | None = None) -> str:
    """Returns what the gains show of learning and of recursion, with what speaks against it.

    gains: as `gains.gains` returns them. loss: of the seed improver's skill outside the domain, None if not measured.
    stream: what SELF solves of the stream over what FROZEN solves, likewise.
    RG_FROZEN above 0 shows learning, only RG_CONTROL above 0 shows recursion (metrics.md, section 2).
    """
    parts = [
        _claim("learning", gains.get("self-frozen"), other="frozen"),
        _claim("recursion", gains.get("self-control"), other="control"),
    ]
    if stream is not None and stream.n >= FEW:
        parts.append(f"of the stream SELF solves {plain(stream)} times what FROZEN solves")
    text = "; ".join(parts)
    against = [*_rivals(gains), *_loss(loss)]
    if against:
        text += "; but " + " and ".join(against)
    return text[0].upper() + text[1:] + "."


def null_sentence(gains: Mapping[str, Comparison]) -> str:
    """Returns what a world without shared structure shows: whether SELF does harm, or wins where it cannot."""
    rival = gains.get("self-no-meta") or gains.get("self-frozen")
    if rival is None:
        return "Nothing is said of harm: neither NO-META nor FROZEN ran beside SELF on a common seed."
    name, gain = LABELS[rival.arms[1]], rival.gain
    figure = f"SELF - {name} {signed(gain)}"
    if gain.n < FEW:
        return f"Nothing is shown by {_seeds(gain)} of a world without shared structure: {figure}."
    if gain.high < 0:
        return f"SELF hurts itself in a world without shared structure: {figure} lies below 0."
    if gain.low > 0:
        return f"SELF wins where nothing is shared, so something is: {figure} lies above 0."
    moved = gains.get("self-no-meta-moved")
    cost = ""
    if moved is not None and moved.gain.high < 0:
        cost = f"; what it spent on trying is missed when saved work acts on the same puzzles ({signed(moved.gain)})"
    return f"SELF neither wins nor hurts itself in a world without shared structure: {figure} includes 0{cost}."


def _claim(name: str, comparison: Comparison | None, *, other: str) -> str:
    label = LABELS[other]
    if comparison is None:
        return f"{name} was not measured: {label} did not run on the seeds of SELF"
    gain = comparison.gain
    figure = f"SELF - {label} {signed(gain)}"
    if gain.n < FEW:
        return f"{name} is not shown: {figure} comes from {_seeds(gain)}, and {FEW} are needed"
    if gain.low > 0:
        return f"{name} is shown: SELF solves {_more(gain, comparison)} than {label}"
    if gain.high < 0:
        return f"{name} is not shown: SELF solves less than {label}, {figure} over {_seeds(gain)}"
    return f"{name} is not shown: {figure} over {_seeds(gain)} includes 0"


def _more(gain: Interval, comparison: Comparison) -> str:
    return f"{signed(gain)} more {MEASURED[comparison.measures[0]]}"


def _rivals(gains: Mapping[str, Comparison]) -> list[str]:
    said = []
    rival = gains.get("self-no-meta-moved")
    if rival is not None and rival.gain.n >= FEW and rival.gain.low <= 0:
        verb = "does better" if rival.gain.high < 0 else "may do as well"
        said.append(f"the same work spent on longer search {verb} (SELF - NO-META {signed(rival.gain)})")
    late = gains.get("self-late")
    if late is not None and late.gain.n >= FEW and late.gain.low <= 0:
        verb = "does better" if late.gain.high < 0 else "may do as well"
        said.append(
            f"learning once, from what the seed solves with all of the work, {verb} (SELF - LATE {signed(late.gain)})"
        )
    sham = gains.get("sham-frozen")
    if sham is not None and sham.gain.n >= FEW and sham.gain.low > 0:
        said.append(f"edits without evidence help too (SHAM - FROZEN {signed(sham.gain)})")
    chance = gains.get("random-frozen")
    if chance is not None and chance.gain.n >= FEW and chance.gain.low > 0:
        said.append(f"random edits that pass the gate help too (RANDOM - FROZEN {signed(chance.gain)})")
    return said


def _loss(loss: Comparison | None) -> list[str]:
    if loss is None or loss.gain.n < FEW or loss.gain.low <= 0:
        return []
    return [f"{plain(loss.gain)} of what the seed improver solves in another world is lost"]


def _seeds(gain: Interval) -> str:
    return "one seed" if gain.n == 1 else f"{gain.n} seeds"

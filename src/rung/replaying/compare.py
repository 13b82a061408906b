"""When two events say the same: what is measured, not decided, may be otherwise; everything else must be equal.

Measured: the moment, CPU and wall seconds, the sandbox a thing ran in, the version of rung. Money is compared in whole
billionths of a dollar, for sums of floats depend on their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from rung import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.wire import JSON

NANO: Final = 1_000_000_000
TIMES: Final = ("cpu_seconds", "seconds")
PLACES: Final = ("sandbox", "layers", "version")
SHOWN: Final = 80  # characters of a value in a sentence
BEFORE: Final = 20  # of them before the first difference
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing that is not as recorded.

    seq: the event, None when it concerns none. field: a path into its body, "" for the event itself. recorded, now:
    as text, shortened. sentence: all of it, for people.
    """

    seq: int | None
    type: str
    field: str
    recorded: str
    now: str
    sentence: str


def comparable(event_type: str, body: JSON) -> JSON:
    """Returns what of a body must come again. Without `spent`: that is a sum, compared where it is complete."""
    if type(body) is not dict:
        return body
    order = sorted(body, key=lambda name: (name != "program", name == "blobs"))  # what explains most comes first
    kept = {name: body[name] for name in order if name != "spent"}
    if event_type == "run_start":
        return {name: value for name, value in kept.items() if name not in PLACES}
    if "evaluation" in kept:
        kept["evaluation"] = _evaluation(kept["evaluation"])
    if event_type == "held_out" and type(kept["evaluations"]) is list:
        kept["evaluations"] = [_evaluation(each) for each in kept["evaluations"]]
    return kept


def sums(body: JSON) -> JSON:
    """Returns what a body says was spent by then, as far as it must come again; None where it says nothing."""
    spent = body.get("spent") if type(body) is dict else None
    if type(spent) is not dict:
        return None
    usd = spent.get("usd", 0.0)
    money = round(usd * NANO) if isinstance(usd, int | float) else usd
    return {**{name: value for name, value in spent.items() if name not in (*TIMES, "usd")}, "nano_usd": money}


def first_difference(recorded: Any, now: Any, path: str = "") -> tuple[str, Any, Any] | None:  # noqa: ANN401 - JSON
    """Returns (path, recorded, now) of the first place where two documents differ; a value that is not there is None.

    Numbers are equal when they are the same to the last bit, and of the same kind.
    """
    if type(recorded) is dict and type(now) is dict:
        pairs: Iterator[tuple[str, Any, Any]] = (
            (f"{path}.{name}" if path else name, recorded.get(name, _ABSENT), now.get(name, _ABSENT))
            for name in dict.fromkeys((*recorded, *now))
        )
    elif type(recorded) is list and type(now) is list:
        both = zip_longest(recorded, now, fillvalue=_ABSENT)
        pairs = ((f"{path}[{number}]", old, new) for number, (old, new) in enumerate(both))
    else:
        same = type(recorded) is type(now) and recorded == now
        old, new = (None if each is _ABSENT else each for each in (recorded, now))
        return None if same else (path, old, new)
    return next((found for name, old, new in pairs if (found := first_difference(old, new, name))), None)


def inside(
    found: tuple[str, Any, Any], *, recorded: Callable[[str], bytes], now: Callable[[str], bytes]
) -> tuple[str, Any, Any]:
    """Returns the difference within two blobs where only their digests were compared; else what was given."""
    path, old, new = found
    try:
        old_document, new_document = wire.parse(recorded(str(old))), wire.parse(now(str(new)))
    except (KeyError, wire.WireError):
        return found
    deeper = first_difference(old_document, new_document, path)
    return found if deeper is None else deeper


def differing(seq: int, event_type: str, found: tuple[str, Any, Any]) -> Difference:
    """Returns the difference in words."""
    path, old, new = found
    recorded, now = _shown(old, new), _shown(new, old)
    sentence = f"event {seq} ({event_type}) differs in {path}: recorded is {recorded}, now it is {now}"
    return Difference(seq, event_type, path, recorded, now, sentence)


def _evaluation(document: JSON) -> JSON:
    if type(document) is not dict:
        return document
    kept = {name: value for name, value in document.items() if name not in PLACES}
    cost = kept.get("cost")
    if type(cost) is dict:
        kept["cost"] = {name: value for name, value in cost.items() if name not in TIMES}
    return kept


def _shown(value: object, other: object) -> str:
    """Returns a value for a sentence; of a long text, where it begins to differ."""
    if not (isinstance(value, str) and isinstance(other, str)):
        text = "nothing" if value is None else repr(value)
        return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    pairs = enumerate(zip_longest(value, other))
    start = max(0, next((number for number, (old, new) in pairs if old != new), 0) - BEFORE)
    start = start if len(value) > SHOWN else 0
    part = value[start : start + SHOWN]
    return f"{'…' if start else ''}{part!r}{'…' if start + SHOWN < len(value) else ''}"

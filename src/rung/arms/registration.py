"""Pre-registration: what will be compared, at what cost and by which rule, fixed in the ledger before anything runs."""

from __future__ import annotations

import hashlib
import inspect
import secrets
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.arms.records import ARMS
from rung.errors import BadInput
from rung.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.kernel.ledger.port import Ledger
    from rung.records import Program
    from rung.suites.suite import Plan, Suite
    from rung.wire import JSON

RULE = (
    "95 % intervals, seeds resampled, then puzzles within a seed. Learning is shown when SELF - FROZEN lies above 0, "
    "recursion when SELF - CONTROL does."
)


@dataclass(frozen=True, slots=True)
class Registration:
    """A comparison before it has begun.

    key: hex, drawn at random, from which the worlds of all seeds follow. id: hash of all of it, the comparison's run.
    """

    suite: str
    variant: str
    arms: tuple[str, ...]
    seeds: int
    key: str
    document: JSON
    id: str


def request_of(suite: Suite, improver: Program, *, variant: str, arms: Sequence[str], seeds: int) -> dict[str, JSON]:
    """Returns what a comparison was asked for, but for the key.

    Raises:
      BadInput: an arm or a variant that there is not, or no seeds.
    """
    for arm in arms:
        if arm not in ARMS:
            raise BadInput(f"there is no arm {arm!r}; the arms are {', '.join(ARMS)}")
    if variant not in suite.worlds:
        known = ", ".join(repr(name) for name in suite.worlds)
        raise BadInput(f"suite {suite.name!r} has no world {variant!r}; it has {known}")
    if seeds < 1 or not arms:
        raise BadInput(f"a comparison takes at least one seed and one arm, not {seeds} and {len(arms)}")
    if "sham" in arms and "self" not in arms:
        raise BadInput("SHAM makes as many edits as SELF adopted, so it needs it: name self among the arms too")
    ordered: list[JSON] = [arm for arm in ARMS if arm in arms]
    return {
        "suite": suite.name,
        "variant": variant,
        "arms": ordered,
        "seeds": seeds,
        "improver": improver.id,
        "plan": wire.parse(wire.canonical(_plain(plan_document(suite.plan)))),
        "worlds": source_hash(suite.worlds[variant]),
        "rule": RULE,
        "version": VERSION,
    }


def register(ledger: Ledger, request: dict[str, JSON], *, key: str | None = None) -> Registration:
    """Returns the registration of a request: an unfinished one of the ledger, or a new one, recorded now.

    key: of an earlier comparison that is to be repeated, None to draw one.

    Raises:
      BadInput: the key is no hexadecimal text.
    """
    if key is not None and not (0 < len(key) <= 64 and set(key) <= set("0123456789abcdef")):
        raise BadInput(f"a key is up to 64 of the digits 0-9 and a-f, not {key!r}; leave it out to have one drawn")
    known = list(ledger.read(types=("registration", "bench_end")))
    ended = {event.run for event in known if event.type == "bench_end"}
    for event in known:
        body: Any = event.body
        if event.type != "registration" or _without_key(body) != request:
            continue
        if body["key"] == key or (key is None and event.run not in ended):
            return _registration(body, event.run)
    body = {**request, "key": key or secrets.token_hex(16)}
    run = hashlib.sha256(wire.canonical(body)).hexdigest()[:12]
    ledger.append("registration", body, run=run)
    return _registration(body, run)


def plan_document(plan: Plan) -> dict[str, Any]:
    """Returns a plan as plain values."""
    values = {each.name: getattr(plan, each.name) for each in fields(plan)}
    return {**values, "rules": asdict(plan.rules), "margins": dict(plan.margins)}


def source_hash(function: object) -> str:
    """Returns a hash of the package that makes the worlds: a changed oracle or generator is another comparison."""
    module = inspect.getmodule(inspect.unwrap(function)) if callable(function) else None
    file = Path(getattr(module, "__file__", "") or sys.argv[0])
    texts = {path.name: path.read_text("utf-8") for path in sorted(file.parent.glob("*.py"))}
    return hashlib.sha256(wire.canonical(dict(texts))).hexdigest()


def _registration(body: Any, run: str) -> Registration:  # noqa: ANN401 - our own canonical document
    return Registration(body["suite"], body["variant"], tuple(body["arms"]), body["seeds"], body["key"], body, run)


def _without_key(body: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in body.items() if name != "key"}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a tree of plain values
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value

"""What a change of a charter makes wider and what narrower, in words; wider means that more may happen unasked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from rung.oversight.charter import Charter, Rule, Threshold, Trigger

T = TypeVar("T")
_WEAKER: Final = ("notify", "review", "pause", "halt")


class Way(StrEnum):
    """Which way a change goes. OTHER: neither more nor less may happen, or it cannot be told."""

    WIDER = "wider"
    NARROWER = "narrower"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference of two charters. place: the key, as in the file."""

    place: str
    way: Way
    sentence: str


def charter_diff(old: Charter, new: Charter) -> list[Change]:
    """Returns every difference, what became wider first."""
    found = [
        *_goal(old, new),
        *_scope(old, new),
        *_checks(old, new),
        *_thresholds(old, new),
        *_approvals(old, new),
        *_rules(old, new),
        *_triggers(old, new),
    ]
    order = list(Way)
    return sorted(found, key=lambda change: (order.index(change.way), change.place, change.sentence))


def _goal(old: Charter, new: Charter) -> Iterator[Change]:
    for key in ("statement", "success", "measure"):
        before, after = getattr(old.goal, key), getattr(new.goal, key)
        if before != after:
            yield Change(f"goal.{key}", Way.OTHER, f"says {after!r} instead of {before!r}")
    yield from _amount("goal.at_least", old.goal.at_least, new.goal.at_least, more=Way.NARROWER)


def _scope(old: Charter, new: Charter) -> Iterator[Change]:
    for key, what in (
        ("files", "may be changed"),
        ("imports", "may be imported"),
        ("models", "may be asked"),
        ("endpoints", "may be reached"),
    ):
        yield from _members(f"scope.{key}", getattr(old.scope, key), getattr(new.scope, key), what=what)
    for key in ("usd", "tokens", "cpu_seconds", "depth", "generations_per_day"):
        yield from _amount(f"scope.{key}", getattr(old.scope, key), getattr(new.scope, key))


def _checks(old: Charter, new: Charter) -> Iterator[Change]:
    before, after = _by(old.principles, "name"), _by(new.principles, "name")
    yield from _rows("principles", before, after, more=Way.NARROWER)
    for name in sorted(before.keys() & after.keys()):
        one, two = before[name], after[name]
        if one == two:
            continue
        softer = bool(one.check) and one.check != two.check
        way, what = (Way.WIDER, "is no longer checked as it was") if softer else (Way.OTHER, "is worded differently")
        yield Change(f"principles.{name}", way, what)
    kept, keeps = _by(old.protected, "metric"), _by(new.protected, "metric")
    yield from _rows("protected", kept, keeps, more=Way.NARROWER)
    for name in sorted(kept.keys() & keeps.keys()):
        yield from _amount(f"protected.{name}.margin", kept[name].margin, keeps[name].margin)


def _thresholds(old: Charter, new: Charter) -> Iterator[Change]:
    before, after = _by(old.thresholds, "name"), _by(new.thresholds, "name")
    yield from _rows("thresholds", before, after, more=Way.NARROWER)
    for name in sorted(before.keys() & after.keys()):
        yield from _threshold(f"thresholds.{name}", before[name], after[name])


def _threshold(place: str, old: Threshold, new: Threshold) -> Iterator[Change]:
    if (old.measurement, old.above is None) != (new.measurement, new.above is None):
        yield Change(place, Way.WIDER, "no longer watches what it did")
    elif old.above is not None:
        yield from _amount(f"{place}.above", old.above, new.above or 0.0)
    else:
        yield from _amount(f"{place}.below", old.below or 0.0, new.below or 0.0, more=Way.NARROWER)
    if old.action != new.action:
        way = Way.WIDER if _WEAKER.index(new.action) < _WEAKER.index(old.action) else Way.NARROWER
        yield Change(f"{place}.action", way, f"{new.action} instead of {old.action}")
    if old.level != new.level:
        way = Way.WIDER if new.level == "alert" else Way.NARROWER
        yield Change(f"{place}.level", way, f"{new.level} instead of {old.level}")
    if old.owner != new.owner:
        yield Change(f"{place}.owner", Way.OTHER, f"{new.owner!r} instead of {old.owner!r}")


def _approvals(old: Charter, new: Charter) -> Iterator[Change]:
    before, after = old.approvals, new.approvals
    for action in sorted({*before.irreversible} ^ {*after.irreversible}):
        gone = action in before.irreversible
        what = f"{action} needs no approval any more" if gone else f"{action} needs an approval from now on"
        yield Change("approvals.irreversible", Way.WIDER if gone else Way.NARROWER, what)
    yield from _amount("approvals.stale_after_events", before.stale_after_events, after.stale_after_events)
    yield from _amount("approvals.longest_hours", before.longest_hours, after.longest_hours)
    people, persons = _by(old.approvers, "name"), _by(new.approvers, "name")
    yield from _rows("approvers", people, persons, more=Way.WIDER)
    for name in sorted(people.keys() & persons.keys()):
        yield from _members(f"approvers.{name}.keys", people[name].keys, persons[name].keys, what="may sign as them")


def _rules(old: Charter, new: Charter) -> Iterator[Change]:
    before, after = _by(old.rules, "action"), _by(new.rules, "action")
    for action in sorted(before.keys() ^ after.keys()):
        if action in after:
            yield Change(f"rules.{action}", Way.WIDER, f"{', '.join(after[action].by)} may approve it; nobody could")
        elif action in new.approvals.irreversible:
            yield Change(f"rules.{action}", Way.NARROWER, "nobody may approve it any more")
        else:
            yield Change(f"rules.{action}", Way.WIDER, "nobody is asked any more")
    for action in sorted(before.keys() & after.keys()):
        yield from _rule(f"rules.{action}", before[action], after[action])


def _rule(place: str, old: Rule, new: Rule) -> Iterator[Change]:
    yield from _members(f"{place}.by", old.by, new.by, what="may approve it")
    yield from _amount(f"{place}.persons", old.persons, new.persons, more=Way.NARROWER)
    if (old.measure, old.two_persons_above is None) == (new.measure, new.two_persons_above is None):
        if old.two_persons_above is not None and new.two_persons_above is not None:
            yield from _amount(f"{place}.two_persons_above", old.two_persons_above, new.two_persons_above)
    elif old.two_persons_above is None:
        yield Change(place, Way.NARROWER, f"two persons are needed above {new.measure} {new.two_persons_above:g}")
    else:
        yield Change(
            place, Way.WIDER, f"two persons are no longer needed above {old.measure} {old.two_persons_above:g}"
        )


def _triggers(old: Charter, new: Charter) -> Iterator[Change]:
    before, after = _by(old.triggers, "name"), _by(new.triggers, "name")
    yield from _rows("triggers", before, after, more=Way.WIDER)
    for name in sorted(before.keys() & after.keys()):
        yield from _trigger(f"triggers.{name}", before[name], after[name])


def _trigger(place: str, old: Trigger, new: Trigger) -> Iterator[Change]:
    yield from _amount(f"{place}.attempts", old.attempts, new.attempts)
    yield from _amount(f"{place}.cpu_seconds", old.cpu_seconds, new.cpu_seconds)
    keys = ("on", "every_hours", "at", "event", "port", "task")
    if [getattr(old, key) for key in keys] != [getattr(new, key) for key in keys]:
        yield Change(place, Way.WIDER, "starts at other times, or something else")


def _amount(place: str, old: float, new: float, *, more: Way = Way.WIDER) -> Iterator[Change]:
    if old != new:
        less = Way.NARROWER if more is Way.WIDER else Way.WIDER
        yield Change(place, more if new > old else less, f"{_number(new)} instead of {_number(old)}")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _members(place: str, old: Sequence[str], new: Sequence[str], *, what: str) -> Iterator[Change]:
    if added := sorted({*new} - {*old}):
        yield Change(place, Way.WIDER, f"{', '.join(added)} {what}")
    if gone := sorted({*old} - {*new}):
        yield Change(place, Way.NARROWER, f"{', '.join(gone)}: no longer {what}")


def _rows(place: str, old: Mapping[str, Any], new: Mapping[str, Any], *, more: Way) -> Iterator[Change]:
    """Yields what is there in one of them only. more: the way that another row goes."""
    less = Way.NARROWER if more is Way.WIDER else Way.WIDER
    for name in sorted(new.keys() - old.keys()):
        yield Change(f"{place}.{name}", more, "is new")
    for name in sorted(old.keys() - new.keys()):
        yield Change(f"{place}.{name}", less, "is gone")


def _by(rows: Sequence[T], key: str) -> dict[str, T]:
    return {str(getattr(row, key)): row for row in rows}

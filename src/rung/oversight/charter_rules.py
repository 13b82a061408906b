"""What a charter may not say at once: two of its sentences that cannot both be kept, or one that nobody can keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rung.oversight.charter_table import Fault

if TYPE_CHECKING:
    from rung.oversight.charter import Charter
    from rung.oversight.charter_lines import Path


def contradictions(charter: Charter, document: dict[str, Any]) -> list[Fault]:
    """Returns what the parts of a charter say against each other. document: as it was written, for the places."""
    found: list[Fault] = []
    for decision in (_models, _approvers, _rules, _thresholds, _bounds):
        found.extend(decision(charter, _finder(document)))
    for name, key in (
        ("principles", "name"),
        ("protected", "metric"),
        ("thresholds", "name"),
        ("approvers", "name"),
        ("rules", "action"),
        ("triggers", "name"),
    ):
        found.extend(_twice(document, name, key))
    return found


Find = Callable[[str, str, str, str], "Path"]


def _finder(document: dict[str, Any]) -> Find:
    """Returns how the place of a key is found in the table of `name` whose `key` has this value."""

    def find(name: str, key: str, value: str, inside: str) -> Path:
        for number, each in enumerate(document[name]):
            if type(each) is dict and each.get(key) == value:
                return (name, number, inside)
        return (name,)

    return find


def _models(charter: Charter, _find: Find) -> Iterator[Fault]:
    scope = charter.scope
    if not scope.files:
        yield Fault(("scope", "files"), "no file may be changed, so nothing can be made better: name one")
    if scope.models and not scope.tokens:
        yield Fault(("scope", "tokens"), "models may be asked, but 0 tokens be spent: raise tokens, or empty models")
    for key, amount in (("tokens", scope.tokens), ("usd", scope.usd)):
        if amount and not scope.models:
            yield Fault(("scope", key), f"{key} are what models cost, and none may be asked: name one, or write 0")


def _approvers(charter: Charter, find: Find) -> Iterator[Fault]:
    owners: dict[str, str] = {}
    for person in charter.approvers:
        for key in person.keys:
            if owners.setdefault(key, person.name) != person.name:
                place = find("approvers", "name", person.name, "keys")
                yield Fault(place, f"{owners[key]} has the same key: two persons with one key are one person")


def _rules(charter: Charter, find: Find) -> Iterator[Fault]:
    known = {person.name for person in charter.approvers}
    for rule in charter.rules:
        for name in rule.by:
            if name not in known:
                place = find("rules", "action", rule.action, "by")
                yield Fault(place, f"{name[:60]!r} is no approver: add [[approvers]] with that name and a key")
        if rule.action and rule.action not in charter.approvals.irreversible:
            place = find("rules", "action", rule.action, "action")
            yield Fault(
                place,
                f"{rule.action!r} needs no approval, so nobody need be named for it: add it to "
                "approvals.irreversible, or leave the rule out",
            )
        if len(rule.by) < 2 and (rule.persons == 2 or rule.two_persons_above is not None):
            place = find("rules", "action", rule.action, "by")
            yield Fault(place, "two persons are needed and fewer are named: name two approvers")


def _thresholds(charter: Charter, find: Find) -> Iterator[Fault]:
    alerts = [each for each in charter.thresholds if each.level == "alert"]
    for critical in charter.thresholds:
        if critical.level != "critical":
            continue
        for alert in alerts:
            if alert.measurement != critical.measurement:
                continue
            late = (alert.above is not None and critical.above is not None and alert.above >= critical.above) or (
                alert.below is not None and critical.below is not None and alert.below <= critical.below
            )
            if late:
                place = find("thresholds", "name", alert.name, "above" if alert.above is not None else "below")
                yield Fault(place, f"the alert would come no sooner than the critical threshold {critical.name!r}")


def _bounds(charter: Charter, find: Find) -> Iterator[Fault]:
    for trigger in charter.triggers:
        if trigger.cpu_seconds > charter.scope.cpu_seconds:
            place = find("triggers", "name", trigger.name, "cpu_seconds")
            yield Fault(place, f"a run may use {charter.scope.cpu_seconds:g} CPU seconds (scope.cpu_seconds), no more")


def _twice(document: dict[str, Any], name: str, key: str) -> Iterator[Fault]:
    """Yields a fault for every table that has the name of one before it."""
    seen: set[str] = set()
    rows = document.get(name, [])
    for number, each in enumerate(rows if type(rows) is list else []):
        value = each.get(key) if type(each) is dict else None
        if type(value) is str:
            if value in seen:
                yield Fault((name, number, key), f"there are two with the {key} {value[:60]!r}: one must go")
            seen.add(value)

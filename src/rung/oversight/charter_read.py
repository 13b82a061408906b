"""Reads a charter, strictly: an unknown key, a missing owner or a contradiction is refused, never overlooked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rung.errors import BadInput
from rung.oversight import charter_rules, keys
from rung.oversight.charter import (
    ACTIONS,
    CHECKS,
    MEASUREMENTS,
    METRICS,
    RESPONSES,
    SUCCESSES,
    VERSION,
    Approvals,
    Approver,
    Charter,
    Goal,
    Principle,
    Protected,
    Rule,
    Scope,
    Threshold,
    Trigger,
)
from rung.oversight.charter_lines import Lines
from rung.oversight.charter_table import Fault, Table

if TYPE_CHECKING:
    from rung.wire import JSON

MOST_BYTES: Final = 65_536
_ENDPOINT = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_EVENT = re.compile(r"[a-z][a-z_]{0,40}")


def read_charter(path: Path) -> Charter:
    """Returns the charter of a file.

    Raises:
      BadInput: it cannot be read or it has faults; the message names the first and how many there are.
    """
    charter, faults = check_charter(path)
    if charter is None:
        first, more = faults[0], len(faults) - 1
        rest = "" if not more else f" (and {more} more: `rung charter check {path}` lists them)"
        line = f", line {first.line}" if first.line else ""
        raise BadInput(f"{path}{line}: {first.place}: {first.sentence}{rest}")
    return charter


def check_charter(path: Path) -> tuple[Charter | None, list[Fault]]:
    """Returns the charter of a file and nothing, or None and all its faults in the order of their lines.

    Raises:
      BadInput: the file cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"the charter {path} cannot be read ({error.strerror}): `rung charter init {path}` writes one"
        ) from error
    return check_text(raw)


def check_text(raw: bytes) -> tuple[Charter | None, list[Fault]]:
    """Returns the charter that these bytes are and nothing, or None and all their faults."""
    if len(raw) > MOST_BYTES:
        return None, [Fault((), f"a charter holds at most {MOST_BYTES:,} bytes: shorten it")]
    try:
        text = raw.decode("utf-8", "strict")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return None, [Fault((), "the file is not UTF-8 text: save it as UTF-8", line)]
    except RecursionError:
        return None, [Fault((), "brackets are nested too deeply to be a charter: take them apart")]
    except ValueError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found.group(1)) if found else (text.count("\n") + 1 if "end of document" in str(error) else 0)
        return None, [Fault((), f"this is not TOML: {error}", line)]
    charter, faults = charter_of(document)
    lines = Lines(text)
    placed = [replace(fault, line=lines.of(fault.path)) for fault in faults]
    return charter, sorted(placed, key=lambda fault: (fault.line, fault.path[:1], fault.sentence))


def charter_of(document: dict[str, JSON] | dict[str, Any]) -> tuple[Charter | None, list[Fault]]:
    """Returns the charter of a document in the shape of the file and nothing, or None and all its faults."""
    faults: list[Fault] = []
    top = Table(document, (), faults)
    if top.whole("version", least=1) != VERSION:
        top.fault("version", f"this rung reads charters of version {VERSION}")
    charter = Charter(
        goal=_goal(top.table("goal")),
        scope=_scope(top.table("scope")),
        principles=tuple(sorted((_principle(each) for each in top.tables("principles")), key=lambda each: each.name)),
        protected=tuple(sorted((_protected(each) for each in top.tables("protected")), key=lambda each: each.metric)),
        thresholds=tuple(sorted((_threshold(each) for each in top.tables("thresholds")), key=lambda each: each.name)),
        approvals=_approvals(top.table("approvals")),
        approvers=tuple(sorted((_approver(each) for each in top.tables("approvers")), key=lambda each: each.name)),
        rules=tuple(sorted((_rule(each) for each in top.tables("rules")), key=lambda each: each.action)),
        triggers=tuple(sorted((_trigger(each) for each in top.tables("triggers")), key=lambda each: each.name)),
    )
    top.close()
    known = {fault.path for fault in faults}
    faults += [fault for fault in charter_rules.contradictions(charter, document) if fault.path not in known]
    return (None, faults) if faults else (charter, [])


def _goal(table: Table) -> Goal:
    made = Goal(
        statement=table.text("statement"),
        success=table.text("success"),
        measure=table.text("measure", one_of=SUCCESSES),
        at_least=table.number("at_least", least=-1e15),
    )
    table.close()
    return made


def _scope(table: Table) -> Scope:
    made = Scope(
        files=table.texts("files", check=_file_fault),
        imports=table.texts("imports", check=_import_fault),
        models=table.texts("models"),
        endpoints=table.texts("endpoints", check=_endpoint_fault),
        usd=table.number("usd", least=0),
        tokens=table.whole("tokens", least=0),
        cpu_seconds=table.number("cpu_seconds", least=0.001),
        depth=table.whole("depth", least=0, most=16),
        generations_per_day=table.whole("generations_per_day", least=0),
    )
    table.close()
    return made


def _principle(table: Table) -> Principle:
    made = Principle(
        name=table.text("name"),
        text=table.text("text"),
        check=table.text("check", default="", one_of=CHECKS),
        question=table.text("question", default=""),
    )
    if table.has("check") == table.has("question"):
        table.fault("name", "a principle has one check: `check` names a code check, or `question` is put to a person")
    table.close()
    return made


def _protected(table: Table) -> Protected:
    made = Protected(table.text("metric", one_of=METRICS), table.number("margin", least=0))
    table.close()
    return made


def _threshold(table: Table) -> Threshold:
    level = table.text("level", one_of=RESPONSES)
    made = Threshold(
        name=table.text("name"),
        level=level,
        measurement=table.text("measurement", one_of=MEASUREMENTS),
        above=table.maybe("above", least=-1e15),
        below=table.maybe("below", least=-1e15),
        owner=table.text("owner"),
        action=table.text("action", one_of=RESPONSES["alert"]),
    )
    if table.has("above") == table.has("below"):
        table.fault("name", "a threshold has one limit: `above` or `below`")
    if level == "critical" and made.action and made.action not in RESPONSES[level]:
        table.fault("action", f'a critical threshold halts: {made.action!r} is for alerts; write action = "halt"')
    table.close()
    return made


def _approvals(table: Table) -> Approvals:
    made = Approvals(
        irreversible=table.texts("irreversible", one_of=ACTIONS),
        stale_after_events=table.whole("stale_after_events", least=0),
        longest_hours=table.number("longest_hours", least=0.01, most=24 * 366),
    )
    table.close()
    return made


def _approver(table: Table) -> Approver:
    made = Approver(table.text("name"), table.texts("keys", check=keys.public_fault))
    if table.has("keys") and not made.keys:
        table.fault("keys", "an approver needs a public key: `rung key new FILE` makes one, outside the workspace")
    table.close()
    return made


def _rule(table: Table) -> Rule:
    made = Rule(
        action=table.text("action", one_of=ACTIONS),
        by=table.texts("by"),
        persons=table.whole("persons", least=1, most=2, default=1),
        measure=table.text("measure", default=""),
        two_persons_above=table.maybe("two_persons_above", least=0),
    )
    if table.has("measure") != table.has("two_persons_above"):
        table.fault("action", "`measure` and `two_persons_above` belong together: which number, and above what")
    if not made.by:
        table.fault("by", "name at least one approver, or leave the rule out: then nobody may approve it")
    table.close()
    return made


def _trigger(table: Table) -> Trigger:
    on = table.text("on", one_of=("time", "event", "webhook"))
    made = Trigger(
        name=table.text("name"),
        on=on,
        every_hours=table.maybe("every_hours", least=0.01),
        at=table.text("at", default=""),
        event=table.text("event", default=""),
        port=table.whole("port", least=1024, most=65535, default=0) if table.has("port") else None,
        task=table.text("task"),
        attempts=table.whole("attempts", least=1),
        cpu_seconds=table.number("cpu_seconds", least=0.001),
    )
    needs = {"time": ("every_hours", "at"), "event": ("event",), "webhook": ("port",)}.get(on, ())
    for key in ("every_hours", "at", "event", "port"):
        if on and table.has(key) and key not in needs:
            table.fault(key, f"a trigger on {on} has no {key}: it has {' or '.join(needs)}")
    if on and sum(table.has(key) for key in needs) != 1:
        table.fault("on", f"a trigger on {on} needs {' or '.join(needs)}" + (", not both" if len(needs) > 1 else ""))
    if made.at and not _CLOCK.fullmatch(made.at):
        table.fault("at", f'{made.at[:20]!r} is no time of day: write "03:30", in UTC')
    if made.event and not _EVENT.fullmatch(made.event):
        table.fault("event", f"{made.event[:40]!r} is no type of ledger event: write one such as incumbent or run_end")
    table.close()
    return made


def _file_fault(pattern: str) -> str | None:
    if pattern.startswith("/") or "\\" in pattern or ".." in pattern.split("/"):
        return f"{pattern[:60]!r} leaves the program: write a pattern such as *.py or arms/*.py"
    return None


def _import_fault(name: str) -> str | None:
    if all(part.isidentifier() for part in name.split(".")):
        return None
    return f"{name[:60]!r} is no module: write a name such as math or scipy.optimize; there is no wildcard"


def _endpoint_fault(endpoint: str) -> str | None:
    found = _ENDPOINT.fullmatch(endpoint)
    if found and (found.group(1) is None or 0 < int(found.group(1)) < 65536):
        return None
    return f"{endpoint[:60]!r} is no endpoint: write a host, or host:port; no address with a path and no wildcard"

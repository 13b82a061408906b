"""The charter as records: what a person has said about a workspace, in the order in which `charter.toml` says it.

The names of the fields are the keys of the file. Nothing here is code: a charter is data, and is never executed.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, cast

from rung import wire

if TYPE_CHECKING:
    from rung.wire import JSON

VERSION: Final = 1
ACTIONS: Final = {
    "promote": "put an improver in force",
    "deploy": "hand a program to a path or a branch of the user's",
    "raise_budget": "spend more than the charter's caps",
    "grant_network": "let something reach an endpoint",
    "change_charter": "put the workspace under another charter",
    "delete": "remove what cannot be made again",
}
CHECKS: Final = {
    "held_out_measured": "the run has a measured held-out gain",
    "incumbent_rescored": "a second sandbox scored the incumbent again and agreed",
    "isolated": "every program ran in a sandbox that isolates",
    "no_denied_calls": "no program of the run made a system call that no honest program needs",
    "no_alarm": "the run raised no integrity alarm",
}
MEASUREMENTS: Final = {
    "gain": "held-out gain of one accepted step",
    "gain_ratio": "gain per unit compute against the first 20 generations",
    "jump": "robust deviations of a gain from the median of the last 50",
    "drift": "fall of a protected metric against generation 0",
    "public_hidden_gap": "validation gain minus held-out gain",
    "denied_calls": "denied system calls in one lineage",
    "undetected_red": "share of injected red candidates that were not found",
    "stop_seconds": "seconds until a stop is complete",
    "cpu_seconds": "CPU seconds of one lineage",
    "tokens": "tokens of one lineage",
    "usd": "US dollars of one lineage",
    "flop": "floating point operations of one lineage",
}
RESPONSES: Final = {"alert": ("notify", "review", "pause", "halt"), "critical": ("halt",)}
SUCCESSES: Final = {"held_out_gain": "mean paired held-out difference", "value": "validation value of the incumbent"}
METRICS: Final = {
    "value": "mean score on validation",
    "held_out": "mean score on held-out cases",
    "out_of_domain": "mean score on tasks of another kind",
    "cpu_seconds": "CPU seconds per evaluation, lower is better",
    "lines": "lines of the program, lower is better",
}


@dataclass(frozen=True, slots=True)
class Goal:
    """What the work is for. success: in words; measure, at_least: in numbers."""

    statement: str
    success: str
    measure: str
    at_least: float


@dataclass(frozen=True, slots=True)
class Scope:
    """What one run may touch and use.

    files: patterns a proposal may change. imports: modules its changed files may import. models: names that may be
    asked. endpoints: "host" or "host:port" that may be reached. usd, tokens, cpu_seconds: of one run. depth: runs
    inside runs, 0 for none. generations_per_day: improvers put in force per UTC day.
    """

    files: tuple[str, ...]
    imports: tuple[str, ...]
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    usd: float
    tokens: int
    cpu_seconds: float
    depth: int
    generations_per_day: int


@dataclass(frozen=True, slots=True)
class Principle:
    """One sentence that must hold, with its check: the name of one of CHECKS, or a question to whoever approves."""

    name: str
    text: str
    check: str
    question: str


@dataclass(frozen=True, slots=True)
class Protected:
    """A metric that may not fall by more than its margin; never a trade."""

    metric: str
    margin: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level of a measurement at which somebody acts: beyond `above`, or under `below`, one of them None."""

    name: str
    level: str
    measurement: str
    above: float | None
    below: float | None
    owner: str
    action: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """How approvals are held against time. irreversible: actions that are denied unless somebody signs.

    stale_after_events: how far the ledger may have grown since the head that was signed. longest_hours: from the
    signature to its expiry, at most.
    """

    irreversible: tuple[str, ...]
    stale_after_events: int
    longest_hours: float


@dataclass(frozen=True, slots=True)
class Approver:
    """A person. keys: public, "ed25519:..."; more than one so that a lost key file is not the end."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may approve an action. persons: how many must; two when `measure` of its details exceeds the limit."""

    action: str
    by: tuple[str, ...]
    persons: int
    measure: str
    two_persons_above: float | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a bounded run. on: "time", "event" or "webhook"; the other fields belong to one of them or are empty.

    every_hours, at: of a time, at is "HH:MM" UTC. event: a type of ledger event. port: on loopback.
    """

    name: str
    on: str
    every_hours: float | None
    at: str
    event: str
    port: int | None
    task: str
    attempts: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Charter:
    """Everything a person has said; `hash` names it, and does not depend on comments, layout or order."""

    goal: Goal
    scope: Scope
    principles: tuple[Principle, ...]
    protected: tuple[Protected, ...]
    thresholds: tuple[Threshold, ...]
    approvals: Approvals
    approvers: tuple[Approver, ...]
    rules: tuple[Rule, ...]
    triggers: tuple[Trigger, ...]

    def document(self) -> dict[str, JSON]:
        """Returns the charter in the shape of its file, without what is empty."""
        whole = {"version": VERSION, **asdict(self)}
        return cast("dict[str, JSON]", _without_empty(whole))

    def canonical(self) -> bytes:
        """Returns the one byte string of this charter."""
        return wire.canonical(self.document())

    @property
    def hash(self) -> str:
        """The hex SHA-256 of its canonical form."""
        return hashlib.sha256(self.canonical()).hexdigest()

    def rule(self, action: str) -> Rule | None:
        """Returns who may approve an action, None when nobody may."""
        return next((rule for rule in self.rules if rule.action == action), None)

    def person(self, key: str) -> str | None:
        """Returns whose public key this is, None for a stranger's."""
        return next((each.name for each in self.approvers if key in each.keys), None)


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each is not None and each != ""}
    if isinstance(value, list | tuple):
        return [_without_empty(each) for each in value]
    return value

"""Ada, Bert and a stranger, a charter that names the first two, and a workspace under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight import keys
from rung.oversight.approval import ask, decide, statement
from rung.oversight.approval_records import Action, Approval, Statement, Verdict, sign
from rung.oversight.approval_state import Case
from rung.oversight.charter import Charter
from rung.oversight.charter_read import check_text
from rung.oversight.standing import adopt

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger

DEFAULT = resources.files("rung.oversight").joinpath("default.toml").read_text(encoding="utf-8")
RULES = """
[[rules]]
action = "promote"
by = ["ada"]

[[rules]]
action = "change_charter"
by = ["ada", "bert"]

[[rules]]
action = "delete"
by = ["ada", "bert"]
persons = 2

[[rules]]
action = "raise_budget"
by = ["ada", "bert"]
measure = "usd"
two_persons_above = 100.0
"""
NOW = 1_800_000_000.0


def charter(text: str) -> Charter:
    """Returns the charter that a text is."""
    made, faults = check_text(text.encode())
    assert made is not None, faults
    return made


@dataclass
class Clock:
    """A clock that stands where a test puts it."""

    now: float = NOW

    def __call__(self) -> float:
        """Returns the moment."""
        return self.now


@dataclass
class Office:
    """A workspace under a charter, and the people who have a say in it."""

    folder: Path
    ledger: Ledger
    clock: Clock
    law: Charter
    text: str
    private: dict[str, Any]
    nonces: list[str] = field(default_factory=list)

    def asked(self, kind: str = "promote", **details: Any) -> Case:
        """Returns a request."""
        return ask(self.ledger, self.law, Action(kind, {"program": "ab" * 32}, details))

    def said(self, case: Case, verdict: str = "approve", **changes: Any) -> Statement:
        """Returns what somebody might sign."""
        self.nonces.append("x")
        made = statement(
            self.ledger,
            self.law,
            case,
            verdict=Verdict.APPROVE,
            reason="seen",
            expires=int(self.clock.now) + 3600,
            nonce=str(len(self.nonces)),
        )
        return replace(made, verdict=verdict, **changes)

    def by(self, person: str, case: Case, verdict: str = "approve", **changes: Any) -> Approval:
        """Returns what somebody signed."""
        return sign(self.said(case, verdict, **changes), self.private[person])

    def decide(self, approval: Approval) -> Case:
        """Returns how things stand after an approval was handed in."""
        return decide(self.ledger, self.law, approval, now=self.clock.now)


def key(path: Path, workspace: Path) -> tuple[str, Any]:
    """Returns both halves of a new key."""
    return keys.new_key(path, workspace=workspace), keys.read_key(path, workspace=workspace)


def law_text(public: Mapping[str, str], *, rules: str = RULES, default: str = DEFAULT) -> str:
    """Returns the careful charter with Ada and Bert in it."""
    people = "".join(
        f'\n[[approvers]]\nname = "{name}"\nkeys = ["{public[name]}"]\n' for name in ("ada", "bert") if name in public
    )
    return default + people + rules


def open_office(folder: Path, *, rules: str = RULES, default: str = DEFAULT) -> Office:
    """Returns a new workspace under a charter."""
    workspace, clock = folder / "w", Clock()
    made = {name: key(folder / f"{name}.key", workspace) for name in ("ada", "bert", "mallory")}
    text = law_text({name: public for name, (public, _) in made.items()}, rules=rules, default=default)
    ledger = open_ledger(workspace, clock=clock)
    law = adopt(ledger, charter(text), now=clock.now)
    return Office(folder, ledger, clock, law, text, {name: private for name, (_, private) in made.items()})

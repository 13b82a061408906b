"""Which improver is in force under a name: every promotion and every step back is an event; the newest one counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rung.errors import BadInput
from rung.kernel import codec

if TYPE_CHECKING:
    from rung.kernel.ledger.port import Ledger
    from rung.records import Program
    from rung.wire import JSON

SUFFIX = "@main"
STAGES = ("seed", "shadow", "canary", "main")


@dataclass(frozen=True, slots=True)
class Promotion:
    """One step of the improver of a name.

    number: 0 for the one that ships, then 1, 2, ... stage: "seed", "shadow" (it was judged beside the one in force),
    "canary" (in force under watch) or "main". by: "kernel" when a gate admitted it, "person" when somebody went back.
    run: what it came from. reason: in words.
    """

    number: int
    program: str
    stage: str
    by: str
    run: str
    reason: str


def promotions(ledger: Ledger, name: str) -> list[Promotion]:
    """Returns all steps of a name, oldest first."""
    found: list[Promotion] = []
    for event in ledger.read(types=("promotion",)):
        body: Any = event.body
        if body["improver"] == name:
            found.append(Promotion(len(found), body["program"], body["stage"], body["by"], event.run, body["reason"]))
    return found


def promote(ledger: Ledger, name: str, program: Program, *, stage: str, by: str, run: str, reason: str) -> None:
    """Records that a program is now the improver of this name, at a stage.

    Raises:
      BadInput: there is no such stage.
    """
    if stage not in STAGES:
        raise BadInput(f"there is no stage {stage!r}; the stages are {', '.join(STAGES)}")
    body: dict[str, JSON] = {
        "improver": name,
        "program": program.id,
        "stage": stage,
        "by": by,
        "reason": reason,
        "blobs": [program.id],
    }
    ledger.append("promotion", body, run=run, blobs=(codec.program_bytes(program),))


def in_force(ledger: Ledger, name: str) -> Program:
    """Returns the improver that is in force under a name: the newest step that is canary, main or seed.

    Raises:
      BadInput: none was ever promoted.
    """
    steps = [step for step in promotions(ledger, name) if step.stage != "shadow"]
    if not steps:
        raise BadInput(
            f"no improver was promoted under {name!r} in this workspace: `rung ascend` makes one, or leave out {SUFFIX}"
        )
    return codec.program_from_bytes(ledger.get(steps[-1].program))


def roll_back(ledger: Ledger, name: str, *, to: str | None, reason: str) -> Promotion:
    """Returns the step that is in force again; it becomes the newest one, nothing is erased.

    Raises:
      BadInput: see `step_to`.
    """
    step = step_to(ledger, name, to=to)
    stage = "seed" if step.stage == "seed" else "main"
    program = codec.program_from_bytes(ledger.get(step.program))
    promote(ledger, name, program, stage=stage, by="person", run=step.run, reason=reason)
    return promotions(ledger, name)[-1]


def forward(ledger: Ledger, name: str, step: Promotion) -> bool:
    """Returns whether a step was first put in force after the program that is in force now: no way back, but ahead."""
    standing = [each.program for each in promotions(ledger, name) if each.stage != "shadow"]
    return standing.index(step.program) > standing.index(standing[-1])


def step_to(ledger: Ledger, name: str, *, to: str | None) -> Promotion:
    """Returns the step that can be put in force again.

    to: its number or the first characters of the program's id; None for the last that was in force and is another one.

    Raises:
      BadInput: there is no such step, it was only judged, or it is in force already.
    """
    steps = promotions(ledger, name)
    standing = [step for step in steps if step.stage != "shadow"]  # who was only judged was never in force
    if not standing:
        raise BadInput(f"no improver was promoted under {name!r} in this workspace; there is nothing to go back to")
    now = standing[-1].program
    if to is None:
        chosen = [step for step in standing if step.program != now][-1:]
    else:
        named = [step for step in standing if to == str(step.number)]
        chosen = named or [step for step in standing if len(to) >= 4 and step.program.startswith(to)][-1:]
    if not chosen:
        raise BadInput(
            f"{name!r} has no step {to!r} that was in force and can be again; `rung stages {name}` lists them"
        )
    step = chosen[0]
    if step.program == now:
        raise BadInput(f"{step.program[:8]} is in force under {name!r} already")
    return step

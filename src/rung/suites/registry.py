"""Suites by the names that people call them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import BadInput
from rung.suites import ladder
from rung.suites.induction import world as induction

if TYPE_CHECKING:
    from rung.records import Task
    from rung.suites.suite import Block, Suite, World

REFERENCE = "suite:"
NULL_WORK = 2.8e6  # enough that what is left after trying solves nearly every random puzzle
NAMES = ("ladder", "null", "induction")


def find_suite(name: str) -> Suite:
    """Returns the suite of this name.

    Raises:
      BadInput: there is none.
    """
    if name == "ladder":
        return ladder.SUITE
    if name == "null":
        worlds = {"": ladder.SUITE.worlds["null"], "mixed": ladder.SUITE.worlds["mixed"]}
        plan = replace(ladder.PLAN, work=NULL_WORK)
        return replace(ladder.SUITE, name="null", worlds=worlds, plan=plan)
    if name == "induction":
        return induction.SUITE
    raise BadInput(f"there is no suite {name!r}; the suites are {', '.join(NAMES)} and search")


def called(world: World, call: Any, *, reference: str) -> Block | None:  # noqa: ANN401 - canonical JSON
    """Returns the block that a call of a world makes, with the work allowed in its brief; None when a stream ended."""
    match call["call"]:
        case "block":
            salt, solved = int(call["salt"]), frozenset(call["solved"])
            block = world.block(call["at"], call["size"], salt=salt, solved=solved)
        case "screen":
            block = world.screen(call["size"], salt=int(call["salt"]))
        case "held_out":
            block = world.held_out(call["work"])
        case _:
            block = world.out_of_domain(call["work"])
    if block is None:
        return None
    task = replace(block.task, extra={**block.task.extra, "work": block.work})
    return replace(block, task=task, reference=reference)


def find_block(reference: str) -> Task:
    """Returns the task of a block that a ledger refers to.

    Raises:
      BadInput: the suite is not there any more, or it no longer has this block.
    """
    call: Any = wire.parse(reference.removeprefix(REFERENCE).encode())
    suite = find_suite(call["suite"])
    if call["variant"] not in suite.worlds:
        raise BadInput(f"suite {suite.name!r} has no world {call['variant']!r} any more; what it judged needs it")
    block = called(suite.worlds[call["variant"]](int(call["seed"])), call, reference=reference)
    if block is None:
        raise BadInput(f"the stream of suite {suite.name!r} no longer has this block; what it judged needs it")
    return block.task

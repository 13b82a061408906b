"""A function of the suite as a task: visible examples to induce it from, hidden ones to judge by."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from rung.records import Case, Fresh, Limits, Program, Task, as_cases
from rung.suites.induction.catalogue import FUNCTIONS
from rung.suites.induction.draws import INT
from rung.suites.induction.entry import BOOL, INT_T, Entry

if TYPE_CHECKING:
    from rung.kernel.trial import Trial

VISIBLE = {BOOL: 16, INT_T: 10}
VISIBLE_OTHERS = 8
VALIDATION, HELD_OUT = 10, 16
COINCIDENCE = 0.3
TRIES = 2000
LONGEST = 40
SEED_PROGRAM = "def solve(args):\n    return args[0]\n"
LIMITS = Limits(cpu_seconds=2.0, wall_seconds=5.0, memory_mb=128, output_bytes=1 << 16, disk_mb=1)


def example(entry: Entry, rng: random.Random, *, wanted: bool | None = None) -> dict[str, Any]:
    """Returns {"args", "expected"}, drawn from the function's generator; wanted: the truth value of a boolean result.

    Raises:
      ValueError: the generator does not reach the function's domain, or never gives the wanted value.
    """
    for _ in range(TRIES):
        arguments = coincident([kind.draw(rng) for kind in entry.kinds], entry, rng)
        if not entry.where(*arguments):
            continue
        expected = entry.oracle(*arguments)
        if isinstance(expected, list | str) and len(expected) > LONGEST:
            continue
        if wanted is None or expected is wanted:
            return {"args": arguments, "expected": expected}
    raise ValueError(f"{entry.name}: no example in {TRIES} draws")


def coincident(arguments: list[Any], entry: Entry, rng: random.Random) -> list[Any]:
    """Returns the arguments, sometimes with an INT made equal to an earlier one or to an element of the list before.

    Without such cases "less than" and "at most" look alike.
    """
    for place in range(1, len(arguments)):
        before = arguments[place - 1]
        if entry.kinds[place] is INT and rng.random() < COINCIDENCE:
            if isinstance(before, list) and before and isinstance(before[0], int):
                arguments[place] = rng.choice(before)
            elif entry.kinds[place - 1] is INT:
                arguments[place] = before
    return arguments


def examples(entry: Entry, rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Returns examples in random order, all different where there are enough, boolean results balanced."""
    rows: dict[str, dict[str, Any]] = {}
    for number in range(20 * count):
        if len(rows) == count:
            break
        row = example(entry, rng, wanted=len(rows) % 2 == 0 if entry.result == BOOL else None)
        key = json.dumps(row) if number < 10 * count else f"{number}"  # small domains: repeat rather than go without
        rows.setdefault(key, row)
    chosen = list(rows.values())
    rng.shuffle(chosen)
    return chosen


def equal(left: object, right: object) -> bool:
    """Returns whether two JSON values are equal in value and in type, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return left == right


def signature(entry: Entry) -> str:
    """Returns the public part of the task: name, types of arguments and result, and the constants, as JSON."""
    return json.dumps(
        {
            "name": entry.name,
            "arguments": list(entry.arguments),
            "result": entry.result,
            "constants": list(entry.constants),
        }
    )


def make_task(name: str, seed: int) -> Task:
    """Returns the task of a function; the examples depend on the seed, the function does not.

    Raises:
      ValueError: there is no such function.
    """
    if name not in FUNCTIONS:
        raise ValueError(f"the suite has no function {name!r}")
    entry = FUNCTIONS[name]

    def draw(split: str, count: int) -> tuple[Case, ...]:
        rng = random.Random(f"{split} {name} {seed}")  # noqa: S311 - seeded, no secrets
        return as_cases(split, examples(entry, rng, count))

    def evaluate(case: Case, trial: Trial) -> float:
        row = case.input if isinstance(case.input, dict) else _drawn(entry, case.input)
        return float(equal(trial.run(row["args"]), row["expected"]))

    return Task(
        name=f"induction/{name}",
        goal="Write solve(args) so that it gives the expected result of every example, and of examples not shown.",
        program=Program({"solution.py": SEED_PROGRAM}, "solution.py:solve"),
        evaluate=evaluate,
        train=draw("train", VISIBLE.get(entry.result, VISIBLE_OTHERS)),
        validation=draw("validation", VALIDATION),
        held_out=Fresh(HELD_OUT),
        limits=LIMITS,
        attempts=4,
        bound=1.0,
        public=signature(entry),
    )


def _drawn(entry: Entry, seed: Any) -> dict[str, Any]:  # noqa: ANN401 - an input the kernel drew
    """Returns the example of a fresh case; half of the seeds ask for True where the result is boolean."""
    rng = random.Random(f"fresh {entry.name} {seed}")  # noqa: S311 - seeded, no secrets
    return example(entry, rng, wanted=rng.random() < 0.5 if entry.result == BOOL else None)

"""Small tables that many tests share, and a trial without a sandbox."""

from __future__ import annotations

import itertools
import pickle
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rung.records import Program
from rung.suites.search.box import Box
from rung.suites.search.catalogue import Family
from rung.suites.search.tables import Table
from rung.suites.search.tasks import policy

SPACE = Family((4, 3, 5, 2), (False, True, True, False), "val_acc", "accuracy")


def measurements(seed: int = 0) -> dict[str, list[float]]:
    """Returns key -> measurements: an additive landscape with noise, one or two of each configuration."""
    rng = random.Random(seed)
    worth = [[rng.random() for _ in range(size)] for size in SPACE.sizes]
    found = {}
    for point in itertools.product(*map(range, SPACE.sizes)):
        mean = sum(worth[place][choice] for place, choice in enumerate(point)) / len(point)
        key = "".join(map(str, point))
        found[key] = [mean + 0.02 * rng.random() for _ in range(1 + (sum(point) % 3 > 0))]
    return found


def table(name: str = "small/one", seed: int = 0) -> Table:
    """Returns a small table."""
    rows = list(measurements(seed).values())
    values = np.array([row + row[:1] * (2 - len(row)) for row in rows])
    return Table(name, f"{seed:064x}", SPACE, values, np.array([len(row) for row in rows]))


def box(seed: int = 0) -> Box:
    """Returns a small box."""
    return Box(table(seed=seed))


def pickled(path: Path, document: object) -> Path:
    """Returns the path of a new pickle."""
    path.write_bytes(pickle.dumps(document, protocol=4))
    return path


def whole(**more: list[float]) -> dict[str, dict[str, list[float]]]:
    """Returns a whole table as the package keeps it."""
    return {key: {"val_acc": found, **more} for key, found in measurements().items()}


def changed(text: str) -> Program:
    """Returns the shipped program with another policy."""
    return policy().edit({"policy.py": text})


class Here:
    """A trial that runs a policy in this process."""

    def __init__(self, program: Program) -> None:
        self.messages = 0
        inner, outer = ModuleType("policy"), ModuleType("conversation")
        exec(str(program.files["policy.py"]), inner.__dict__)
        text = str(program.files["conversation.py"]).replace("from policy import search", "")
        exec(text, outer.__dict__)
        vars(outer)["search"] = vars(inner)["search"]
        self._step = vars(outer)["step"]

    def run_many(self, questions: list[Any]) -> list[Any]:
        self.messages += 1
        return [self._step(question) for question in questions]

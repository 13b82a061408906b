"""One comparison of all arms that many tests look at, and a place to climb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.arms import toy
from tests.helpers import kernel

from rung.arms.practice import Field
from rung.arms.records import ARMS, ArmResult
from rung.kernel.draw import derive
from rung.kernel.kernel import Kernel


@dataclass(frozen=True)
class Whole:
    """A comparison that ran to its end."""

    kernel: Kernel
    results: dict[str, ArmResult]
    workspace: Path

    def events(self, arm: str, *types: str) -> list[tuple[str, Any]]:
        """Returns (type, body) of an arm's own events."""
        run = self.results[arm].run
        return [(event.type, event.body) for event in self.kernel.ledger.read(run=run, types=types or None)]

    def bodies(self, arm: str, *types: str) -> list[Any]:
        """Returns the bodies of an arm's own events."""
        return [body for _, body in self.events(arm, *types)]


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """All arms, one seed."""
    workspace = tmp_path_factory.mktemp("whole") / "w"
    k, results = toy.run(workspace, arms=ARMS, key="abc")
    return Whole(k, results, workspace)


@pytest.fixture
def field(tmp_path: Path) -> Callable[..., Field]:
    """Makes a place to climb: field(name, seed, **changes of the plan)."""

    def make(name: str = "w", seed: int = 1, **changes: Any) -> Field:
        place = toy.suite(**changes)
        return Field(kernel(tmp_path / name), place, toy.Clusters(seed), seed, derive(seed, "secret"), "bench")

    return make

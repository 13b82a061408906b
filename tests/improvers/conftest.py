"""What the tests of improvers share: the folder of an improver as importable modules, as it is in the sandbox."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rung
from rung.sdk import host

IMPROVERS = Path(rung.__file__).parent / "improvers"


@pytest.fixture
def module_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Imports a module of an improver's folder; everything imported from there is forgotten after the test."""
    before = set(sys.modules)
    monkeypatch.setitem(sys.modules, "rung_host", host)

    def load(improver: str, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(IMPROVERS / improver))
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if str(IMPROVERS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def sources(folder: Path) -> list[Path]:
    """Returns the files of an improver; importing it for a test may have left compiled ones beside them."""
    return [path for path in folder.rglob("*.*") if path.suffix in {".py", ".json"} and path.is_file()]


@pytest.fixture
def make_brief() -> Callable[..., host.Brief]:
    """Makes a brief about a program given as files."""

    def make(files: dict[str, str], **changes: Any) -> host.Brief:
        folder = IMPROVERS / changes.pop("improver", "seed")
        own = {path.relative_to(folder).as_posix(): path.read_text() for path in sources(folder)}
        values: dict[str, Any] = {
            "goal": "as high as possible",
            "program": {"id": "0" * 64, "files": files, "entry": "rule.py:rule"},
            "value": -100.0,
            "feedback": (),
            "editable": None,
            "cases": (1,),
            "public": None,
            "bound": None,
            "attempts": 200,
            "seed": 0,
            "improver": {"files": own, "entry": "improver.py:improve"},
        }
        return host.Brief(**{**values, **changes})

    return make


class FakeHost:
    """A host that scores programs with a function of their files, and counts what it was asked."""

    def __init__(self, brief: host.Brief, score: Callable[[dict[str, str]], float], attempts: int) -> None:
        self.files = {brief.program["id"]: dict(brief.program["files"])}
        self.score, self.left, self.values = score, attempts, [brief.value]
        self.asked: list[dict[str, str]] = []

    def evaluate(self, children: list[host.Child], *, cases: int | None = None) -> list[host.Result]:
        del cases
        results = []
        for child in children:
            if self.left == 0:
                raise host.Stop("attempts")
            self.left -= 1
            files = {**self.files[child.parent], **child.files}
            self.asked.append(files)
            number = f"{len(self.files):064x}"
            self.files[number] = files
            results.append(self._result(number, files))
        return results

    def _result(self, number: str, files: dict[str, str]) -> host.Result:
        try:
            value = float(self.score(files))
        except Exception as error:  # noqa: BLE001 - stands for the sandbox
            return host.Result(number, "error", None, (), (str(error),), {}, incumbent=False)
        self.values.append(value)
        return host.Result(number, "ok", value, (value,), (), {}, incumbent=False)

    def candidates(self, count: int = 10) -> list[dict[str, Any]]:
        del count
        return []

    def log(self, **measures: Any) -> None:
        del measures


@pytest.fixture
def fake_host() -> type[FakeHost]:
    return FakeHost

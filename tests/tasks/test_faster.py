"""The task `faster`: two ways to compute the report agree, wrong reports are invalid, speed is what is scored."""

from __future__ import annotations

import random
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from rung.authoring import BUILT_IN, load_tasks
from rung.errors import Invalid

TASK = load_tasks(BUILT_IN / "faster" / "task.py")["faster"]
FASTER = sys.modules[TASK.evaluate.__module__]


def seed_report() -> Any:
    space: dict[str, Any] = {}
    exec(str(TASK.program.files["report.py"]), space)
    return space["report"]


class FakeTrial:
    """A trial whose program is a function, and whose clock is made up."""

    def __init__(self, report: Any, *, seconds: float = 1.0) -> None:
        self.report, self.seconds, self.rng = report, seconds, random.Random(3)

    def run_many(self, documents: list[Any]) -> list[Any]:
        return [self.report(document) for document in documents]

    def measure(self, document: Any) -> Any:
        start, work = 0.125, 3.0 if len(document["text"]) > 100 else 0.0
        seconds = start + self.seconds if work else 40.0  # what it burns at the start on purpose gains it nothing
        return SimpleNamespace(
            output=self.report(document), cpu_seconds=seconds, seed_output=None, seed_cpu_seconds=start + work
        )


@pytest.mark.parametrize("seed", range(6))
def test_the_seed_program_returns_what_the_evaluator_computes(seed: int) -> None:
    rng, report = random.Random(seed), seed_report()
    for count, variety, limit in ((1, 2, 3), (2, 2, 1), (50, 9, 7), (400, 90, 20)):
        text = FASTER.make_text(rng, count=count, variety=variety)
        assert FASTER.same(report({"text": text, "limit": limit}), FASTER.expected(text, limit))


def test_the_score_is_how_many_times_as_fast() -> None:
    case = SimpleNamespace(id="c", input=1)
    assert FASTER.faster(case, FakeTrial(seed_report(), seconds=1.0)) == pytest.approx(3.0, rel=0.03)
    assert FASTER.faster(case, FakeTrial(seed_report(), seconds=6.0)) == pytest.approx(0.5, rel=0.03)
    assert FASTER.faster(case, FakeTrial(seed_report(), seconds=2.95)) == 1.0
    assert FASTER.faster(case, FakeTrial(seed_report(), seconds=0.0)) == pytest.approx(TASK.bound, rel=0.03)


def wrong(change: Any) -> Any:
    report = seed_report()

    def altered(document: Any) -> Any:
        output = report(document)
        change(output)
        return output

    return altered


@pytest.mark.parametrize(
    "change",
    [
        lambda output: output.update(words=float(output["words"])),
        lambda output: output.update(words=True),
        lambda output: output.update(text=output["text"].rstrip("\n")),
        lambda output: output.update(extra=1),
        lambda output: output.pop("anagrams"),
        lambda output: output["reachable"].reverse(),
        lambda output: output.update(alike=[]),
    ],
)
def test_a_report_that_differs_in_anything_is_invalid(change: Any) -> None:
    with pytest.raises(Invalid):
        FASTER.faster(SimpleNamespace(id="c", input=1), FakeTrial(wrong(change)))


@pytest.mark.parametrize("output", [None, {}, [], 0, "x"])
def test_empty_and_constant_programs_are_invalid(output: Any) -> None:
    with pytest.raises(Invalid):
        FASTER.faster(SimpleNamespace(id="c", input=1), FakeTrial(lambda _: output))


def test_a_program_that_is_right_only_on_short_texts_is_invalid() -> None:
    report = seed_report()

    def lazy(document: Any) -> Any:
        return report(document if len(document["text"]) < 5000 else {**document, "text": "word"})

    with pytest.raises(Invalid):
        FASTER.faster(SimpleNamespace(id="c", input=1), FakeTrial(lazy))


def test_every_case_is_another_text() -> None:
    texts = {FASTER.make_text(random.Random(f"faster {k}"), count=200, variety=50) for k in range(10)}
    assert len(texts) == 10


def test_same_tells_types_apart() -> None:
    assert FASTER.same({"a": [1, "x", None]}, {"a": [1, "x", None]})
    for first, second in ((1, 1.0), (1, True), (0, False), ("1", 1), ([1], [1, 2]), ({"a": 1}, {"b": 1}), (None, 0)):
        assert not FASTER.same(first, second)

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import bodies, improver, kernel
from tests.suites.search import small

from rung.authoring import find_improver
from rung.errors import BadInput
from rung.kernel.kernel import Kernel
from rung.suites.search import bench
from rung.suites.search.bench import Effort, bench_search, sentence
from rung.suites.search.report import HEADER, rows
from rung.suites.search.tasks import REFERENCES, Roles, policy

TABLES = {"small/one": small.table("small/one"), "small/two": small.table("small/two", 1)}
ROLES = Roles(train=("small/one",), gate="small/two", sealed=())
EFFORT = Effort(epochs=2, attempts=2, times=1, budgets=(6, 12), most=20, seeds=4)
WEAK = """
def search(space, ordered, budget, rng):
    yield [[0 for _ in space] for _ in range(1)]
"""


def run(judge: Kernel, tmp_path: Path, **more: Any) -> Any:
    return bench_search(judge, cache=tmp_path, effort=EFFORT, roles=ROLES, tables=TABLES, **more)


def counts(judge: Kernel) -> Counter[str]:
    return Counter(event.type for event in judge.ledger.read())


def proposing(monkeypatch: pytest.MonkeyPatch, *, start: str, better: str) -> None:
    """Makes the bench start from one policy and its improver propose another."""
    source = (
        "from rung_host import Child\n\ndef improve(brief, host):\n"
        f"    host.evaluate([Child({{'policy.py': {better!r}}}, brief.program['id'], 'given')])\n"
    )
    given = small.changed(start)
    monkeypatch.setattr(bench, "policy", lambda name="policy": given if name == "policy" else policy(name))
    monkeypatch.setattr(bench, "improver", lambda: improver(source))


def test_a_better_policy_is_adopted_and_compared_and_a_second_call_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposing(monkeypatch, start=WEAK, better=str(policy().files["policy.py"]))
    judge = kernel(tmp_path / "w")
    effort = Effort(epochs=2, attempts=2, times=1, budgets=(8, 40), most=80, seeds=6)
    told: list[str] = []

    def go() -> Any:
        return bench_search(
            judge, cache=tmp_path, effort=effort, roles=ROLES, tables=TABLES, seed=11, observe=told.append
        )

    document = go()
    assert document["adopted"][0]["verdict"]["admitted"]
    assert document["adopted"][0]["diff"].startswith("--- a/policy.py")
    assert set(document["arms"]) == {"evolved", "start", *REFERENCES}
    assert document["gains"]["evolved-start"]["40"]["score"]["low"] > 0.0
    assert document["gains"]["evolved-start"]["40"]["regret"]["n"] == 6
    assert "is better than" in document["sentence"] or "cannot be told from" in document["sentence"]
    assert json.loads(json.dumps(document)) == document
    shown = rows(document)
    assert len(shown) == 10
    assert {len(row) for row in shown} == {len(HEADER)}
    assert shown[0][0] == "evolved"
    before, said = counts(judge), len(told)
    assert go() == document
    assert counts(judge) == before
    assert told[said:] == told[:said]


def test_a_bench_that_was_interrupted_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proposing(monkeypatch, start=WEAK, better=str(policy().files["policy.py"]))
    judge = kernel(tmp_path / "w")

    def interrupt(words: str) -> None:
        if words.startswith("epoch 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(judge, tmp_path, observe=interrupt)
    (start,) = bodies(judge, "search_start")
    evaluated = counts(judge)["evaluation"]
    document = run(judge, tmp_path)
    assert document["seed"] == start["seed"]
    assert len(bodies(judge, "search_start")) == 1
    assert counts(judge)["evaluation"] <= 2 * evaluated + 2  # the first epoch was not played again
    undisturbed = run(kernel(tmp_path / "v"), tmp_path, seed=int(start["seed"]))
    for name in ("arms", "gains", "proposal", "sentence", "run"):
        assert undisturbed[name] == document[name], name


def test_everything_is_registered_before_anything_runs(tmp_path: Path) -> None:
    judge = kernel(tmp_path / "w")

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(judge, tmp_path, seed=3, observe=stop)
    first = next(iter(judge.ledger.read()))
    body: Any = first.body
    assert first.type == "search_start"
    assert body["plan"]["effort"]["seeds"] == 4
    assert body["tables"] == {name: table.source for name, table in TABLES.items()}
    assert set(body["programs"]) == {"policy", *REFERENCES}


def test_no_effort_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at least 1"):
        bench_search(kernel(tmp_path / "w"), cache=tmp_path, effort=Effort(seeds=0), roles=ROLES, tables=TABLES)


def gain(low: float, high: float) -> Any:
    return {"50": {"score": {"low": low, "high": high}}}


def test_the_sentence_says_what_was_not_shown() -> None:
    gains = {
        "evolved-random_search": gain(0.1, 0.2),
        "evolved-hill_climbing": gain(-0.1, 0.1),
        "evolved-regularised_evolution": gain(-0.2, -0.1),
    }
    said = sentence(gains, adopted=True)
    assert "better than random search at 50" in said
    assert "worse than regularised evolution at 50" in said
    assert "cannot be told from hill climbing at 50" in said
    assert sentence(gains, adopted=False).startswith("No policy was adopted")


def test_the_improver_is_the_one_that_ships_with_other_shares() -> None:
    ships, own = find_improver("seed"), bench.improver()
    assert [name for name in own.files if own.files[name] != ships.files[name]] == ["arms/constants.py", "weights.json"]
    weights: list[Any] = [json.loads(str(each.files["weights.json"])) for each in (ships, own)]
    assert weights[0]["shares"].keys() == weights[1]["shares"].keys()
    assert weights[0]["operators"] == weights[1]["operators"]

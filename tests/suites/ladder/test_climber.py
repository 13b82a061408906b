"""The climber: alone in this process, and as a program behind the wall."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.helpers import bodies, imported, kernel, logged

from rung.authoring import find_improver
from rung.errors import Status
from rung.kernel.identity import Request
from rung.suites.ladder import SUITE
from rung.suites.ladder.programs import LETTERS, apply, spelling
from rung.suites.ladder.puzzles import ANSWERS
from rung.suites.ladder.worlds import PARTS, Ladder, words

MODULES = ("grammar", "improver", "library", "respelling", "rung_host", "search")
CAP = 1500


@dataclass
class Host:
    """Writes down proposals and measures."""

    children: list[Any] = field(default_factory=list)
    measures: list[dict[str, Any]] = field(default_factory=list)

    def evaluate(self, children: list[Any]) -> None:
        self.children += children

    def log(self, **measures: Any) -> None:
        assert not self.children, "work is declared before it can earn anything"
        self.measures.append(measures)


@pytest.fixture
def climber(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The climber's modules and files, imported as a sandbox would: by the names they have inside the program."""
    with imported("climber", MODULES, monkeypatch) as modules:
        yield modules


def world(variant: str = "") -> Ladder:
    made = SUITE.worlds[variant](100)
    assert isinstance(made, Ladder)
    return made


def programs(variant: str, count: int, *, longest: int = 6) -> list[str]:
    names = [f"p{number}" for number in range(4 * count)]
    drawn = world(variant)._programs(names, "texts", parts=PARTS)[0].values()
    return [text for text in drawn if len(text) <= longest][:count]


def examples(program: str) -> list[list[int]]:
    return [[value, apply(program, value)] for value in (17, 101, 404)]


def attempt(climber: Any, program: str, library: dict[str, Any], *, cap: int = CAP) -> tuple[str | None, int]:
    both, tables = climber.grammar.Portfolio(library), dict[str, list[int]]()
    seed, learned = climber.grammar.SEED.moves(tables), both.learned and both.learned.moves(tables)
    found: tuple[str | None, int] = climber.search.attempt(examples(program), seed, learned, share=both.share, cap=cap)
    return found


def learned(climber: Any, older: list[str], newest: list[str], **extra: Any) -> Host:
    rows = [(text, 1) for text in older] + [(text, 2) for text in newest]
    solutions = [{"puzzle": f"s{at}", "source": text, "generation": n} for at, (text, n) in enumerate(rows)]
    program = {"id": "me", "files": climber.files, "entry": "improver.py:improve"}
    host = Host()
    climber.improver.improve(SimpleNamespace(program=program, extra={"solutions": solutions, **extra}), host)
    return host


def test_its_tables_are_the_operations_of_the_suite(climber: Any) -> None:
    rng, tables = random.Random(3), dict[str, list[int]]()
    for token in (*LETTERS, *(spelling(length, rng) for length in (2, 3, 6, 18))):
        values = climber.grammar.table(token, tables)
        assert all(values[v] == apply(token, v) for v in rng.sample(range(10007), 50))


def test_it_finds_the_cheapest_program_and_never_spends_more_than_it_may(climber: Any) -> None:
    library = {"seed_share": 0.6, "tokens": {"sdi": 5.0, "txs": 3.0}}
    for program in ("s", "dt", "sdi", "tsxi", "sdisdi", "sdtxsdtxxt"):
        for known in ({}, library):
            for cap in (50, 400, CAP):
                found, spent = attempt(climber, program, known, cap=cap)
                assert 0 < spent <= cap
                assert found is None or examples(found) == examples(program)
    assert attempt(climber, "sdisdisdi", {}) == (None, CAP)
    assert attempt(climber, "sdisdisdi", library)[0] == "sdisdisdi"


def test_what_was_learned_costs_no_more_than_its_share(climber: Any) -> None:
    useless = {"seed_share": 0.6, "tokens": {spelling(6, random.Random(k)): 1.0 for k in range(12)}}
    for program in ("sdi", "txs", "nsd", "tsx"):
        (_, alone), (found, shared) = attempt(climber, program, {}), attempt(climber, program, useless)
        assert found is not None
        assert shared <= alone / 0.6 + 120


def test_learning_proposes_a_library_that_helps(climber: Any) -> None:
    known = programs("", 60)
    host = learned(climber, known[:40], known[40:])
    assert [set(child.files) for child in host.children] == [{"library.json"}]
    assert host.measures[0]["work"] > 0
    library = json.loads(host.children[0].files["library.json"])
    fresh = [text for text in programs("", 120) if len(text) == 6][-10:]
    without, within = (
        sum(attempt(climber, text, each)[0] is not None for text in fresh) for each in (dict[str, Any](), library)
    )
    assert within >= without + 5


def test_in_a_half_random_world_it_keeps_what_recurs(climber: Any) -> None:
    known = programs("mixed", 300, longest=4)
    host = learned(climber, known[:260], known[260:])
    library = json.loads(host.children[0].files["library.json"])
    concepts = set(words(world("mixed")._rng("words", "own")).concepts)
    assert len(concepts & set(library["tokens"])) >= 7
    assert len(library["tokens"]) < 16
    assert len(set(known) - concepts) > 100


def test_nothing_is_proposed_where_nothing_is_shared(climber: Any) -> None:
    for count in (40, 100, 200):
        known = programs("null", count, longest=4)
        assert learned(climber, known[:-10], known[-10:]).children == []


def test_without_its_screen_it_always_proposes(climber: Any) -> None:
    known = programs("null", 60, longest=4)
    assert len(learned(climber, known[:-10], known[-10:], screen=False).children) == 1
    assert len(learned(climber, [], known[-10:], screen=False).children) == 1
    assert learned(climber, [], [], screen=False).children == []
    assert learned(climber, [], []).children == []


def test_the_same_library_is_not_proposed_again(climber: Any) -> None:
    known = programs("", 60)
    first = learned(climber, known[:40], known[40:], screen=False).children[0].files
    climber.files.update(first)
    assert learned(climber, known[:40], known[40:], screen=False).children == []


def test_joining_tokens_never_changes_what_is_spelled(climber: Any) -> None:
    known = ["sssss", "sss", "sdisdi", "sdi", "sdi", "disdis", "ss"]
    for price in (0.0, 0.25, 1.0):
        tokens, work = climber.library.compressed(known, price)
        grammar = climber.grammar.Grammar({**dict.fromkeys(LETTERS, 0.1), **tokens})
        assert all(grammar.log_nodes(text) < float("inf") for text in known)
        assert all(any(token in text for text in known) for token in tokens)
        assert work > 0


def test_parts_are_found_although_joining_by_pairs_went_across_their_border(climber: Any) -> None:
    rng = random.Random(5)
    parts = ["dix", "dni", "sdi", "xti", "ntx"]
    known = [*parts, *parts, *("".join(rng.sample(parts, 2)) for _ in range(60))]
    tokens, work = climber.respelling.respelled(Counter(known), {"ixd": 30.5, "ixs": 20.5, "xdni": 9.5}, 1.0, least=2)
    assert set(parts) <= set(tokens)
    assert not {"ixd", "ixs", "xdni"} & set(tokens)
    assert work >= 2 * sum(map(len, set(known)))


def test_a_spelling_is_the_cheapest_there_is(climber: Any) -> None:
    prices = climber.respelling.priced({**dict.fromkeys(LETTERS, 0.5), "sd": 8.0, "sdi": 4.0, "isd": 2.0})
    for program in ("sdisd", "isdisd", "sdi", "x", "ttsdt", "sdsdsd"):
        tokens = climber.respelling.spelling(program, prices)
        assert "".join(tokens) == program
        best = min(sum(map(prices.__getitem__, way)) for way in ways(program, prices))
        assert sum(map(prices.__getitem__, tokens)) == pytest.approx(best)


def ways(program: str, tokens: Mapping[str, float]) -> Iterator[list[str]]:
    if not program:
        yield []
    for token in tokens:
        if program.startswith(token):
            yield from ([token, *rest] for rest in ways(program[len(token) :], tokens))


def test_what_learning_declares_is_about_its_cpu_time(climber: Any) -> None:
    known = programs("", 200, longest=18)
    begun = time.process_time()
    _, work = attempt(climber, "sdisdisdi", {}, cap=100_000)
    node, begun = (time.process_time() - begun) / work, time.process_time()
    _, declared = climber.library.compressed(known, 1.0)
    assert time.process_time() - begun < 4.0 * declared * node


def test_behind_the_wall_it_solves_some_and_declares_all_its_work(tmp_path: Path) -> None:
    k, block = kernel(tmp_path / "w"), world().block(0, 10, salt=5)
    outcome = k.improve(block.task, find_improver("climber"), Request(seed=1))
    solved = [name for name, score in zip(block.puzzles, outcome.scores, strict=True) if score > 0]
    assert 0 < len(solved) < 10
    assert outcome.stop_reason.startswith("the improver ended")
    assert outcome.spent.work == logged(k)[0]["work"] > 1000 * (10 - len(solved))
    assert logged(k)[0]["solved"] == len(solved)
    assert bodies(k, "evaluation")[0]["evaluation"]["status"] == Status.OK
    assert bodies(k, "evaluation")[0]["evaluation"]["value"] == 0.0
    texts = world().solutions(outcome.incumbent.program, solved)
    assert all(set(text) <= set(LETTERS) for text in texts)
    assert set(outcome.start.program.diff(outcome.incumbent.program).split("\n")[0].split("/")) >= {ANSWERS}


def test_a_seed_that_solves_nothing_loses_nothing(tmp_path: Path) -> None:
    k, block = kernel(tmp_path / "w"), world().held_out(3)
    outcome = k.improve(block.task, find_improver("climber"), Request(seed=1))
    assert outcome.scores == ()
    assert outcome.incumbent.program.id == outcome.start.program.id
    assert outcome.spent.work <= 3 * 60

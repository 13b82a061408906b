"""The inducer, driven in this process with a host that only writes down what it is asked."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from tests.helpers import imported

from rung.records import Task
from rung.suites.induction import FUNCTIONS, make_block, make_task, prerequisites
from rung.suites.induction.blocks import statement
from rung.suites.induction.scramble import PRODUCTIONS, scrambled
from rung.suites.induction.tasks import equal
from rung.suites.suite import Block

MODULES = ("improver", "language", "library", "render", "rung_host", "search", "terms")
EMPTY = {"skills.json": "[]\n", "weights.json": "{}\n", "found.json": "[]\n", "learned.json": '{"solutions": 0}\n'}


@dataclass
class Host:
    """Writes down proposals and measures."""

    children: list[Any] = field(default_factory=list)
    measures: list[dict[str, Any]] = field(default_factory=list)

    def evaluate(self, children: list[Any]) -> list[Any]:
        self.children += children
        return [SimpleNamespace(id="it", value=None, feedback=()) for _ in children]

    def log(self, **measures: Any) -> None:
        self.measures.append(measures)


@pytest.fixture
def inducer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The inducer's modules and files, imported as a sandbox would: by the names they have inside the program."""
    with imported("inducer", MODULES, monkeypatch) as modules:
        modules.files.update(EMPTY)
        yield modules


def brief(inducer: Any, task: Task, *, applications: int = 5000, files: dict[str, str] | None = None) -> Any:
    assert isinstance(task.train, tuple)
    return SimpleNamespace(
        program={"id": task.program.id, "files": dict(task.program.files), "entry": task.program.entry},
        cases=tuple(json.loads(json.dumps(case.input)) for case in task.train),
        public=task.public, seed=1, attempts=task.attempts, extra={"work": applications},
        feedback=(), value=0.0,
        improver={"files": {**inducer.files, **(files or {})}, "entry": "improver.py:improve"},
    )  # fmt: skip


def solve(inducer: Any, name: str, **more: Any) -> tuple[str | None, int]:
    """Returns (source of the proposal or None, applications used)."""
    host = Host()
    inducer.improver.improve(brief(inducer, make_task(name, 1), **more), host)
    source = host.children[0].files["solution.py"] if host.children else None
    return source, host.measures[-1]["work"]


def answers(source: str, rows: list[list[Any]]) -> list[Any]:
    scope: dict[str, Any] = {}
    exec(compile(source, "solution.py", "exec"), scope)
    return [scope["solve"](json.loads(json.dumps(row))) for row in rows]


def hidden(name: str) -> tuple[list[list[Any]], list[Any]]:
    cases = make_task(name, 2).validation
    assert isinstance(cases, tuple)
    rows: list[Any] = [case.input for case in cases]
    return [row["args"] for row in rows], [row["expected"] for row in rows]


def library(inducer: Any, *names: str) -> dict[str, str]:
    """Returns the files of the first library that is learned from solutions of these functions."""
    solutions = [{"task": f"induction/{name}", "source": solve(inducer, name, applications=20000)[0]} for name in names]
    return learned(inducer, solutions)[0].files  # type: ignore[no-any-return]


def learned(inducer: Any, solutions: list[dict[str, Any]], *, files: dict[str, str] | None = None) -> list[Any]:
    host, program = Host(), {**inducer.files, **(files or {})}
    request = SimpleNamespace(
        program={"id": "me", "files": program, "entry": "improver.py:improve"},
        improver={"files": program}, attempts=10, extra={"solutions": solutions}, feedback=(), value=0.0,
    )  # fmt: skip
    inducer.improver.improve(request, host)
    return host.children


@pytest.mark.parametrize(
    "name", ["double", "total", "reversed_list", "flatten", "less_than", "butlast", "is_even", "row_lengths",
             "heads", "pairwise_sums", "word_lengths", "to_upper_letter", "join_words", "reverse_text"],
)  # fmt: skip
def test_the_seed_vocabulary_solves_easy_functions(inducer: Any, name: str) -> None:
    source, used = solve(inducer, name)
    assert source is not None
    assert 0 < used <= 5000
    rows, expected = hidden(name)
    assert all(map(equal, answers(source, rows), expected)), source


def test_nothing_is_proposed_when_the_applications_run_out(inducer: Any) -> None:
    source, used = solve(inducer, "median_high", applications=700)
    assert (source, used) == (None, 700)


def test_the_same_brief_gives_the_same_solution(inducer: Any) -> None:
    assert solve(inducer, "count_positive") == solve(inducer, "count_positive")


def test_a_solution_is_plain_python_that_carries_its_term(inducer: Any) -> None:
    source, _ = solve(inducer, "total")
    assert source == (
        "from functools import reduce\n\n\n# term: total L>I = (fold @add 0 $0)\n"
        "def solve(args):\n    xs, = args\n    return reduce(lambda s, v: s + v, xs, 0)\n"
    )


def sketched(inducer: Any) -> dict[str, Any]:
    """Returns the suite's sketches as skills of the inducer, each after those it rests on."""
    letters = inducer.render.LETTERS
    table = {
        name: inducer.terms.Skill(
            name, [letters[a] for a in entry.arguments], letters[entry.result], term=inducer.terms.parse(entry.sketch)
        )
        for name, entry in FUNCTIONS.items()
    }
    return dict(inducer.library.ordered(table))


def test_every_sketch_of_the_suite_does_what_its_oracle_does(inducer: Any) -> None:
    table, work, encoded = sketched(inducer), [0], inducer.improver.encoded
    assert len(table) == len(FUNCTIONS)
    functions = inducer.render.compiled(table, inducer.language.operations(work))
    for name, entry in FUNCTIONS.items():
        skill, rng, tried = table[name], random.Random(name), 0
        assert inducer.terms.type_of(skill.term, skill.arguments, table) == skill.result, name
        while tried < 12:
            arguments = [kind.draw(rng) for kind in entry.kinds]
            if entry.where(*arguments):
                work[0], tried = 10**6, tried + 1
                got = functions[name](*map(encoded, arguments, entry.arguments))
                assert equal(_listed(got), _listed(encoded(entry.oracle(*arguments), entry.result))), (name, arguments)


def _listed(value: Any) -> Any:
    return [_listed(v) for v in value] if isinstance(value, tuple) else value


def test_the_python_of_every_sketch_gives_what_the_term_gives(inducer: Any) -> None:
    table = sketched(inducer)
    for name, entry in FUNCTIONS.items():
        term = inducer.terms.parse(entry.sketch)
        source = inducer.render.source(inducer.terms.Skill(name, entry.arguments, entry.result, term=term), table)
        rows, expected = hidden(name)
        assert all(map(equal, answers(source, rows), expected)), source
        assert len(list(ast.walk(ast.parse(source)))) > 5


def test_terms_survive_being_written_and_read(inducer: Any) -> None:
    for entry in FUNCTIONS.values():
        term = inducer.terms.parse(entry.sketch)
        assert inducer.terms.parse(inducer.terms.spell(term)) == term
    for text in ("(add 1", "add 1)", "", "() 1"):
        with pytest.raises(ValueError, match=r"was expected|do not match"):
            inducer.terms.parse(text)


def test_scrambled_solutions_are_well_typed_terms(inducer: Any) -> None:
    for result, kinds, term, _ in PRODUCTIONS:
        whole = inducer.terms.parse(term.format(*[f"${place}" for place in range(len(kinds))]))
        assert inducer.terms.type_of(whole, tuple(kinds), {}) == result, term
    rng = random.Random(1)
    texts = [scrambled(f"def solve_{name}(args):\n", rng) for name in FUNCTIONS]
    children = learned(inducer, [{"puzzle": "any", "source": text} for text in texts])
    assert len(json.loads(children[0].files["skills.json"])) > 20


def test_what_was_learned_makes_a_harder_function_cheap(inducer: Any) -> None:
    files = library(inducer, "total", "mul_lists", "reversed_list", "less_than", "only_equal")
    _, before = solve(inducer, "dot", applications=20000)
    source, after = solve(inducer, "dot", applications=20000, files=files)
    assert source is not None
    assert "# skill: total L>I = (fold @add 0 $0)" in source
    assert after * 3 < before


def test_a_chain_is_climbed_that_the_seed_cannot_climb(inducer: Any) -> None:
    files, solutions = dict(EMPTY), []
    for name in ("less_than", "at_least_all", "upper_part", "insort", "sorted_list"):
        source, _ = solve(inducer, name, applications=20000, files=files)
        assert source is not None, name
        solutions.append({"task": name, "source": source})
        files = learned(inducer, solutions, files=files)[0].files
    assert answers(solutions[-1]["source"], [[[3, -1, 2, 3]]]) == [[-1, 2, 3, 3]]
    assert solve(inducer, "sorted_list", applications=20000)[0] is None
    assert "insort" in prerequisites("sorted_list")


def test_a_library_is_bounded_pruned_and_complete(inducer: Any) -> None:
    names = ["total", "mul_lists", "dot", "sum_squares", "first", "halve_all", "is_even", "evens", "count_evens"]
    solutions = [{"task": name, "source": solve(inducer, name, applications=20000)[0]} for name in names]
    solutions = [one for one in solutions if one["source"] is not None]
    inducer.files["settings.json"] = json.dumps({**json.loads(inducer.files["settings.json"]), "library": 4})
    for child in learned(inducer, solutions):
        skills = [inducer.terms.read_skill(entry) for entry in json.loads(child.files["skills.json"])]
        assert sum(skill.cost > 0 for skill in skills) == 4
        table = {skill.name: skill for skill in skills}
        assert list(inducer.library.ordered(table)) == list(table)
        assert all(child.files["skills.json"].count(f'"name": "{name}"') == 1 for name in table)


def test_costs_follow_the_solutions_and_stay_within_their_limits(inducer: Any) -> None:
    changed = {"cheaper": 2, "dearer": 1, "strength": 5}
    inducer.files["settings.json"] = json.dumps({**json.loads(inducer.files["settings.json"]), **changed})
    files = library(inducer, "total", "product", "reversed_list", "less_than", "only_equal")
    worlds = json.loads(files["weights.json"])
    usual = inducer.language.seed_cost
    assert set(worlds) == {"I", "L", "N"}
    assert worlds["L"]["fold"] < usual("fold")
    assert any(cost > usual(key) for key, cost in worlds["L"].items())
    skills = {entry["name"]: entry["cost"] for entry in json.loads(files["skills.json"])}
    for costs in worlds.values():
        for key, cost in costs.items():
            assert max(1, skills.get(key, usual(key)) - 2) <= cost <= skills.get(key, usual(key)) + 1, key


def test_a_twin_is_not_learned_twice(inducer: Any) -> None:
    sources = {"evens": "(filter (fixr @lt 1) $0)", "small": "(filter (negate (fixl @lt 0)) $0)"}
    children = learned(inducer, [{"task": n, "source": f"# term: {n} L>L = {term}\n"} for n, term in sources.items()])
    assert [entry["name"] for entry in json.loads(children[0].files["skills.json"])] == ["evens"]


def test_literals_and_nonsense_do_not_become_skills(inducer: Any) -> None:
    sources = ["# term: a I>I = (sub $0 #32)\n", "# term: b I>I = (nowhere $0 $0)\n", "def solve(args): pass\n",
               "# term: c II>I = (add $0 (add $0 $0))\n", "# term: d I>I = (add $0 (add"]  # fmt: skip
    children = learned(inducer, [{"task": f"t{k}", "source": text} for k, text in enumerate(sources)])
    assert all(child.files["skills.json"].split() == ["[", "]"] for child in children)


def test_solutions_are_read_from_diffs_and_from_what_was_found_before(inducer: Any) -> None:
    diffs = ["--- a/solution.py\n+++ b/solution.py\n+# term: rest L>L = (drop $0 1)\n+\n", "+# term: cut L>I = (fold"]
    host, program = Host(), dict(inducer.files)
    request = SimpleNamespace(program={"id": "me", "files": program}, improver={"files": program}, attempts=9,
                              extra={}, feedback=tuple(diffs), value=0.0)  # fmt: skip
    inducer.improver.improve(request, host)
    first = host.children[0].files
    assert [entry["name"] for entry in json.loads(first["found.json"])] == ["rest"]
    host, request.feedback = Host(), ("+# term: third L>I = (at $0 2)\n",)
    request.program = request.improver = {"id": "me", "files": {**program, **first}}
    inducer.improver.improve(request, host)
    more = host.children[0].files
    assert [entry["name"] for entry in json.loads(more["found.json"])] == ["rest", "third"]
    assert {entry["name"] for entry in json.loads(more["skills.json"])} == {"rest", "third"}


def test_a_block_is_answered_by_one_readable_file(inducer: Any) -> None:
    block, host = make_block(["total", "median_high", "negatives", "join_words"], title="t", seed=1, work=4000), Host()
    files = library(inducer, "total", "only_equal")
    inducer.improver.improve(block_brief(inducer, block, files=files), host)
    text = host.children[0].files["functions.py"]
    scope: dict[str, Any] = {}
    exec(compile(text, "functions.py", "exec"), scope)
    solved = {name for name in block.puzzles if scope["answer"]({"puzzle": name, "ask": "work"}) is not None}
    assert solved == {"total", "negatives", "join_words"}
    assert scope["answer"]({"puzzle": "median_high", "args": [[1, 2]]}) is None
    assert scope["answer"]({"puzzle": "join_words", "args": [["ab", "c"]]}) == "abc"
    works = [scope["answer"]({"puzzle": name, "ask": "work"}) for name in solved]
    assert all(0 < work <= block.work for work in works)
    assert host.measures[-1] == {"work": sum(works) + block.work, "solved": 3}
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert len(names) == len(set(names))


def test_nothing_is_proposed_for_a_block_that_is_too_hard(inducer: Any) -> None:
    block, host = make_block(["median_high"], title="t", seed=1, work=500), Host()
    inducer.improver.improve(block_brief(inducer, block), host)
    assert host.children == []
    assert host.measures == [{"work": 500, "solved": 0}]


def block_brief(inducer: Any, block: Block, *, files: dict[str, str] | None = None) -> Any:
    task = block.task
    assert isinstance(task.train, tuple)
    return SimpleNamespace(
        program={"id": task.program.id, "files": dict(task.program.files), "entry": task.program.entry},
        cases=tuple(json.loads(json.dumps(case.input)) for case in task.train), public=None, seed=1,
        attempts=1, extra=dict(task.extra), feedback=(), value=0.0,
        improver={"files": {**inducer.files, **(files or {})}, "entry": "improver.py:improve"},
    )  # fmt: skip


def test_the_search_makes_only_what_can_become_a_part_of_the_goal(inducer: Any) -> None:
    question = inducer.improver.Question(statement("is_even", 1))
    work = [0]
    search = inducer.search.Enumeration(
        question.problem, {}, costs={}, operations=inducer.language.operations(work), work=work
    )
    lacks = dict(search.order)
    assert lacks["B"] == 0
    assert 0 < lacks["I"] < lacks["I>I"]
    assert [cost for _, cost in search.order] == sorted(lacks.values(), reverse=True)
    assert search.run(3000) is not None
    made = {kind: max(bank) for kind, bank in search.bank.items() if bank}
    assert all(made[kind] <= made["B"] - lacks[kind] for kind in made)


def test_an_improver_that_may_hold_back_waits_until_it_knows_more(inducer: Any) -> None:
    host, program = Host(), dict(inducer.files)
    solutions = [{"puzzle": "total", "source": "# term: total L>I = (fold @add 0 $0)\n"}]
    request = SimpleNamespace(program={"id": "me", "files": program}, improver={"files": program}, attempts=1,
                              extra={"solutions": solutions, "screen": True}, feedback=(), value=0.0)  # fmt: skip
    inducer.improver.improve(request, host)
    assert host.children == []
    request.extra["settings"] = {"enough": 1}
    inducer.improver.improve(request, host)
    assert json.loads(host.children[0].files["learned.json"]) == {"solutions": 1}
    request.program["files"] = {**program, **host.children.pop().files}
    inducer.improver.improve(request, host)
    assert host.children == []  # no more than the library was made from
    assert all(measures["work"] > 0 for measures in host.measures)


def test_nothing_is_learned_from_nothing(inducer: Any) -> None:
    assert learned(inducer, []) == []


def test_proposals_do_not_exceed_the_attempts(inducer: Any) -> None:
    host, program = Host(), dict(inducer.files)
    solutions = [{"task": "total", "source": solve(inducer, "total")[0]}]
    request = SimpleNamespace(program={"id": "me", "files": program}, improver={"files": program}, attempts=1,
                              extra={"solutions": solutions}, feedback=(), value=0.0)  # fmt: skip
    inducer.improver.improve(request, host)
    assert len(host.children) == 1


def test_a_runaway_term_is_stopped_by_its_work(inducer: Any) -> None:
    work = [100]
    operations = inducer.language.operations(work)
    with pytest.raises(inducer.language.Bad):
        operations["fold"](lambda s, _: operations["fold"](lambda a, b: a + b, s, (1,) * 30), 0, (1,) * 30)
    with pytest.raises(inducer.language.Bad):
        operations["cat"]((0,) * 30, (0,) * 30)
    with pytest.raises(inducer.language.Bad):
        operations["mul"](10**4, 10**4)


@pytest.mark.parametrize(
    "text", ["", "def solve_nothing(args):\n    return 0\n", "x = " * 5000, "def solve_", "#\n" * 9000]
)
def test_a_text_that_holds_no_function_is_scrambled_to_nothing(text: str) -> None:
    """Only a hostile improver leaves one behind, and the arms that scramble it go on."""
    assert scrambled(text, random.Random(1)) == ""


def test_a_term_without_end_does_not_exhaust_the_engine() -> None:
    deep = "(len " * 20_000
    text = f"# term: total L>I = {deep}\ndef solve_total(args):\n    return 0\n"
    assert len(scrambled(text, random.Random(2))) < 100_000

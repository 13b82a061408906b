"""Blocks of functions, judged through the kernel, and the world they come from."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.helpers import kernel, proposing

from rung.kernel.identity import Request
from rung.kernel.kernel import Kernel
from rung.records import Fresh, Outcome, Program
from rung.suites.induction import FUNCTIONS, SUITE, InductionWorld, make_block, prerequisites
from rung.suites.induction.blocks import SEED_PROGRAM
from rung.suites.induction.scramble import scrambled
from rung.suites.induction.world import PASSES
from rung.suites.suite import Block, effort

SOLVED = {"double": ("args[0] * 2", 40), "total": ("sum(args[0])", 400), "first": ("args[0][0]", 100)}


def functions(**changes: tuple[str, object]) -> str:
    """Returns the text of functions.py with these solutions: name -> (expression, declared work)."""
    rows = {**SOLVED, **changes}
    parts = [f"def solve_{name}(args):\n    return {text}\n" for name, (text, _) in rows.items()]
    table = ", ".join(f"{name!r}: (solve_{name}, {work!r})" for name, (_, work) in rows.items())
    return "\n\n".join(parts) + SEED_PROGRAM.replace("SOLVED = {}", f"SOLVED = {{{table}}}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with (made := kernel(tmp_path_factory.mktemp("blocks") / "w")).kept():
        yield made


def answered(place: Kernel, block: Block, source: str) -> Outcome:
    return place.improve(block.task, proposing(source, file="functions.py"), Request(seed=1, attempts=1))


def block(*names: str, work: int = 1000) -> Block:
    return make_block(names or tuple(SOLVED), title="test", seed=1, work=work)


def test_a_solved_function_scores_by_its_work(place: Kernel) -> None:
    scores = answered(place, block(), functions()).scores
    assert scores == pytest.approx([effort(40, 1000), effort(400, 1000), effort(100, 1000)])
    assert 0.5 < scores[1] < scores[2] < scores[0] < 1.0


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("args[0][0] + 1", 40),  # wrong
        ("args[0][99]", 40),  # raises
        ("[0].__getitem__(1)", 40),
        ("float(sum(args[0]))", 40),  # equal in value only
        ("sum(args[0])", 0),  # work that nobody can have done
        ("sum(args[0])", -5),
        ("sum(args[0])", 1001),
        ("sum(args[0])", 40.0),
        ("sum(args[0])", True),
        ("sum(args[0])", None),
        ("sum(args[0])", "40"),
    ],
)
def test_what_is_wrong_with_one_function_costs_that_one_alone(place: Kernel, text: str, work: object) -> None:
    scores = answered(place, block(), functions(total=(text, work))).scores
    assert [score > 0 for score in scores] == [True, False, True]


def test_a_function_that_never_ends_spoils_no_other(place: Kernel) -> None:
    one = block()
    limits = replace(one.task.limits, cpu_seconds=0.2)
    quick = replace(one, task=replace(one.task, limits=limits))
    scores = answered(place, quick, functions(total=("[0 for _ in iter(int, 1)]", 40))).scores
    assert [score > 0 for score in scores] == [True, False, True]


def test_what_fits_the_visible_examples_only_is_unsolved(place: Kernel) -> None:
    one = block("total", "double")
    train: Any = one.task.train
    shown = {json.dumps(row["args"]): row["expected"] for row in train[0].input["examples"]}
    table = f"__import__('json').loads({json.dumps(json.dumps(shown))}).get(__import__('json').dumps(args), 0)"
    outcome = answered(place, one, functions(total=(table, 40)))
    assert outcome.incumbent.value == pytest.approx(effort(40, 1000))
    assert [score > 0 for score in outcome.scores] == [False, True]


def test_the_cases_of_a_block_show_no_hidden_example() -> None:
    one, other = block(), make_block(tuple(SOLVED), title="other", seed=1, work=3000)
    train: Any = one.task.train
    held: Any = one.task.held_out
    assert one.task.train == other.task.train  # examples follow from the function and the seed alone
    assert not isinstance(one.task.held_out, Fresh)
    assert [{**case.input, "fresh": 16} for case in train] == [case.input for case in held]
    assert one.task.extra == {"work": 1000}


@pytest.fixture(scope="module")
def world() -> InductionWorld:
    made = SUITE.worlds[""](100)
    assert isinstance(made, InductionWorld)
    return made


def test_the_stream_is_met_in_passes_that_allow_more_and_more_work(world: InductionWorld) -> None:
    first = world.block(0, 20, salt=1, solved=frozenset())
    assert first is not None
    assert (first.puzzles, first.following, first.work) == (world.stream[:20], 20, PASSES[0])
    solved = frozenset(world.stream[:15])
    again = world.block(len(world.stream) - 2, 20, salt=1, solved=solved)
    assert again is not None
    assert (again.puzzles, again.following) == (world.stream[-2:], len(world.stream))  # the end of a pass
    second = world.block(again.following, 20, salt=1, solved=solved)
    assert second is not None
    assert (second.puzzles, second.work) == (world.stream[15:35], PASSES[1])
    assert list(PASSES) == sorted(set(PASSES))
    assert world.block(len(PASSES) * len(world.stream), 20, salt=1, solved=frozenset()) is None
    assert world.block(0, 20, salt=1, solved=frozenset(world.stream)) is None


def test_a_pass_without_open_functions_is_skipped(world: InductionWorld) -> None:
    solved = frozenset(world.stream[50:])
    assert len(world.stream) > 300
    block = world.block(60, 20, salt=1, solved=solved)
    assert block is not None
    assert (block.puzzles, block.work) == (world.stream[:20], PASSES[1])


@pytest.mark.parametrize("name", ["", "small"])
def test_what_held_out_functions_are_built_from_is_in_the_stream(name: str) -> None:
    for seed in (100, 101):
        made: Any = SUITE.worlds[name](seed)
        assert not set(made.stream) & {*made.held, *made.outside}
        for held in made.held:
            assert prerequisites(held) <= set(made.stream)
        assert {"string"} == {FUNCTIONS[other].family for other in made.outside}
        assert set(made.grades) == {*made.stream, *made.held, *made.outside}
        assert made.held_out().puzzles == made.held
        assert made.held_out(9000).work == 9000
        assert made == SUITE.worlds[name](seed)


def test_a_screen_depends_on_its_salt_alone(world: InductionWorld) -> None:
    assert world.screen(8, salt=1).puzzles == world.screen(8, salt=1).puzzles != world.screen(8, salt=2).puzzles
    assert set(world.screen(8, salt=1).puzzles) <= set(world.stream)


def test_a_solution_is_its_own_text_and_what_it_calls(world: InductionWorld) -> None:
    text = (
        '"""Found."""\n\nfrom functools import reduce\n\n\n'
        "# skill: inner\ndef inner(xs):\n    return reduce(max, xs)\n\n\n"
        "def unused(xs):\n    return xs\n\n\n# skill: outer\ndef outer(xs):\n    return inner(xs)\n\n\n"
        "# term: double\ndef solve_double(args):\n    return outer(args)\n\n\n# term: total\ndef solve_total(args):\n"
        "    return 1\n\n\nSOLVED = {'double': (solve_double, 3)}\n\n\ndef answer(question):\n    return 1\n"
    )
    program = Program({"functions.py": text}, "functions.py:answer")
    double, total, missing = world.solutions(program, ["double", "total", "first"])
    assert double == (
        "# skill: inner\ndef inner(xs):\n    return reduce(max, xs)\n\n\n# skill: outer\ndef outer(xs):\n"
        "    return inner(xs)\n\n\n# term: double\ndef solve_double(args):\n    return outer(args)\n"
    )
    assert total == "# term: total\ndef solve_total(args):\n    return 1\n"
    assert missing == "\n"


def test_scrambled_solutions_have_the_same_types_and_about_the_same_size() -> None:
    rng, sizes = random.Random(1), []
    for name, entry in FUNCTIONS.items():
        text = f"# term: {name} = {entry.sketch}\ndef solve_{name}(args):\n    return args\n"
        other = scrambled(text, rng)
        scope: dict[str, Any] = {}
        exec(compile(other, name, "exec"), scope)
        assert callable(scope[f"solve_{name}"])
        assert other.startswith(f"# term: {name} ")
        sizes.append((entry.sketch.count(" ") + 1, other.splitlines()[0].partition(" = ")[2].count(" ") + 1))
    mean = sum(new for _, new in sizes) / sum(old for old, _ in sizes)
    assert 0.7 < mean < 1.5
    assert scrambled("def solve_nothing_known(args):\n    return 1\n", rng) == ""


def test_scrambled_terms_are_well_typed_for_the_learner(world: InductionWorld) -> None:
    texts = [f"# term: {name} = {FUNCTIONS[name].sketch}\ndef solve_{name}(args):\n    return 0\n" for name in SOLVED]
    assert world.scramble(texts, random.Random(3)) == world.scramble(texts, random.Random(3))
    assert world.scramble(texts, random.Random(3)) != texts

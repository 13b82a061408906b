"""The ladder suite: what is drawn, what is shown, and what counts as solved."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from rung.records import Case, Program
from rung.suites.ladder import SUITE, Ladder
from rung.suites.ladder.programs import LETTERS, MODULUS, apply, spelling
from rung.suites.ladder.puzzles import ANSWERS, EXAMPLES, HIDDEN, PROGRAM, answers_of, evaluate, understood
from rung.suites.ladder.worlds import PARTS, words
from rung.suites.suite import Block, World, effort
from rung.wire import JSON

WORK = 1500


def shown(program: str, values: Iterable[int]) -> Case:
    """Returns a case with these inputs and what a program makes of them."""
    examples: list[JSON] = [[value, apply(program, value)] for value in values]
    return Case("c", {"puzzle": "p", "examples": examples, "work": WORK})


class Answering:
    """A trial whose program answers from a table."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.asked = answers, list[Any]()

    def run(self, value: Any) -> Any:
        self.asked.append(value)
        return json.loads(json.dumps(self.answers.get(value["puzzle"])))


def score(case: Case, answer: Any) -> float:
    asked: Any = case.input
    return evaluate(case, Answering({asked["puzzle"]: answer}))  # type: ignore[arg-type] # all that it uses


def world(variant: str = "", seed: int = 100) -> Ladder:
    made = SUITE.worlds[variant](seed)
    assert isinstance(made, Ladder)
    return made


def inputs(block: Block) -> list[Any]:
    assert isinstance(block.task.held_out, tuple)
    assert isinstance(block.task.train, tuple)
    return [case.input for case in (*block.task.train, *block.task.held_out)]


def programs(made: Ladder, count: int) -> list[str]:
    names = [f"p{number}" for number in range(count)]
    return list(made._programs(names, "test", parts=PARTS)[0].values())


def test_a_world_is_a_function_of_what_is_asked_for() -> None:
    a: World = world()
    for one, other in (
        (a.block(40, 8, salt=3, solved=frozenset()), world().block(40, 8, salt=3)),
        (a.screen(8, salt=3), world().screen(8, salt=3)),
        (a.held_out(), world().held_out()),
        (a.out_of_domain(), world().out_of_domain()),
    ):
        assert one is not None
        assert inputs(one) == inputs(other)
        assert one.task.name == other.task.name
    first = a.block(40, 8, salt=3, solved=frozenset())
    assert first is not None
    assert first.puzzles[0] == "s40"
    assert first.following == 48
    for other in (world().block(40, 8, salt=4), world().block(48, 8, salt=3), world("", 101).block(40, 8, salt=3),
                  world("mixed").block(40, 8, salt=3), world().screen(8, salt=3)):  # fmt: skip
        assert inputs(first) != inputs(other)
        assert first.task.name != other.task.name


def test_the_sealed_puzzles_are_those_that_were_promised() -> None:
    held_out, other = world().held_out(), world().out_of_domain()
    assert len(held_out.puzzles) == 60
    assert set(world().grades) == set(held_out.puzzles)
    assert set(world().grades.values()) <= {6, 9, 12, 18}
    assert len(other.puzzles) == 40
    concepts = words(world()._rng("words", "own")).concepts
    assert set(concepts) != set(words(world()._rng("words", "other")).concepts)
    lengths = Counter(map(len, programs(world(), 300)))
    assert set(lengths) == {3, 6, 9, 12, 18}


def test_what_is_shown_says_nothing_of_the_program_or_of_the_hidden_examples() -> None:
    block = world().block(0, 40, salt=1)
    train, held_out = block.task.train, block.task.held_out
    assert isinstance(train, tuple)
    assert isinstance(held_out, tuple)
    assert [case.input for case in train] == [case.input for case in block.task.validation]  # type: ignore[union-attr]
    assert block.task.extra == {"work": WORK}
    for seen, hidden in zip(train, held_out, strict=True):
        a: Any = seen.input
        b: Any = hidden.input
        assert set(a) == {"puzzle", "examples", "work"}
        assert a["puzzle"] == b["puzzle"]
        assert len(a["examples"]) == EXAMPLES
        assert len(b["examples"]) == HIDDEN
        assert a["examples"] != b["examples"][:EXAMPLES]


def test_another_budget_is_in_force_everywhere() -> None:
    block = world().held_out(9000)
    assert block.work == 9000
    assert block.task.extra == {"work": 9000}
    assert {question["work"] for question in inputs(block)} == {9000}
    usual = inputs(world().held_out())
    assert [q["examples"] for q in inputs(block)] == [q["examples"] for q in usual]


def test_the_evaluator_asks_by_name_and_scores_by_effort() -> None:
    truth = "idst"
    case = shown(truth, range(2, 10))
    trial = Answering({"p": {"program": truth, "work": 20}})
    assert evaluate(case, trial) == 1.0  # type: ignore[arg-type] # all that it uses
    assert trial.asked == [{"puzzle": "p"}]
    assert score(case, {"program": truth, "work": 200}) == effort(200, WORK)
    assert score(case, {"program": truth, "work": WORK}) == pytest.approx(0.5)
    assert score(case, {"program": truth[::-1], "work": 20}) == 0.0


def test_the_operations_are_those_of_the_goal() -> None:
    value = 7777
    expected = {"i": value + 1, "d": 2 * value, "s": value * value, "n": -value, "t": 3 * value + 1, "x": value ^ 5}
    assert {letter: apply(letter, value) for letter in LETTERS} == {k: v % MODULUS for k, v in expected.items()}
    assert apply("is", 2) == 9
    assert all(f"{letter} " in world().held_out().task.goal for letter in LETTERS)


def test_hidden_examples_catch_what_is_right_on_visible_ones_only() -> None:
    guess = {"program": "iiiii", "work": 30}
    assert score(shown("x", (8, 16, 32)), guess) > 0.5  # both bits of 5 are off: v xor 5 is v + 5
    assert score(shown("x", (8, 16, 32, 21)), guess) == 0.0


@pytest.mark.parametrize(
    "answer",
    [
        None, 1, "id", [], ["id", 3], {}, {"program": "id"}, {"work": 3},
        {"program": "id", "work": 3, "score": 1.0},
        {"program": "id", "work": 0}, {"program": "id", "work": -5}, {"program": "id", "work": WORK + 1},
        {"program": "id", "work": 3.0}, {"program": "id", "work": True}, {"program": "id", "work": "3"},
        {"program": "", "work": 3}, {"program": ["i", "d"], "work": 3}, {"program": "iq", "work": 3},
        {"program": "I", "work": 3}, {"program": "id" + "nn" * 32, "work": 3},
    ],
)  # fmt: skip
def test_anything_but_the_agreed_form_is_unsolved(answer: Any) -> None:
    case = shown("id", range(2, 10))
    assert score(case, {"program": "id", "work": 3}) == 1.0
    assert score(case, answer) == 0.0


def test_the_seed_program_answers_nothing() -> None:
    assert answers_of(PROGRAM) == {}
    assert PROGRAM.files[ANSWERS] == "{}\n"


def test_solutions_are_read_from_answers_without_running_anything() -> None:
    answers = {"s0": {"program": "idd", "work": 5}, "s1": {"program": "zz", "work": 5}, "s2": None}
    assert world().solutions(PROGRAM.edit({ANSWERS: json.dumps(answers)}), ["s0"]) == ["idd"]
    for text in ("", "[1]", "{", "[" * 100_000, b"\xff"):
        assert answers_of(PROGRAM.edit({ANSWERS: text})) == {}
    assert answers_of(Program({"answers.py": "def answer(q): pass\n"}, "answers.py:answer")) == {}


def test_scrambled_texts_keep_sizes_and_repetitions_and_nothing_else() -> None:
    known = programs(world(), 200)
    scrambled = world().scramble(known, random.Random(1))
    assert list(map(len, scrambled)) == list(map(len, known))
    pairs = set(zip(known, scrambled, strict=True))
    assert len(pairs) == len(set(known))
    long = [(a, b) for a, b in pairs if len(a) > 6]
    assert not any(a == b for a, b in long)
    assert world().scramble(known, random.Random(1)) == scrambled


def test_the_null_world_shares_nothing() -> None:
    """Programs of three operations recur as often as chance has it; in the usual world far more often."""

    def repeated(made: Ladder) -> float:
        short = [p for p in programs(made, 2000) if len(p) == 3]
        counts = Counter(short)
        pairs = sum(count * (count - 1) for count in counts.values())
        return pairs / (len(short) * (len(short) - 1))

    chance = 1 / len(LETTERS) ** 3
    assert repeated(world("null")) < 1.3 * chance
    assert repeated(world()) > 15 * chance
    assert 2 * chance < repeated(world("mixed")) < repeated(world())


def test_half_of_the_mixed_world_is_made_of_words() -> None:
    known = words(world("mixed")._rng("words", "own"))
    made = programs(world("mixed"), 1000)
    long = sum(len(p) > 6 for p in made)
    assert 0.24 < long / 1000 < 0.36  # three of five rows, half of the time
    assert sum(p in known.concepts for p in made) > 80


def test_random_spellings_use_every_operation() -> None:
    assert set(spelling(200, random.Random(0))) == set(LETTERS)


@pytest.mark.parametrize("answer", [{"program": "id", "work": 7}])
def test_an_answer_in_the_agreed_form_is_understood(answer: Any) -> None:
    assert understood(answer, most=WORK) == ("id", 7)

"""The induction suite: what the functions are, what the tasks show, and which functions learn from which."""

from __future__ import annotations

import heapq
import itertools
import json
import math
import operator
import random
import statistics
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.records import Case, Fresh, Task
from rung.suites.induction import FUNCTIONS, grade, make_task, prerequisites, splits, step
from rung.suites.induction.tasks import TRIES, equal

FAMILIES = {"number": 60, "list": 133, "nested": 51, "string": 42}
NUMERALS = {"0", "1", "2", "10", "nil"}


class Subject:
    """A trial whose program is a Python function."""

    def __init__(self, program: Callable[[list[Any]], Any]) -> None:
        self.program = program

    def run(self, value: Any) -> Any:
        return json.loads(json.dumps(self.program(json.loads(json.dumps(value)))))


def score(task: Task, case: Case, program: Callable[[list[Any]], Any]) -> float:
    return task.evaluate(case, Subject(program))  # type: ignore[arg-type] # all that the evaluator uses


def sorted_copy(a: list[int], b: int) -> list[int]:
    copy = list(a)
    insort(copy, b)
    return copy


# The same functions as other libraries have them; nothing here shares code with the suite.
ELSEWHERE: Mapping[str, Callable[..., Any]] = {
    "total": np.sum,
    "product": np.prod,
    "maximum": np.max,
    "minimum": np.min,
    "spread": np.ptp,
    "dot": lambda a, b: np.dot(a[: len(b)], b[: len(a)]),
    "accumulate": np.cumsum,
    "running_max": np.maximum.accumulate,
    "running_min": np.minimum.accumulate,
    "sorted_list": np.sort,
    "sorted_unique": np.unique,
    "pairwise_differences": np.diff,
    "second_differences": lambda a: np.diff(a, 2),
    "argmax": np.argmax,
    "argmin": np.argmin,
    "argsort": np.argsort,
    "zero_indices": lambda a: np.flatnonzero(np.equal(a, 0)),
    "count_nonzero": np.count_nonzero,
    "bincount": np.bincount,
    "clip_all": lambda a, b: np.clip(a, -b, b),
    "sign_all": np.sign,
    "rotate_left": lambda a, b: np.roll(a, -b),
    "rotate_right_n": np.roll,
    "repeat_each": np.repeat,
    "reversed_list": np.flip,
    "transpose": np.transpose,
    "diagonal": np.diag,
    "trace": np.trace,
    "anti_diagonal": lambda a: np.diag(np.fliplr(a)),
    "rotate_clockwise": lambda a: np.rot90(a, -1),
    "rotate_anticlockwise": np.rot90,
    "rotate_half": lambda a: np.rot90(a, 2),
    "flip_rows": np.flipud,
    "matmul": np.matmul,
    "gram": lambda a: np.matmul(a, np.transpose(a)),
    "mat_vec": np.matmul,
    "vec_mat": lambda a, b: np.matmul(b, a),
    "outer_product": np.outer,
    "column_sums": lambda a: np.sum(a, axis=0),
    "row_argmax": lambda a: np.argmax(a, axis=1),
    "sort_columns": lambda a: np.sort(a, axis=0),
    "distance_matrix": lambda a: np.abs(np.subtract.outer(a, a)),
    "identity_matrix": lambda a: np.eye(a, dtype=int),
    "polyval": np.polyval,
    "moving_sum": lambda a, b: np.convolve(a, [1] * b, "valid") if b <= len(a) else [],
    "accumulate_rows": lambda a: np.cumsum(a, axis=1),
    "low_bits": lambda a, b: [int(bit) for bit in f"{a:b}".zfill(b)[::-1][:b]],
    "k_largest": lambda a, b: heapq.nlargest(b, a),
    "k_smallest": lambda a, b: heapq.nsmallest(b, a),
    "insort": sorted_copy,
    "count_less": lambda a, b: bisect_left(sorted(a), b),
    "mode": statistics.mode,
    "multimode": statistics.multimode,
    "is_permutation": lambda a: Counter(a) == Counter(range(len(a))),
    "two_sum": lambda a, b: b in {v + w for v, w in itertools.product(a, repeat=2)},
    "linf_distance": lambda a, b: max(map(abs, map(operator.sub, a, b))),
    "is_prime": lambda a: a in {2, 3, 5, 7, 11, 13, 17, 19, 23},
    "totient": lambda a: sum(math.gcd(v, a) == 1 for v in range(a)) if a > 1 else 1,
    "binomial": lambda a, b: math.factorial(a) // math.factorial(b) // math.factorial(a - b) if b <= a else 0,
    "caesar_letter": lambda a, b: "abcdefghijklmnopqrstuvwxyzabcd"["abcdefghijklmnopqrstuvwxyz".index(a) + b],
}


def draws(name: str, count: int) -> list[list[Any]]:
    entry, rng = FUNCTIONS[name], random.Random(f"test {name}")
    found: list[list[Any]] = []
    for _ in range(TRIES * count):
        arguments = [kind.draw(rng) for kind in entry.kinds]
        if entry.where(*arguments):
            found.append(arguments)
        if len(found) == count:
            return found
    pytest.fail(f"{name}: the generator hardly reaches the domain")


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_oracles_agree_with_other_libraries(name: str) -> None:
    for arguments in draws(name, 60):
        expected = ELSEWHERE[name](*arguments)
        plain = expected.tolist() if isinstance(expected, np.ndarray | np.generic) else expected
        assert FUNCTIONS[name].oracle(*arguments) == plain, arguments


def test_there_are_enough_functions_of_every_family() -> None:
    counts = Counter(entry.family for entry in FUNCTIONS.values())
    assert len(FUNCTIONS) >= 280
    assert all(counts[family] >= least for family, least in FAMILIES.items()), counts


def test_oracles_are_total_typed_and_leave_their_arguments_alone() -> None:
    types: dict[str, Callable[[Any], bool]] = {
        "int": lambda v: type(v) is int,
        "bool": lambda v: type(v) is bool,
        "char": lambda v: type(v) is str and len(v) == 1,
        "str": lambda v: type(v) is str,
        "list[int]": lambda v: type(v) is list and all(type(u) is int for u in v),
        "list[str]": lambda v: type(v) is list and all(type(u) is str for u in v),
        "list[list[int]]": lambda v: type(v) is list and all(types["list[int]"](u) for u in v),
    }
    for name, entry in FUNCTIONS.items():
        for arguments in draws(name, 25):
            before = json.dumps(arguments)
            value = entry.oracle(*arguments)
            assert types[entry.result](value), (name, arguments, value)
            assert all(types[t](a) for t, a in zip(entry.arguments, arguments, strict=True)), (name, arguments)
            assert json.dumps(arguments) == before, name


def test_every_sketch_names_known_things_and_rungs_are_near() -> None:
    assert all(step(name) <= 12 for name in FUNCTIONS)
    assert all(name not in prerequisites(name) for name in FUNCTIONS)
    assert prerequisites("sorted_list") >= {"insort", "less_than"}
    assert prerequisites("median_high") >= {"sorted_list", "middle"}
    assert prerequisites("primes_below") >= {"is_prime", "divisors"}
    assert prerequisites("matmul") >= {"dot", "transpose", "total"}
    assert grade("total") == 4
    assert grade("median_high") > 20


def test_enough_functions_lie_above_the_reach_of_the_seed() -> None:
    assert sum(grade(name) >= 8 for name in FUNCTIONS) >= 200
    assert sum(grade(name) >= 16 for name in FUNCTIONS) >= 100


@pytest.mark.parametrize("seed", range(5))
def test_splits_are_disjoint_and_closed_under_prerequisites(seed: int) -> None:
    parts = splits(seed, held_out=80, stream=220)
    stream, held_out, outside = set(parts.stream), set(parts.held_out), set(parts.out_of_domain)
    assert len(parts.stream) == len(stream) <= 220
    assert len(held_out) == 80
    assert not stream & held_out
    assert not (stream | held_out) & outside
    assert {FUNCTIONS[name].family for name in outside} == {"string"}
    assert all(prerequisites(name) <= stream for name in stream | held_out)
    assert sum(grade(name) >= 8 for name in held_out) >= 40


def test_splits_follow_from_the_seed() -> None:
    assert splits(3) == splits(3)
    assert splits(3) != splits(4)
    assert len(splits(3).stream) + 100 == sum(entry.family != "string" for entry in FUNCTIONS.values())
    with pytest.raises(ValueError, match="held_out"):
        splits(0, held_out=1000)
    with pytest.raises(ValueError, match="prerequisites"):
        splits(0, held_out=100, stream=10)


def test_every_task_is_consistent_and_deterministic() -> None:
    for name, entry in FUNCTIONS.items():
        task, again = make_task(name, 7), make_task(name, 7)
        assert task.train == again.train
        assert task.validation == again.validation
        assert task.train != make_task(name, 8).train
        assert isinstance(task.validation, tuple)
        assert isinstance(task.train, tuple)
        assert 5 <= len(task.train) <= 16
        for case in (*task.train, *task.validation):
            row: Any = case.input
            assert equal(entry.oracle(*row["args"]), row["expected"])
        if entry.result == "bool":
            values = [row["expected"] for row in (_row(case) for case in task.train)]
            assert sum(values) * 2 == len(values), name
        else:
            assert len({json.dumps(_row(case)["expected"]) for case in task.train}) > 1, name


def _row(case: Case) -> Any:
    return case.input


def test_lists_of_one_sign_occur_among_the_examples() -> None:
    rows = [_row(case)["args"][0] for seed in range(6) for case in _train("maximum", seed)]
    assert any(max(row) < 0 for row in rows)
    assert any(min(row) > 10 for row in rows)


def test_arguments_coincide_often_enough_to_tell_at_most_from_less_than() -> None:
    rows = [_row(case)["args"] for seed in range(5) for case in _train("at_least", seed)]
    assert sum(a == b for a, b in rows) >= 10
    rows = [_row(case)["args"] for seed in range(5) for case in _train("at_least_all", seed)]
    assert sum(b in a for a, b in rows) >= 8


def _train(name: str, seed: int) -> tuple[Case, ...]:
    train = make_task(name, seed).train
    assert isinstance(train, tuple)
    return train


def test_evaluate_scores_typed_equality() -> None:
    task = make_task("is_even", 1)
    even, odd = Case("a", {"args": [4], "expected": True}), Case("b", {"args": [3], "expected": False})
    assert score(task, even, lambda args: args[0] % 2 == 0) == 1.0
    assert score(task, even, lambda args: 1 - args[0] % 2) == 0.0  # 1 is not True
    assert score(task, odd, lambda args: args[0] % 2 == 0) == 1.0
    assert score(task, odd, lambda _: None) == 0.0


def test_fresh_cases_are_drawn_by_the_evaluator_and_balanced() -> None:
    task = make_task("is_positive", 1)
    assert isinstance(task.held_out, Fresh)
    truths = []
    for seed in range(60):
        truths.append(score(task, Case("f", seed), lambda _: True))
        assert score(task, Case("f", seed), lambda args: args[0] > 0) == 1.0
    assert 15 < sum(truths) < 45


def test_the_public_part_tells_types_and_constants_and_no_more() -> None:
    public = json.loads(make_task("capitalise_word", 1).public or "")
    assert public == {"name": "capitalise_word", "arguments": ["str"], "result": "str", "constants": [32]}


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(ValueError, match="no function 'sort_of'"):
        make_task("sort_of", 1)


plain = st.recursive(st.booleans() | st.integers(-3, 3) | st.text(max_size=2), lambda s: st.lists(s, max_size=3))


@given(plain, plain)
def test_equality_is_that_of_json_texts(left: Any, right: Any) -> None:
    assert equal(left, right) == (json.dumps(left) == json.dumps(right))
    assert equal(left, left)

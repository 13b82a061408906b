"""The edits of the seed improver: what they may touch, that they compile, and that a seed fixes them."""

from __future__ import annotations

import ast
import json
import random
from typing import Any

import pytest

NUMPY_RULE = '''"""A rule."""

import numpy as np

SCALE = 2.0  # a comment that stays


def helper(x):
    # this comment stays while helper is not edited
    return x * SCALE


def rule(item: int, bins: np.ndarray) -> np.ndarray:
    """Returns a score per bin."""
    room = bins - item
    return -room / (1.0 + helper(room))
'''

PLAIN = """def rule(words, limit):
    found = []
    total = 0
    for word in words:
        if len(word) > limit and word not in found:
            found.append(word)
            total += len(word) * 2
    order = [3, 1, 2]
    return [found, total, order]
"""

MARKED = """import math


def untouchable(x):
    return x + 41


def rule(x, y):
    base = untouchable(x)  # before the block
    # EVOLVE-BLOCK-START
    score = base * 2.0 + y
    if score > 10.0:
        score = score - 1.0
    # EVOLVE-BLOCK-END
    return score  # after the block
"""

PROGRAMS = {"numpy": NUMPY_RULE, "plain": PLAIN, "marked": MARKED}


@pytest.fixture
def edited(module_of: Any, make_brief: Any) -> Any:
    edits = module_of("seed", "arms.edits")
    weights = json.loads(make_brief({"rule.py": PLAIN}).improver["files"]["weights.json"])["operators"]

    def edit(files: dict[str, str], rng: random.Random) -> Any:
        return edits.edited(files, weights, rng, donors=["room * 2.0", "unknown + 1"])

    return edit


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_edit_compiles_and_changes_the_syntax(edited: Any, name: str) -> None:
    rng, made = random.Random(1), 0
    for _ in range(120):
        found = edited({"rule.py": PROGRAMS[name]}, rng)
        if found is None:
            continue
        made += 1
        files, changed, operators = found
        compile(files["rule.py"], "rule.py", "exec")
        assert ast.dump(ast.parse(files["rule.py"])) != ast.dump(ast.parse(PROGRAMS[name]))
        assert changed == ["rule.py"]
        assert operators
    assert made > 50


def test_many_different_programs_come_from_one(edited: Any) -> None:
    rng = random.Random(2)
    made = [edited({"rule.py": NUMPY_RULE}, rng) for _ in range(200)]
    texts = {found[0]["rule.py"] for found in made if found}
    operators = {name for found in made if found for name in found[2]}
    assert len(texts) > 100
    assert {"tune", "replace", "wrap", "hoist", "piecewise"} <= operators


def test_edits_stay_between_the_marks(edited: Any) -> None:
    rng = random.Random(3)
    before, rest = MARKED.split("    # EVOLVE-BLOCK-START\n")
    after = rest.split("    # EVOLVE-BLOCK-END\n")[1]
    seen = set()
    for _ in range(100):
        found = edited({"rule.py": MARKED}, rng)
        if found:
            text = found[0]["rule.py"]
            assert text.startswith(before + "    # EVOLVE-BLOCK-START\n")
            assert text.endswith("    # EVOLVE-BLOCK-END\n" + after)
            seen.add(text)
    assert len(seen) > 30


def test_names_of_the_enclosing_function_are_in_scope_inside_a_block(edited: Any) -> None:
    rng = random.Random(4)
    blocks = [
        found[0]["rule.py"].split("BLOCK-START")[1]
        for found in (edited({"rule.py": MARKED}, rng) for _ in range(120))
        if found
    ]
    assert any(block.count("base") > MARKED.split("BLOCK-START")[1].count("base") for block in blocks)


def test_comments_are_lost_only_in_the_function_that_was_edited(edited: Any) -> None:
    rng, kept = random.Random(5), 0
    for _ in range(120):
        found = edited({"rule.py": NUMPY_RULE}, rng)
        if (
            found
            and "room = bins - item" not in found[0]["rule.py"]
            and "def helper(x):\n    # this" in found[0]["rule.py"]
        ):
            kept += 1
            if "SCALE = 2.0 " in found[0]["rule.py"]:
                assert "# a comment that stays" in found[0]["rule.py"]
    assert kept > 10


def test_names_stay_in_scope(edited: Any) -> None:
    rng = random.Random(6)
    for _ in range(200):
        found = edited({"rule.py": "def rule(x, y):\n    return x * 2.0 + y\n"}, rng)
        if found:
            tree = ast.parse(found[0]["rule.py"])
            loads = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            assert loads <= {"x", "y", "abs", "min", "max"}


def test_only_editable_files_change(module_of: Any, make_brief: Any, fake_host: Any) -> None:
    improver = module_of("seed", "improver")
    files = {"rule.py": NUMPY_RULE, "other.py": PLAIN, "data.txt": "1 2 3"}
    brief = make_brief(files, editable=("rule.py",), attempts=120)
    host = fake_host(brief, lambda texts: -len(texts["rule.py"]), 120)
    with pytest.raises(BaseException, match="attempts"):
        improver.improve(brief, host)
    assert len(host.asked) == 120
    assert all(asked["other.py"] == PLAIN and asked["data.txt"] == "1 2 3" for asked in host.asked)
    assert any(asked["rule.py"] != NUMPY_RULE for asked in host.asked)


def test_nothing_is_asked_twice(module_of: Any, make_brief: Any, fake_host: Any) -> None:
    improver, source = module_of("seed", "improver"), module_of("seed", "arms.source")
    brief = make_brief({"rule.py": NUMPY_RULE}, attempts=300)
    host = fake_host(brief, lambda texts: -abs(len(texts["rule.py"]) - 400), 300)
    with pytest.raises(BaseException, match="attempts"):
        improver.improve(brief, host)
    prints = [source.fingerprint({"rule.py": asked["rule.py"]}) for asked in host.asked]
    assert len(set(prints)) == len(prints)
    assert source.fingerprint({"rule.py": NUMPY_RULE}) not in prints


def test_the_same_seed_asks_the_same_questions(module_of: Any, make_brief: Any, fake_host: Any) -> None:
    improver = module_of("seed", "improver")
    asked = []
    for seed in (7, 7, 8):
        brief = make_brief({"rule.py": NUMPY_RULE}, attempts=150, seed=seed)
        host = fake_host(brief, lambda texts: -abs(len(texts["rule.py"]) - 420), 150)
        with pytest.raises(BaseException, match="attempts"):
            improver.improve(brief, host)
        asked.append(host.asked)
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_a_climb_finds_a_formula(module_of: Any, make_brief: Any, fake_host: Any) -> None:
    improver = module_of("seed", "improver")
    text = "def rule(x, y):\n    return x\n"

    def score(files: dict[str, str]) -> float:
        space: dict[str, Any] = {}
        exec(files["rule.py"], space)
        pairs = [(1.0, 2.0), (3.0, -1.0), (0.5, 4.0), (-2.0, 0.25)]
        return -float(sum(abs(space["rule"](x, y) - (x * y + 3.0 * x)) for x, y in pairs))

    brief = make_brief({"rule.py": text}, attempts=1200, value=score({"rule.py": text}))
    host = fake_host(brief, score, 1200)
    with pytest.raises(BaseException, match="attempts"):
        improver.improve(brief, host)
    assert max(host.values) > -2.0

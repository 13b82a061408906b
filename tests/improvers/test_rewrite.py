"""The rewriting templates: each does what it says, and what it makes returns the same."""

from __future__ import annotations

from typing import Any

import pytest

# ruff: noqa: ISC004 - sources are written line by line
CASES: dict[str, tuple[str, str, list[Any]]] = {
    "cache": ("def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n", "@functools.cache", [(15,)]),
    "member_set": (
        "def f(words, stop):\n    return [w for w in words if w not in stop]\n",
        "members = set(stop)",
        [(["a", "b", "a"], ["b"])],
    ),
    "growing_set": (
        (
            "def f(words):\n    found = []\n    for w in words:\n        if w not in found:\n"
            "            found.append(w)\n"
            "    return found\n"
        ),
        "seen_found.add(w)",
        [(["a", "b", "a"],), ([],)],
    ),
    "grouped": (
        (
            "def f(left, right):\n    pairs = []\n    for a in left:\n        for b in right:\n"
            "            if b % 5 == a:\n                pairs.append([a, b])\n    return pairs\n"
        ),
        "groups.get(a, ())",
        [([1, 2, 7], [6, 2, 11, 5])],
    ),
    "counted": (
        "def f(words):\n    table = []\n    for w in words:\n        table.append(words.count(w))\n    return table\n",
        "Counter(words)",
        [(["a", "b", "a"],)],
    ),
    "hoist": (
        "def f(items, names):\n    total = 0\n    for i in items:\n        total += i * len(sorted(names))\n"
        "    return total\n",
        "fixed = len(sorted(names))",
        [([1, 2], ["x", "y"])],
    ),
    "queued": (
        (
            "def f(n):\n    queue = [n]\n    seen = 0\n    while queue:\n        x = queue.pop(0)\n        seen += x\n"
            "        if x > 1:\n            queue.append(x - 1)\n    return seen\n"
        ),
        "popleft()",
        [(5,)],
    ),
    "joined": (
        "def f(words):\n    text = ''\n    for w in words:\n        text += w + ','\n    return text\n",
        "''.join(pieces)",
        [(["a", "b"],), ([],)],
    ),
    "comprehended": (
        "def f(items):\n    total = 0\n    for i in items:\n        if i > 1:\n"
        "            total += i\n    return total\n",
        "sum((i for i in items if i > 1))",
        [([1, 2, 3],)],
    ),
    "simpler": ("def f(items):\n    return sorted(items)[0]\n", "min(items)", [([3, 1, 2],)]),
    "stopped": (
        "def f(items):\n    found = False\n    for i in items:\n        if i == 3:\n"
        "            found = True\n    return found\n",
        "break",
        [([3, 1, 3],), ([],)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_template_rewrites_and_the_result_stays(module_of: Any, name: str) -> None:
    source, mark, inputs = CASES[name]
    rewrite = module_of("seed", "arms.rewrite")
    made = [files["p.py"] for template, files in rewrite.rewrites({"p.py": source}) if template == name]
    assert any(mark in text for text in made), made
    text = next(text for text in made if mark in text)
    before, after = _function(source), _function(text)
    for arguments in inputs:
        assert after(*arguments) == before(*arguments)


def test_all_templates_are_tested(module_of: Any) -> None:
    templates = module_of("seed", "arms.templates").TEMPLATES
    assert {template.__name__ for template in templates} == {*CASES, "constant_set"}


def test_a_constant_list_becomes_a_set(module_of: Any) -> None:
    rewrite = module_of("seed", "arms.rewrite")
    made = dict(rewrite.rewrites({"p.py": "STOP = ['a', 'b']  # kept out\n\n\ndef f(w):\n    return w in STOP\n"}))
    assert "STOP = frozenset(['a', 'b'])" in made["constant_set"]["p.py"]


def test_the_import_lands_below_the_header_and_above_the_code(module_of: Any) -> None:
    rewrite = module_of("seed", "arms.rewrite")
    source = '"""Doc."""\n\nfrom __future__ import annotations\n\nX = 1\n\n\ndef f(n):\n    return n\n'
    text = dict(rewrite.rewrites({"p.py": source}))["cache"]["p.py"]
    assert text.index("__future__") < text.index("import functools") < text.index("X = 1")
    assert _function(text)(3) == 3


def test_lines_outside_a_marked_region_are_not_rewritten(module_of: Any) -> None:
    rewrite = module_of("seed", "arms.rewrite")
    kept = "def g(n):\n    return sorted(n)[0]\n\n\n# EVOLVE-BLOCK-START\n"
    source = kept + "def f(n):\n    return sorted(n)[-1]\n# EVOLVE-BLOCK-END\n"
    for _, files in rewrite.rewrites({"p.py": source}):
        assert files["p.py"].startswith(kept)
        assert files["p.py"].endswith("# EVOLVE-BLOCK-END\n")


def _function(text: str) -> Any:
    space: dict[str, Any] = {}
    exec(text, space)
    return space["f"]


def test_groups_by_a_list_that_was_computed_before(module_of: Any) -> None:
    rewrite = module_of("seed", "arms.rewrite")
    source = (
        "def f(words):\n    out = []\n    for w in words:\n        fixed = sorted(w)\n"
        "        out.append([o for o in words if sorted(o) == fixed])\n    return out\n"
    )
    made = [files["p.py"] for name, files in rewrite.rewrites({"p.py": source}) if name == "grouped"]
    assert made
    words = ["ab", "c", "ba"]
    assert all(_function(text)(words) == _function(source)(words) for text in made)

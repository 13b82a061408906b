"""Programs out of a model's answers: what is forgiven, what is refused in a sentence, and that nothing takes long."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RULE = '''"""A rule."""

import math

FACTOR = 2.0


def helper(x):
    """Returns x, squared."""
    return x * x


def rule(x):
    total = 0.0
    for k in range(10):
        if k % 2:
            total += helper(k) * FACTOR

    return total + math.sqrt(x)
'''
FILES = {"rule.py": RULE, "data/notes.md": "hello\n", "secret.py": "KEY = 1\n"}
EDIT = "<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"


@pytest.fixture
def apply(module_of: Any) -> ModuleType:
    found: ModuleType = module_of("seed", "model.apply")
    return found


@pytest.fixture
def child(apply: ModuleType) -> Any:
    scope = apply.Scope(FILES, ("rule.py", "data/*", "new/*"), "rule.py:rule")

    def make(answer: str, **more: Any) -> dict[str, str]:
        changed: dict[str, str] = apply.child_files(answer, FILES, scope, **more)
        return changed

    return make


def refusal(child: Any, apply: ModuleType, answer: str, **more: Any) -> str:
    with pytest.raises(apply.Rejected) as caught:
        child(answer, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("search", "replace", "expected"),
    [
        ("            total += helper(k) * FACTOR", "            total += k", "            total += k\n"),
        ("FACTOR = 2.0   ", "FACTOR = 3.0", "FACTOR = 3.0\n"),
        (
            "if k % 2:\n    total += helper(k) * FACTOR",
            "if k % 3:\n    total += k",
            "        if k % 3:\n            total += k\n",
        ),
        ("\n\nFACTOR = 2.0\n\n", "\nFACTOR = 3.0\n", "FACTOR = 3.0\n"),
        (
            "    total = 0.\n    for k in range(10):",
            "    total = 1.0\n    for k in range(11):",
            "    for k in range(11):\n",
        ),
        ("    return total + math.sqrt(x))", "    return total", "    return total\n"),
        (
            "total = 0.0\n    for k in range(10):",
            "total = 1.0\n    for k in (1,):",
            "    total = 1.0\n    for k in (1,):\n",
        ),
        ("helper(k) * FACTOR", "k", "            total += k\n"),
    ],
    ids=[
        "exact",
        "trailing space",
        "shifted",
        "blank edges",
        "nearly",
        "a bracket too many",
        "no first indent",
        "part of a line",
    ],
)
def test_forgiving_matching(child: Any, search: str, replace: str, expected: str) -> None:
    changed = child("Sure:\nrule.py\n" + EDIT.format(search, replace))
    assert expected in changed["rule.py"]
    compile(changed["rule.py"], "rule.py", "exec")


def test_a_blank_line_more_or_less_is_forgiven(child: Any) -> None:
    search = "            total += helper(k) * FACTOR\n    return total + math.sqrt(x)"
    replace = "            total += k\n    return total"
    assert "total += k\n    return total\n" in child(EDIT.format(search, replace))["rule.py"]


def test_several_blocks_in_several_files(child: Any) -> None:
    answer = "### `rule.py`\n```python\n" + EDIT.format("FACTOR = 2.0", "FACTOR = 5.0") + "```\n"
    answer += EDIT.format("    total = 0.0", "    total = 1.0") + "data/notes.md\n" + EDIT.format("hello", "bye")
    changed = child(answer + "new/part.py\n" + EDIT.format("", "A = 1"))
    assert "FACTOR = 5.0" in changed["rule.py"]
    assert "total = 1.0" in changed["rule.py"]
    assert changed["data/notes.md"] == "bye\n"
    assert changed["new/part.py"] == "A = 1\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("", "the answer is empty"),
        ("I cannot help with that.", "no code block"),
        ("a\0b", "null bytes"),
        ("x\ud800", "broken characters"),
        ("x" * 300_000, "characters, more than"),
        (EDIT.format("nothing = like_this_at_all", "x = 1"), "block 1: its SEARCH part is not in the file"),
        (EDIT.format("nothing = like_this_at_all", "x = 1"), "The nearest is"),
        (EDIT.format("", "x = 1"), "empty SEARCH part"),
        ("<<<<<<< SEARCH\nFACTOR = 2.0\n=======\nFACTOR = 3.0\n", "block 1 has no end"),
        ("<<<<<<< SEARCH\nFACTOR = 2.0\n>>>>>>> REPLACE\n", "has no ======="),
        ("rule.py\n" + EDIT.format("FACTOR = 2.0", "FACTOR = (") + "", "rule.py is no Python"),
        (EDIT.format("FACTOR = 2.0", "FACTOR = 2.0"), "changes nothing"),
        (EDIT.format("def rule(x):", "def other(x):"), "no longer defines rule"),
        ("secret.py\n" + EDIT.format("KEY = 1", "KEY = 2"), "secret.py may not be changed"),
        ("```python secret.py\nKEY = 2\n```", "secret.py may not be changed"),
        ("```python ../../rule2.py\nKEY = 2\n```", "is no name of a file inside"),
        ("/etc/cron.txt\n```\nKEY = 2\n```", "is no name of a file inside"),
        ("```python rule.py/x.py\nKEY = 2\n```", "is no name of a file inside"),
        ("```python other.py\nKEY = 2\n```", "other.py may not be made"),
        ("```python\nprint(1)\n```", "defines no function of rule.py"),
        ("```python\ndef unknown():\n    pass\n```", "rule.py needs helper, rule"),
        ("```python\n" + "x = " + "(" * 150 + ")" * 150 + "\n```", "rule.py"),
        ("```python\nx = " + "-" * 5000 + "1\n```", "rule.py"),
        ("```python\nx = " + "+".join("1" * 300) + "\ndef rule(x):\n    return x\n```", "deep"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(child: Any, apply: ModuleType, answer: str, said: str) -> None:
    assert said in refusal(child, apply, answer)


def test_a_place_that_is_not_unique_is_refused(apply: ModuleType) -> None:
    files = {"rule.py": "def rule(x):\n    x += 1\n    x += 1\n    return x\n"}
    scope = apply.Scope(files, None, "rule.py:rule")
    with pytest.raises(apply.Rejected, match="more than one place"):
        apply.child_files(EDIT.format("    x += 1", "    x += 2"), files, scope)


def test_an_answer_that_was_cut_off_says_so(child: Any, apply: ModuleType) -> None:
    assert "cut off" in refusal(child, apply, "```python\ndef rule(x):\n    return (", cut=True)


def test_whole_files_and_parts_of_them(child: Any) -> None:
    whole = RULE.replace("2.0", "7.0")
    assert child(f"Here it is:\n```python\n{whole}```\nIt is better.")["rule.py"] == whole
    assert child(whole)["rule.py"] == whole
    part = "```python\nimport random\nfrom math import pi\n\ndef extra(x):\n    return pi\n\n"
    part += (
        "def rule(x):\n    return extra(x)\n\nprint(rule(3))\n```\nThe old helper was slow:\n```python\nhelper(2)\n```"
    )
    merged = child(part)["rule.py"]
    space: dict[str, Any] = {}
    exec(merged, space)
    assert space["rule"](1) > 3
    assert "def helper" in merged
    assert "print" not in merged
    assert merged.startswith('"""A rule."""')


def test_what_a_block_forgets_or_shows_is_no_part_of_the_program(child: Any) -> None:
    new = "def helper(x):\n    return x\n\n\ndef rule(x):\n    return math.sqrt(x) + FACTOR\n"
    shown = '\nx = 4\nresult = rule(x)\nprint(rule(3))\nassert rule(1)\nif __name__ == "__main__":\n    rule(2)\n'
    merged = child(f"```python\n{new}{shown}```")["rule.py"]
    space: dict[str, Any] = {}
    exec(merged, space)
    assert space["rule"](4) == 4.0
    whole = child(f"```python\nimport math\nFACTOR = 1.0\n{new}{shown}```")["rule.py"]
    assert "result" not in merged + whole
    assert "print" not in merged + whole
    assert "__main__" not in merged + whole
    assert whole.startswith("import math\n")


def test_regions_bind_every_form_of_answer(apply: ModuleType) -> None:
    text = "import os\n# EVOLVE-BLOCK-START\ndef rule(x):\n    return x\n# EVOLVE-BLOCK-END\nZ = 1\n"
    scope = apply.Scope({"rule.py": text}, None, "rule.py:rule")
    inside = apply.child_files("```python\ndef rule(x):\n    return 2 * x\n```", {"rule.py": text}, scope)
    assert inside == {"rule.py": text.replace("return x", "return 2 * x")}
    with pytest.raises(apply.Rejected, match="only be changed between"):
        apply.child_files(EDIT.format("Z = 1", "Z = 2"), {"rule.py": text}, scope)
    with pytest.raises(apply.Rejected, match="changes nothing"):  # of a whole file, only the regions count
        apply.child_files(f"```python\n{text.replace('Z = 1', 'Z = 2')}```", {"rule.py": text}, scope)


def test_what_a_model_copies_badly_outside_the_regions_stays_as_it_is(apply: ModuleType) -> None:
    text = "def load(x):\n    return rule(x) + 1\n\n\n"
    text += "# EVOLVE-BLOCK-START\ndef rule(x):\n    return x\n# EVOLVE-BLOCK-END\n"
    scope = apply.Scope({"rule.py": text}, None, "rule.py:load")
    answer = "```python\ndef load(x):\n    ...\n\n# Evolve-BLOCK-START\ndef rule(x):\n    return 2 * x\n```"
    changed = apply.child_files(answer, {"rule.py": text}, scope)
    assert changed == {"rule.py": text.replace("return x\n", "return 2 * x\n")}
    with pytest.raises(apply.Rejected, match="nothing between"):
        apply.child_files("```python\ndef load(x):\n    return 7\n```", {"rule.py": text}, scope)


def test_thousands_of_blocks_and_long_files_take_no_time(apply: ModuleType) -> None:
    files = {"rule.py": "def rule(x):\n" + "".join(f"    y{k % 7} = x + {k}\n" for k in range(4000)) + "    return x\n"}
    scope = apply.Scope(files, None, "rule.py:rule")
    began = time.process_time()
    for answer in (
        EDIT.format("    y = 2", "    y = 3") * 2500,
        "".join(EDIT.format(f"    y{k} = z + {k}\n    q", "    y = 3") for k in range(30)),
        EDIT.format("\n".join(f"    w{k} = {k}" for k in range(2000)), "pass"),
        "```\n" * 40_000,
        "<<<<<<< SEARCH\n" * 10_000,
        "=======\n" * 20_000 + ">" * 100_000,
        "```python\n" + "a" * 190_000 + "\n```",
        "```python\n" + "{" * 190_000,
        "rule.py " * 20_000,
    ):
        with pytest.raises(apply.Rejected):
            apply.child_files(answer, files, scope)
    long = "".join(f"    name_{k} = {'abcdefgh' * 20} + {k}\n" for k in range(900))
    files = {"rule.py": f"def rule(x):\n{long}    return x\n"}
    nearly = "".join(EDIT.format(long.splitlines()[k * 20].replace("name", "nam"), "    z = 1") for k in range(40))
    with pytest.raises(apply.Rejected):
        apply.child_files(nearly, files, apply.Scope(files, None, "rule.py:rule"))
    assert time.process_time() - began < 8.0


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *RULE.splitlines(),
                "<<<<<<< SEARCH",
                "=======",
                ">>>>>>> REPLACE",
                "```",
                "```python",
                "~~~",
                "rule.py",
                "secret.py",
                "../x.py",
                "new/part.py",
                "",
            ]
        ),
        st.text(max_size=30),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, cut=st.booleans())
def test_any_answer_is_a_program_within_the_scope_or_a_sentence(
    apply: ModuleType, child: Any, lines: list[str], cut: Any
) -> None:
    changed, said = {}, ""
    try:
        changed = child("\n".join(lines), cut=cut)
    except apply.Rejected as reason:
        said = str(reason)
    assert changed or 5 < len(said) < 4000
    assert "secret.py" not in changed
    assert all(name == "rule.py" or name.startswith(("data/", "new/")) for name in changed)
    for name, text in changed.items():
        text.encode()
        if name.endswith(".py"):
            compile(text, name, "exec")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_copied_search_always_fits_its_one_place(child: Any, data: st.DataObject) -> None:
    lines = RULE.split("\n")
    first = data.draw(st.integers(0, len(lines) - 2))
    last = data.draw(st.integers(first + 1, len(lines) - 1))
    part = lines[first:last]
    if not any(line.strip() for line in part) or RULE.count("\n".join(part)) > 1:
        return
    shift = data.draw(st.integers(0, 3))
    search = "\n".join(" " * shift + line if line.strip() else line for line in part)
    answer = f"{EDIT.format(search, search)}{EDIT.format('FACTOR = 2.0', 'FACTOR = 9.0')}"
    assert child(answer)["rule.py"] == RULE.replace("2.0", "9.0") or "FACTOR = 2.0" in part

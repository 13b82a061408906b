"""A program is its content."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import BadInput
from rung.kernel import codec
from rung.records import Cost, Program

names = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}\.py", fullmatch=True)
trees = st.dictionaries(
    names, st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.binary(max_size=40), max_size=5
)


@given(trees)
def test_identity_does_not_depend_on_file_order(files: dict[str, Any]) -> None:
    """The same files in another order are the same program."""
    files = {"main.py": "def f(x): return x\n", **files}
    forwards = Program(files, "main.py:f")
    backwards = Program(dict(reversed(list(files.items()))), "main.py:f")
    assert forwards.id == backwards.id
    assert forwards == backwards


@given(trees)
def test_stored_form_is_the_identity(files: dict[str, Any]) -> None:
    """Reading back the stored bytes gives the same program, and the bytes hash to its id."""
    import hashlib

    program = Program({"main.py": "x", **files}, "main.py:f")
    data = codec.program_bytes(program)
    assert hashlib.sha256(data).hexdigest() == program.id
    assert codec.program_from_bytes(data) == program
    assert pickle.loads(pickle.dumps(program)) == program


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.py", "a/../../x", "", "a\\b.py", "a//b.py", "./a.py", "a\0b"])
def test_no_file_name_leaves_the_program(name: str) -> None:
    """Absolute, climbing and odd names are refused."""
    with pytest.raises(BadInput, match="file name"):
        Program({name: "x", "main.py": "y"}, "main.py:f")


@pytest.mark.parametrize("entry", ["main.py", "main.py:", "other.py:f", "main.py:a.b", ""])
def test_the_entry_must_be_in_the_program(entry: str) -> None:
    """An entry that cannot be called is refused at once."""
    with pytest.raises(BadInput, match="entry"):
        Program({"main.py": "x"}, entry)


def test_edit_and_diff() -> None:
    """An edit makes another program, and the diff says what changed."""
    program = Program({"main.py": "a = 1\n", "data.bin": b"\xff"}, "main.py:f")
    child = program.edit({"main.py": "a = 2\n", "data.bin": None, "new.py": "b\n"})
    assert child.id != program.id
    assert set(child.files) == {"main.py", "new.py"}
    diff = program.diff(child)
    assert "-a = 1" in diff
    assert "+a = 2" in diff
    assert "+++ b/new.py" in diff
    assert "binary file data.bin" in diff
    assert program.diff(program) == ""


def test_a_program_cannot_be_changed_in_place() -> None:
    """Its files are read-only, so its identity stays true."""
    program = Program({"main.py": "a"}, "main.py:f")
    with pytest.raises(TypeError):
        program.files["main.py"] = "b"  # type: ignore[index]


def test_costs_add_up() -> None:
    """Every kind of cost is added."""
    assert Cost(1, 2.0, 3.0, 4, 5.0) + Cost(1, 1.0, 1.0, 1, 1.0) == Cost(2, 3.0, 4.0, 5, 6.0)

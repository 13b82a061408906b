"""The wire refuses everything that is not one strict JSON document."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung import wire

documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(documents)
def test_what_we_write_we_read(document: wire.JSON) -> None:
    """Both encodings come back as the same document."""
    assert wire.parse(wire.canonical(document)) == document
    assert wire.parse(wire.encode(document)) == document


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers()))
def test_canonical_does_not_depend_on_key_order(document: dict[str, int]) -> None:
    """Two orders of the same keys are the same bytes."""
    backwards = dict(reversed(list(document.items())))
    assert wire.canonical({**document}) == wire.canonical({**backwards})


HOSTILE = {
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "overflow": b"[1e999]",
    "duplicate key": b'{"a": 1, "a": 2}',
    "deep": b"[" * 100_000,
    "deep in an object": b'{"a":' * 100 + b"1" + b"}" * 100,
    "long number": b"1" * 401,
    "long float": b"0." + b"1" * 500,
    "lone surrogate": b'"\\ud800"',
    "invalid UTF-8": b'"\xff"',
    "two documents": b"1 2",
    "late document": b'{"output": 1}\n{"output": 2}',
    "pickle": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.",
    "nothing": b"",
    "unterminated string": b'"' + b"[" * 100,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_documents_are_refused(raw: bytes) -> None:
    """Each is refused with a sentence, not with a crash."""
    with pytest.raises(wire.WireError):
        wire.parse(raw)


def test_brackets_in_strings_are_no_depth() -> None:
    """Depth counts structure, not text."""
    text = "[" * 1000 + '\\"' + "{" * 1000
    assert wire.parse(json.dumps(text).encode()) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"x", object()])
def test_what_json_cannot_carry_is_not_written(value: object) -> None:
    """Writing is as strict as reading."""
    with pytest.raises(wire.WireError):
        wire.encode(value)  # type: ignore[arg-type]


def test_fields_are_exact() -> None:
    """Missing, unknown and punned fields are refused; int passes for float, bool passes for nothing else."""
    assert wire.fields({"a": 1}, required={"a": float}) == {"a": 1}
    for document, message in [
        ({}, "missing"),
        ({"a": 1, "score": 1.0}, "unknown"),
        ({"a": True}, "must be int"),
        ([1], "object"),
    ]:
        with pytest.raises(wire.WireError, match=message):
            wire.fields(document, required={"a": int})  # type: ignore[arg-type]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        st.text(st.characters(exclude_categories=["Cs"])) | st.binary(),
    )
)
def test_files_survive(files: dict[str, str | bytes]) -> None:
    """Text stays text, bytes stay bytes."""
    assert wire.files_from_json(wire.parse(wire.encode(wire.files_to_json(files)))) == files

"""Every document that crosses the wall between trusted and untrusted code, and how strictly it is read.

Covered: size, depth, number length, NaN and infinities (also as 1e999), duplicate keys, lone surrogates, trailing
documents, unknown fields. Not covered: what the values mean; whoever receives a document checks that.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

VERSION = 1
MAX_DEPTH = 64
MAX_NUMBER = 400

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

# One linear pass: whole strings are skipped, brackets are counted, long number tokens are caught. Possessive
# quantifiers, so that half a string is not scanned again from each of its characters.
_TOKENS = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{]|[\]}]|(?<![-+.0-9eE])[-+.0-9eE]{%d,}+' % (MAX_NUMBER + 1), re.DOTALL
)


class WireError(ValueError):
    """A document that the wire refuses; the message says why."""


def canonical(document: JSON) -> bytes:
    """Returns the one byte string of a document: sorted keys, no spaces, UTF-8.

    Raises:
      WireError: the document holds something JSON cannot carry.
    """
    try:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", "strict")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"not a JSON document: {error}") from error


def encode(document: JSON) -> bytes:
    """Returns the document as one line for a pipe.

    Raises:
      WireError: the document holds something JSON cannot carry.
    """
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"not a JSON document: {error}") from error


def parse(raw: bytes) -> JSON:
    """Returns the one document in `raw`, read as hostile input.

    Raises:
      WireError: it is not exactly one strict JSON document.
    """
    _prescan(raw)
    try:
        text = raw.decode("utf-8", "strict")
        document: JSON = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique
        )
        if b"\\u" in raw:
            json.dumps(document, ensure_ascii=False).encode("utf-8", "strict")
    except RecursionError as error:
        raise WireError("nested too deeply") from error
    except WireError:
        raise
    except ValueError as error:
        raise WireError(f"not one JSON document: {error}") from error
    return document


def _prescan(raw: bytes) -> None:
    depth = 0
    for match in _TOKENS.finditer(raw):
        first = raw[match.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise WireError(f"nested deeper than {MAX_DEPTH}")
        elif first in b"]}":
            depth -= 1
        elif first != ord('"'):
            raise WireError(f"a number longer than {MAX_NUMBER} characters")


def _refuse_constant(name: str) -> NoReturn:
    raise WireError(f"{name} is not a number that may cross the wall")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise WireError(f"{text} overflows to infinity")
    return value


def _unique(items: list[tuple[str, JSON]]) -> dict[str, JSON]:
    document = dict(items)
    if len(document) != len(items):
        raise WireError("a key appears twice")
    return document


def fields(
    document: JSON, *, required: Mapping[str, type], optional: Mapping[str, type] | None = None
) -> dict[str, JSON]:
    """Returns the document when it is an object with exactly these fields.

    required, optional: the type of each value; `bool` does not count as `int`, `int` counts as `float`, and `object`
    accepts any JSON value.

    Raises:
      WireError: a field is missing, unknown or of another type.
    """
    if type(document) is not dict:
        raise WireError(f"an object was expected, not {type(document).__name__}")
    known = {**required, **(optional or {})}
    for name in document.keys() - known.keys():
        raise WireError(f"unknown field {name[:60]!r}")
    for name in required.keys() - document.keys():
        raise WireError(f"missing field {name!r}")
    for name, value in document.items():
        wanted = known[name]
        if wanted is object or type(value) is wanted or (wanted is float and type(value) is int):
            continue
        raise WireError(f"field {name!r} must be {wanted.__name__}, not {type(value).__name__}")
    return document


def files_to_json(files: Mapping[str, str | bytes]) -> dict[str, JSON]:
    """Returns program files as JSON: text as it is, bytes as {"base64": ...}."""
    return {
        name: data if isinstance(data, str) else {"base64": base64.b64encode(data).decode("ascii")}
        for name, data in files.items()
    }


def files_from_json(document: JSON) -> dict[str, str | bytes]:
    """Returns program files from their JSON form.

    Raises:
      WireError: a name or a content is not of the agreed form.
    """
    if type(document) is not dict:
        raise WireError("files must be an object of name to content")
    files: dict[str, str | bytes] = {}
    for name, content in document.items():
        if isinstance(content, str):
            files[name] = content
            continue
        encoded = fields(content, required={"base64": str})["base64"]
        try:
            files[name] = base64.b64decode(str(encoded), validate=True)
        except ValueError as error:
            raise WireError(f"file {name[:60]!r} is not valid base64") from error
    return files

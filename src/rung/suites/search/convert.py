"""Turns one pickled table into JSON on standard output; run by itself as `python -I convert.py FILE METRIC`.

It is a program of its own so that no pickle is ever opened in the engine's process. Only opcodes that build plain data
are let through, nothing can be looked up by name, and memory and CPU time are bounded.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import pickletools
import resource
import sys
from pathlib import Path
from typing import NoReturn

MEMORY_BYTES, CPU_SECONDS = 2 << 30, 60
PLAIN = frozenset(
    {
        *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT"),
        *("EMPTY_DICT", "EMPTY_LIST", "APPEND", "APPENDS", "SETITEM", "SETITEMS"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINFLOAT", "BININT", "BININT1", "BININT2"),
    }
)


class Refused(Exception):
    """The file is no plain table."""


class Plain(pickle.Unpickler):
    """An unpickler that knows no name at all."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        """Refuses every name.

        Raises:
          Refused: always.
        """
        raise Refused(f"the pickle asks for {module_name}.{global_name}; plain data needs no names")


def plain(data: bytes) -> object:
    """Returns what a pickle of plain data holds.

    Raises:
      Refused: it holds an opcode that does more than build numbers, texts, lists and dicts, or it is broken.
    """
    try:
        for opcode, _, place in pickletools.genops(data):
            if opcode.name not in PLAIN:
                raise Refused(f"the pickle holds the opcode {opcode.name} at byte {place}; plain data needs none such")
        return Plain(io.BytesIO(data)).load()
    except (ValueError, EOFError, IndexError, KeyError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise Refused(f"the pickle is broken: {error}") from error


def rows(table: object, metric: str) -> list[tuple[str, list[float]]]:
    """Returns (key, measurements) of every configuration, ordered by key.

    Raises:
      Refused: the table has another form than {"0123": {metric: [number, ...]}}.
    """
    if not isinstance(table, dict) or not table:
        raise Refused("the table is no dict of configurations")
    found = []
    for key, measured in table.items():
        values = measured.get(metric) if isinstance(measured, dict) else None
        if not (isinstance(key, str) and key.isascii() and key.isdigit() and isinstance(values, list) and values):
            raise Refused(f"configuration {str(key)[:40]!r} has no list of measurements of {metric!r}")
        if not all(type(value) in {int, float} and math.isfinite(value) for value in values):
            raise Refused(f"configuration {key!r} has a measurement of {metric!r} that is no finite number")
        found.append((key, values))
    return sorted(found)


def main() -> int:
    """Returns the exit status: 0 with JSON on standard output, 1 with a sentence on standard error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    _, file, metric = sys.argv
    try:
        found = rows(plain(Path(file).read_bytes()), metric)
    except (Refused, MemoryError, RecursionError) as error:
        sys.stderr.write(f"{error or 'more memory than a table needs'}\n")
        return 1
    json.dump({"keys": [key for key, _ in found], "values": [values for _, values in found]}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

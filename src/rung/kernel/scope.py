"""Decides whether a proposed program changed only what it may change."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from rung.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from rung.records import Program

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"


def _anything(_seed: Program, _child: Program) -> str | None:
    """Refuses nothing."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a charter says about every run under it.

    charter: its hash. depth: how far runs may be inside runs, None for any. refuse: what a child (seed, child) changed
    against it, in words, or None; the rules of the task are looked at first.
    """

    charter: str = ""
    depth: int | None = None
    refuse: Callable[[Program, Program], str | None] = _anything

    def inside(self, task: str) -> Bounds:
        """Returns what holds for a run of this task inside one that these hold for.

        Raises:
          BadInput: none may be inside it.
        """
        if self.depth == 0:
            raise BadInput(f"task {task!r} runs inside more runs than the charter allows (scope.depth)")
        return replace(self, depth=None if self.depth is None else self.depth - 1)


def may_edit(name: str, editable: tuple[str, ...] | None) -> bool:
    """Returns whether the file name matches one of the patterns; None allows every file."""
    return editable is None or any(fnmatchcase(name, pattern) for pattern in editable)


def fixed_text(text: str) -> list[str]:
    """Returns the stretches of text outside the EVOLVE-BLOCK regions, marker lines included.

    A text without markers has no fixed part: [].
    """
    if START not in text:
        return []
    stretches, current, inside = [], [], False
    for line in text.splitlines(keepends=True):
        if not inside:
            current.append(line)
            if START in line:
                stretches.append("".join(current))
                current, inside = [], True
        elif END in line:
            current, inside = [line], False
    stretches.append("".join(current))
    return stretches


def quoted(text: str) -> bool:
    """Returns whether a marker of a Python text is no comment: a string that began in one region runs over it."""
    lines = sum(START in line or END in line for line in text.splitlines())
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return True
    return lines != sum(
        token.type == tokenize.COMMENT and (START in token.string or END in token.string) for token in tokens
    )


def violation(seed: Program, child: Program, editable: tuple[str, ...] | None) -> str | None:
    """Returns what the child changed against the rules, in words, or None.

    seed: the task's own program; a child is always held against it, never against its parent.
    """
    if child.entry != seed.entry:
        return f"the entry must stay {seed.entry}"
    for name in sorted({*seed.files, *child.files}):
        old, new = seed.files.get(name), child.files.get(name)
        if old == new:
            continue
        if not may_edit(name, editable):
            return f"{name} may not be changed"
        fixed = fixed_text(old) if isinstance(old, str) else []
        if fixed and (not isinstance(new, str) or fixed_text(new) != fixed):
            return f"{name} may only be changed between {START} and {END}"
        if fixed and name.endswith(".py") and isinstance(new, str) and quoted(new):
            return f"{name} no longer reads as Python, or hides a marker in a string"
    return None

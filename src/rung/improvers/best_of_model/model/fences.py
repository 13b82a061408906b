"""Fenced blocks of an answer, and the file names that stand before them. The file is the same in `best_of_model`.

An answer is hostile: every function here is linear in its length, and what is too long is refused before it is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_ANSWER = 200_000  # characters
MAX_BLOCKS = 64
MAX_PATH = 120
FENCE = re.compile(r"[ \t]{0,12}(`{3,}|~{3,})[ \t]*(.{0,200})$")
KINDS = "py|pyi|md|txt|json|toml|cfg|ini|ya?ml|csv|tsv|js|ts|html|css|c|h|cpp|rs|go|sh|sql"
PATH = re.compile(rf"[\w./][\w./+-]*\.(?:{KINDS})")
EDGES = "`*#:\"'()[]<>, \t"


class Rejected(ValueError):
    """An answer from which no program can be made; the text says why, for whoever answers next."""


@dataclass(frozen=True)
class Block:
    """One fenced block. path: the file it names, or None; closed: whether its end was there."""

    path: str | None
    text: str
    closed: bool = True


def readable(text):
    """Returns an answer's text with plain line ends.

    Raises:
      Rejected: it is empty, too long, or no text.
    """
    if not isinstance(text, str) or not text.strip():
        raise Rejected("the answer is empty")
    if len(text) > MAX_ANSWER:
        raise Rejected(f"the answer has {len(text):,} characters, more than {MAX_ANSWER:,}")
    if "\0" in text or text.encode("utf-8", "ignore").decode("utf-8") != text:
        raise Rejected("the answer is no text: it holds null bytes or broken characters")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def named(line):
    """Returns the file name that a line or an info string consists of, give or take a word like "File:", or None."""
    if len(line) > 2 * MAX_PATH:
        return None
    words = [word.strip(EDGES) for word in line.replace(":", " ").replace("=", " ").split()]
    found = [word for word in words if len(word) <= MAX_PATH and PATH.fullmatch(word)]
    return found[0] if len(found) == 1 and len(words) <= 4 else None


def fenced(text):
    """Returns the fenced blocks of an answer, in order.

    Raises:
      Rejected: there are too many.
    """
    found, fence, path, body, before = [], None, None, [], ""
    for line in text.split("\n"):
        match = FENCE.match(line)
        if fence is None:
            if match:
                fence, path, body = match[1], named(match[2]) or named(before), []
            elif line.strip():
                before = line
        elif match and not match[2].strip() and match[1][0] == fence[0] and len(match[1]) >= len(fence):
            found.append(Block(path, "\n".join(body) + "\n"))
            fence, before = None, ""
            if len(found) > MAX_BLOCKS:
                raise Rejected(f"the answer has more than {MAX_BLOCKS} code blocks")
        else:
            body.append(line)
    if fence is not None and any(line.strip() for line in body):
        found.append(Block(path, "\n".join(body) + "\n", closed=False))
    return [block for block in found if block.text.strip()]

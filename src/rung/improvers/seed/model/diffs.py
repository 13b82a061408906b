"""SEARCH/REPLACE blocks of an answer, and a file after them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model.fences import FENCE, Rejected, named
from model.match import find

MAX_EDITS = 40
MAX_NEARLY = 4  # blocks of an answer that may be found by likeness alone: that costs time
MAX_COMPARED = 400_000  # lines of the file times blocks: what one answer may cost
HEAD = re.compile(r"[ \t]*<{5,9}[ \t]*(?:SEARCH|ORIGINAL|OLD|HEAD)?[ \t:]*(.{0,160})$")
MIDDLE = re.compile(r"[ \t]*={5,9}[ \t]*(?:REPLACE)?[ \t]*$")
TAIL = re.compile(r"[ \t]*>{5,9}[ \t]*(?:REPLACE|UPDATED|NEW|SEARCH)?[ \t]*$")


@dataclass(frozen=True)
class Edit:
    """One block. path: the file it names, or None; number: which block it is, from 1."""

    path: str | None
    search: list
    replace: list
    number: int

    @property
    def name(self):
        """What a rejection calls the block."""
        return f"block {self.number}" + (f" ({self.path})" if self.path else "")


def has_edits(text):
    """Returns whether an answer tries to be made of SEARCH/REPLACE blocks."""
    return any("<<<<<" in line and HEAD.match(line) for line in text.split("\n"))


def edits(text):
    """Returns the blocks of an answer, in order; a file name holds until the next one.

    Raises:
      Rejected: a block has no middle or no end, or there are too many.
    """
    found, path, part, search, replace = [], None, None, [], []
    for line in text.split("\n"):
        head = HEAD.match(line)
        if part is None:
            if head:
                path, part, search, replace = named(head[1]) or path, "search", [], []
            else:
                fence = FENCE.match(line)
                path = named(fence[2] if fence else line) or path
        elif head:
            raise Rejected(f"block {len(found) + 1} has no end: close it with >>>>>>> REPLACE before the next begins")
        elif part == "search":
            if MIDDLE.match(line):
                part = "replace"
            elif TAIL.match(line):
                raise Rejected(f"block {len(found) + 1} has no ======= between what is searched and what replaces it")
            else:
                search.append(line)
        elif TAIL.match(line):
            found.append(Edit(path, _unfenced(search), _unfenced(replace), len(found) + 1))
            part = None
            if len(found) > MAX_EDITS:
                raise Rejected(f"the answer has more than {MAX_EDITS} SEARCH/REPLACE blocks")
        elif not MIDDLE.match(line):
            replace.append(line)
    if part is not None:
        raise Rejected(f"block {len(found) + 1} has no end: close it with >>>>>>> REPLACE")
    return found


def applied(text, blocks):
    """Returns a file's text after its blocks, one after the other.

    Raises:
      Rejected: a block does not fit.
    """
    lines = text.split("\n")
    if len(lines) * len(blocks) > MAX_COMPARED:
        raise Rejected(f"{len(blocks)} blocks for a file of {len(lines):,} lines are too many: change less at once")
    nearly = 0
    for block in blocks:
        if not text.strip() and not any(line.strip() for line in block.search):
            lines = [*block.replace, ""]
            continue
        part = _part(lines, block)
        if part is not None:
            lines = part
            continue
        place = find(lines, block.search, what=block.name)
        nearly += place.nearly
        if nearly > MAX_NEARLY:
            raise Rejected(f"{block.name}: it is one of many that are only nearly in the file; copy the lines exactly")
        new = [_moved(line, place.shift) for line in _trimmed(block.replace, block.search)]
        lines[place.first : place.last] = new
    return "\n".join(lines)


def _part(lines, block):
    """Returns the lines when the block searches for a part of a line, or begins in the middle of one; else None."""
    text, wanted = "\n".join(lines), "\n".join(_edged(block.search))
    at = text.find(wanted) if wanted.strip() else -1
    whole = at >= 0 and text[at - 1 : at] in ("", "\n") and text[at + len(wanted) :][:1] in ("", "\n")
    if at < 0 or whole or text.find(wanted, at + 1) >= 0:
        return None
    return (text[:at] + "\n".join(_edged(block.replace)) + text[at + len(wanted) :]).split("\n")


def _edged(lines):
    """Returns the lines without blank ones at the edges."""
    full = [k for k, line in enumerate(lines) if line.strip()]
    return lines[full[0] : full[-1] + 1] if full else []


def _trimmed(replace, search):
    """Returns the new lines without the blank edges that the matching ignored on the other side."""
    before = next((k for k, line in enumerate(search) if line.strip()), 0)
    after = next((k for k, line in enumerate(reversed(search)) if line.strip()), 0)
    while before and replace and not replace[0].strip():
        replace, before = replace[1:], before - 1
    while after and replace and not replace[-1].strip():
        replace, after = replace[:-1], after - 1
    return replace


def _moved(line, shift):
    if shift == 0 or not line.strip():
        return line
    if shift > 0:
        return " " * shift + line
    spare = len(line) - len(line.lstrip())
    return line[min(-shift, spare) :]


def _unfenced(lines):
    """Returns the lines without a fence that was put around them inside the block."""
    full = [k for k, line in enumerate(lines) if line.strip()]
    if len(full) > 1 and FENCE.match(lines[full[0]]) and lines[full[-1]].strip() == "```":
        return lines[full[0] + 1 : full[-1]]
    return lines

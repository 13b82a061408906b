"""Where the lines of a SEARCH block stand in a file: exactly, but for white space, shifted, or nearly.

Every stage demands that there is one such place. Cost: the exact stages are linear; the last one compares at most
`MAX_PAIRS` pairs of lines, by the pairs of letters they share.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from model.fences import Rejected

MAX_PAIRS = 30_000  # of lines that one block may compare
MAX_LETTERS = 200  # of a line that count
ALIKE = 0.82  # mean likeness of the lines, weighted by their length, from which on a place counts as meant
LEAD = 0.04  # by which the best place must be ahead of any other
SHOWN = 6  # lines of the nearest place that a rejection quotes


@dataclass(frozen=True)
class Place:
    """Lines first..last (excluded) of a file, from 0.

    shift: columns by which the file is indented further. nearly: the lines are not quite those that were wanted.
    """

    first: int
    last: int
    shift: int = 0
    nearly: bool = False


def find(lines, wanted, *, what):
    """Returns the one place of the wanted lines in a file's lines. what: the block, as a rejection calls it.

    Raises:
      Rejected: there is no such place, or more than one.
    """
    while wanted and not wanted[0].strip():
        wanted = wanted[1:]
    while wanted and not wanted[-1].strip():
        wanted = wanted[:-1]
    if not wanted:
        raise Rejected(f"{what} has an empty SEARCH part: copy the lines that are to be replaced")
    for key in (str, str.rstrip):
        starts = _starts([key(line) for line in lines], [key(line) for line in wanted])
        if starts:
            return Place(_only(starts, what), starts[0] + len(wanted))
    full = [number for number, line in enumerate(lines) if line.strip()]
    bare = [line for line in wanted if line.strip()]
    starts = _starts([lines[number].strip() for number in full], [line.strip() for line in bare])
    shifts = [_shift([lines[number] for number in full[start : start + len(bare)]], bare) for start in starts]
    even = [(start, shift) for start, shift in zip(starts, shifts, strict=True) if shift is not None]
    if even or len(starts) == 1:
        start, shift = even[0] if even else (starts[0], _indent(lines[full[starts[0]]]) - _indent(bare[0]))
        _only([each for each, _ in even] or starts, what)
        return Place(full[start], full[start + len(bare) - 1] + 1, shift)
    if starts:
        _only(starts, what)
    return _nearest(lines, full, bare, what)


def _starts(lines, wanted):
    """Returns where the wanted lines begin, at most two places."""
    text, part = "\n" + "\n".join(lines) + "\n", "\n" + "\n".join(wanted) + "\n"
    first = text.find(part)
    if first < 0:
        return []
    second = text.find(part, first + 1)
    return [text.count("\n", 0, place) for place in (first, second) if place >= 0]


def _only(starts, what):
    if len(starts) > 1:
        raise Rejected(
            f"{what}: its SEARCH part matches more than one place (lines {starts[0] + 1} and {starts[1] + 1}); "
            "copy more lines around it"
        )
    return starts[0]


def _indent(line):
    line = line.expandtabs(4)
    return len(line) - len(line.lstrip())


def _shift(lines, wanted):
    """Returns by how many columns all lines are indented further than the wanted ones, or None when it differs."""
    shifts = {_indent(line) - _indent(other) for line, other in zip(lines, wanted, strict=True)}
    return shifts.pop() if len(shifts) == 1 else None


def _nearest(lines, full, bare, what):
    """Returns the place that is alike enough, and clearly more so than every other."""
    starts = len(full) - len(bare) + 1
    if starts < 1 or starts * len(bare) > MAX_PAIRS:
        raise Rejected(f"{what}: its SEARCH part is not in the file: {_quoted(bare)}")
    pairs = {}
    letters = {text: _letters(text) for text in {line.strip() for line in [*bare, *(lines[n] for n in full)]}}
    weights = [1 + min(len(line.strip()), MAX_LETTERS) for line in bare]
    likeness = []
    for start in range(starts):
        total = 0.0
        for k, line in enumerate(bare):
            key = (line.strip(), lines[full[start + k]].strip())
            if key not in pairs:
                pairs[key] = 1.0 if key[0] == key[1] else _alike(letters[key[0]], letters[key[1]])
            total += weights[k] * pairs[key]
        likeness.append(total / sum(weights))
    best = max(range(starts), key=lambda start: likeness[start])
    others = [likeness[start] for start in range(starts) if abs(start - best) >= max(1, len(bare) // 2)]
    place = [lines[number] for number in full[best : best + len(bare)]]
    if likeness[best] < ALIKE:
        raise Rejected(f"{what}: its SEARCH part is not in the file: {_quoted(bare)} The nearest is: {_quoted(place)}")
    if others and max(others) > likeness[best] - LEAD:
        raise Rejected(f"{what}: its SEARCH part is like more than one place; copy the lines exactly: {_quoted(place)}")
    return Place(full[best], full[best + len(bare) - 1] + 1, _indent(place[0]) - _indent(bare[0]), nearly=True)


def _letters(line):
    text = f" {line[:MAX_LETTERS]} "
    return Counter(text[k : k + 2] for k in range(len(text) - 1))


def _alike(first, second):
    shared = sum(min(count, second[pair]) for pair, count in first.items() if pair in second)
    return 2.0 * shared / (first.total() + second.total())


def _quoted(lines):
    shown = "\n".join(line[:MAX_LETTERS] for line in lines[:SHOWN])
    return f"\n{shown}\n" + ("...\n" if len(lines) > SHOWN else "")

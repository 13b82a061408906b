"""Functions that are evidence of nothing: random terms of the seed vocabulary, of given types and sizes."""

from __future__ import annotations

import random
import re

from rung.suites.induction.catalogue import FUNCTIONS
from rung.suites.induction.entry import BOOL, CHAR_T, INT_T, INTS, ROWS, STR, STRS

LETTERS = {INT_T: "I", CHAR_T: "I", BOOL: "B", STR: "L", INTS: "L", ROWS: "N", STRS: "N"}
TRIES = 60
USUAL_SIZE, LARGEST_SIZE = 6, 100  # nodes; the text is not to be trusted, and a term is grown by recursion
_NAME, _TERM = re.compile(r"^def solve_(\w+)", re.MULTILINE), re.compile(r"^# term: .* = (.+)$", re.MULTILINE)
_NODE = re.compile(r"[^\s()]+")

# (result, arguments, the term, the same in Python)
PRODUCTIONS = (
    ("I", "II", "(add {0} {1})", "({0} + {1})"),
    ("I", "II", "(sub {0} {1})", "({0} - {1})"),
    ("I", "II", "(mul {0} {1})", "({0} * {1})"),
    ("I", "II", "(max {0} {1})", "max({0}, {1})"),
    ("I", "II", "(min {0} {1})", "min({0}, {1})"),
    ("I", "II", "(div {0} {1})", "({0} // {1})"),
    ("I", "II", "(mod {0} {1})", "({0} % {1})"),
    ("I", "BII", "(if {0} {1} {2})", "({1} if {0} else {2})"),
    ("I", "L", "(len {0})", "len({0})"),
    ("I", "LI", "(at {0} {1})", "{0}[{1}]"),
    ("I", "N", "(lenN {0})", "len({0})"),
    ("I", "IL", "(fold @add {0} {1})", "sum({1}, {0})"),
    ("I", "IL", "(fold @max {0} {1})", "max([{0}, *{1}])"),
    ("B", "II", "(lt {0} {1})", "({0} < {1})"),
    ("B", "II", "(eq {0} {1})", "({0} == {1})"),
    ("B", "B", "(not {0})", "(not {0})"),
    ("B", "BB", "(and {0} {1})", "({0} and {1})"),
    ("B", "BB", "(or {0} {1})", "({0} or {1})"),
    ("B", "LL", "(same {0} {1})", "({0} == {1})"),
    ("L", "IL", "(cons {0} {1})", "[{0}, *{1}]"),
    ("L", "LL", "(cat {0} {1})", "({0} + {1})"),
    ("L", "LI", "(take {0} {1})", "{0}[:{1}]"),
    ("L", "LI", "(drop {0} {1})", "{0}[{1}:]"),
    ("L", "NI", "(atN {0} {1})", "{0}[{1}]"),
    ("L", "IL", "(map (fixr @add {0}) {1})", "[v + {0} for v in {1}]"),
    ("L", "IL", "(map (fixr @mul {0}) {1})", "[v * {0} for v in {1}]"),
    ("L", "IL", "(filter (fixr @lt {0}) {1})", "[v for v in {1} if v < {0}]"),
    ("L", "LL", "(zip @add {0} {1})", "[u + v for u, v in zip({0}, {1})]"),
    ("L", "LL", "(zip @sub {0} {1})", "[u - v for u, v in zip({0}, {1})]"),
    ("L", "I", "(range {0})", "list(range({0}))"),
    ("L", "BLL", "(ifL {0} {1} {2})", "({1} if {0} else {2})"),
    ("L", "N", "(mapN @len {0})", "[len(row) for row in {0}]"),
    ("L", "LN", "(foldN @cat {0} {1})", "sum({1}, {0})"),
    ("L", "L", "(map (dup @add) {0})", "[v + v for v in {0}]"),
    ("L", "IL", "(map (comp (fixr @add {0}) (fixl @sub 2)) {1})", "[2 - v + {0} for v in {1}]"),
    ("L", "IL", "(map (fork @mul id (fixr @mod {0})) {1})", "[v * (v % {0}) for v in {1}]"),
    ("L", "IL", "(filter (negate (fixl @eq {0})) {1})", "[v for v in {1} if v != {0}]"),
    ("L", "LL", "(zip (flip @div) {0} {1})", "[v // u for u, v in zip({0}, {1})]"),
    ("N", "L", "(mapL @range {0})", "[list(range(v)) for v in {0}]"),
    ("N", "L", "(wrap {0})", "[{0}]"),
    ("N", "NN", "(catN {0} {1})", "({0} + {1})"),
    ("N", "IN", "(mapNN (fixr @take {0}) {1})", "[row[:{0}] for row in {1}]"),
    ("N", "IN", "(mapNN (fixr @drop {0}) {1})", "[row[{0}:] for row in {1}]"),
)
LEAVES = {"I": (("0", "0"), ("1", "1"), ("2", "2")), "L": (("nil", "[]"),), "N": (("(wrap nil)", "[[]]"),)}
TRUTH = ("(eq 0 0)", "(0 == 0)")


def scrambled(text: str, rng: random.Random) -> str:
    """Returns a random function of the name, the types and about the size of the one in the text.

    It uses all arguments where one of a few tries does, as found functions do. A text without a function of the suite,
    which only a hostile improver leaves behind, becomes an empty one.
    """
    found = _NAME.search(text)
    if found is None or found[1] not in FUNCTIONS:
        return ""
    entry, term = FUNCTIONS[found[1]], _TERM.search(text)
    size = min(len(_NODE.findall(term[1])), LARGEST_SIZE) if term else USUAL_SIZE
    kinds, result = [LETTERS[kind] for kind in entry.arguments], LETTERS[entry.result]
    draws = (grown(result, kinds, size=size, rng=rng) for _ in range(TRIES))
    spelled, python = max(draws, key=lambda draw: sum(f"${place}" in draw[0] for place in range(len(kinds))))
    names = ", ".join(f"a{place}" for place in range(len(kinds))) + ("," if len(kinds) == 1 else "")
    head = f"# term: {entry.name} {''.join(kinds)}>{result} = {spelled}"
    return f"{head}\ndef solve_{entry.name}(args):\n    {names} = args\n    return {python}\n"


def grown(result: str, kinds: list[str], *, size: int, rng: random.Random) -> tuple[str, str]:
    """Returns (the term, the same in Python) of a random term of a type with about so many nodes.

    kinds: types of $0, $1, ...
    """
    own = [(f"${place}", f"a{place}") for place, kind in enumerate(kinds) if kind == result]
    if size <= 1 or (own and size == 2):
        return rng.choice([*own, *LEAVES.get(result, (TRUTH,))])
    _, arguments, term, python = rng.choice([row for row in PRODUCTIONS if row[0] == result])
    left = size - len(_NODE.findall(term)) + len(arguments)
    parts = [grown(kind, kinds, size=left // len(arguments), rng=rng) for kind in arguments]
    return term.format(*[part[0] for part in parts]), python.format(*[part[1] for part in parts])

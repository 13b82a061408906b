"""The generators of arguments: every list kind also draws all-positive and all-negative lists, or ties, on purpose."""

from __future__ import annotations

import random
from collections.abc import Callable

from rung.suites.induction.entry import CHAR_T, INT_T, INTS, ROWS, STR, STRS, Draw, Kind

SIGNS = ((-9, 9), (-9, 9), (1, 12), (-12, -1))
WIDE_SIGNS = (*SIGNS, (11, 30), (-30, -11))
LOWER = "abcdefghijklmnopqrstuvwxyz"
VOWELS = "aeiou"


def _between(low: int, high: int) -> Draw:
    return lambda rng: rng.randint(low, high)


def _many(low: int, high: int, item: Callable[[random.Random], int]) -> Draw:
    return lambda rng: [item(rng) for _ in range(rng.randint(low, high))]


def _integer(rng: random.Random) -> int:
    return rng.randint(-9, 9) if rng.random() < 0.7 else rng.randint(-1, 1)


def _signed(low: int, high: int, signs: tuple[tuple[int, int], ...] = SIGNS) -> Draw:
    def draw(rng: random.Random) -> list[int]:
        least, most = rng.choice(signs)
        return [rng.randint(least, most) for _ in range(rng.randint(low, high))]

    return draw


def _mirrored(rng: random.Random) -> list[int]:
    half = [rng.randint(0, 2) for _ in range(rng.randint(1, 4))]
    return half + half[::-1] if rng.random() < 0.5 else [*half, rng.randint(0, 2)]


def _constant(rng: random.Random) -> list[int]:
    values = [rng.randint(-3, 5)] * rng.randint(2, 5)
    if rng.random() < 0.5:
        values[rng.randrange(len(values))] = rng.randint(-3, 5)
    return values


def _stepwise(rng: random.Random) -> list[int]:
    values = sorted(rng.randint(-6, 9) for _ in range(rng.randint(2, 5)))
    turn = rng.random()
    if turn < 0.3:
        return values[::-1]
    if turn < 0.6:
        rng.shuffle(values)
    return values


def _matrix(rows: tuple[int, int], columns: tuple[int, int]) -> Draw:
    def draw(rng: random.Random) -> list[list[int]]:
        width, (least, most) = rng.randint(*columns), rng.choice(SIGNS)
        return [[rng.randint(least, most) for _ in range(width)] for _ in range(rng.randint(*rows))]

    return draw


def _square(rng: random.Random) -> list[list[int]]:
    width = rng.randint(2, 4)
    return [[rng.randint(-9, 9) for _ in range(width)] for _ in range(width)]


def _symmetric(rng: random.Random) -> list[list[int]]:
    rows = _square(rng)
    if rng.random() < 0.7:
        rows = [[rows[min(i, j)][max(i, j)] for j in range(len(rows))] for i in range(len(rows))]
    return rows


def _ragged(rng: random.Random) -> list[list[int]]:
    return [[rng.randint(0, 6) for _ in range(rng.randint(0, 4))] for _ in range(rng.randint(2, 4))]


def _full(rng: random.Random) -> list[list[int]]:
    least, most = rng.choice(SIGNS)
    return [[rng.randint(least, most) for _ in range(rng.randint(1, 4))] for _ in range(rng.randint(2, 4))]


def _letter(rng: random.Random) -> str:
    return rng.choice((rng.choice(LOWER), rng.choice(VOWELS)))


def _any_letter(rng: random.Random) -> str:
    letter = _letter(rng)
    return rng.choice((letter, letter.upper()))


def _word(rng: random.Random) -> str:
    return "".join(_letter(rng) for _ in range(rng.randint(3, 8)))


def _text(rng: random.Random) -> str:
    return "".join(rng.choice((" ", _letter(rng), _letter(rng), _any_letter(rng))) for _ in range(rng.randint(5, 10)))


def _echo(rng: random.Random) -> str:
    return "".join(rng.choice("abcde") for _ in range(rng.randint(3, 8)))


def _mirrored_word(rng: random.Random) -> str:
    half = "".join(rng.choice("abc") for _ in range(rng.randint(1, 4)))
    return half + half[::-1] if rng.random() < 0.5 else half + rng.choice("abc")


INT, SMALL, DIGIT = Kind(INT_T, _integer), Kind(INT_T, _between(1, 4)), Kind(INT_T, _between(0, 9))
NAT, POS, BIT = Kind(INT_T, _between(0, 40)), Kind(INT_T, _between(1, 24)), Kind(INT_T, _between(0, 1))
INDEX, SIX, TWELVE = Kind(INT_T, _between(0, 3)), Kind(INT_T, _between(1, 6)), Kind(INT_T, _between(1, 12))
LIST, SHORT, ANY_LIST = Kind(INTS, _signed(4, 8, WIDE_SIGNS)), Kind(INTS, _signed(2, 5)), Kind(INTS, _signed(0, 3))
FOUR, TIES = Kind(INTS, _signed(4, 4)), Kind(INTS, _many(3, 9, _between(0, 5)))
FEW_TIES, NATS = Kind(INTS, _many(2, 4, _between(0, 5))), Kind(INTS, _many(2, 6, _between(0, 9)))
DIGITS, BITS = Kind(INTS, _many(1, 4, _between(0, 9))), Kind(INTS, _many(4, 8, _between(0, 1)))
FACTORS = Kind(INTS, _many(2, 4, lambda rng: rng.choice((2, 3, 4, 6, 8, 9, 12, 18, 24))))
SORTED = Kind(INTS, lambda rng: sorted(_signed(4, 8)(rng)))
SPARSE = Kind(INTS, _many(3, 8, lambda rng: rng.randint(-2, 2)))
MIRRORED, CONSTANT, STEPWISE = Kind(INTS, _mirrored), Kind(INTS, _constant), Kind(INTS, _stepwise)
POSITIONS = Kind(INTS, _many(1, 4, _between(0, 3)))
PAIR = Kind(INTS, _many(2, 2, _between(0, 2)))
RAGGED, FULL, MATRIX = Kind(ROWS, _ragged), Kind(ROWS, _full), Kind(ROWS, _matrix((2, 4), (2, 4)))
SQUARE, SYMMETRIC, WIDE = Kind(ROWS, _square), Kind(ROWS, _symmetric), Kind(ROWS, _matrix((2, 4), (4, 4)))
THREE = Kind(ROWS, _matrix((3, 3), (3, 3)))
LETTER, ANY_LETTER = Kind(CHAR_T, _letter), Kind(CHAR_T, _any_letter)
ECHO_LETTER = Kind(CHAR_T, lambda rng: rng.choice("abcde"))
WORD, TEXT, ECHO = Kind(STR, _word), Kind(STR, _text), Kind(STR, _echo)
MIRRORED_WORD = Kind(STR, _mirrored_word)
NUMERAL = Kind(STR, lambda rng: "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 4))))
WORDS = Kind(STRS, lambda rng: [_word(rng)[: rng.randint(1, 5)] for _ in range(rng.randint(2, 4))])

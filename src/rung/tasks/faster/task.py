"""An ordinary piece of Python, to be made faster while everything it returns stays the same.

The score is how many times as fast as the seed program it is: CPU seconds of the seed program over its own, both
measured by the kernel from outside, of whole fresh processes, on the same input and interleaved. What starting a
process costs is taken off both; it is what the seed program, and only that, needs for a text of one word. More than
30 times as fast cannot be told from 30 times; differences below 6 % are noise and rounded away. What the program
returns is compared, type by type, with what this file computes on its own.

Covered: wrong results of any kind (checked before a clock runs), results kept from earlier inputs (every process is
fresh; validation and held-out inputs are drawn per run), tampering with clocks in the process (nobody reads them).
Not covered: speed on other machines; a program that is fast only on texts of this kind.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import Counter, deque
from typing import TYPE_CHECKING

import rung

if TYPE_CHECKING:
    from rung.kernel.trial import Trial
    from rung.records import Case
    from rung.wire import JSON

COMMON = frozenset(
    (  # noqa: SIM905 - 85 words are easier to read as a text
        "a about all an and are as at be been but by can do for from had has have he her his how i if in into "
        "is it its more my no not of on one or our out she so some than that the their them then there they "
        "this to up was we were what when which who will with would you"
    ).split()
)
SHORT = sorted(COMMON)
SYLLABLES = ("ra", "to", "ne", "mi", "sol", "ta", "ve", "lin", "or", "pa", "es", "tru", "gen", "da", "ki")
STEP = 1.06  # scores are powers of it: smaller differences are noise, and a run would chase them
MOST = 30.0  # the highest score: less time than that is lost in the cost of starting a process


def make_text(rng: random.Random, *, count: int, variety: int) -> str:
    """Returns a text of `count` words with punctuation, from about `variety` words besides the common ones."""
    made = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 3))) for _ in range(variety * 2 // 3)]
    made += ["".join(rng.sample(word, len(word))) for word in rng.choices(made, k=variety - len(made))]
    weights = [1.0 / (1 + place) ** 0.7 for place in range(variety)]
    pieces = []
    for word, chance in zip(rng.choices(made, weights, k=count), (rng.random() for _ in range(count)), strict=True):
        chosen = rng.choice(SHORT) if chance < 0.35 else word
        pieces.append(chosen.capitalize() if chance > 0.9 else chosen)
        pieces.append(rng.choice((", ", ". ", " - ", "\n")) if chance > 0.85 else " ")
    return "".join([*pieces, made[0]])


def _distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for place, letter in enumerate(first, 1):
        corner, row[0] = row[0], place
        for k, other in enumerate(second, 1):
            corner, row[k] = row[k], min(row[k] + 1, row[k - 1] + 1, corner + (letter != other))
    return row[-1]


def expected(text: str, limit: int) -> dict[str, JSON]:
    """Returns the report on a text, computed in another way than the seed program does."""
    words = re.findall("[a-z]+", text.lower())
    counts = Counter(word for word in words if word not in COMMON)
    table = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    letters: dict[str, list[str]] = {}
    for word in counts:
        letters.setdefault("".join(sorted(word)), []).append(word)
    follows: dict[str, list[str]] = {}
    for word, following in itertools.pairwise(words):
        follows.setdefault(word, []).append(following)
    reached: dict[str, None] = {}
    queue = deque([table[0][0]])
    while queue and len(reached) < limit:
        word = queue.popleft()
        if word not in reached:
            reached[word] = None
            queue.extend(follows.get(word, ()))
    top = sorted(word for word, _ in table[:7])
    pairs = [[_distance(a[:5], b[:5]), a, b] for k, a in enumerate(top) for b in top[k + 1 :]]
    lines = [f"{word} {'.' * (16 - len(word))} {n} {1000 * n // len(words)}\n" for word, n in table]
    return {
        "words": len(words),
        "text": "".join(lines),
        "anagrams": [list(group) for group in letters.values() if len(group) > 1],
        "reachable": list(reached),
        "alike": [list(pair) for pair in sorted(pairs)[:7]],
    }


def same(first: JSON, second: JSON) -> bool:
    """Returns whether two documents are equal in every type and value; 1, 1.0 and true all differ."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def rounded(ratio: float) -> float:
    """Returns a ratio rounded to a power of STEP, at most MOST."""
    return min(MOST, STEP ** round(math.log(ratio, STEP)))


def faster(case: Case, trial: Trial) -> float:
    """How many times as fast as the seed program, with equal results."""
    checks: list[JSON] = [
        {"text": make_text(trial.rng, count=count, variety=variety), "limit": 5 + k}
        for k, (count, variety) in enumerate([(3, 2), (60, 12), (200, 60)])
    ]
    for check, output in zip(checks, trial.run_many(checks), strict=True):
        assert isinstance(check, dict)  # noqa: S101 - made three lines above
        if not same(output, expected(str(check["text"]), int(str(check["limit"])))):
            raise rung.Invalid("the report differs from what it must be on a short text")
    rng = random.Random(f"faster {case.input}")
    text, limit = make_text(rng, count=4000, variety=420), 60
    start = trial.measure({"text": "word", "limit": 1}).seed_cpu_seconds
    measured = trial.measure({"text": text, "limit": limit})
    if not same(measured.output, expected(text, limit)):
        raise rung.Invalid("the report differs from what it must be")
    seed_seconds = max(measured.seed_cpu_seconds - start, 1e-3)
    return rounded(seed_seconds / max(measured.cpu_seconds - start, seed_seconds / MOST))


faster_task = rung.task(
    name="faster",
    goal="Make the report faster. Everything it returns must stay exactly the same.",
    program="program/",
    entry="report.py:report",
    train=[1],
    validation=rung.fresh(1),
    held_out=rung.fresh(8),
    limits=rung.Limits(cpu_seconds=5.0, wall_seconds=60.0),
    attempts=300,
    bound=MOST,
    exact=False,
    known={"seed program": 1.0},
    unit="times as fast",
)(faster)

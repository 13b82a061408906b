"""The vocabulary of terms: base types I (integer), B (truth), L (list of integers), N (list of lists), function types.

A term is a nested tuple of names: ("fold", "@add", "0", "$0"). "$0" is an argument, "#97" a literal that came with the
task, "@add" the operation itself as a value. Function types are spelled "II>I"; as values, lists come before integers.
Generic primitives only: sum, reverse, sort, last, member and count are left to be found.
"""

import operator

LONGEST, LARGEST, WORK = 40, 10**7, 20_000
FAILURES = (ZeroDivisionError, IndexError, ValueError)

# fmt: off
# name: (arguments, result, the same in Python)
PRIMITIVES = {
    "0": ("", "I", "0"), "1": ("", "I", "1"), "2": ("", "I", "2"), "10": ("", "I", "10"), "nil": ("", "L", "[]"),
    "add": ("II", "I", "({0} + {1})"), "sub": ("II", "I", "({0} - {1})"), "mul": ("II", "I", "({0} * {1})"),
    "div": ("II", "I", "({0} // {1})"), "mod": ("II", "I", "({0} % {1})"),
    "max": ("II", "I", "max({0}, {1})"), "min": ("II", "I", "min({0}, {1})"),
    "lt": ("II", "B", "({0} < {1})"), "eq": ("II", "B", "({0} == {1})"), "not": ("B", "B", "(not {0})"),
    "and": ("BB", "B", "({0} and {1})"), "or": ("BB", "B", "({0} or {1})"),
    "if": ("BII", "I", "({1} if {0} else {2})"), "ifL": ("BLL", "L", "({1} if {0} else {2})"),
    "cons": ("IL", "L", "[{0}, *{1}]"), "cat": ("LL", "L", "({0} + {1})"), "len": ("L", "I", "len({0})"),
    "at": ("LI", "I", "{0}[{1}]"), "take": ("LI", "L", "{0}[:{1}]"), "drop": ("LI", "L", "{0}[{1}:]"),
    "range": ("I", "L", "list(range({0}))"), "same": ("LL", "B", "({0} == {1})"),
    "lenN": ("N", "I", "len({0})"), "atN": ("NI", "L", "{0}[{1}]"), "catN": ("NN", "N", "({0} + {1})"),
    "wrap": ("L", "N", "[{0}]"), "id": ("", "I>I", ""),
    "map": (("I>I", "L"), "L", "each"), "mapN": (("L>I", "N"), "L", "each"), "mapNN": (("L>L", "N"), "N", "each"),
    "mapL": (("I>L", "L"), "N", "each"), "filter": (("I>B", "L"), "L", "keep"), "filterN": (("L>B", "N"), "N", "keep"),
    "fold": (("II>I", "I", "L"), "I", "fold"), "foldL": (("LI>L", "L", "L"), "L", "fold"),
    "foldN": (("LL>L", "L", "N"), "L", "fold"), "zip": (("II>I", "L", "L"), "L", "pair"),
}
# fmt: on
COMMUTES = {"add", "mul", "max", "min", "eq", "and", "or", "same"}
VALUES = (
    "I>I",
    "I>B",
    "I>L",
    "L>I",
    "L>L",
    "L>B",
    "II>I",
    "II>B",
    "LI>L",
    "LI>I",
    "LI>B",
    "LL>L",
    "LL>I",
    "LL>B",
    "NI>L",
    "NI>I",
    "NL>L",
    "II>L",
)
RANK = {"N": 0, "L": 1, "I": 2, "B": 3}


def combinators():
    """Returns {(name, argument types): result type}: ways to make a function out of functions and values."""
    made = {("dup", ("II>I",)): "I>I", ("negate", ("I>B",)): "I>B", ("negate", ("L>B",)): "L>B"}
    for kind in VALUES:
        result = kind[-1]
        if len(kind) == 4:
            if kind[0] != "N":
                made["fixr", (kind, kind[1])] = f"{kind[0]}>{result}"
            made["fixl", (kind, kind[0])] = f"{kind[1]}>{result}"
        if kind in {"II>I", "II>B"}:
            made["flip", (kind,)] = kind
            for source in ("I", "L"):
                made["fork", (kind, f"{source}>I", f"{source}>I")] = f"{source}>{result}"
    for outer, inner in (
        ("I>I", "I>I"),
        ("I>B", "I>I"),
        ("I>I", "L>I"),
        ("I>B", "L>I"),
        ("L>I", "L>L"),
        ("L>L", "L>L"),
        ("L>B", "L>L"),
        ("L>I", "I>L"),
        ("L>B", "I>L"),
        ("L>L", "I>L"),
    ):
        made["comp", (outer, inner)] = inner[0] + outer[1:]
    return made


COMBINATORS = combinators()
SEED_COST = {
    "fork": 8,
    "fixr": 2,
    "fixl": 2,
    **dict.fromkeys(("comp", "ifL", "if", "and", "or", "catN", "wrap", "flip", "10", "dup"), 6),
}
ARGUMENT_COST, USUAL_COST = 2, 4


def seed_cost(name):
    """Returns what a production costs before anything was learned; name as in `production_name`, arguments as "$L"."""
    return ARGUMENT_COST if name[0] == "$" else SEED_COST.get(name.partition(":")[0], USUAL_COST)


def world_of(types):
    """Returns the richest kind of list in a signature, "N", "L", or "I" for none: costs are learned for each apart."""
    return "N" if "N" in types else "L" if "L" in types else "I"


def production_name(head, arguments=()):
    """Returns the key by which a production is priced: combinators are priced by signature."""
    return f"{head}:{','.join(arguments)}" if (head, tuple(arguments)) in COMBINATORS else head


def as_value(arguments, result):
    """Returns (function type, whether the arguments are swapped) of an operation used as a value, or None."""
    if not 1 <= len(arguments) <= 2 or any(len(a) > 1 for a in (*arguments, result)):
        return None
    swapped = len(arguments) == 2 and RANK[arguments[0]] > RANK[arguments[1]]
    kind = "".join(reversed(arguments) if swapped else arguments) + ">" + result
    return (kind, swapped) if kind in VALUES else None


def swap(f):
    """Returns the function with its two arguments exchanged."""
    return lambda a, b: f(b, a)


class Bad(ValueError):
    """A term was applied outside its domain, or grew beyond the limits."""


def short(x):
    """Returns a list that is not too long."""
    if len(x) > LONGEST:
        raise Bad
    return x


def natural(k):
    """Returns a number that is not negative: places are counted from the front only."""
    if k < 0:
        raise Bad
    return k


def mul(a, b):
    c = a * b
    if -LARGEST <= c <= LARGEST:
        return c
    raise Bad


def upto(n):
    if 0 <= n <= LONGEST:
        return tuple(range(n))
    raise Bad


def loops(work):
    """Returns the operations that visit lists; what they visit is taken from work[0], so that no term runs away."""

    def charge(x):
        work[0] -= len(x) + 1
        if work[0] < 0:
            raise Bad

    def each(f, x):
        charge(x)
        return tuple([f(v) for v in x])

    def keep(p, x):
        charge(x)
        return tuple([v for v in x if p(v)])

    def fold(f, start, x):
        charge(x)
        for v in x:
            start = f(start, v)
        return start

    def pair(f, x, y):
        charge(x)
        return tuple(map(f, x, y))

    shapes = {"each": each, "keep": keep, "fold": fold, "pair": pair}
    return {name: shapes[text] for name, (_, _, text) in PRIMITIVES.items() if text in shapes}


def operations(work):
    """Returns {name: function} of all primitives and combinators; work: see `loops`."""
    # fmt: off
    return {
        "0": 0, "1": 1, "2": 2, "10": 10, "nil": (), "add": operator.add, "sub": operator.sub, "mul": mul,
        "div": operator.floordiv, "mod": operator.mod, "max": max,
        "min": min, "lt": operator.lt, "eq": operator.eq, "not": operator.not_,
        "and": operator.and_, "or": operator.or_, "if": lambda p, a, b: a if p else b,
        "ifL": lambda p, a, b: a if p else b, "cons": lambda a, x: short((a, *x)), "cat": lambda x, y: short(x + y),
        "len": len, "at": lambda x, i: x[natural(i)], "take": lambda x, k: x[: natural(k)],
        "drop": lambda x, k: x[natural(k) :], "range": upto, "same": operator.eq, "lenN": len,
        "atN": lambda x, i: x[natural(i)], "catN": lambda x, y: short(x + y), "wrap": lambda x: (x,),
        "id": lambda a: a, "fixr": lambda f, k: lambda a: f(a, k), "fixl": lambda f, k: lambda b: f(k, b),
        "comp": lambda f, g: lambda a: f(g(a)), "fork": lambda h, f, g: lambda a: h(f(a), g(a)),
        "dup": lambda h: lambda a: h(a, a), "flip": swap, "negate": lambda p: lambda a: not p(a), **loops(work),
    }
    # fmt: on

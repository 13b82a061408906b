"""Bottom-up enumeration of terms in order of cost; terms that behave alike on the examples are kept once.

Only what can still become a part of the wanted type is made: when terms of that type are due at a cost, those of
another type are made up to the cost that leaves room for the cheapest way from them to it. What is found is the same.

Cost of the search itself is counted in applications: one production on one tuple of arguments, all examples together.
"""

from collections import defaultdict
from itertools import product

from language import (
    ARGUMENT_COST,
    COMBINATORS,
    COMMUTES,
    FAILURES,
    PRIMITIVES,
    USUAL_COST,
    VALUES,
    WORK,
    as_value,
    production_name,
    seed_cost,
)
from render import compiled, value_of

DEEPEST = 120
PROBE_WORK = 600
INTEGERS = (0, 1, 2, -2, 3, 5, -7, 12)
LISTS = ((), (3,), (4, 1, 7), (2, 2, -5, 0), (1, 2, 3, 5, 9))
TABLES = (((1, 2), (3, 4)), ((5, 0, 7), (2, 2, 8), (6, 1, 1)), ((4,), (), (2, 3)))


class Problem:
    """Examples of one function. arguments, result: base types; columns: one tuple of values per argument."""

    def __init__(self, arguments, result, *, inputs, outputs, literals=()):
        self.arguments, self.result, self.literals = tuple(arguments), result, tuple(literals)
        self.columns = [tuple(column) for column in zip(*inputs, strict=True)]
        self.outputs = tuple(outputs)

    def some(self, letter, count):
        """Returns up to `count` values of a base type that occur in the examples, in order."""
        found = {}
        for kind, column in zip((*self.arguments, self.result), (*self.columns, self.outputs), strict=True):
            for value in column:
                if kind == letter:
                    found[value] = True
                elif (kind == "L" and letter == "I") or (kind == "N" and letter == "L"):
                    found.update(dict.fromkeys(value))
                if len(found) >= count:
                    return tuple(found)[:count]
        return tuple(found)


class Probes:
    """Arguments on which functions are compared: fixed ones and some of the problem's own values."""

    def __init__(self, problem, work):
        whole = INTEGERS + problem.some("I", 5)
        lists = LISTS + problem.some("L", 3)
        self.work = work
        self.columns = {
            "I": (whole,),
            "L": (lists,),
            "II": (whole, (3, 1, 2, 5, -4, 2, 2, 5, *whole[:-9:-1])[: len(whole)]),
            "LI": ((*lists, (4, 1, 7), (1, 2, 3, 5, 9)), (*(1, 3, 1, 2, 3, 6, 2, 1)[: len(lists)], 0, 9)),
            "LL": ((*lists, (2, 2, -5, 0)), (*lists[1:], lists[2], (2, 2, -5, 0))),
            "NI": (TABLES, (1, 2, 0)),
            "NL": (TABLES, ((1, 2), (3, 0, 1), (2,))),
        }

    def of(self, kind, function):
        """Returns how a function behaves."""
        columns = self.columns[kind.partition(">")[0]]
        self.work[0] = 4 * PROBE_WORK
        try:
            return tuple(map(function, *columns))
        except FAILURES:
            return tuple([self.one(function, arguments) for arguments in zip(*columns, strict=True)])

    def one(self, function, arguments):
        """Returns a function's value, or a mark when there is none."""
        self.work[0] = PROBE_WORK
        try:
            return function(*arguments)
        except FAILURES:
            return "!"


def productions(skills, costs, operations):
    """Returns [(name, arguments, result, function, cost)] of all that can be applied, and of all that stands alone."""
    functions = {**operations, **compiled(skills, operations)}
    table = [(name, tuple(a), r) for name, (a, r, _) in PRIMITIVES.items()]
    table += [(s.name, s.arguments, s.result) for s in skills.values() if s.cost]
    inner, leaves = [], []
    for name, arguments, result in table:
        default = skills[name].cost if name in skills else seed_cost(name)
        cost = costs.get(name, default)
        (inner if arguments else leaves).append((name, arguments, result, functions[name], cost))
        lifted = as_value(arguments, result)
        if lifted:
            value = value_of(functions[name], swapped=lifted[1])
            leaves.append((f"@{name}", (), lifted[0], value, costs.get(f"@{name}", USUAL_COST)))
    for (name, arguments), result in COMBINATORS.items():
        key = production_name(name, arguments)
        inner.append((name, arguments, result, functions[name], costs.get(key, seed_cost(key))))
    return sorted(inner, key=lambda p: p[4]), leaves


def divisions(total, parts):
    """Yields every way to take one cost per part from those there are, with the given total."""
    if len(parts) == 1:
        if total in parts[0]:
            yield (total,)
        return
    least = sum(min(part) for part in parts[1:])
    for first in sorted(parts[0]):
        if first > total - least:
            return
        for rest in divisions(total - first, parts[1:]):
            yield (first, *rest)


def least_costs(inner, leaves):
    """Returns {type: the cost of its cheapest term}."""
    least = {}
    for leaf in leaves:
        least[leaf[2]] = min(leaf[0], least.get(leaf[2], leaf[0]))
    changed = True
    while changed:
        changed = False
        for _, arguments, kind, _, cost in inner:
            if all(a in least for a in arguments):
                total = cost + sum(least[a] for a in arguments)
                if total < least.get(kind, total + 1):
                    least[kind], changed = total, True
    return least


def costs_to_goal(inner, least, goal):
    """Returns {type: the least that has to be added to a term of it to make one of the goal's type}."""
    more, changed = {goal: 0}, True
    while changed:
        changed = False
        for _, arguments, kind, _, cost in inner:
            if kind in more and all(a in least for a in arguments):
                total = more[kind] + cost + sum(least[a] for a in arguments)
                for a in arguments:
                    if total - least[a] < more.get(a, total):
                        more[a], changed = total - least[a], True
    return more


def by_type(rows):
    """Returns {result type: rows}."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[2]].append(row)
    return groups


class Enumeration:
    """One search: `run` goes on until a term reproduces the examples or the limit is reached."""

    def __init__(self, problem, skills, *, costs, operations, work):
        self.problem, self.work = problem, work
        self.inner, leaves = productions(skills, costs, operations)
        self.probes = Probes(problem, work)
        self.count = len(problem.outputs)
        self.bank = defaultdict(lambda: defaultdict(list))  # type -> cost -> [(values, term, closed)]
        self.seen = defaultdict(set)
        self.used, self.level = 0, 0
        self.leaves = [
            (costs.get(f"${kind}", ARGUMENT_COST), f"${i}", kind, column, False)
            for i, (kind, column) in enumerate(zip(problem.arguments, problem.columns, strict=True))
        ]
        self.leaves += [
            (USUAL_COST, spelling, kind, (value,) * self.count, True) for spelling, kind, value in problem.literals
        ]
        self.leaves += [(cost, name, kind, (value,) * self.count, True) for name, _, kind, value, cost in leaves]
        more = costs_to_goal(self.inner, least_costs(self.inner, self.leaves), problem.result)
        self.order = sorted(more.items(), key=lambda item: (-item[1], item[0]))
        self.inner, self.leaves = by_type(self.inner), by_type(self.leaves)

    def run(self, limit):
        """Returns the first term that reproduces the examples, or None when `limit` applications were used.

        Types are taken in the order of what they lack, so that all parts of a term are there before it is made.
        """
        for goal in range(1, DEEPEST):
            for kind, more in self.order:
                self.level = goal - more
                if self.level < 1:
                    continue
                for cost, name, _, values, closed in self.leaves.get(kind, ()):
                    if cost == self.level:
                        self.used += 1
                        if self.keep(kind, values, name, closed):
                            return name
                for production in self.inner.get(kind, ()):
                    term = self.expand(production, limit)
                    if term is not None:
                        return term
                    if self.used >= limit:
                        return None
        return None

    def keep(self, kind, values, term, closed):
        """Returns whether the values are the wanted ones, after adding them to the bank unless they are known."""
        if kind in VALUES:
            of = self.probes.of
            key = of(kind, values[0]) if closed else tuple([of(kind, f) for f in values[:3]])
        else:
            key = values
        seen = self.seen[kind]
        if key not in seen:
            seen.add(key)
            self.bank[kind][self.level].append((values, term, closed))
            return kind == self.problem.result and values == self.problem.outputs
        return False

    def expand(self, production, limit):
        """Returns a solution that has this production on top, at the present level, or None."""
        name, arguments, kind, function, cost = production
        banks = [self.bank.get(a) for a in arguments]
        if not all(banks):
            return None
        commutes, is_value, work, count = name in COMMUTES, kind in VALUES, self.work, self.count
        for costs in divisions(self.level - cost, banks):
            if commutes and costs[0] > costs[1]:
                continue
            rows = [bank[c] for bank, c in zip(banks, costs, strict=True)]
            twins = commutes and costs[0] == costs[1]
            if name == "fixl":  # the same as fixr where the order of arguments does not matter
                rows[0] = [row for row in rows[0] if row[1][1:] not in COMMUTES]
            combos = ((a, b) for i, a in enumerate(rows[0]) for b in rows[1][i:]) if twins else product(*rows)
            for combo in combos:
                if self.used >= limit:
                    return None
                self.used += 1
                closed = all([part[2] for part in combo])  # noqa: C419 - a list is faster here
                work[0] = WORK
                try:
                    if closed and is_value:
                        values = (function(*[part[0][0] for part in combo]),) * count
                    else:
                        values = tuple(map(function, *[part[0] for part in combo]))
                except FAILURES:
                    continue
                if self.keep(kind, values, (name, *[part[1] for part in combo]), closed):
                    return name, *[part[1] for part in combo]
        return None

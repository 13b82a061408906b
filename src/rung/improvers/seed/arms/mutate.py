"""Random edits of one unit: each takes the sites of a parsed unit, changes its tree, and says whether it did."""

from __future__ import annotations

import ast

from arms.grow import Vocabulary, number, perturbed, spread
from arms.sites import Sites

MAX_NODES = 260
MAX_GROWTH = 4.0
TUNE_AFTER = 0.5  # how often a second edit moves a number, so that a new structure meets a fitting scale
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
LITERALS = (ast.List, ast.Tuple, ast.Set)
SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For)


class Mutator:
    """Makes random edits; `weights` maps an operator's name to how often it is tried."""

    def __init__(self, weights, rng):
        self.rng = rng
        self.names = [name for name in OPERATORS if weights.get(name, 0) > 0]
        self.weights = [weights[name] for name in self.names]

    def mutate(self, text, *, outer, imports, donors, edits=1):
        """Returns (new text, operators used) of a unit, or None when nothing was changed.

        donors: expressions as source, that may be grafted where their names are in scope.
        """
        tree = ast.parse(text)
        before, used = ast.unparse(tree), []
        limit = max(MAX_NODES, MAX_GROWTH * text.count(" "))
        for count in range(edits):
            sites = Sites(tree, outer=outer, imports=imports)
            name = "tune" if count and self.rng.random() < TUNE_AFTER else self._operator()
            tools = Tools(sites, Vocabulary(imports), self.rng, donors)
            if OPERATORS[name](tools):
                used.append(name)
                tree = ast.parse(ast.unparse(ast.fix_missing_locations(tree)))
        after = ast.unparse(tree)
        if after == before or sum(1 for _ in ast.walk(tree)) > limit:
            return None
        return after + "\n", used

    def _operator(self):
        return self.rng.choices(self.names, self.weights)[0]


class Tools:
    """What an operator works with."""

    def __init__(self, sites, vocabulary, rng, donors):
        self.sites, self.vocabulary, self.rng, self.donors = sites, vocabulary, rng, donors

    def pick(self, *kinds):
        """Returns a random expression place of one of the kinds, or None."""
        places = [p for p in self.sites.expressions if self.sites.kind(p.node) in kinds and not p.whole]
        return self.rng.choice(places) if places else None

    def numbers(self, place):
        """Returns the number names in scope at a place."""
        return self.sites.numbers(place.names)

    def grow(self, place, depth):
        """Returns a random expression as source for a place."""
        return self.vocabulary.grow(self.numbers(place), depth, self.rng)


def parsed(source):
    """Returns the expression node of a source text."""
    return ast.parse(source, mode="eval").body


def tune(tools):
    """One numeric literal moves."""
    places = [p for p in tools.sites.expressions if _is_number(p.node)]
    if not places:
        return False
    place = tools.rng.choice(places)
    value = place.node.value
    whole = isinstance(value, int) and (place.whole or tools.rng.random() < 0.3)
    new = perturbed(value, tools.rng, whole=whole)
    place.put(parsed(repr(new)))
    return new != value


def leaf(tools):
    """A name or number becomes another name in scope, or another number."""
    places = [p for p in tools.sites.expressions if isinstance(p.node, (ast.Name, ast.Constant))]
    if not places:
        return False
    place = tools.rng.choice(places)
    kind = tools.sites.kind(place.node)
    if kind == "num" and not place.whole:
        place.put(parsed(tools.grow(place, 0)))
        return True
    same = [name for name in place.names if tools.sites.kinds.get(name, "any") == kind]
    if kind == "bool":
        same += ["True", "False"]
    if not same:
        return False
    place.put(parsed(tools.rng.choice(same)))
    return True


def replace(tools):
    """A subexpression becomes a random one of the same kind."""
    place = tools.pick("num", "bool")
    if place is None:
        return False
    if tools.sites.kind(place.node) == "bool":
        place.put(parsed(tools.vocabulary.condition(tools.numbers(place), tools.rng)))
    else:
        place.put(parsed(tools.grow(place, 2)))
    return True


def wrap(tools):
    """A subexpression becomes an argument of something around it."""
    place = tools.pick("num")
    if place is None:
        return False
    rng, words = tools.rng, tools.vocabulary
    node, other = ast.unparse(place.node), tools.grow(place, 1)
    left, right = (node, other) if rng.random() < 0.5 else (other, node)
    choice = rng.random()
    if choice < 0.5:
        new = words.pair(rng.choice(("+", "-", "*", "/")), left, right)
    elif choice < 0.7:
        new = rng.choice(words.unary).format(node)
    elif choice < 0.85:
        new = rng.choice(words.extremes).format(left, right)
    else:
        new = words.splice(tools.numbers(place), left, right, rng)
    place.put(parsed(new))
    return True


def piecewise(tools):
    """A subexpression is kept on one side of a threshold and becomes something else on the other."""
    place = tools.pick("num")
    if place is None:
        return False
    rng, words = tools.rng, tools.vocabulary
    known = {*place.names, *tools.sites.imports}
    parts = [
        ast.unparse(p.node)
        for p in tools.sites.expressions
        if isinstance(p.node, (ast.BinOp, ast.Call))
        and tools.sites.kind(p.node) == "num"
        and not p.whole
        and {n.id for n in ast.walk(p.node) if isinstance(n, ast.Name)} <= known
    ]
    names = tools.numbers(place)
    if parts and rng.random() < 0.5:
        measure = rng.choice(parts)
    elif len(names) > 1 and rng.random() < 0.6:
        measure = f"{rng.choice(('({} - {})', '({} / {})')).format(*rng.sample(names, 2))}"
    else:
        measure = words.leaf(names, rng)
    node = ast.unparse(place.node)
    other = rng.choice(
        (
            lambda: number(rng.choice((-1.0, 1.0)) * spread(rng)),
            lambda: f"({node}) * {number(spread(rng))}",
            lambda: f"({node}) + {number(rng.choice((-1.0, 1.0)) * spread(rng))}",
            lambda: f"-({node})",
            lambda: rng.choice(parts) if parts else words.grow(names, 1, rng),
            lambda: words.grow(names, 2, rng),
        )
    )()
    left, right = (node, other) if rng.random() < 0.5 else (other, node)
    place.put(parsed(words.choice.format(measure, number(spread(rng)), left, right)))
    return True


def hoist(tools):
    """A subexpression becomes a part of itself."""
    place = tools.pick("num", "bool")
    if place is None:
        return False
    kind = tools.sites.kind(place.node)
    inner = [
        node
        for node in ast.walk(place.node)
        if node is not place.node
        and isinstance(node, ast.expr)
        and tools.sites.kind(node) == kind
        and not (isinstance(node, ast.Name) and node.id in ("np", "math"))
    ]
    if not inner:
        return False
    place.put(tools.rng.choice(inner))
    return True


def operator(tools):
    """An operator, a comparison or a function becomes another of its sort."""
    rng = tools.rng
    nodes = [
        p.node for p in tools.sites.expressions if isinstance(p.node, (ast.BinOp, ast.Compare, ast.BoolOp, ast.Call))
    ]
    if not nodes:
        return False
    node = rng.choice(nodes)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
        node.op = rng.choice([kind for kind in ARITHMETIC if not isinstance(node.op, kind)])()
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], COMPARISONS):
        node.ops[0] = rng.choice([kind for kind in COMPARISONS if not isinstance(node.ops[0], kind)])()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Call):
        return _other_function(node, rng)
    else:
        return False
    return True


def graft(tools):
    """A subexpression becomes one that an earlier success contained."""
    place = tools.pick("num")
    if place is None or not tools.donors:
        return False
    names = set(place.names)
    for _ in range(4):
        node = parsed(tools.rng.choice(tools.donors))
        free = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - {"np", "math", "abs", "min", "max"}
        if free <= names:
            place.put(node)
            return True
    return False


def assign(tools):
    """A new statement gives a name in scope a random value."""
    line = _line(tools, lambda line: line.function and tools.sites.numbers(line.names))
    if line is None:
        return False
    names = tools.sites.numbers(line.names)
    target = tools.rng.choice(names)
    value = tools.vocabulary.grow(names, 2, tools.rng)
    line.block.insert(line.index, ast.parse(f"{target} = {value}").body[0])
    return True


def average(tools):
    """A subexpression becomes a running average of itself, kept in a name in scope."""
    line = _line(tools, lambda line: line.function and isinstance(line.node, (ast.Assign, ast.AugAssign, ast.Return)))
    if line is None:
        return False
    inside = {id(node) for node in ast.walk(line.node)}
    places = [
        p
        for p in tools.sites.expressions
        if id(p.node) in inside and not p.whole and tools.sites.kind(p.node) == "num" and not _is_number(p.node)
    ]
    names = [name for name in tools.sites.numbers(line.names) if name not in tools.sites.arguments]
    if not places or not names:
        return False
    place, target, keep = tools.rng.choice(places), tools.rng.choice(names), tools.rng.choice((0.5, 0.9, 0.99))
    gain = tools.rng.choice((1.0, round(1.0 - keep, 2)))
    source = f"{target} = {keep} * {target} + {gain} * ({ast.unparse(place.node)})"
    place.put(parsed(target))
    line.block.insert(line.index, ast.parse(source).body[0])
    return True


def delete(tools):
    """A statement goes, unless its block would be empty or it is a return at the end of its function."""
    line = _line(tools, lambda line: len(line.block) > 1 and not isinstance(line.node, (ast.FunctionDef, ast.Return)))
    if line is None:
        return False
    del line.block[line.index]
    return True


def duplicate(tools):
    """A statement is repeated right after itself."""
    line = _line(tools, lambda line: isinstance(line.node, SIMPLE))
    if line is None:
        return False
    line.block.insert(line.index, ast.parse(ast.unparse(line.node)).body[0])
    return True


def move(tools):
    """A statement changes places with the next one."""
    line = _line(tools, lambda line: line.index + 1 < len(line.block) and not isinstance(line.node, ast.FunctionDef))
    if line is None:
        return False
    block, index = line.block, line.index
    block[index], block[index + 1] = block[index + 1], block[index]
    return True


def guard(tools):
    """A statement happens only under a condition (or the condition around one goes)."""
    line = _line(tools, lambda line: line.function and isinstance(line.node, SIMPLE))
    if line is None:
        return False
    if isinstance(line.node, ast.If) and not line.node.orelse and tools.rng.random() < 0.5:
        line.block[line.index : line.index + 1] = line.node.body
        return True
    condition = tools.vocabulary.condition(tools.sites.numbers(line.names), tools.rng)
    if line.loop and tools.rng.random() < 0.3:
        node = ast.parse(f"if {condition}:\n    {tools.rng.choice(('continue', 'break'))}").body[0]
        line.block.insert(line.index, node)
        return True
    node = ast.parse(f"if {condition}:\n    pass").body[0]
    node.body = [line.node]
    line.block[line.index] = node
    return True


def literal(tools):
    """An element of a list, tuple or set is copied, dropped, exchanged, moved, or a stretch is turned round."""
    places = [p.node for p in tools.sites.expressions if isinstance(p.node, LITERALS) and p.node.elts]
    if not places:
        return False
    rng = tools.rng
    items = rng.choice(places).elts
    first, second = rng.randrange(len(items)), rng.randrange(len(items))
    action = rng.choice(("copy", "drop", "exchange", "move", "reverse"))
    if action == "copy":
        items.insert(first, parsed(ast.unparse(items[second])))
    elif action == "drop" and len(items) > 1:
        del items[first]
    elif action == "exchange" and first != second:
        items[first], items[second] = items[second], items[first]
    elif action == "move" and first != second:
        items.insert(second, items.pop(first))
    elif action == "reverse" and abs(first - second) > 1:
        low, high = sorted((first, second))
        items[low:high] = items[low:high][::-1]
    else:
        return False
    return True


def reorder(tools):
    """A sequence is gone through in another order."""
    places = [p for p in tools.sites.expressions if p.field == "iter" or tools.sites.kind(p.node) == "seq"]
    if not places:
        return False
    place = tools.rng.choice(places)
    order = tools.rng.choice(("sorted({})", "sorted({}, reverse=True)", "list({})[::-1]"))
    place.put(parsed(order.format(ast.unparse(place.node))))
    return True


def _is_number(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def _line(tools, fits):
    lines = [line for line in tools.sites.lines if fits(line)]
    return tools.rng.choice(lines) if lines else None


def _other_function(node, rng):
    groups = (
        ("np.maximum", "np.minimum"),
        ("np.sqrt", "np.abs", "np.square", "np.exp", "np.log", "np.tanh", "np.sign"),
        ("min", "max"),
        ("math.sqrt", "abs", "math.log"),
        ("any", "all"),
    )
    name = ast.unparse(node.func)
    for group in groups:
        if name in group:
            node.func = parsed(rng.choice([other for other in group if other != name]))
            return True
    return False


OPERATORS = {
    "tune": tune,
    "leaf": leaf,
    "replace": replace,
    "wrap": wrap,
    "hoist": hoist,
    "operator": operator,
    "piecewise": piecewise,
    "graft": graft,
    "assign": assign,
    "average": average,
    "delete": delete,
    "duplicate": duplicate,
    "move": move,
    "guard": guard,
    "reorder": reorder,
    "literal": literal,
}

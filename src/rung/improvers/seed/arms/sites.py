"""What can be changed in a unit: its expressions and statements, the names in scope at each, and their kinds.

Kinds are guesses from use, not proofs: "num" (numbers and arrays of them), "bool", "str", "seq", "any". They keep most
edits meaningful; an edit that turns out wrong is an evaluation that fails.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.FloorDiv, ast.Mod)
NUMERIC_CALLS = {"abs", "min", "max", "sum", "len", "round", "int", "float", "pow"}
SEQUENCE_CALLS = {"sorted", "list", "tuple", "set", "dict", "reversed", "enumerate", "zip", "range", "map", "filter"}
NUMERIC_HINTS = ("int", "float", "ndarray", "NDArray", "Array")
SEQUENCE_HINTS = ("list", "tuple", "Sequence", "dict", "set", "Mapping", "Iterable")
NO_CHILDREN = (ast.JoinedStr, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await)


@dataclass
class Place:
    """A slot of the tree: `getattr(parent, field)`, or its element `index`; `names` are visible there.

    whole: True where only whole numbers make sense (an index, the argument of range).
    """

    parent: ast.AST
    field: str
    index: int | None
    names: tuple
    whole: bool = False

    @property
    def node(self):
        value = getattr(self.parent, self.field)
        return value if self.index is None else value[self.index]

    def put(self, node):
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass
class Line:
    """A statement in its block, with the names visible before it."""

    block: list
    index: int
    names: tuple
    loop: bool
    function: bool

    @property
    def node(self):
        return self.block[self.index]


class Sites:
    """Everything that can be changed in one parsed unit."""

    def __init__(self, tree, *, outer=(), imports=()):
        self.tree, self.imports = tree, imports
        self.expressions, self.lines = [], []
        self.kinds = infer_kinds(tree)
        self.arguments = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self.function = any(isinstance(node, ast.FunctionDef) for node in tree.body) or bool(outer)
        self._block(tree.body, list(outer), loop=False, function=bool(outer))

    def kind(self, node):
        """Returns the kind of an expression."""
        return kind_of(node, self.kinds)

    def numbers(self, names):
        """Returns the names in scope that can stand in arithmetic."""
        return [name for name in names if self.kinds.get(name, "any") == "num"]

    def _block(self, block, names, *, loop, function):
        for index, node in enumerate(block):
            if index == 0 and _is_docstring(node):
                continue
            self.lines.append(Line(block, index, tuple(names), loop, function))
            self._statement(node, names, loop=loop, function=function)

    def _statement(self, node, names, *, loop, function):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            inner = list(names) + _arguments(node)
            self._block(node.body, inner, loop=False, function=isinstance(node, ast.FunctionDef))
            return
        for field in ("value", "test", "iter", "exc"):
            if isinstance(getattr(node, field, None), ast.expr):
                self._expression(Place(node, field, None, tuple(names)))
        for target in _targets(node):
            if isinstance(target, ast.Subscript):
                self._expression(Place(target, "slice", None, tuple(names), whole=True))
            names.extend(name for name in _stored(target) if name not in names)
        inner_loop = loop or isinstance(node, (ast.For, ast.While))
        for field in ("body", "orelse", "finalbody"):
            if isinstance(getattr(node, field, None), list):
                self._block(getattr(node, field), names, loop=inner_loop, function=function)
        for handler in getattr(node, "handlers", []):
            self._block(handler.body, names, loop=loop, function=function)

    def _expression(self, place):
        node = place.node
        if isinstance(node, NO_CHILDREN):
            return
        if not isinstance(node, (ast.Starred, ast.Slice)):
            self.expressions.append(place)
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            self._comprehension(node, place.names)
            return
        whole = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"
        for field, value in ast.iter_fields(node):
            if field in ("func", "ctx", "ops", "op"):
                continue
            flag = whole or place.whole or (isinstance(node, ast.Subscript) and field == "slice")
            self._field(node, field, value, place.names, whole=flag)

    def _field(self, node, field, value, names, *, whole):
        if isinstance(value, ast.expr):
            if field == "value" and isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(value, ast.Name):
                return
            self._expression(Place(node, field, None, names, whole))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.keyword):
                    self._expression(Place(item, "value", None, names, whole))
                elif isinstance(item, ast.expr):
                    self._expression(Place(node, field, index, names, whole))

    def _comprehension(self, node, names):
        for generator in node.generators:
            self._expression(Place(generator, "iter", None, tuple(names)))
            names = (*names, *_stored(generator.target))
            for index in range(len(generator.ifs)):
                self._expression(Place(generator, "ifs", index, tuple(names)))
        for field in ("elt", "key", "value"):
            if isinstance(getattr(node, field, None), ast.expr):
                self._expression(Place(node, field, None, tuple(names)))


def imported(text):
    """Returns which of numpy (as np) and math a module imports."""
    tree = ast.parse(text)
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return tuple(sorted(names & {"np", "math"}))


def kind_of(node, kinds):
    """Returns the kind of an expression, given the kinds of names."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            return "bool"
        return "num" if isinstance(node.value, (int, float)) else "str" if isinstance(node.value, str) else "any"
    if isinstance(node, ast.Name):
        return kinds.get(node.id, "any")
    if isinstance(node, (ast.Compare, ast.BoolOp)):
        return "bool"
    if isinstance(node, ast.UnaryOp):
        return "bool" if isinstance(node.op, ast.Not) else "num"
    if isinstance(node, ast.BinOp):
        sides = {kind_of(node.left, kinds), kind_of(node.right, kinds)}
        return next((kind for kind in ("str", "seq") if kind in sides), "num")
    if isinstance(node, ast.IfExp):
        return kind_of(node.body, kinds)
    if isinstance(node, ast.Call):
        return _kind_of_call(node.func)
    return "seq" if isinstance(node, (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp)) else "any"


def infer_kinds(tree):
    """Returns name -> kind from annotations, then from how the names are used."""
    kinds, nodes = {}, list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.arg) and node.annotation is not None:
            hint = ast.unparse(node.annotation)
            if any(hint.startswith(word) for word in SEQUENCE_HINTS):
                kinds[node.arg] = "seq"
            elif any(word in hint for word in NUMERIC_HINTS):
                kinds[node.arg] = "num"
    for _ in range(2):
        for node in nodes:
            for name, kind in _evidence(node, kinds):
                kinds.setdefault(name, kind)
    opaque = {name for node in nodes for name in _used_as_more(node)}
    for node in nodes:
        if isinstance(node, ast.arg) and node.annotation is None and node.arg not in opaque:
            kinds.setdefault(node.arg, "num")
    return kinds


def _used_as_more(node):
    """Yields names that a node uses as more than a number: it looks into them, or hands them on."""
    if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)) and isinstance(node.value, ast.Name):
        yield node.value.id
    elif isinstance(node, ast.Call):
        yield from (name.id for name in (node.func, *node.args) if isinstance(name, ast.Name))
    elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.iter, ast.Name):
        yield node.iter.id
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn, ast.Is, ast.IsNot)):
        yield from (name.id for name in (node.left, *node.comparators) if isinstance(name, ast.Name))


def _evidence(node, kinds):
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        kind = kind_of(node.value, kinds)
        if kind != "any":
            yield node.targets[0].id, kind
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
        sides = (node.left, node.right)
        if not {"seq", "str"} & {kind_of(side, kinds) for side in sides}:
            yield from ((side.id, "num") for side in sides if isinstance(side, ast.Name))
    elif isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name):
        if isinstance(node.iter.func, ast.Name) and node.iter.func.id == "range":
            yield node.target.id, "num"
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        yield node.value.id, "seq"
    elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.iter, ast.Name):
        yield node.iter.id, "seq"
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
        yield from ((item.id, "num") for item in node.targets[0].elts if isinstance(item, ast.Name))


def _kind_of_call(function):
    if isinstance(function, ast.Attribute):
        module = function.value.id if isinstance(function.value, ast.Name) else ""
        return "num" if module in ("np", "math") else "any"
    name = function.id if isinstance(function, ast.Name) else ""
    return "num" if name in NUMERIC_CALLS else "seq" if name in SEQUENCE_CALLS else "any"


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _arguments(node):
    if not isinstance(node, ast.FunctionDef):
        return []
    return [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _targets(node):
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
        return [node.target]
    return [item.optional_vars for item in node.items if item.optional_vars] if isinstance(node, ast.With) else []


def _stored(target):
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]

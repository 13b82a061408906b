"""What the rewriting templates ask about a tree: its blocks, its loops, and which names something changes."""

from __future__ import annotations

import ast

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOPS = (ast.For, ast.While)
MUTATORS = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    ]
)


def statements(tree):
    """Yields (block, index, statement) for every statement of a tree, outer ones first."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                for index, item in enumerate(block):
                    yield block, index, item


def repeated(tree):
    """Yields (block, index, statement) for what repeats something: loops, statements with comprehensions or lambdas."""
    for block, index, node in statements(tree):
        simple = isinstance(node, (ast.Assign, ast.Return, ast.AugAssign, ast.Expr))
        repeats = (isinstance(inner, (*COMPREHENSIONS, ast.Lambda)) for inner in ast.walk(node))
        if isinstance(node, LOOPS) or (simple and any(repeats)):
            yield block, index, node


def loaded(node):
    """Returns the names that a node reads."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def changed(node):
    """Returns the names that a node binds, or whose values it changes in place."""
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            names.add(inner.id)
        elif isinstance(inner, (ast.Subscript, ast.Attribute)) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            names |= loaded(inner.value)
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in MUTATORS:
            names |= loaded(inner.func.value)
        elif isinstance(inner, ast.arg):
            names.add(inner.arg)
    return names


def inside(statement):
    """Yields (parent, field, index, expression) for every expression that a statement repeats."""
    roots = [statement]
    if isinstance(statement, ast.For):
        roots = [*statement.body, *statement.orelse]
    elif isinstance(statement, ast.While):
        roots = [statement]
    for root in roots:
        for parent in ast.walk(root):
            for field, value in ast.iter_fields(parent):
                if isinstance(value, ast.expr):
                    yield parent, field, None, value
                elif isinstance(value, list):
                    for index, item in enumerate(value):
                        if isinstance(item, ast.expr):
                            yield parent, field, index, item


def put(parent, field, index, node):
    """Puts a node where another one was."""
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def same(node, text):
    """Returns whether an expression reads as the text."""
    return isinstance(node, ast.expr) and ast.unparse(node) == text


def substitute(statement, text, new):
    """Puts the expression `new` wherever the statement repeats an expression that reads as `text`."""
    for parent, field, index, node in list(inside(statement)):
        if same(node, text) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            put(parent, field, index, ast.parse(new, mode="eval").body)


def unused(tree, stem):
    """Returns a name that the tree does not use yet."""
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name


def statement(source):
    """Returns the one statement of a source text."""
    return ast.parse(source).body[0]


def imported_in(tree, source):
    """Adds an import as the first statement of the outermost functions, or of the tree, where it is missing."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for body in [node.body for node in functions] or [tree.body]:
        at = 1 if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1 else 0
        if not any(ast.unparse(node) == source for node in body):
            body.insert(at, statement(source))

"""One random edit of one function of a program. The file is the same in both baselines."""

from __future__ import annotations

import ast
import fnmatch

NUMBERS = (0.0, 0.5, 1.0, 2.0, 3.0, 10.0, 20.0, 50.0)
ARRAYS = (
    "np.sqrt(np.abs({}))",
    "np.log(np.abs({}) + 1e-09)",
    "np.square({})",
    "np.abs({})",
    "np.sign({})",
    "np.tanh({})",
)
PLAIN = ("abs({})", "({0}) * ({0})", "abs({}) ** 0.5")
JOINS = ("({} + {})", "({} - {})", "({} * {})", "({} / ({} + 1e-09))")
TRIES = 40


def editable(brief):
    """Returns the names of the files that this may edit: Python without marked regions, which only `seed` respects."""
    return [
        name
        for name, text in sorted(brief.program["files"].items())
        if name.endswith(".py")
        and isinstance(text, str)
        and "EVOLVE-BLOCK" not in text
        and (brief.editable is None or any(fnmatch.fnmatch(name, pattern) for pattern in brief.editable))
    ]


def edited(files, names, rng):
    """Returns {name: new text} with one random edit, or None when none of some tries gave another program."""
    for _ in range(TRIES):
        name = rng.choice(names)
        tree = ast.parse(files[name])
        before = ast.unparse(tree)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        if not functions:
            continue
        _edit(rng.choice(functions), "import numpy as np" in before, rng)
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        if text != before + "\n" and _compiles(text):
            return {name: text}
    return None


def _edit(function, arrays, rng):
    slots = [slot for statement in function.body for slot in _slots(statement)]
    names = sorted(
        {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        | {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    )
    if len(function.body) > 1 and rng.random() < 0.15:
        _edit_statements(function.body, rng)
    elif slots:
        parent, field, place = rng.choice(slots)
        value = getattr(parent, field)
        node = value if place is None else value[place]
        new = ast.parse(_other(node, names, arrays, rng), mode="eval").body
        if place is None:
            setattr(parent, field, new)
        else:
            value[place] = new


def _slots(statement):
    for parent in ast.walk(statement):
        for field, value in ast.iter_fields(parent):
            if field in ("func", "target", "targets", "annotation", "returns"):
                continue
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                named = isinstance(node, ast.Name) and isinstance(parent, (ast.Attribute, ast.Subscript))
                fits = isinstance(node, (ast.Name, ast.Constant, ast.BinOp, ast.Call, ast.UnaryOp)) and not named
                if fits and not isinstance(getattr(node, "value", None), str):
                    yield parent, field, place


def _other(node, names, arrays, rng):
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and rng.random() < 0.5:
        if isinstance(node.value, int) and rng.random() < 0.5:
            return str(node.value + rng.choice((-1, 1)))
        return repr(float(f"{node.value * 10.0 ** rng.gauss(0.0, 0.3) + rng.gauss(0.0, 0.1):.4g}"))
    source, action = ast.unparse(node), rng.random()
    if action < 0.3:
        return _grown(names, 2, arrays, rng)
    if action < 0.6:
        pair = [source, _grown(names, 1, arrays, rng)]
        rng.shuffle(pair)
        return rng.choice(JOINS).format(*pair)
    if action < 0.75:
        return rng.choice(ARRAYS if arrays else PLAIN).format(source)
    if action < 0.9:
        return _choice(source, _grown(names, 1, arrays, rng), names, arrays, rng)
    inner = [n for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Constant, ast.BinOp)) and n is not node]
    return ast.unparse(rng.choice(inner)) if inner else _grown(names, 0, arrays, rng)


def _grown(names, depth, arrays, rng):
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(names) if names and rng.random() < 0.7 else repr(rng.choice(NUMBERS))
    action = rng.random()
    if action < 0.6:
        return rng.choice(JOINS).format(_grown(names, depth - 1, arrays, rng), _grown(names, depth - 1, arrays, rng))
    if action < 0.8:
        return rng.choice(ARRAYS if arrays else PLAIN).format(_grown(names, depth - 1, arrays, rng))
    yes, no = _grown(names, depth - 1, arrays, rng), _grown(names, depth - 1, arrays, rng)
    return _choice(yes, no, names, arrays, rng)


def _choice(yes, no, names, arrays, rng):
    left, right = _grown(names, 1, arrays, rng), repr(rng.choice(NUMBERS))
    return f"np.where({left} < {right}, {yes}, {no})" if arrays else f"({yes} if {left} < {right} else {no})"


def _edit_statements(body, rng):
    first = 1 if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) else 0
    place = rng.randrange(first, len(body)) if first < len(body) else first
    action = rng.random()
    if action < 0.4 and len(body) - first > 1:
        del body[place]
    elif action < 0.7 and place + 1 < len(body):
        body[place], body[place + 1] = body[place + 1], body[place]
    elif place < len(body):
        body.insert(place, ast.parse(ast.unparse(body[place])).body[0])


def _compiles(text):
    try:
        compile(text, "<child>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True

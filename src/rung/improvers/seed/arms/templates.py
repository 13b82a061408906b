"""Rewrites of ordinary Python that often make it faster and seldom change what it does.

Each template is a function (tree) that yields one thunk per place where it applies; calling the thunk changes the tree.
None proves that the meaning stays: the evaluator judges that, as it judges any other child.
"""

from __future__ import annotations

import ast

from arms.shapes import (
    COMPREHENSIONS,
    LOOPS,
    MUTATORS,
    changed,
    imported_in,
    inside,
    loaded,
    put,
    repeated,
    same,
    statement,
    statements,
    substitute,
    unused,
)

EMPTY_LIST = ("[]", "list()")


def cache(tree):
    """A function remembers what it returned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.decorator_list and node.args.args:

            def change(node=node):
                node.decorator_list = [ast.parse("functools.cache", mode="eval").body]

            yield change


def member_set(tree):
    """A test `x in items` that is repeated looks into a set made once."""
    for block, index, node in repeated(tree):
        fixed = changed(node)
        found = {}
        for _, _, _, item in inside(node):
            if _is_membership(item) and not loaded(item.comparators[0]) & fixed:
                found.setdefault(ast.unparse(item.comparators[0]), []).append(item)
        for text, tests in found.items():

            def change(block=block, index=index, text=text, tests=tests):
                name = unused(tree, "members")
                for test in tests:
                    test.comparators[0] = ast.Name(name, ast.Load())
                block.insert(index, statement(f"{name} = set({text})"))

            yield change


def constant_set(tree):
    """A constant list that a module defines becomes a set."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Tuple)):

            def change(node=node):
                node.value = ast.parse(f"frozenset({ast.unparse(node.value)})", mode="eval").body

            yield change


def growing_set(tree):
    """A list that grows and is searched gets a set that grows with it."""
    for block, index, node in statements(tree):
        if not (isinstance(node, ast.Assign) and ast.unparse(node.value) in EMPTY_LIST and len(node.targets) == 1):
            continue
        text = ast.unparse(node.targets[0])
        tests = [item for item in ast.walk(tree) if _is_membership(item) and same(item.comparators[0], text)]
        if not tests:
            continue

        def change(block=block, index=index, text=text, tests=tests):
            name = unused(tree, "seen_" + "".join(c for c in text if c.isalnum()))
            for body, at, item in reversed(list(statements(tree))):
                if _is_call_of(item, text, "append"):
                    body.insert(at + 1, statement(f"{name}.add({ast.unparse(item.value.args[0])})"))
            for test in tests:
                test.comparators[0] = ast.Name(name, ast.Load())
            block.insert(index, statement(f"{name} = set()"))

        yield change


def hoist(tree):
    """An expression that stays the same during a loop is computed before it."""
    for block, index, node in repeated(tree):
        fixed, texts = changed(node), []
        for _, _, _, item in inside(node):
            if not isinstance(item, (ast.Call, ast.BinOp, ast.Subscript, *COMPREHENSIONS)) or loaded(item) & fixed:
                continue
            names = [n for n in ast.walk(item) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
            if isinstance(getattr(item, "ctx", ast.Load()), ast.Load) and not any(
                n.func.attr in MUTATORS for n in names
            ):
                texts.append(ast.unparse(item))
        for text in dict.fromkeys(texts):

            def change(block=block, index=index, node=node, text=text):
                name = unused(tree, "fixed")
                substitute(node, text, name)
                block.insert(index, statement(f"{name} = {text}"))

            yield change


def counted(tree):
    """Repeated `items.count(x)` or `items.index(x)` looks into a table made once."""
    tables = {
        "count": ("from collections import Counter", "Counter({0})"),
        "index": ("", "{{value: place for place, value in reversed(list(enumerate({0})))}}"),
    }
    for block, index, node in repeated(tree):
        fixed, found = changed(node), set()
        for _, _, _, item in inside(node):
            if not (isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and len(item.args) == 1):
                continue
            if item.func.attr in tables and not loaded(item.func.value) & fixed:
                found.add((ast.unparse(item.func.value), item.func.attr))
        for text, method in sorted(found):

            def change(block=block, index=index, node=node, text=text, method=method):
                name = unused(tree, "table")
                for parent, field, at, item in list(inside(node)):
                    if isinstance(item, ast.Call) and same(item.func, f"{text}.{method}") and len(item.args) == 1:
                        new = ast.Subscript(ast.Name(name, ast.Load()), item.args[0], ast.Load())
                        put(parent, field, at, new)
                needed, source = tables[method]
                block.insert(index, statement(f"{name} = {source.format(text)}"))
                if needed:
                    imported_in(tree, needed)

            yield change


def grouped(tree):
    """A loop that filters by `key(x) == wanted`, repeated, goes through a table of groups made once."""
    for block, index, node in repeated(tree):
        fixed = changed(node)
        for loop in ast.walk(node):
            if loop is node:
                continue
            for items, target, test, rest in _filters(loop):
                own = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
                if loaded(items) & (fixed | own):
                    continue
                for key, wanted in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
                    reads = loaded(key)
                    if reads & own and not (reads - own) & fixed and not loaded(wanted) & own:
                        yield _grouping(tree, block, index, (loop, items, target, key, wanted, rest))


def joined(tree):
    """A text that grows piece by piece in a loop is joined at its end."""
    for block, index, node in statements(tree):
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and ast.unparse(node.value) in ("''", "str()")):
            continue
        text = ast.unparse(node.targets[0])
        for at in range(index + 1, len(block)):
            loop = block[at]
            grows = [
                (body, k, item)
                for body, k, item in statements(loop)
                if isinstance(item, (ast.AugAssign, ast.Assign)) and _grown(item, text) is not None
            ]
            if not isinstance(loop, LOOPS) or not grows:
                continue

            def change(block=block, at=at, text=text, grows=grows):
                name = unused(tree, "pieces")
                for body, k, item in grows:
                    body[k] = statement(f"{name}.append({ast.unparse(_grown(item, text))})")
                block.insert(at + 1, statement(f"{text} = {text} + ''.join({name})"))
                block.insert(at, statement(f"{name} = []"))

            yield change


def comprehended(tree):
    """A loop that only appends becomes a comprehension; one that only adds up becomes sum()."""
    for block, index, node in statements(tree):
        if not isinstance(node, ast.For) or node.orelse or index == 0:
            continue
        body, condition = node.body, ""
        if len(body) == 1 and isinstance(body[0], ast.If) and not body[0].orelse:
            condition, body = f" if {ast.unparse(body[0].test)}", body[0].body
        before = block[index - 1]
        if len(body) != 1 or not (isinstance(before, ast.Assign) and len(before.targets) == 1):
            continue
        text, source = ast.unparse(before.targets[0]), ast.unparse(before.value)
        clause = f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}{condition}"
        if _is_call_of(body[0], text, "append") and source in EMPTY_LIST:
            new = f"{text} = [{ast.unparse(body[0].value.args[0])} {clause}]"
        elif (
            isinstance(body[0], ast.AugAssign)
            and isinstance(body[0].op, ast.Add)
            and same(body[0].target, text)
            and source in ("0", "0.0")
        ):
            new = f"{text} = sum({ast.unparse(body[0].value)} {clause})"
        else:
            continue

        def change(block=block, index=index, new=new):
            block[index - 1 : index + 1] = [statement(new)]

        yield change


def stopped(tree):
    """A loop that has set its flag stops."""
    for loop in ast.walk(tree):
        if not isinstance(loop, LOOPS):
            continue
        for item in loop.body:
            last = item.body[-1] if isinstance(item, ast.If) else None
            if isinstance(last, ast.Assign) and isinstance(last.value, ast.Constant):
                yield lambda item=item: item.body.append(ast.Break())


def queued(tree):
    """A list used as a queue becomes a deque."""
    for _, _, node in statements(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, (ast.List, ast.Call)):
            text = ast.unparse(node.targets[0])
            pops = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n) == f"{text}.pop(0)"]
            if pops:

                def change(node=node, pops=pops):
                    for call in pops:
                        call.func.attr, call.args = "popleft", []
                    node.value = ast.parse(f"deque({ast.unparse(node.value)})", mode="eval").body
                    imported_in(tree, "from collections import deque")

                yield change


def simpler(tree):
    """An expression that does more than is asked of it becomes a simpler one."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                new = _simplified(node) if isinstance(node, ast.expr) else None
                if new is not None:
                    yield lambda slot=(parent, field, index), new=new: put(*slot, ast.parse(new, mode="eval").body)


def _simplified(node):
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call) and same(node.value.func, "sorted"):
        place = ast.unparse(node.slice)
        down = any(k.arg == "reverse" and same(k.value, "True") for k in node.value.keywords)
        if place in ("0", "-1"):
            rest = [ast.unparse(a) for a in node.value.args]
            rest += [f"{k.arg}={ast.unparse(k.value)}" for k in node.value.keywords if k.arg != "reverse"]
            return f"{'min' if (place == '0') != down else 'max'}({', '.join(rest)})"
        return None
    if isinstance(node, ast.Subscript) and ast.unparse(node.slice) in (":", "::"):
        return ast.unparse(node.value)
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func)
    if name in ("list", "sorted", "tuple", "set") and len(node.args) == 1 and not node.keywords:
        return ast.unparse(node.args[0])
    if name.endswith((".copy", ".keys")) and not node.args:
        return ast.unparse(node.func.value)
    if (
        name in ("sum", "any", "all", "min", "max", "set")
        and len(node.args) == 1
        and isinstance(node.args[0], ast.ListComp)
    ):
        return f"{name}({ast.unparse(node.args[0])[1:-1]})"
    return None


def _filters(loop):
    """Yields (items, target, comparison, other conditions) for a loop or comprehension that filters by equality."""
    if isinstance(loop, ast.For) and len(loop.body) == 1 and isinstance(loop.body[0], ast.If) and not loop.orelse:
        tests = loop.body[0].test
        if not loop.body[0].orelse:
            yield from _equalities(loop.iter, loop.target, tests)
    elif isinstance(loop, COMPREHENSIONS) and len(loop.generators) == 1 and len(loop.generators[0].ifs) == 1:
        generator = loop.generators[0]
        yield from _equalities(generator.iter, generator.target, generator.ifs[0])


def _equalities(items, target, test):
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    for part in parts:
        if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq):
            yield items, target, part, [other for other in parts if other is not part]


def _grouping(tree, block, index, found):
    loop, items, target, key, wanted, rest = found

    def change():
        name = unused(tree, "groups")
        first, second = _hashable(key, wanted)
        source = f"{name} = {{}}\nfor {ast.unparse(target)} in {ast.unparse(items)}:\n"
        value = ast.unparse(target)
        source += f"    {name}.setdefault({first}, []).append({value})\n"
        chosen = ast.parse(f"{name}.get({second}, ())", mode="eval").body
        test = rest[0] if len(rest) == 1 else ast.BoolOp(ast.And(), rest) if rest else None
        if isinstance(loop, ast.For):
            loop.iter = chosen
            loop.body = loop.body[0].body if test is None else [ast.If(test, loop.body[0].body, [])]
        else:
            loop.generators[0].iter, loop.generators[0].ifs = chosen, [] if test is None else [test]
        block[index:index] = ast.parse(source).body

    return change


def _hashable(*nodes):
    """Returns the sources of expressions that are compared, made tuples where one of them is a list."""
    called = (isinstance(node, ast.Call) and ast.unparse(node.func) in ("sorted", "list") for node in nodes)
    listed = any(isinstance(node, (ast.List, ast.ListComp)) for node in nodes) or any(called)
    return [f"tuple({ast.unparse(node)})" if listed else ast.unparse(node) for node in nodes]


def _grown(item, text):
    """Returns what is added to a text by `text += x` or `text = text + x`."""
    if isinstance(item, ast.AugAssign) and isinstance(item.op, ast.Add) and same(item.target, text):
        return item.value
    if isinstance(item, ast.Assign) and same(item.targets[0], text) and isinstance(item.value, ast.BinOp):
        left, source = item.value, ast.unparse(item.value)
        if source.startswith(f"{text} + ") and isinstance(left.op, ast.Add):
            return ast.parse(source[len(text) + 3 :], mode="eval").body
    return None


def _is_membership(item):
    return isinstance(item, ast.Compare) and len(item.ops) == 1 and isinstance(item.ops[0], (ast.In, ast.NotIn))


def _is_call_of(item, text, method):
    return (
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Call)
        and len(item.value.args) == 1
        and same(item.value.func, f"{text}.{method}")
    )


TEMPLATES = (
    cache,
    member_set,
    constant_set,
    growing_set,
    grouped,
    counted,
    hoist,
    queued,
    joined,
    comprehended,
    simpler,
    stopped,
)

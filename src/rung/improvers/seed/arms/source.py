"""Where a program may be edited, and how an edited piece is put back.

A unit is the smallest piece of source that is rewritten as a whole: a function, a method, a module-level assignment,
or the code between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END. Comments are lost only inside a unit that was edited.
"""

from __future__ import annotations

import ast
import fnmatch
import hashlib
import textwrap
from dataclasses import dataclass

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
DATA = (ast.Assign, ast.AnnAssign)
MAX_TEXT = 8000  # longer units are tables of data: editing them costs more than it can bring


@dataclass(frozen=True)
class Unit:
    """A piece of one file.

    first, last: its lines, from 0, `last` excluded. outer: names that the enclosing function binds before it.
    """

    file: str
    name: str
    first: int
    last: int
    indent: str
    text: str
    outer: tuple = ()


def editable_files(files, patterns):
    """Returns the names of the Python files that may be edited, in order."""
    allowed = [
        name
        for name in sorted(files)
        if name.endswith(".py")
        and isinstance(files[name], str)
        and (patterns is None or any(fnmatch.fnmatch(name, pattern) for pattern in patterns))
    ]
    return [name for name in allowed if _parsed(files[name]) is not None]


def units(file, text):
    """Returns the units of a file, in order; [] when it does not parse."""
    tree = _parsed(text)
    if tree is None:
        return []
    lines = text.splitlines()
    if START in text:
        return _region_units(file, tree, lines)
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found += [_unit(file, inner, lines) for inner in node.body if isinstance(inner, ast.FunctionDef)]
        elif isinstance(node, (ast.FunctionDef, *DATA)):
            found.append(_unit(file, node, lines))
    return [unit for unit in found if len(unit.text) <= MAX_TEXT and _parsed(unit.text) is not None]


def replace_unit(text, unit, new):
    """Returns the file text with the unit's lines replaced by the new source, or None when that does not compile."""
    lines = text.splitlines()
    body = textwrap.indent(new, unit.indent).splitlines()
    joined = "\n".join([*lines[: unit.first], *body, *lines[unit.last :]]) + "\n"
    return joined if compiles(joined) else None


def compiles(text):
    """Returns whether the text is a Python module."""
    try:
        compile(text, "<child>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def fingerprint(files):
    """Returns a hash of the programs' syntax: layout, comments and quotes do not count."""
    digest = hashlib.sha256()
    for name in sorted(files):
        text = files[name]
        tree = _parsed(text) if name.endswith(".py") and isinstance(text, str) else None
        digest.update(name.encode())
        digest.update((ast.dump(tree) if tree is not None else repr(text)).encode())
    return digest.hexdigest()


def bound_names(tree):
    """Returns the names that a tree binds, in order of appearance: arguments, assignments, loop targets."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            names[node.arg] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = None
    return tuple(names)


def _parsed(text):
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _unit(file, node, lines, outer=()):
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
    chunk = lines[first : node.end_lineno]
    indent = chunk[0][: len(chunk[0]) - len(chunk[0].lstrip())]
    name = node.name if isinstance(node, ast.FunctionDef) else ""
    return Unit(file, name, first, node.end_lineno, indent, textwrap.dedent("\n".join(chunk)) + "\n", outer)


def _region_units(file, tree, lines):
    found = []
    for first, last in _regions(lines):
        chunk = textwrap.dedent("\n".join(lines[first:last])) + "\n"
        inner = _parsed(chunk)
        if inner is None or not inner.body:
            continue
        functions = [node for node in _all_functions(tree) if first < node.lineno and node.end_lineno <= last]
        if all(isinstance(node, (ast.FunctionDef, *DATA)) for node in inner.body):
            whole = [node for node in functions if not any(_inside(node, other) for other in functions)]
            found += [_unit(file, node, lines) for node in whole]
            found += [
                _unit(file, node, lines)
                for node in tree.body
                if isinstance(node, DATA) and first < node.lineno and node.end_lineno <= last
            ]
            if whole:
                continue
        around = [node for node in _all_functions(tree) if node.lineno <= first and last <= node.end_lineno]
        outer = _names_before(around[-1], first) if around else ()
        text = next((line for line in lines[first:last] if line.strip()), "")
        indent = text[: len(text) - len(text.lstrip())]
        found.append(Unit(file, f"region {len(found)}", first, last, indent, chunk, outer))
    return [unit for unit in found if len(unit.text) <= MAX_TEXT and _parsed(unit.text) is not None]


def _regions(lines):
    first = None
    for number, line in enumerate(lines):
        if START in line:
            first = number + 1
        elif END in line and first is not None:
            yield first, number
            first = None


def _all_functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _inside(node, other):
    return other is not node and other.lineno <= node.lineno and node.end_lineno <= other.end_lineno


def _names_before(function, line):
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    stored = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return tuple(dict.fromkeys([*names, *(node.id for node in stored if node.lineno <= line)]))

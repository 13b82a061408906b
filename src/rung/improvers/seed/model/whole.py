"""A whole file out of a code block; a block that holds only some definitions of the file is merged into it.

The file is the same in `best_of_model`.
"""

from __future__ import annotations

import ast
import itertools
import textwrap
import warnings

from model.fences import Rejected

MAX_FILE = 400_000  # characters
MAX_DEPTH = 100  # of a syntax tree: deeper ones are no program a person would read
MARKER, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def parsed(text, name):
    """Returns the syntax tree of a module that compiles.

    Raises:
      Rejected: it does not, or it is too large or too deep.
    """
    if len(text) > MAX_FILE:
        raise Rejected(f"{name} would have {len(text):,} characters, more than {MAX_FILE:,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            if _depth(tree) > MAX_DEPTH:
                raise Rejected(f"{name} is nested more than {MAX_DEPTH} deep")
            compile(text, "<child>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()[:120]
        raise Rejected(f"{name} is no Python: {error.msg} at line {error.lineno}: {line}") from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        if isinstance(error, Rejected):
            raise
        raise Rejected(f"{name} cannot be read as Python: {str(error)[:120] or type(error).__name__}") from None
    return tree


def whole(old, block, *, name):
    """Returns the new text of a Python file. old: its present text; block: what was answered, all of it or a part.

    Raises:
      Rejected: the block is no Python, or has nothing to do with the file.
    """
    block = textwrap.dedent(block)
    new = parsed(block, name)
    try:
        present = ast.parse(old)
    except (SyntaxError, ValueError):
        return block
    block = without_examples(block, new, present)
    new = parsed(block, name)
    wanted = {node.name for node in present.body if isinstance(node, DEFINITIONS)}
    given = {node.name for node in new.body if isinstance(node, DEFINITIONS)}
    bound = MARKER in old and any(_inside(node, regions(old)) for node in present.body)
    if wanted <= given and not bound and not forgotten(present, new):
        return block
    if not given:
        raise Rejected(f"the code block defines no function of {name}: write {', '.join(sorted(wanted)[:5])} anew")
    if not wanted & given:
        raise Rejected(
            f"the code block defines {', '.join(sorted(given)[:5])}, but {name} needs {', '.join(sorted(wanted)[:5])}"
        )
    return merged(old, present, block, new)


def forgotten(present, new):
    """Returns the names that a block uses and does not make, but the file did: its imports were left out."""
    names = [node for node in ast.walk(new) if isinstance(node, ast.Name)]
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    made = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    made |= {node.arg for node in ast.walk(new) if isinstance(node, ast.arg)}
    made |= {node.name for node in ast.walk(new) if isinstance(node, DEFINITIONS)}
    made |= {name for node in ast.walk(new) if isinstance(node, IMPORTS) for name in _imported(node)}
    before = {name for node in present.body if isinstance(node, IMPORTS) for name in _imported(node)}
    return used & (before | {key for node in present.body for key in _keys(node)}) - made


def without_examples(block, new, present):
    """Returns a block without what only shows how it is used: calls, asserts, the part of a script, trials."""
    known = {ast.dump(node) for node in present.body}
    lines = block.split("\n")
    defined = [node for node in new.body if isinstance(node, DEFINITIONS)]
    used = {n.id for node in defined for n in ast.walk(node) if isinstance(n, ast.Name)}
    used |= {key for node in present.body for key in _keys(node)}
    after = defined[-1].end_lineno if defined else len(lines)
    for node in reversed(new.body):
        trial = isinstance(node, ast.Assign) and node.lineno > after and not used & set(_keys(node))
        called = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        script = isinstance(node, ast.If) and "__name__" in {
            n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)
        }
        if (called or script or trial or isinstance(node, ast.Assert)) and ast.dump(node) not in known:
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines)


def merged(old, present, block, new):
    """Returns the file with the definitions of a block in the place of those with the same names.

    Where only regions may be changed, what is outside stays as it is: small models copy the rest of a file badly.
    """
    lines, source, spans = old.split("\n"), block.split("\n"), regions(old)
    places = {key: node for node in present.body for key in _keys(node)}
    imported = {ast.dump(node) for node in present.body if isinstance(node, IMPORTS)}
    cuts, fresh, later = [], [], []
    for node in new.body:
        text = source[_first(node) : node.end_lineno]
        home = next((places[key] for key in _keys(node) if key in places), None)
        if isinstance(node, IMPORTS):
            future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
            if ast.dump(node) not in imported and not future:
                fresh += text
        elif home is not None:
            if spans and not _inside(home, spans):
                continue
            cuts.append((_first(home), home.end_lineno, text))
        elif isinstance(node, DEFINITIONS) or _keys(node):
            later += [*text, "", ""]
    cuts.sort(key=lambda cut: cut[0])
    if not cuts and spans:
        raise Rejected(f"the code block changes nothing between {MARKER} and {END}, and only that may be changed")
    if any(first < before for (_, before, _), (first, _, _) in itertools.pairwise(cuts)):
        raise Rejected("the code block defines the same name twice")
    for first, last, text in reversed(cuts):
        lines[first:last] = text
    if cuts and later:
        lines[cuts[0][0] : cuts[0][0]] = later
    if fresh:
        at = _after_header(present) if MARKER not in old else cuts[0][0]
        lines[at:at] = fresh
    return "\n".join(lines)


def regions(text):
    """Returns the spans of lines, from 0, that lie between the marks of what may be changed."""
    spans, start = [], None
    for number, line in enumerate(text.split("\n")):
        if start is not None and END in line:
            spans.append((start, number))
            start = None
        elif start is None and MARKER in line:
            start = number + 1
    return spans


def _inside(node, spans):
    return any(first <= _first(node) and node.end_lineno <= last for first, last in spans)


def _keys(node):
    """Returns the names under which a statement of a module can be found again."""
    if isinstance(node, DEFINITIONS):
        return (node.name,)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def _imported(node):
    return [alias.asname or alias.name.partition(".")[0] for alias in node.names]


def _first(node):
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]) - 1


def _after_header(tree):
    """Returns the line where imports may be added: after the docstring and what is imported from __future__."""
    last = 0
    for node in tree.body:
        told = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if told or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            last = node.end_lineno
        else:
            break
    return last


def _depth(tree):
    deepest, level = 0, [tree]
    while level:
        deepest += 1
        if deepest > MAX_DEPTH:
            break
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return deepest

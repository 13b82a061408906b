"""Whether a program is worth an evaluation: not the same as one that was tried, and not all but the same.

The same: equal syntax once docstrings, annotations and the names of local variables do not count. All but the same:
it differs from a program that was tried by little, against what it changed in its parent.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import io
import tokenize
from collections import deque

SHINGLE = 4  # tokens
NEAR = 0.15  # of the change to the parent: a smaller difference to another child is none
REMEMBERED = 150
MAX_TOKENS = 20_000  # of one program that count
LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER})
BUILTINS = frozenset(vars(builtins))


class Novelty:
    """Remembers what was tried; `same` and `near` count what it saved. base: the files all others are compared by."""

    def __init__(self, base):
        self.base, self.same, self.near = base, 0, 0
        self._keys, self._tried = set(), deque(maxlen=REMEMBERED)

    def remember(self, files):
        """Takes a program that was tried, whoever proposed it."""
        self._keys.add(self._key(files))

    def admits(self, files, parent):
        """Returns whether a child is new; if so it counts as tried from now on."""
        key = self._key(files)
        if key in self._keys:
            self.same += 1
            return False
        mine = self.change(files)
        change = len(mine ^ self.change(parent))
        if any(len(mine ^ other) < NEAR * change for other in self._tried):
            self.near += 1
            return False
        self._keys.add(key)
        self._tried.append(mine)
        return True

    def change(self, files):
        """Returns the runs of tokens by which the files differ from the base."""
        found = set()
        for name in self._changed(files):
            found |= _shingles(name, files.get(name, "")) ^ _shingles(name, self.base.get(name, ""))
        return found

    def groups(self, children, parent):
        """Returns the children's indices in groups that change about the same, the largest group first."""
        before = self.change(parent)
        changes = [self.change(files) ^ before for files in children]
        groups = []
        for k, change in enumerate(changes):
            for group in groups:
                other = changes[group[0]]
                if len(change & other) * 2 >= len(change | other):
                    group.append(k)
                    break
            else:
                groups.append([k])
        return sorted(groups, key=lambda group: (-len(group), group[0]))

    def _changed(self, files):
        return [name for name in sorted({*files, *self.base}) if files.get(name) != self.base.get(name)]

    def _key(self, files):
        """Returns a hash of what a program does, as far as its syntax tells."""
        digest = hashlib.sha256()
        for name in self._changed(files):
            text, before = (_normal(name, each.get(name, "")) for each in (files, self.base))
            if text != before:
                digest.update(f"{name}\0{text}\0".encode())
        return digest.digest()


def _shingles(name, text):
    words = _tokens(text) if name.endswith(".py") else text.split()[:MAX_TOKENS]
    return {hash((name, *words[k : k + SHINGLE])) for k in range(max(1, len(words) - SHINGLE + 1))}


def _tokens(text):
    try:
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        return [token.string for token in tokens if token.type not in LAYOUT][:MAX_TOKENS]
    except (tokenize.TokenError, SyntaxError, ValueError):
        return text.split()[:MAX_TOKENS]


def _normal(name, text):
    if not name.endswith(".py"):
        return text
    try:
        tree = ast.parse(text)
        names = {}
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                _plain(node, names)
            elif isinstance(node, (ast.Module, ast.ClassDef)):
                node.body = [each for each in node.body if not _is_text(each)]
        for node in ast.walk(tree):
            _renamed(node, names)
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def _is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _plain(function, names):
    """Takes docstring and annotations from a function, and gives what it binds a number."""
    function.body = [each for each in function.body if not _is_text(each)] or [ast.Pass()]
    function.returns = None
    declared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    for node in ast.walk(function):
        name = node.arg if isinstance(node, ast.arg) else node.id if isinstance(node, ast.Name) else None
        stored = isinstance(node, ast.arg) or isinstance(getattr(node, "ctx", None), ast.Store)
        if name and stored and name not in BUILTINS and name not in declared:
            names.setdefault(name, f"v{len(names)}")
        if isinstance(node, ast.arg):
            node.annotation = None


def _renamed(node, names):
    if isinstance(node, ast.Name):
        node.id = names.get(node.id, node.id)
    elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
        node.arg = names.get(node.arg, node.arg)

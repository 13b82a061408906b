"""The files of a child out of an answer, within what the brief allows; everything else ends in a sentence."""

from __future__ import annotations

import ast
import fnmatch
import re
from dataclasses import dataclass

from model.diffs import applied, edits, has_edits
from model.fences import Block, Rejected, fenced, readable
from model.whole import MAX_FILE, parsed, whole

MAX_NEW_FILES = 8
START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
MAX_BYTES = 400_000  # of the text of a program, or nearly twice that of the seed program: what every host takes
SAFE = re.compile(r"\w[\w+-]*(/\w[\w+-]*)*\.[A-Za-z]\w*", re.ASCII)


@dataclass(frozen=True)
class Scope:
    """What may be edited. files: the seed program's text files; patterns: as in the brief; entry: as in the brief."""

    files: dict
    patterns: tuple | None
    entry: str

    def allows(self, name):
        """Returns whether a file may be changed or made."""
        return self.patterns is None or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)

    @property
    def home(self):
        """The file that is meant when an answer names none: the entry's, else the first that may be edited."""
        main = self.entry.partition(":")[0]
        allowed = [name for name in sorted(self.files) if self.allows(name)]
        return main if main in allowed or not allowed else allowed[0]


def scope_of(brief):
    """Returns the scope of a brief; files that are no text are out of it."""
    program = brief.program
    files = {name: text for name, text in program["files"].items() if isinstance(text, str)}
    return Scope(files, brief.editable, program["entry"])


def child_files(answer, files, scope, *, home=None, cut=False):
    """Returns {name: new text} of what an answer changes in `files`. home: the file it means when it names none.

    cut: the answer ran into its limit of tokens.

    Raises:
      Rejected: no program can be made of it.
    """
    home = home or scope.home
    try:
        text = readable(answer)
        changed = _from_edits(text, files, scope, home) if has_edits(text) else _from_blocks(text, files, scope, home)
    except Rejected as reason:
        raise Rejected(f"{reason} (the answer was cut off: be shorter)" if cut else str(reason)) from None
    changed = {name: text for name, text in changed.items() if text != files.get(name)}
    if not changed:
        raise Rejected("the answer changes nothing")
    if sum(name not in files for name in changed) > MAX_NEW_FILES:
        raise Rejected(f"the answer makes more than {MAX_NEW_FILES} new files")
    for name, new in changed.items():
        _check(name, new, scope)
    size = sum(len(text.encode()) for text in {**files, **changed}.values())
    if size > max(MAX_BYTES, 1.9 * sum(map(len, scope.files.values()))):
        raise Rejected(f"the program would have {size:,} bytes, more than there may be")
    return changed


def _from_edits(text, files, scope, home):
    by_file = {}
    for block in edits(text):
        name = _file_of(block.path, files, scope, home, edits_it=any(map(str.strip, block.search)))
        by_file.setdefault(name, []).append(block)
    return {name: applied(files.get(name, ""), blocks) for name, blocks in by_file.items()}


def _from_blocks(text, files, scope, home):
    blocks = fenced(text)
    if not blocks:
        blocks = [Block(None, text)] if _is_code(text, home) else []
    if not blocks:
        raise Rejected("the answer holds no code block and no SEARCH/REPLACE block")
    by_file = {}
    for block in blocks:
        by_file.setdefault(_file_of(block.path, files, scope, home), []).append(block)
    changed, reasons = {}, []
    for name, mine in by_file.items():
        for block in sorted(mine, key=lambda one: -len(one.text)):  # the longest is the program, the rest is talk
            try:
                changed[name] = _whole(files.get(name), block.text, name)
                break
            except Rejected as reason:
                reasons.append(reason if block.closed else Rejected(f"{reason} (the code block has no end)"))
        else:
            raise reasons[0]
    return changed


def _whole(old, text, name):
    if old is None or not name.endswith(".py"):
        return text
    return whole(old, text, name=name)


def _file_of(path, files, scope, home, *, edits_it=False):
    """Returns which file a block means; edits_it: it searches in it, so it must be there."""
    if path is None or path == home:
        return home
    name = path.removeprefix("./")
    if name in files:
        return name
    if not SAFE.fullmatch(name):
        raise Rejected(f"{path!r} is no name of a file inside the program: use a relative path")
    last = name.rpartition("/")[2]
    same = [known for known in _allowed(files, scope) if known.rpartition("/")[2] == last]
    if len(same) == 1:
        return same[0]
    around = {*files, *(folder for known in files for folder in _folders(known))}
    if not scope.allows(name) or name in around or set(_folders(name)) & set(files):
        raise Rejected(f"{name} may not be made; what may be changed is {', '.join(_allowed(files, scope)[:8])}")
    if edits_it:
        raise Rejected(f"there is no {name} to search in; the files are {', '.join(_allowed(files, scope)[:8])}")
    return name


def _folders(name):
    """Returns the folders a file lies in, the outermost last."""
    parts = name.split("/")
    return ["/".join(parts[:k]) for k in range(len(parts) - 1, 0, -1)]


def _allowed(files, scope):
    return [name for name in sorted(files) if scope.allows(name)]


def _is_code(text, home):
    """Returns whether an answer without a fence is a program from its first line to its last."""
    if not home.endswith(".py"):
        return True
    try:
        tree = parsed(text, home)
    except Rejected:
        return False
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in tree.body)


def _check(name, new, scope):
    old = scope.files.get(name)
    if not scope.allows(name):
        raise Rejected(f"{name} may not be changed; what may be is {', '.join(_allowed(scope.files, scope)[:8])}")
    if len(new) > MAX_FILE:
        raise Rejected(f"{name} would have {len(new):,} characters, more than {MAX_FILE:,}")
    if old is not None and START in old and fixed(old) != fixed(new):
        raise Rejected(f"{name} may only be changed between {START} and {END}: copy every other line as it is")
    if not name.endswith(".py"):
        return
    tree = parsed(new, name)
    main, _, function = scope.entry.partition(":")
    if name == main and function not in _defined(tree):
        raise Rejected(f"{name} no longer defines {function}, which is called from outside")


def fixed(text):
    """Returns the lines of a text outside its regions, marker lines included."""
    kept, inside = [], False
    for line in text.splitlines(keepends=True):
        inside = inside and END not in line
        if not inside:
            kept.append(line)
            inside = START in line
    return kept


def _defined(tree):
    """Returns the names that a module defines at its top, also inside `if` and `try`."""
    names = set()
    for node in tree.body:
        inner = ast.walk(node) if isinstance(node, (ast.If, ast.Try)) else [node]
        for each in inner:
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(each.name)
            elif isinstance(each, (ast.Assign, ast.Import, ast.ImportFrom)):
                names |= {_name(one) for one in (each.targets if isinstance(each, ast.Assign) else each.names)}
    return names


def _name(node):
    """Returns the name that a target or an import binds, "" when it is no plain name."""
    return getattr(node, "id", None) or getattr(node, "asname", None) or getattr(node, "name", "")

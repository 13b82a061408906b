"""Rewriting by templates: every place of the best program where one applies is tried, and what helps is kept."""

from __future__ import annotations

import ast
import random
import re

from rung_host import Child

from arms.source import START, replace_unit, units
from arms.templates import TEMPLATES

BATCH = 2
NEEDED = "functools."


class Rewrite:
    """The arm: a greedy sweep over the places where a template applies; it begins anew after every success."""

    def __init__(self, brief, seed):
        del brief  # every arm is made alike
        self.rng = random.Random(seed)
        self.work, self.pool, self.current = 0.0, None, None
        self.queue, self.waiting, self.failed = [], [], set()

    def join(self, pool):
        """Gives the arm the pool it shares with the others."""
        self.pool = pool

    def fits(self):
        """Returns whether a template applies anywhere in the seed program."""
        return bool(rewrites(self.pool.seed.files))

    def step(self):
        """Returns the next few rewritten programs."""
        self.work = 0.1
        if self.current is None or self.pool.best.id != self.current.id:
            self.current = self.pool.best
            self.queue = self._sweep(self.current)
            self.work = 0.2 * len(self.queue)
        self.waiting = []
        while self.queue and len(self.waiting) < BATCH:
            name, files, key = self.queue.pop(0)
            if self.pool.claim(files):
                changed = {file: text for file, text in files.items() if text != self.current.files[file]}
                self.waiting.append((Child(changed, self.current.id, f"rewrite:{name}"), files, key))
        if not self.waiting:
            self.work = 0.0
        return [child for child, _, _ in self.waiting]

    def learn(self, results):
        """Keeps what was valid; the pool's best is what the next sweep starts from, failures come last in it."""
        for (child, files, key), result in zip(self.waiting, results, strict=True):
            member = self.pool.add(files, result, child.operator)
            if member is None or member.value <= self.current.value:
                self.failed.add(key)

    def _sweep(self, member):
        """Returns (template, files, key) for all rewrites of a member; those that failed elsewhere come last."""
        rows = []
        for name, files in rewrites(member.files):
            before = {line for text in member.files.values() for line in text.splitlines()}
            added = sorted({line for text in files.values() for line in text.splitlines()} - before)
            rows.append((name, files, (name, repr(added))))
        self.rng.shuffle(rows)
        return sorted(rows, key=lambda row: row[2] in self.failed)


def rewrites(files):
    """Returns (template, files) for every place where a template applies."""
    found = []
    for name, text in files.items():
        for unit in units(name, text):
            found += [
                (template, {**files, name: new})
                for template, source in rewritten(unit.text)
                if (new := _put_back(text, unit, source)) is not None
            ]
    return found


def rewritten(text):
    """Returns (template, new unit text) for every place of a unit where a template applies."""
    found = []
    for template in TEMPLATES:
        count = sum(1 for _ in template(ast.parse(text)))
        for number in range(count):
            tree = ast.parse(text)
            for place, change in enumerate(template(tree)):
                if place == number:
                    change()
                    break
            found.append((template.__name__, ast.unparse(ast.fix_missing_locations(tree)) + "\n"))
    return found


def _put_back(text, unit, source):
    """Returns the file with the rewritten unit, and with the import that it may need."""
    if NEEDED not in source or re.search(r"^import functools$", text, re.MULTILINE):
        return replace_unit(text, unit, source)
    if START in text:
        return replace_unit(text, unit, f"import functools\n{source}")
    new = replace_unit(text, unit, source)
    if new is None:
        return None
    lines = new.splitlines()
    first = next((node for node in ast.parse(new).body if not _is_header(node)), None)
    at = (min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))]) if first else 1) - 1
    return "\n".join([*lines[:at], "import functools", *lines[at:]]) + "\n"


def _is_header(node):
    return isinstance(node, ast.Expr) or (isinstance(node, ast.ImportFrom) and node.module == "__future__")

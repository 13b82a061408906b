"""Solves the task's public problem with every skill that fits, and makes each better point a program that returns it.

A chain is one skill from one start: a fresh one, or what the incumbent program returns. Chains take slices in turn by
what they earned per unit of work. Decisions depend on seeds and counts only.
"""

from __future__ import annotations

import ast
import copy
import pprint
import sys
from types import ModuleType

from rung_host import Child
from skills import annealing, constrained, minimax, orbits, sequences

from arms.source import START, editable_files, replace_unit, units

SKILLS = {
    "constrained": constrained,
    "minimax": minimax,
    "sequences": sequences,
    "orbits": orbits,
    "annealing": annealing,
}
LAST_RESORTS = {"annealing"}  # taken only when no other skill fits
FRESH_CHAINS = 1
MOST_CHAINS = 6
FORGET = 0.9
MILLISECONDS_PER_UNIT = 10.0
WIDTH = 110


class Chain:
    """One skill from one start: its slices so far, what they cost and what they earned."""

    def __init__(self, name, slices):
        self.name, self.slices = name, slices
        self.spent = self.credit = 0.0

    def claim(self):
        """Returns how little the chain has had for what it earned; the lowest goes next."""
        return self.spent / (1.0 + self.credit)


class Solve:
    """The arm: one slice of one chain per step, a child when the best value improved."""

    def __init__(self, brief, seed):
        self.brief, self.seed, self.work = brief, seed, 0.0
        self.problem = _problem(brief)
        self.skills = _fitting(self.problem)
        self.place = _place(brief)
        self.best, self.chains, self.made = None, [], 0

    def fits(self):
        """Returns whether there is one public problem, a skill for it, and a place to put the answer."""
        return bool(self.skills) and self.place is not None and len(self.brief.cases) == 1

    def step(self):
        """Returns one child when a slice of work found a better point, else none."""
        if not self.chains:
            self._begin(self.brief.program["files"])
        chain = min(self.chains, key=Chain.claim)
        value, point, work = next(chain.slices)
        chain.spent += work
        chain.credit *= FORGET
        self.work = work / MILLISECONDS_PER_UNIT
        if value is None or (self.best is not None and value <= self.best):
            return []
        self.best = value
        chain.credit += 1.0
        child = self._child(point, chain.name)
        return [] if child is None else [child]

    def learn(self, results):
        """Takes the result of the last child; the public objective said already what it is worth."""
        del results

    def watch(self, member, parent):
        """Takes a success of another arm: a chain starts from what that program returns."""
        del parent
        if len(self.chains) < MOST_CHAINS and self.chains:
            self._chains_from({**self.brief.program["files"], **member.files}, member.operator or "incumbent")

    def _begin(self, files):
        self._chains_from(files, "incumbent")
        for name, skill in self.skills.items():
            for _ in range(FRESH_CHAINS):
                self._add(name, skill, None)

    def _chains_from(self, files, origin):
        start = returned(files, self.brief.program["entry"], self.brief.cases[0], self.problem)
        if start is not None:
            for name, skill in self.skills.items():
                self._add(f"{name} from {origin}", skill, start)

    def _add(self, name, skill, start):
        self.made += 1
        chain = Chain(name, skill.search(self.problem, self.seed * 100 + self.made, start))
        chain.spent = max((other.spent for other in self.chains), default=0.0)
        self.chains.append(chain)

    def _child(self, point, operator):
        file, unit = self.place
        literal = pprint.pformat(self.problem.output(point), width=WIDTH, compact=True)
        text = replace_unit(self.brief.program["files"][file], unit, _answering(unit, literal))
        return None if text is None else Child({file: text}, self.brief.program["id"], f"solve:{operator}")


def returned(files, entry, case, problem):
    """Returns the point that a program's answer stands for, or None when it gives none."""
    file, _, function = entry.partition(":")
    try:
        module = _executed("candidate", files[file])
        return problem.point(vars(module)[function](copy.deepcopy(case)))
    except Exception:  # noqa: BLE001 - any program may stand here, and its failure is only a start the less
        return None


def _executed(name, source):
    """Returns the module a source text makes."""
    module = sys.modules[name] = ModuleType(name)
    exec(compile(source, f"<{name}>", "exec", dont_inherit=True), module.__dict__)
    return module


def _problem(brief):
    if brief.public is None or len(brief.cases) != 1:
        return None
    return _executed("public", brief.public).problem(brief.cases[0])


def _fitting(problem):
    if problem is None:
        return {}
    fitting = {name: skill for name, skill in SKILLS.items() if skill.fits(problem)}
    better = {name: skill for name, skill in fitting.items() if name not in LAST_RESORTS}
    return better or fitting


def _place(brief):
    """Returns (file, unit) that decide what the entry returns: the function, or a region inside it; else None."""
    files = brief.program["files"]
    file, _, function = brief.program["entry"].partition(":")
    if file not in editable_files(files, brief.editable):
        return None
    whole = next(
        (node for node in ast.parse(files[file]).body if isinstance(node, ast.FunctionDef) and node.name == function),
        None,
    )
    for unit in units(file, files[file]) if whole else ():
        inside = START in files[file] and whole.lineno <= unit.first and unit.last <= whole.end_lineno
        if unit.name == function or (inside and not isinstance(ast.parse(unit.text).body[0], ast.FunctionDef)):
            return file, unit
    return None


def _answering(unit, literal):
    """Returns the unit's source with its statements replaced by the return of a literal; the docstring stays."""
    answer = f"return (\n{literal}\n)"
    node = ast.parse(unit.text).body[0]
    if not isinstance(node, ast.FunctionDef):
        return answer
    lines = unit.text.splitlines()
    first = node.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    head = lines[: first.end_lineno if told else first.lineno - 1]
    if not told and first.lineno == node.lineno:
        head = [ast.unparse(node).splitlines()[len(node.decorator_list)]]
    body = ["    " + line for line in answer.splitlines()]
    return "\n".join([*head, *body]) + "\n"

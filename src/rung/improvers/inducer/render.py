"""Terms as Python: readable source for a solution, and fast functions for the enumeration."""

import itertools
import json

from language import PRIMITIVES, as_value, swap
from terms import needed, signature, spell

LOOPS = {"each": 1, "keep": 1, "fold": 2, "pair": 2}
NAMES = {"I": ("n", "k", "m"), "L": ("xs", "ys", "zs"), "N": ("rows", "others", "third"), "B": ("p", "q", "r")}
DECODE = {"char": "ord({0})", "str": "[ord(c) for c in {0}]", "list[str]": "[[ord(c) for c in text] for text in {0}]"}
ENCODE = {
    "char": "chr({0})",
    "str": '"".join(map(chr, {0}))',
    "list[str]": '["".join(map(chr, codes)) for codes in {0}]',
}
LETTERS = {"int": "I", "char": "I", "bool": "B", "str": "L", "list[int]": "L", "list[list[int]]": "N", "list[str]": "N"}
HEAD = '"""Functions that were found from examples, and the work that finding each of them took."""\n\n'
ANSWER = """\
def answer(question):
    if question["puzzle"] not in SOLVED:
        return None
    solve, work = SOLVED[question["puzzle"]]
    return work if question.get("ask") == "work" else solve(question["args"])
"""


class Writer:
    """Spells terms as Python expressions. bare: with lists and operators; else with the operations of `language`."""

    def __init__(self, skills, *, bare):
        self.skills, self.bare = skills, bare
        self.fresh = itertools.count()

    def expression(self, term, scope):
        """Returns the expression of a term of base type; scope: {"$0": text}."""
        if isinstance(term, str):
            if term[0] == "$":
                return scope[term]
            if term[0] == "#":
                return term[1:] if self.bare or term[1] != "[" else f"tuple({term[1:]})"
            return PRIMITIVES[term][2] if self.bare or term != "nil" else "()"
        name, parts = term[0], term[1:]
        loop = PRIMITIVES[name][2] if name not in self.skills else ""
        if loop in LOOPS:
            return self.loop(name, loop, parts, scope=scope)
        return self.call(name, [self.expression(part, scope) for part in parts])

    def call(self, name, texts):
        """Returns the application of a primitive or a skill to texts."""
        if self.bare and name not in self.skills:
            return PRIMITIVES[name][2].format(*texts)
        prefix = "" if self.bare else "o_"
        return f"{prefix}{name}({', '.join(texts)})"

    def apply(self, function, texts, scope):
        """Returns the application of a term of function type to texts."""
        if function == "id":
            return texts[0]
        if isinstance(function, str):
            name = function[1:]
            swapped = as_value(*signature(name, self.skills))[1]
            return self.call(name, texts[::-1] if swapped else texts)
        name, first, rest = function[0], function[1], function[2:]
        if name == "fixr":
            return self.apply(first, [texts[0], self.expression(rest[0], scope)], scope)
        if name == "fixl":
            return self.apply(first, [self.expression(rest[0], scope), texts[0]], scope)
        if name == "comp":
            return self.apply(first, [self.apply(rest[0], texts, scope)], scope)
        if name == "fork":
            return self.apply(first, [self.apply(part, texts, scope) for part in rest], scope)
        if name == "dup":
            return self.apply(first, [texts[0], texts[0]], scope)
        if name == "flip":
            return self.apply(first, texts[::-1], scope)
        return f"(not {self.apply(first, texts, scope)})"  # negate

    def loop(self, name, loop, parts, *, scope):
        """Returns a comprehension or a fold."""
        number = next(self.fresh)
        variables = [
            f"{letter}{number or ''}" for letter in ("v" if LOOPS[loop] == 1 else "sv" if loop == "fold" else "uv")
        ]
        rest = [self.expression(part, scope) for part in parts[1:]]
        body = self.apply(parts[0], variables, scope)
        if not self.bare:
            return f"o_{name}(lambda {', '.join(variables)}: {body}, {', '.join(rest)})"
        body = outer(body)
        if loop == "each":
            return f"[{body} for {variables[0]} in {outer(rest[0])}]"
        if loop == "keep":
            return f"[{variables[0]} for {variables[0]} in {outer(rest[0])} if {body}]"
        if loop == "pair":
            return f"[{body} for {', '.join(variables)} in zip({', '.join(map(outer, rest))})]"
        return f"reduce(lambda {', '.join(variables)}: {body}, {outer(rest[1])}, {outer(rest[0])})"


def outer(text):
    """Returns an expression without the brackets around the whole of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1]


def argument_names(types):
    """Returns a readable name for each argument."""
    left = {letter: iter(NAMES[letter]) for letter in NAMES}
    return [next(left[letter]) for letter in types]


def compiled(skills, operations):
    """Returns {name: function} of the skills; skills: in an order in which each rests on earlier ones only."""
    scope = {f"o_{name}": function for name, function in operations.items()}
    writer = Writer(skills, bare=False)
    lines = []
    for skill in skills.values():
        variables = [f"a{i}" for i in range(len(skill.arguments))]
        body = writer.expression(skill.term, {f"${i}": v for i, v in enumerate(variables)})
        lines.append(f"def o_{skill.name}({', '.join(variables)}): return {body}")
    exec("\n".join(lines), scope)
    return {name: scope[f"o_{name}"] for name in skills}


def value_of(function, *, swapped):
    """Returns an operation as a function value."""
    return swap(function) if swapped else function


def definition(skill, skills):
    """Returns the lines of a helper: its term as a comment, then the function."""
    names = argument_names(skill.arguments)
    text = outer(Writer(skills, bare=True).expression(skill.term, {f"${i}": n for i, n in enumerate(names)}))
    return [f"# skill: {skill.line()}", f"def {skill.name}({', '.join(names)}):", f"    return {text}"]


def solution(found, skills, *, entry):
    """Returns the lines of a solution: its term as a comment, then a function of the list of arguments.

    found: with the name, the term, and the types as the task spells them. entry: the function's name.
    """
    names = argument_names([LETTERS[a] for a in found.arguments])
    text = outer(Writer(skills, bare=True).expression(found.term, {f"${i}": n for i, n in enumerate(names)}))
    kinds = "".join(LETTERS[a] for a in found.arguments)
    lines = [f"# term: {found.name} {kinds}>{LETTERS[found.result]} = {spell(found.term)}", f"def {entry}(args):"]
    lines += [f"    {', '.join(names)}{',' if len(names) == 1 else ''} = args"]
    lines += [f"    {n} = {DECODE[a].format(n)}" for n, a in zip(names, found.arguments, strict=True) if a in DECODE]
    return [*lines, f"    return {ENCODE.get(found.result, '{0}').format(text)}"]


def source(found, skills):
    """Returns the text of solution.py: one solution, and its skills before it."""
    parts = [definition(skills[name], skills) for name in needed(found.term, skills)]
    return module([*parts, solution(found, skills, entry="solve")])


def module(parts):
    """Returns the text of a file of functions, with what they import."""
    parts = [["from functools import reduce"]] * any("reduce(" in line for part in parts for line in part) + parts
    return "\n\n\n".join("\n".join(part) for part in parts) + "\n"


def answers(solved, skills):
    """Returns the text of functions.py; solved: [(found, its work)]. A skill that several rest on stands there once."""
    used = {name: skills[name] for found, _ in solved for name in needed(found.term, skills)}
    parts = [definition(skill, skills) for skill in used.values()]
    parts += [solution(found, skills, entry=f"solve_{found.name}") for found, _ in solved]
    table = [f"    {json.dumps(found.name)}: (solve_{found.name}, {work})," for found, work in solved]
    return HEAD + module([*parts, ["SOLVED = {", *table, "}"], ANSWER.splitlines()])

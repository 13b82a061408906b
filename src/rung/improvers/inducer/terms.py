"""Terms as text and as trees: reading, writing, measuring, typing and rewriting them."""

import re

from language import COMBINATORS, PRIMITIVES, as_value

WORD = re.compile(r"[()]|#\[[^\]]*\]|[^\s()]+")


def parse(text):
    """Returns the term that the text spells.

    Raises:
      ValueError: brackets do not match.
    """
    stack = [[]]
    for word in WORD.findall(text):
        if word == "(":
            stack.append([])
        elif word == ")":
            done = tuple(stack.pop())
            if not stack or not done:
                raise ValueError(f"brackets do not match in {text!r}")
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError(f"one term was expected in {text!r}")
    return stack[0][0]


def spell(term):
    """Returns the text of a term."""
    return term if isinstance(term, str) else "(" + " ".join(map(spell, term)) + ")"


def head(term):
    return term if isinstance(term, str) else term[0]


def subterms(term):
    """Yields the term and all below it."""
    yield term
    if not isinstance(term, str):
        for part in term[1:]:
            yield from subterms(part)


def size(term):
    return 1 if isinstance(term, str) else 1 + sum(map(size, term[1:]))


def names(term):
    """Returns the names of all operations in a term, values without their mark."""
    return {head(part).lstrip("@") for part in subterms(term) if head(part)[0] not in "$#"}


def parameters(term):
    """Returns the arguments a term uses."""
    return {part for part in subterms(term) if isinstance(part, str) and part[0] == "$"}


class Skill:
    """A named term that later terms may use. cost: 0 when it only serves others and is not enumerated itself."""

    __slots__ = ("arguments", "cost", "name", "result", "term")

    def __init__(self, name, arguments, result, *, term, cost=2):
        self.name, self.arguments, self.result, self.term, self.cost = name, tuple(arguments), result, term, cost

    def document(self):
        """Returns the skill as it stands in skills.json."""
        return {
            "name": self.name,
            "arguments": "".join(self.arguments),
            "result": self.result,
            "term": spell(self.term),
            "cost": self.cost,
        }

    def line(self):
        """Returns the skill as it stands in a comment of a solution."""
        return f"{self.name} {''.join(self.arguments)}>{self.result} = {spell(self.term)}"


def read_skill(document):
    """Returns the skill of an entry of skills.json."""
    return Skill(
        document["name"], document["arguments"], document["result"], term=parse(document["term"]), cost=document["cost"]
    )


def signature(name, skills):
    """Returns (arguments, result) of a primitive or a skill."""
    if name in skills:
        return skills[name].arguments, skills[name].result
    return tuple(PRIMITIVES[name][0]), PRIMITIVES[name][1]


def type_of(term, inputs, skills):
    """Returns the type of a term; inputs: the types of $0, $1, ...

    Raises:
      KeyError: it names something unknown.
    """
    name = head(term)
    if name[0] == "$":
        return inputs[int(name[1:])]
    if name[0] == "#":
        return "L" if name[1] == "[" else "I"
    if name[0] == "@":
        return as_value(*signature(name[1:], skills))[0]
    if name in skills or name in PRIMITIVES:
        return signature(name, skills)[1]
    return COMBINATORS[name, tuple(type_of(part, inputs, skills) for part in term[1:])]


def inlined(term, skills):
    """Returns the size of a term in primitives; a skill counts as often as it is called."""
    name = head(term).lstrip("@")
    own = inlined(skills[name].term, skills) if name in skills else 1
    return own + sum(inlined(part, skills) for part in (() if isinstance(term, str) else term[1:]))


def needed(term, skills):
    """Returns the names of all skills a term rests on, those first that others rest on."""
    order = {}

    def visit(part):
        for name in sorted(names(part)):
            if name in skills and name not in order:
                visit(skills[name].term)
                order[name] = True

    visit(term)
    return list(order)


def matches(pattern, term, binding):
    """Returns whether the term is an instance of the pattern; fills binding ($0 -> subterm)."""
    if isinstance(pattern, str):
        return binding.setdefault(pattern, term) == term if pattern[0] == "$" else pattern == term
    return (
        not isinstance(term, str)
        and len(pattern) == len(term)
        and pattern[0] == term[0]
        and all(matches(p, t, binding) for p, t in zip(pattern[1:], term[1:], strict=True))
    )


def rewritten(term, patterns, inputs, skills):
    """Returns the term with instances of skill bodies replaced by calls, outermost first; patterns: skills in order."""
    if isinstance(term, str):
        return term
    for skill in patterns:
        binding = {}
        if matches(skill.term, term, binding):
            parts = [binding[f"${i}"] for i in range(len(skill.arguments))]
            if all(type_of(p, inputs, skills) == a for p, a in zip(parts, skill.arguments, strict=True)):
                return (skill.name, *(rewritten(p, patterns, inputs, skills) for p in parts))
    return (term[0], *(rewritten(part, patterns, inputs, skills) for part in term[1:]))

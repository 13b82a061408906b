"""Finds functions from examples by enumeration over a typed vocabulary, and learns its vocabulary from what it found.

`skills.json` holds what it knows, `weights.json` what productions cost, `settings.json` how much it spends. Given a
program to improve, it searches for one that reproduces the examples; given an improver, it proposes other libraries.
What is spent is counted in applications, and logged: no decision looks at a clock.
"""

import json

from language import operations, world_of
from render import LETTERS, answers, source
from rung_host import Child
from search import Enumeration, Problem
from terms import Skill, read_skill


def improve(brief, host):
    """Proposes a program with what was found, or several libraries when the program is an improver."""
    files = brief.improver["files"]
    settings = {**json.loads(files["settings.json"]), **brief.extra.get("settings", {})}
    if "improver.py" in brief.program["files"]:
        return learn(brief, host, settings)
    skills = {entry["name"]: read_skill(entry) for entry in json.loads(files["skills.json"])}
    many = "puzzle" in brief.cases[0]
    statements = brief.cases if many else [{**json.loads(brief.public), "examples": brief.cases}]
    limit = brief.extra.get("work", settings["applications"])
    solved, total = [], 0
    for each in statements:
        question = Question(each)
        costs = json.loads(files["weights.json"]).get(question.world, {})
        term, used, _ = solve(question.problem, skills, costs, limit=limit, share=settings["seed_share"])
        total += used
        if term is not None:
            solved.append((question.found(term), used))
    host.log(work=total, solved=len(solved))
    if not solved:
        return {"stopped": "the applications were used up"}
    file = brief.program["entry"].partition(":")[0]
    text = answers(solved, skills) if many else source(solved[0][0], skills)
    host.evaluate([Child({file: text}, brief.program["id"], "induce")])
    return {"stopped": "what was found was proposed"}


def learn(brief, host, settings):
    """Proposes libraries made from the solutions in the brief and in the feedback that proposals earn."""
    from library import libraries  # noqa: PLC0415 - a process that solves a task does not pay for this file

    given = brief.extra.get("solutions", ())
    known = json.loads(brief.program["files"]["learned.json"])["solutions"]
    if brief.extra.get("screen") and len(given) < max(settings["enough"], settings["growth"] * known):
        host.log(work=len(given), texts=len(given))
        return {"stopped": "too little is known that the library does not hold: a proof would cost more than it brings"}
    texts = [solution["source"] for solution in given] + list(brief.feedback)
    files, parent, best, left = brief.program["files"], brief.program["id"], brief.value, brief.attempts
    for _ in range(settings["rounds"]):
        host.log(work=settings["learning"] * len(texts), texts=len(texts))
        proposals = libraries(files, texts, settings)[: 1 if given else left]
        if given:  # what is handed over each time needs no copy
            count = json.dumps({"solutions": len(given)}) + "\n"
            proposals = [(by, {**changed, "found.json": "[]\n", "learned.json": count}) for by, changed in proposals]
        if not proposals:
            break
        left -= len(proposals)
        results = host.evaluate([Child(changed, parent, operator) for operator, changed in proposals])
        for (_, changed), result in zip(proposals, results, strict=True):
            texts += result.feedback
            if result.value is not None and result.value > best:
                files, parent, best = {**files, **changed}, result.id, result.value
    return {"stopped": "every library was proposed"}


class Question:
    """A function as a task states it: base types for the search, and the way back to the task's own types."""

    def __init__(self, statement):
        self.name = statement["puzzle"] if "puzzle" in statement else statement["name"]
        self.arguments, self.result = statement["arguments"], statement["result"]
        literals = [literal(value) for value in statement.get("constants", [])]
        kinds = [LETTERS[a] for a in self.arguments]
        self.world = world_of((*kinds, LETTERS[self.result]))
        rows = statement["examples"]
        self.problem = Problem(
            kinds,
            LETTERS[self.result],
            literals=literals,
            inputs=[[encoded(v, a) for v, a in zip(row["args"], self.arguments, strict=True)] for row in rows],
            outputs=[encoded(row["expected"], self.result) for row in rows],
        )

    def found(self, term):
        """Returns the solution, with the types as the task spells them."""
        return Skill(self.name, self.arguments, self.result, term=term)


def literal(value):
    """Returns (spelling, base type, value) of a constant that came with the task: a number, a character or a text."""
    if isinstance(value, str) and len(value) > 1:
        codes = encoded(value, "str")
        return f"#[{','.join(map(str, codes))}]", "L", codes
    code = ord(value) if isinstance(value, str) else value
    return f"#{code}", "I", code


def encoded(value, kind):
    """Returns a value of the task's type as one of base type: tuples for lists and texts, codes for characters."""
    if kind == "char":
        return ord(value)
    if isinstance(value, str):
        return tuple(map(ord, value))
    return tuple([encoded(v, "") for v in value]) if isinstance(value, list) else value


def solve(problem, skills, costs, *, limit, share):
    """Returns (term or None, applications used, vocabulary that found it); a share of the limit is the seed's own."""
    work = [0]
    tools = operations(work)
    plans = [("learned", skills, costs, limit - int(share * limit)), ("seed", {}, {}, int(share * limit))]
    if not skills and not costs:
        plans = [("seed", {}, {}, limit)]
    total = 0
    for by, known, prices, part in plans:
        search = Enumeration(problem, known, costs=prices, operations=tools, work=work)
        term = search.run(part)
        total += search.used
        if term is not None:
            return term, total, by
    return None, total, ""

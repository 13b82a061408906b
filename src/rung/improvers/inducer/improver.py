"""Finds functions from examples by enumeration over a typed vocabulary, and learns its vocabulary from what it found.

`skills.json` holds what it knows, `weights.json` what productions cost, `settings.json` how much it spends. Given a
program to improve, it searches for one that reproduces the examples; given an improver, it proposes other libraries.
What is spent is counted in applications, and logged: no decision looks at a clock.
"""

import json

from language import operations, world_of
from render import source
from rung_host import Child
from search import Enumeration, Problem
from terms import read_skill

LETTERS = {"int": "I", "char": "I", "bool": "B", "str": "L", "list[int]": "L", "list[list[int]]": "N", "list[str]": "N"}


def improve(brief, host):
    """Proposes one solution when one is found, or several libraries when the program is an improver."""
    settings = {**json.loads(brief.improver["files"]["settings.json"]), **brief.extra.get("settings", {})}
    if "improver.py" in brief.program["files"]:
        return learn(brief, host, settings)
    limit = brief.extra.get("applications", settings["applications"])
    skills = {entry["name"]: read_skill(entry) for entry in json.loads(brief.improver["files"]["skills.json"])}
    question = Question(brief)
    costs = json.loads(brief.improver["files"]["weights.json"]).get(question.world, {})
    term, used, by = solve(question.problem, skills, costs, limit=limit, share=settings["seed_share"])
    host.log(applications=used, found=by)
    if term is None:
        return {"stopped": "the applications were used up"}
    host.evaluate([Child({question.file: question.source(term, skills)}, brief.program["id"], by)])
    return {"stopped": "a solution was proposed"}


def learn(brief, host, settings):
    """Proposes libraries made from the solutions in the brief and in the feedback that proposals earn."""
    from library import libraries  # noqa: PLC0415 - a process that solves a task does not pay for this file

    texts = [solution["source"] for solution in brief.extra.get("solutions", ())] + list(brief.feedback)
    files, parent, best, left = brief.program["files"], brief.program["id"], brief.value, brief.attempts
    for _ in range(settings["rounds"]):
        proposals = libraries(files, texts, settings)[:left]
        host.log(texts=len(texts), proposals=len(proposals))
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
    """A task as the brief states it: base types for the search, and the way back to the task's own types."""

    def __init__(self, brief):
        public = json.loads(brief.public)
        self.name, self.arguments, self.result = public["name"], public["arguments"], public["result"]
        self.file = brief.program["entry"].partition(":")[0]
        literals = [literal(value) for value in public.get("constants", [])]
        kinds = [LETTERS[a] for a in self.arguments]
        self.world = world_of((*kinds, LETTERS[self.result]))
        self.problem = Problem(
            kinds,
            LETTERS[self.result],
            literals=literals,
            inputs=[[encoded(v, a) for v, a in zip(case["args"], self.arguments, strict=True)] for case in brief.cases],
            outputs=[encoded(case["expected"], self.result) for case in brief.cases],
        )

    def source(self, term, skills):
        """Returns the solution's text."""
        return source(self.name, term, skills, arguments=self.arguments, result=self.result, letters=LETTERS)


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

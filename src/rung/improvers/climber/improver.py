"""Finds programs from examples by enumeration in two grammars, and learns the second one from what was found.

`library.json` holds the learned tokens with their weights, and the share of the nodes that the seed grammar keeps.
Given puzzles, it proposes the answers it found in one child; given an improver, it proposes another library. What is
spent is counted in nodes, and logged: no decision looks at a clock.
"""

import json

from grammar import SEED, Portfolio
from rung_host import Child
from search import attempt


def improve(brief, host):
    """Proposes answers, or a library when the program is an improver."""
    if "improver.py" in brief.program["files"]:
        return learn(brief, host)
    return practise(brief, host)


def practise(brief, host):
    """Proposes an answer to each puzzle that was solved within its nodes."""
    both, tables = Portfolio(json.loads(brief.improver["files"]["library.json"])), {}
    seed, learned = SEED.moves(tables), both.learned and both.learned.moves(tables)
    answers, work = {}, 0
    for case in brief.cases:
        program, spent = attempt(case["examples"], seed, learned, share=both.share, cap=brief.extra["work"])
        work += spent
        if program is not None:
            answers[case["puzzle"]] = {"program": program, "work": spent}
    host.log(work=work, solved=len(answers))
    if not answers:
        return {"stopped": "nothing was solved"}
    host.evaluate([Child({"answers.json": json.dumps(answers)}, brief.program["id"], "search")])
    return {"stopped": "the answers were proposed"}


def learn(brief, host):
    """Proposes a library made from the solutions in the brief, the newest of which it has to predict."""
    from library import proposal  # noqa: PLC0415 - a process that solves puzzles does not pay for this file

    solutions = brief.extra.get("solutions", ())
    last = max((solution["generation"] for solution in solutions), default=0)
    older = [solution["source"] for solution in solutions if solution["generation"] != last]
    newest = [solution["source"] for solution in solutions if solution["generation"] == last]
    present = json.loads(brief.program["files"]["library.json"])
    made, work = proposal(present, older, newest, screened=brief.extra.get("screen", True))
    host.log(work=work, solutions=len(solutions), tokens=len(made["tokens"]) if made else 0)
    if made is None or made == present:
        return {"stopped": "no library is worth proposing"}
    host.evaluate([Child({"library.json": json.dumps(made, indent=2) + "\n"}, brief.program["id"], "library")])
    return {"stopped": "a library was proposed"}

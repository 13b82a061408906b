"""Turns a policy, which is a generator, into answers to one question after the other."""

from random import Random

from policy import search

_searches = {}


def step(question):
    """Returns {"points": [[...], ...]} to measure next, or {"choice": [...]} when the policy is done.

    question: {"episode": name} with "space", "ordered", "budget" and "seed" at first, "results" afterwards.
    """
    name = question["episode"]
    try:
        if "space" in question:
            budget, rng = question["budget"], Random(question["seed"])
            _searches[name] = search(question["space"], question["ordered"], budget, rng)
            points = next(_searches[name])
        else:
            points = _searches[name].send(question["results"])
    except StopIteration as end:
        return {"choice": end.value}
    return {"points": points}

"""Makes a program better, with or without a model: what an arm earned decides what it gets next.

An arm is a class with `__init__(brief, seed)`, `fits()`, `step() -> children`, `learn(results)` and `work`, the
deterministic cost of the last step in units of about 10 ms. Optional: `join(pool)`, what the arms share; `meet(host)`;
`watch(member, parent)`, the success of another arm; `narrow(going, results)`, which children go on after their first
case; `counts()`, numbers for people. Decisions depend on seeds and counts only, never on clocks.
"""

from __future__ import annotations

import json
from dataclasses import replace

from arms.constants import Constants
from arms.edits import Edits
from arms.fresh import Fresh
from arms.pool import Pool
from arms.recombine import Recombine
from arms.rewrite import Rewrite
from arms.shares import Shares

try:
    from arms.solve import Solve
except ImportError:  # an improver without solver skills is still an improver
    Solve = None

try:
    from arms.model import Model
except ImportError:  # nor does one need a model
    Model = None

ARMS = {
    "solve": Solve,
    "edits": Edits,
    "constants": Constants,
    "recombine": Recombine,
    "rewrite": Rewrite,
    "fresh": Fresh,
    "model": Model,
}
RACE_CASES = 3  # with this many train cases or more, a child must hold its own on the first one
RACE_SLACK = 0.02
IDLE = 20
MOST_ENTRIES = 9_000  # a run's record holds no more than 10,000
CHEAP = ("ok", "raced", "invalid", "error")
ENDLESS = 100.0  # cost units of a child that ran into a limit of time or memory


def improve(brief, host):
    """Searches until the host says stop or no arm has anything left to try."""
    settings = json.loads(brief.improver["files"]["weights.json"])
    pool = Pool(brief)
    arms = make_arms(brief, pool, host)
    if not arms:
        return {"stopped": "nothing to edit and no public problem to solve"}
    shares = Shares({name: settings["shares"][name] for name in arms}, floor=settings["floor"])
    idle = entries = 0
    while idle < IDLE * len(arms):
        name = shares.choose()
        children, cost = run_step(arms, name, pool=pool, host=host, brief=brief)
        shares.pay(name, cost, pool.best.value)
        solving = cost > 0.0 and not hasattr(arms[name], "pool")
        idle = 0 if children or solving else idle + 1
        report = shares.report() or {}
        if hasattr(arms[name], "counts"):
            report.update(shares.numbers(), **arms[name].counts())
        if report and entries < MOST_ENTRIES:
            host.log(**report)
            entries += 1
    return {"stopped": "every arm ran out of new programs"}


def make_arms(brief, pool, host):
    """Returns the arms that fit the task, by name."""
    arms = {}
    for number, (name, make) in enumerate(ARMS.items()):
        if make is None:
            continue
        arm = make(brief, brief.seed * 64 + number)
        if hasattr(arm, "join"):
            arm.join(pool)
        if hasattr(arm, "meet"):
            arm.meet(host)
        if arm.fits():
            arms[name] = arm
    return arms


def run_step(arms, name, *, pool, host, brief):
    """Returns (children, cost): one slice of one arm, its children judged, everybody told."""
    arm = arms[name]
    children = list(arm.step())
    cost = arm.work
    if children:
        results = race(children, pool, host, brief, narrow=getattr(arm, "narrow", None))
        cost += sum(1.0 if result.status in CHEAP else ENDLESS for result in results)
        arm.learn(results)
        for child, result in zip(children, results, strict=True):
            member = next((one for one in pool.members if one.id == result.id), None)
            if member is None and not hasattr(arm, "pool"):
                member = pool.add({**pool.seed.files, **child.files}, result, child.operator)
            if member is not None:
                for other in arms.values():
                    if other is not arm and hasattr(other, "watch"):
                        other.watch(member, child.parent)
    return children, cost


def race(children, pool, host, brief, *, narrow=None):
    """Returns one result per child; with many cases, a child that is clearly worse on the first gets no further."""
    if len(brief.cases) < RACE_CASES or not pool.best.scores:
        return host.evaluate(children)
    bars = {member.id: member.scores[0] for member in pool.members if member.scores}
    first = host.evaluate(children, cases=1)
    going = [
        k
        for k, (child, result) in enumerate(zip(children, first, strict=True))
        if result.status == "ok" and result.scores[0] >= _bar(bars.get(child.parent, pool.best.scores[0]))
    ]
    going = going if narrow is None else narrow(going, first)
    results = [replace(result, status="raced", value=None) if result.status == "ok" else result for result in first]
    if going:
        for k, result in zip(going, host.evaluate([children[k] for k in going]), strict=True):
            results[k] = result
    return results


def _bar(score):
    return score - RACE_SLACK * abs(score)

"""Learns a vocabulary: whole solutions become skills, ranked by re-use; costs are fitted to what solutions are made of.

Solutions are read from their own source alone: the comment lines `# skill:` and `# term:`. Every library that is
proposed is complete, bounded and pruned; a skill outside of it stays as a definition only where others rest on it.
"""

import json
import math
import re
from collections import Counter, defaultdict
from keyword import iskeyword

from language import COMBINATORS, FAILURES, PRIMITIVES, as_value, operations, production_name, seed_cost, world_of
from render import compiled
from search import Probes, Problem
from terms import Skill, head, inlined, needed, parameters, parse, read_skill, rewritten, size, subterms, type_of

LINE = re.compile(r"^\+?# (skill|term): (\w+) ([IBLN]+)>([IBLN]) = (.+)$", re.MULTILINE)
LARGEST_BODY = 40
NAMED = {name for name, _ in COMBINATORS}
RESERVED = {"abs", "chr", "len", "list", "map", "max", "min", "ord", "range", "reduce", "solve", "sum", "text", "zip"}


def libraries(files, texts, settings):
    """Returns [(operator, changed files)]: whole libraries, each made from all solutions in its own way.

    files: the improver's own. texts: sources of solutions, or diffs that hold them.
    """
    table, solved = read(files, texts)
    if not solved:
        return []
    table = tidied(table)
    terms = {name: rewritten_by(table, skill) for name, skill in solved.items()}
    inputs = {name: skill.arguments for name, skill in solved.items()}
    found = [Skill(name, inputs[name], solved[name].result, term=terms[name], cost=0) for name in solved]
    proposals, seen = [], {files["skills.json"] + files["weights.json"]}
    for rank in settings["ranks"]:
        chosen = RANKS[rank](table, terms, settings["library"])
        changed = rendered(table, chosen, terms, inputs=inputs, settings=settings)
        if changed["skills.json"] + changed["weights.json"] not in seen:
            seen.add(changed["skills.json"] + changed["weights.json"])
            proposals.append((f"library-{rank}", {**changed, "found.json": as_lines(found[-settings["memory"] :])}))
    return proposals


def read(files, texts):
    """Returns ({name: skill}, {task: its solution}): everything that is known, and what was solved so far."""
    table = {entry["name"]: read_skill(entry) for entry in json.loads(files["skills.json"])}
    solved = {entry["name"]: read_skill(entry) for entry in json.loads(files["found.json"])}
    helpers = {}
    for what, name, arguments, result, spelled in LINE.findall("\n".join(texts)):
        try:
            skill = Skill(name, arguments, result, term=parse(spelled), cost=0)
        except ValueError:  # feedback may have been cut off in the middle of a line
            continue
        (helpers if what == "skill" else solved).setdefault(name, skill)
    for skill in (*solved.values(), *helpers.values()):
        if skill.name not in table and useful(skill):
            table[skill.name] = skill
    table = ordered(table)
    return table, {task: skill for task, skill in solved.items() if known(skill.term, table)}


def useful(skill):
    """Returns whether a solution can serve others: more than one operation, all arguments used, nothing of the task."""
    return (
        size(skill.term) > 2
        and len(parameters(skill.term)) == len(skill.arguments)
        and not any(head(part)[0] == "#" for part in subterms(skill.term))
        and skill.name.isidentifier()
        and not iskeyword(skill.name)
        and skill.name not in RESERVED | set(PRIMITIVES) | NAMED
    )


def as_lines(skills):
    """Returns skills as a JSON list, one per line, so that a diff can be read."""
    return "[\n" + ",\n".join(json.dumps(skill.document()) for skill in skills) + "\n]\n"


def known(term, table):
    """Returns whether all names in a term mean something."""
    names = {head(part).lstrip("@") for part in subterms(term) if head(part)[0] not in "$#"}
    return all(name in table or name in PRIMITIVES or name in NAMED for name in names)


def ordered(table):
    """Returns the skills that rest on known ones only, each after those it rests on."""
    order, left = {}, dict(table)
    while ready := [skill for skill in left.values() if known(skill.term, order)]:
        for skill in ready:
            order[skill.name] = left.pop(skill.name)
    return order


def tidied(table):
    """Returns the table without twins (skills that behave alike on the probes), bodies written with smaller skills."""
    work = [0]
    functions = compiled(table, operations(work))
    probes = Probes(Problem("", "I", inputs=[], outputs=()), work)
    kept, twins, seen = {}, {}, {}
    for skill in sorted(table.values(), key=lambda s: inlined(s.term, table)):
        kind = "".join(skill.arguments)
        key = skill.name
        if kind in probes.columns:
            try:
                behaviour = probes.of(f"{kind}>{skill.result}", functions[skill.name])
                key = (kind, skill.result, behaviour) if len(set(behaviour)) > 1 else skill.name
            except FAILURES:
                key = skill.name
        if key in seen:
            twins[skill.name] = seen[key]
            continue
        seen[key] = skill.name
        kept[skill.name] = skill
    result = {}
    for skill in ordered(
        {s.name: Skill(s.name, s.arguments, s.result, term=renamed(s.term, twins), cost=s.cost) for s in kept.values()}
    ).values():
        result[skill.name] = Skill(
            skill.name, skill.arguments, skill.result, cost=skill.cost, term=rewritten_by(result, skill)
        )
    return Table(result, twins)


class Table(dict):
    """Skills by name. twins: names that were dropped -> the skill that does the same."""

    def __init__(self, skills, twins):
        super().__init__(skills)
        self.twins = twins


def renamed(term, twins):
    """Returns the term with the names of twins replaced."""
    if isinstance(term, str):
        mark = "@" if term[0] == "@" else ""
        return mark + twins.get(term.lstrip("@"), term.lstrip("@"))
    return (twins.get(term[0], term[0]), *(renamed(part, twins) for part in term[1:]))


def rewritten_by(table, skill):
    """Returns a solution in terms of smaller skills, the largest bodies first."""
    term = renamed(skill.term, getattr(table, "twins", {}))
    own = inlined(term, table)
    sizes = {name: inlined(other.term, table) for name, other in table.items() if name != skill.name}
    patterns = sorted(
        (table[name] for name, n in sizes.items() if n < min(own, LARGEST_BODY)),
        key=lambda other: (-sizes[other.name], other.name),
    )
    return rewritten(term, patterns, skill.arguments, table)


def uses(table, terms):
    """Returns how many other solutions use each skill, directly."""
    counts = Counter(dict.fromkeys(table, 0))
    for task, term in terms.items():
        counts.update({head(part).lstrip("@") for part in subterms(term)} & set(table) - {task})
    return counts


def by_use(table, terms, limit):
    """Returns the most re-used skills; of equals, those found last."""
    counts, age = uses(table, terms), {name: i for i, name in enumerate(terms)}
    return sorted(table, key=lambda name: (-counts[name], -age.get(name, -1), name))[:limit]


def by_recency(table, terms, limit):
    """Returns the most re-used skills for two thirds, and the latest others."""
    first = by_use(table, terms, 2 * limit // 3)
    age = {name: i for i, name in enumerate(terms)}
    return first + sorted(set(table) - set(first), key=lambda name: (-age.get(name, -1), name))[: limit - len(first)]


def by_signature(table, terms, limit):
    """Returns the most re-used skills, none of them before every signature has as many."""
    taken, order = Counter(), {}
    for name in by_use(table, terms, len(table)):
        kind = (table[name].arguments, table[name].result)
        order[name] = taken[kind]
        taken[kind] += 1
    return sorted(order, key=order.get)[:limit]


RANKS = {"use": by_use, "recency": by_recency, "signature": by_signature}


def rendered(table, chosen, terms, *, inputs, settings):
    """Returns the two files of a library: the skills, one per line, and the costs that differ from the usual ones."""
    keep = ordered({name: table[name] for top in chosen for name in (*needed(table[top].term, table), top)})
    late = settings["late_cost"]
    usual = {name: late if place >= settings["core"] else settings["skill_cost"] for place, name in enumerate(chosen)}
    priced = [Skill(s.name, s.arguments, s.result, term=s.term, cost=usual.get(s.name, 0)) for s in keep.values()]
    counts = {task: production_counts(term, inputs[task], table) for task, term in terms.items()}
    worlds = {task: world_of((*inputs[task], type_of(term, inputs[task], table))) for task, term in terms.items()}
    made, weights = productions(table, chosen), {}
    for world in "ILN":
        here = Counter()
        for task, found in counts.items():
            here.update({name: n * (1.0 if worlds[task] == world else settings["abroad"]) for name, n in found.items()})
        weights[world] = prices(made, here, usual, settings)
    body = ",\n".join(
        f"  {json.dumps(world)}: {{\n"
        + ",\n".join(f"    {json.dumps(key)}: {costs[key]}" for key in sorted(costs))
        + "\n  }"
        for world, costs in weights.items()
    )
    return {"skills.json": as_lines(priced), "weights.json": "{\n" + body + "\n}\n"}


def productions(table, chosen):
    """Returns {result type: productions}; a value and a combinator have function types, an argument is "$L"."""
    made = defaultdict(list, {kind: [f"${kind}"] for kind in "IBLN"})
    operations_of = {name: (tuple(a), r) for name, (a, r, _) in PRIMITIVES.items()}
    operations_of.update({name: (table[name].arguments, table[name].result) for name in chosen})
    for name, (arguments, result) in operations_of.items():
        made[result].append(name)
        lifted = as_value(arguments, result)
        if lifted:
            made[lifted[0]].append(f"@{name}")
    for (name, arguments), result in COMBINATORS.items():
        made[result].append(production_name(name, arguments))
    return made


def production_counts(term, inputs, table):
    """Returns how often each production occurs in a solution; inputs: its argument types."""
    counts = Counter()
    for part in subterms(term):
        name, arguments = head(part), () if isinstance(part, str) else part[1:]
        if name[0] == "$":
            name = f"${inputs[int(name[1:])]}"
        counts[production_name(name, tuple(type_of(each, inputs, table) for each in arguments))] += 1
    return counts


def prices(made, counts, skill_costs, settings):
    """Returns {production: cost} where it differs from the usual cost.

    A cost is a logarithm of how often a production is taken where its result type is wanted. The usual costs count as
    `strength` occurrences, and no cost moves further than the settings allow: nothing is forgotten.
    """
    base, strength, costs = settings["base"], settings["strength"], {}
    for keys in made.values():
        usual = {key: skill_costs.get(key, seed_cost(key)) for key in keys}
        prior = {key: base ** (-cost / 2) for key, cost in usual.items()}
        whole, seen = sum(prior.values()), sum(counts[key] for key in keys)
        for key, cost in usual.items():
            before = prior[key] / whole
            after = (counts[key] + strength * before) / (seen + strength)
            shift = round(-2 * math.log(after / before, base))
            moved = max(1, cost + max(-settings["cheaper"], min(settings["dearer"], shift)))
            if moved != cost:
                costs[key] = moved
    return costs

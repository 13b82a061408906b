"""Asks a model for SEARCH/REPLACE edits, four at a time, and then for other words without a model."""

import random
import re

from rung_host import Child

EDIT = re.compile(r"FILE (\S+)\n<<<<<<< SEARCH\n(.*?)\n=======\n(.*?)\n>>>>>>> REPLACE", re.DOTALL)


def edited(files, text):
    changes = {}
    for name, old, new in EDIT.findall(text):
        source = changes.get(name, files.get(name, ""))
        if old not in source:
            return None
        changes[name] = source.replace(old, new, 1)
    return changes or None


def improve(brief, host):
    rng = random.Random(brief.seed)
    parent, files, best = brief.program["id"], dict(brief.program["files"]), brief.value
    for turn in range(3):
        listing = "\n".join(f"FILE {name}\n{text}" for name, text in sorted(files.items()))
        hints = rng.sample(["Be loud.", "Be brief.", "Be bold.", "Be kind."], 3)
        prompts = [
            {
                "messages": [
                    {"role": "system", "content": "You answer with SEARCH/REPLACE edits."},
                    {"role": "user", "content": f"{brief.goal}\n{hint}\nSEARCH and REPLACE in:\n{listing}"},
                ],
                "max_tokens": 120,
                "temperature": 1.0,
            }
            for hint in [*hints, hints[0]]
        ]
        children, finishes = [], []
        for answer in host.generate(prompts):
            changes = edited(files, answer.text) if not answer.error else None
            finishes.append(answer.finish if changes or answer.error else "no edit")
            if changes:
                children.append(Child(changes, parent, f"model-{turn}"))
        host.log(turn=turn, finishes=finishes, work=len(children))
        for child, result in zip(children, host.evaluate(children)):
            if result.value is not None and result.value > best:
                best, parent, files = result.value, result.id, {**files, **child.files}
    for _ in range(4):
        words = files["prompt.md"].split()
        del words[rng.randrange(len(words))]
        host.evaluate([Child({"prompt.md": " ".join(words) + "\n"}, parent, "shorter")])

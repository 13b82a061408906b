"""A baseline: independent samples of a model, each a whole file written from the seed program; the best is kept."""

from __future__ import annotations

import ast
import fnmatch
import itertools
import json

from model.fences import Rejected, fenced, readable
from model.whole import parsed, whole
from rung_host import Child

DUMB = 20  # batches in a row without one new program
SPARE_TOKENS = 600
LETTERS_PER_TOKEN = 3


def improve(brief, host):
    """Asks until nothing is left: all models in turn, by the same prompt."""
    settings = json.loads(brief.improver["files"]["settings.json"])
    name, text = main_file(brief)
    models = [model["name"] for model in brief.models]
    if name is None or not models:
        return {"stopped": "this baseline needs a model, and a program whose main file may be edited"}
    prompts = [question(brief, name, text, settings)] * settings["samples"]
    counts, tried, dumb = dict.fromkeys(("asked", "usable", "same"), 0), {ast.dump(ast.parse(text))}, 0
    turns = itertools.cycle(models)
    while dumb < DUMB:
        model = next(turns)
        answers = host.generate([{**prompt, "model": model} for prompt in prompts])
        if all(answer.error and answer.finish == "budget" for answer in answers):
            if len(prompts) == 1:
                return {"stopped": "the tokens or the money for the model are used up"}
            prompts = prompts[: len(prompts) // 2]
        children = list(programs(answers, brief, name, text, tried, counts))
        host.log(**{f"model.{key}": value for key, value in counts.items()})
        if children:
            host.evaluate(children)
        dumb = 0 if children else dumb + 1
    return {"stopped": "the model has no new program"}


def main_file(brief):
    """Returns (name, text) of the file with the entry, or (None, "") when it may not be edited."""
    name = brief.program["entry"].partition(":")[0]
    allowed = brief.editable is None or any(fnmatch.fnmatchcase(name, pattern) for pattern in brief.editable)
    if not allowed:  # the entry is a frame around what may be edited
        allowed_names = [
            each
            for each in sorted(brief.program["files"])
            if each.endswith(".py") and any(fnmatch.fnmatchcase(each, pattern) for pattern in brief.editable)
        ]
        name = allowed_names[0] if allowed_names else None
    text = brief.program["files"].get(name)
    return (name, text) if isinstance(text, str) else (None, "")


def question(brief, name, text, settings):
    """Returns the one prompt there is."""
    values = {"goal": brief.goal, "value": f"{brief.value:.6g}", "path": name, "program": text.rstrip()}
    content = brief.improver["files"]["prompt.md"]
    for key, value in values.items():
        content = content.replace("{{" + key + "}}", value, 2 if key == "path" else 1)
    return {
        "messages": [{"role": "user", "content": content}],
        "max_tokens": min(settings["most_tokens"], SPARE_TOKENS + len(text) // LETTERS_PER_TOKEN),
        "temperature": settings["temperature"],
    }


def programs(answers, brief, name, text, tried, counts):
    """Yields the children in the answers that are programs and new."""
    for answer in answers:
        counts["asked"] += 1
        if answer.error:
            continue
        try:
            new = rewritten(answer.text, text, name)
            key = ast.dump(parsed(new, name))
        except Rejected:
            continue
        counts["usable"] += 1
        counts["same"] += key in tried
        if key not in tried:
            tried.add(key)
            yield Child({name: new}, brief.program["id"], "model")


def rewritten(answer, text, name):
    """Returns the file in an answer: the longest code block.

    Raises:
      Rejected: there is none, or it has nothing to do with the file.
    """
    blocks = fenced(readable(answer))
    if not blocks:
        raise Rejected("the answer holds no code block")
    return whole(text, max(blocks, key=lambda block: len(block.text)).text, name=name)

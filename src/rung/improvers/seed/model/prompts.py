"""Prompts are the `.md` files of `prompts`, with {{names}} and with parts that stand only when they say something."""

from __future__ import annotations

import re

FOLDER = "prompts/"
PART = re.compile(r"\{\{#(\w+)\}\}\n?(.*?)\{\{/\1\}\}\n?", re.DOTALL)
NAME = re.compile(r"\{\{(\w+)\}\}")


def prompts_of(files):
    """Returns the prompts among an improver's files, by name."""
    return {
        name.removeprefix(FOLDER).removesuffix(".md"): text
        for name, text in files.items()
        if name.startswith(FOLDER) and name.endswith(".md") and isinstance(text, str)
    }


def rendered(template, values):
    """Returns the prompt with every {{name}} replaced; {{#name}}...{{/name}} stays only when the value is not empty.

    What is put in is not looked at again: a program may hold braces.
    """
    kept = PART.sub(lambda match: match[2] if values.get(match[1]) else "", template)
    return NAME.sub(lambda match: str(values.get(match[1], "")), kept).strip() + "\n"

"""Keys: where they come from, and how no text that leaves the broker holds one.

Covered: the key itself, as it stands, as in a URL, in base64, and in JSON; the usual shapes of keys in what endpoints
say of errors (some repeat a part of the key). Not covered: keys shorter than eight characters, which are dummies of
local servers and could not be told from ordinary text.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from rung.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rung.models.port import Completion, Prompt

GONE = "[secret]"
SHORTEST = 8
SHAPES = re.compile(
    r"(?i:bearer\s+[\w.~+/*-]{8,}=*)|\b(?:sk|pk|rk|gsk|xai|hf)[-_][\w*-]{6,}|\bAIza[\w-]{10,}|\bey[\w-]{10,}\.[\w.-]{10,}"
)


class Key:
    """A key that prints as where it came from."""

    __slots__ = ("_text", "variable")

    def __init__(self, text: str, *, variable: str) -> None:
        self._text, self.variable = text, variable

    def reveal(self) -> str:
        """Returns the key itself: for the header of a request, and for the scrubber."""
        return self._text

    def __repr__(self) -> str:
        """Returns where it came from."""
        return f"Key(from {self.variable})"

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuses to be pickled: a key lives in one process only."""
        raise TypeError("a key is never written down")


def key_from(environment: Mapping[str, str], variable: str) -> Key | None:
    """Returns the key in a variable, None when it is not set or empty.

    Raises:
      BadInput: it holds something that no header can carry.
    """
    text = environment.get(variable, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise BadInput(f"the key in {variable} holds a blank or a character that no key has: set it again")
    return Key(text, variable=variable)


class Scrubber:
    """Takes every known key out of whatever is sent, recorded or said."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        texts = {key.reveal() for key in keys if len(key.reveal()) >= SHORTEST}
        forms = {form for text in texts for form in _forms(text)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __repr__(self) -> str:
        """Returns nothing that is worth hiding."""
        return "Scrubber()"

    def text(self, text: str) -> str:
        """Returns the text without any known key."""
        return text if self._known is None else self._known.sub(GONE, text)

    def reason(self, text: str) -> str:
        """Returns what an endpoint said of an error, without known keys and without what has the shape of one."""
        return SHAPES.sub(GONE, self.text(text))

    def prompt(self, prompt: Prompt) -> Prompt:
        """Returns the prompt as it may be sent."""
        messages = tuple(replace(each, content=self.text(each.content)) for each in prompt.messages)
        return replace(prompt, messages=messages, stop=tuple(self.text(each) for each in prompt.stop))

    def completion(self, completion: Completion) -> Completion:
        """Returns the answer as it may be recorded."""
        return replace(
            completion,
            text=self.text(completion.text),
            finish_reason=self.text(completion.finish_reason),
            model=self.text(completion.model),
        )


def _forms(text: str) -> Iterable[str]:
    raw = text.encode()
    yield from (text, quote(text, safe=""), json.dumps(text)[1:-1])
    yield from (base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("="))

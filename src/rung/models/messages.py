"""Anthropic's messages: what a prompt is in them, and how their answers are read.

They take neither a temperature (since their version of 2026-10-21) nor a seed, so none is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rung.models.errors import Malformed
from rung.models.exchange import counted, short
from rung.models.port import Completion, Prompt

if TYPE_CHECKING:
    from rung.wire import JSON

ENDS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
READ = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")  # disjoint parts of the prompt


def messages_request(prompt: Prompt, model: str) -> dict[str, JSON]:
    """Returns the fields of the question; system messages go before all others."""
    system = "\n\n".join(each.content for each in prompt.messages if each.role == "system")
    turns: list[JSON] = [
        {"role": each.role, "content": each.content} for each in prompt.messages if each.role != "system"
    ]
    optional: dict[str, JSON] = {
        "system": system or None,
        "stop_sequences": list(prompt.stop) or None,
    }
    return {
        "model": model,
        "messages": turns,
        "max_tokens": prompt.max_tokens,
        **{name: value for name, value in optional.items() if value is not None},
    }


def read_messages(document: Any, endpoint: str) -> Completion:  # noqa: ANN401 - hostile JSON, checked here
    """Returns what the endpoint answered; thoughts are paid for and left out.

    Raises:
      Malformed: it is no message.
    """
    try:
        texts = [block["text"] for block in document["content"] if block["type"] == "text"]
        reason, usage = document.get("stop_reason"), document.get("usage")
    except (KeyError, TypeError, AttributeError):
        raise Malformed(f"{endpoint} answered with JSON that is no message", in_doubt=True) from None
    if not all(isinstance(text, str) for text in texts) or not isinstance(usage, dict | None):
        raise Malformed(f"{endpoint} answered with a message that is no text", in_doubt=True)
    used: tuple[int | None, int | None] = (None, None)
    if usage:
        *parts, answer = counted(
            *(usage.get(name) or 0 for name in READ), usage.get("output_tokens"), endpoint=endpoint
        )
        used = sum(parts), answer
    finish = short(reason, most=40, otherwise="unknown")
    return Completion("".join(texts), ENDS.get(finish, finish), *used, short(document.get("model"), most=200))

"""Google's generateContent: what a prompt is in it, and how its answers are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rung.models.errors import Malformed
from rung.models.exchange import counted, short
from rung.models.port import Completion, Prompt

if TYPE_CHECKING:
    from rung.wire import JSON

ROLES = {"user": "user", "assistant": "model"}
ENDS = {"STOP": "stop", "MAX_TOKENS": "length"}
DECLINED = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"}
SEEDS = 1 << 31  # it takes 32 bits with a sign


def contents_request(prompt: Prompt, model: str) -> dict[str, JSON]:
    """Returns the arguments of the SDK's generate_content; system messages go before all others."""
    system = "\n\n".join(each.content for each in prompt.messages if each.role == "system")
    contents: list[JSON] = [
        {"role": ROLES[each.role], "parts": [{"text": each.content}]} for each in prompt.messages if each.role in ROLES
    ]
    optional: dict[str, JSON] = {
        "system_instruction": system or None,
        "temperature": prompt.temperature,
        "seed": None if prompt.seed is None else prompt.seed % SEEDS,
        "stop_sequences": list(prompt.stop) or None,
    }
    config: dict[str, JSON] = {
        "max_output_tokens": prompt.max_tokens,
        **{name: value for name, value in optional.items() if value is not None},
    }
    return {"model": model, "contents": contents, "config": config}


def read_contents(document: Any, endpoint: str) -> Completion:  # noqa: ANN401 - hostile JSON, checked here
    """Returns what the endpoint answered; thoughts are paid for and left out. A prompt that was blocked is a refusal.

    Raises:
      Malformed: it is none of its answers.
    """
    try:
        blocked = (document.get("promptFeedback") or {}).get("blockReason")
        candidates = document.get("candidates") or ([{"finishReason": "SAFETY"}] if blocked else [])
        reason = candidates[0].get("finishReason")
        parts = (candidates[0].get("content") or {}).get("parts") or []
        texts = [part.get("text") or "" for part in parts if not part.get("thought")]
        usage, model = document.get("usageMetadata"), document.get("modelVersion")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Malformed(f"{endpoint} answered with JSON that is no generated content", in_doubt=True) from None
    if not all(isinstance(text, str) for text in texts) or not isinstance(usage, dict | None):
        raise Malformed(f"{endpoint} answered with content that is no text", in_doubt=True)
    finish = short(reason, most=40, otherwise="unknown")
    return Completion(
        "".join(texts) or short(blocked, most=40),
        "refusal" if finish in DECLINED else ENDS.get(finish, finish.lower()),
        *_usage(usage, endpoint),
        short(model, most=200),
    )


def _usage(usage: dict[str, Any] | None, endpoint: str) -> tuple[int | None, int | None]:
    if not usage:
        return None, None
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")
    prompt, answer, thoughts, total = counted(*(usage.get(name, 0) for name in names), endpoint=endpoint)
    return prompt, max(answer + thoughts, total - prompt)

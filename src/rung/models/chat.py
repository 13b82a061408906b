"""Chat completions, as OpenAI, OpenRouter, Gemini, vLLM, Ollama and llama.cpp speak them.

Covered: one text answer, not streamed. Not covered: tools, images, several choices. Fields that nobody needs are
passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rung import wire
from rung.models.errors import Malformed
from rung.models.exchange import NO_KEY, counted, short
from rung.models.port import Completion, Prompt

if TYPE_CHECKING:
    from rung.models.exchange import Exchange
    from rung.wire import JSON

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": "rung",
    "Authorization": f"Bearer {NO_KEY}",
}


def complete(prompt: Prompt, exchange: Exchange) -> Completion:
    """Returns the answer, asked for with nothing but the standard library.

    Raises:
      ModelError: there is none.
    """
    path = f"{exchange.address.parts.path}/chat/completions"
    body = wire.canonical(chat_request(prompt, exchange))
    return read_chat(exchange.ask(path, body, headers=HEADERS), exchange.address.endpoint)


def chat_request(prompt: Prompt, exchange: Exchange) -> dict[str, JSON]:
    """Returns the fields of the question; what the prompt leaves open is left to the model."""
    messages: list[JSON] = [{"role": each.role, "content": each.content} for each in prompt.messages]
    optional: dict[str, JSON] = {
        "temperature": prompt.temperature,
        "seed": prompt.seed,
        "stop": list(prompt.stop) or None,
    }
    return {
        "model": exchange.address.model,
        "messages": messages,
        exchange.address.limit_field: prompt.max_tokens,
        **{name: value for name, value in optional.items() if value is not None},
    }


def read_chat(document: Any, endpoint: str) -> Completion:  # noqa: ANN401 - hostile JSON, checked here
    """Returns what the endpoint answered.

    Raises:
      Malformed: it is no chat completion.
    """
    try:
        choice = document["choices"][0]
        message = choice["message"]
        text, refusal, reason = message.get("content"), message.get("refusal"), choice.get("finish_reason")
        model, usage = document.get("model"), document.get("usage")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Malformed(f"{endpoint} answered with JSON that is no chat completion", in_doubt=True) from None
    if not isinstance(text, str | None) or not isinstance(refusal, str | None):
        raise Malformed(f"{endpoint} answered with a message that is no text", in_doubt=True)
    declined = bool(refusal) or reason == "content_filter"
    used = _usage(usage, endpoint)
    return Completion(
        text=(refusal or text or "") if declined else (text or ""),
        finish_reason="refusal" if declined else short(reason, most=40, otherwise="unknown"),
        prompt_tokens=used[0],
        completion_tokens=used[1],
        model=short(model, most=200),
    )


def _usage(usage: Any, endpoint: str) -> tuple[int | None, int | None]:  # noqa: ANN401 - as above
    """Returns the tokens of prompt and answer as reported; what a total holds beyond the two is of the answer."""
    reported: dict[str, Any] = {} if usage is None else usage if isinstance(usage, dict) else {"prompt_tokens": ""}
    if reported.get("prompt_tokens") is None and reported.get("completion_tokens") is None:
        return None, None
    prompt, answer = counted(reported.get("prompt_tokens"), reported.get("completion_tokens"), endpoint=endpoint)
    total = reported.get("total_tokens")
    return prompt, max(answer, total - prompt if type(total) is int and total <= 10**9 else 0)

"""Chat completions over HTTP, as OpenAI, OpenRouter, Gemini, vLLM, Ollama and llama.cpp speak them.

Covered: one text answer, not streamed. Not covered: tools, images, several choices. The answer is read as hostile
input; fields that nobody needs are passed over.
"""

from __future__ import annotations

import email.utils
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import BadInput
from rung.models.errors import Malformed, ModelError, Refused, Unavailable
from rung.models.http import Limits, Response, post
from rung.models.port import Completion, Prompt
from rung.models.secrets import Scrubber, key_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rung.models.names import Address
    from rung.models.secrets import Key
    from rung.wire import JSON

ANSWER_BYTES = 16 << 20
CONNECT_SECONDS = 10.0
SAID = 300  # characters of what an endpoint says of an error
BUSY = {408, 409, 425, 429}
BILLED_PERHAPS = {408, 502, 504, 524}  # a gateway gave up; what is behind it may have gone on
MOST_REPORTED = 1_000_000_000
WHAT_TO_DO = {
    400: "change the request; is the prompt longer than the model's context?",
    402: "the account has no credit: add some, or use another endpoint",
    403: "the key may not use this model: check its rights",
    404: "check the address and the model's name",
    413: "the prompt is too long for the endpoint",
}


class OpenAICompatible:
    """One model at one endpoint; it asks once per call."""

    def __init__(
        self,
        address: Address,
        *,
        key: Key | None,
        clock: Callable[[], float],
        answer_bytes: int = ANSWER_BYTES,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Raises BadInput when a key is missing, or would travel in the open."""
        if key is None and address.key_needed:
            raise BadInput(f"model {address.name!r} needs a key: set the environment variable {address.key_variable}")
        if key is not None and address.parts.scheme != "https" and not address.loopback:
            raise BadInput(
                f"the key in {key.variable} would travel unencrypted to {address.endpoint}: use https, or unset it"
            )
        self._address, self._key, self._clock = address, key, clock
        self._answer_bytes, self._connect_seconds = answer_bytes, connect_seconds
        self._scrubber = Scrubber(() if key is None else (key,))

    def __repr__(self) -> str:
        """Returns its name."""
        return f"OpenAICompatible({self._address.name!r})"

    @property
    def name(self) -> str:
        """The name by which a prompt asks for it."""
        return self._address.name

    @property
    def endpoint(self) -> str:
        """Host and port."""
        return self._address.endpoint

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        """Returns the answer, within `timeout` seconds of wall time.

        Raises:
          ModelError: there is none; the message holds no key.
        """
        try:
            limits = Limits(self._connect_seconds, timeout, self._answer_bytes)
            url = self._address.parts
            url = url._replace(path=f"{url.path}/chat/completions")
            response = post(url, wire.canonical(self._request(prompt)), headers=self._headers(), limits=limits)
            return self._read(response)
        except ModelError as error:
            error.args = (self._scrubber.reason(str(error)),)
            raise

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "rung"}
        return headers if self._key is None else {**headers, "Authorization": f"Bearer {self._key.reveal()}"}

    def _request(self, prompt: Prompt) -> dict[str, JSON]:
        messages: list[JSON] = [{"role": each.role, "content": each.content} for each in prompt.messages]
        optional: dict[str, JSON] = {
            "temperature": prompt.temperature,
            "seed": prompt.seed,
            "stop": list(prompt.stop) or None,
        }
        return {
            "model": self._address.model,
            "messages": messages,
            self._address.limit_field: prompt.max_tokens,
            "stream": False,
            **{name: value for name, value in optional.items() if value is not None},
        }

    def _read(self, response: Response) -> Completion:
        if response.status != 200:
            raise self._error(response.status, _document(response.body), response.retry_after)
        document = _document(response.body)
        if document is None:
            what = "nothing" if not response.body.strip() else "no JSON document"
            raise Malformed(f"{self.endpoint} answered with {what}: is {self._address.base_url} right?", in_doubt=True)
        if isinstance(document, dict) and document.get("error") and "choices" not in document:
            status = _error(document).get("code")
            raise self._error(status if type(status) is int and 400 <= status < 600 else 500, document, None)
        return _completion(document, self.endpoint)

    def _error(self, status: int, document: JSON, retry_after: str | None) -> ModelError:
        error = _error(document)
        said = error.get("message")
        words = f": {' '.join(said.split())[:SAID]}" if isinstance(said, str) and said.strip() else ""
        told = f"{self.endpoint} answered {status}{words}"
        if status == 429 and "insufficient_quota" in {error.get("code"), error.get("type")}:
            return Refused(f"{told}; {WHAT_TO_DO[402]}")
        if status in BUSY or status >= 500:
            wait = _seconds(retry_after, self._clock)
            return Unavailable(told, in_doubt=status in BILLED_PERHAPS, retry_after=wait)
        if status == 401:
            where = self._address.key_variable
            state = "it was refused" if self._key is not None else "it is not set"
            return Refused(f"{told}; the key comes from the environment variable {where}: {state}")
        if 300 <= status < 400:
            return Refused(f"{told}; it redirects, and a key is never sent on: write the final address")
        return Refused(f"{told}; {WHAT_TO_DO.get(status, WHAT_TO_DO[400])}")


def model_from(address: Address, *, environment: Mapping[str, str], clock: Callable[[], float]) -> OpenAICompatible:
    """Returns the model at an address, with the key that the environment holds for it.

    clock: seconds since 1970, to read dates in Retry-After.

    Raises:
      BadInput: the key is missing, is none, or would travel in the open.
    """
    return OpenAICompatible(address, key=key_from(environment, address.key_variable), clock=clock)


def _document(body: bytes) -> JSON:
    """Returns the JSON document, None when there is none."""
    try:
        return wire.parse(body)
    except wire.WireError:
        return None


def _error(document: JSON) -> dict[str, JSON]:
    inner = document.get("error") if isinstance(document, dict) else None
    return inner if isinstance(inner, dict) else {"message": inner if isinstance(inner, str) else None}


def _completion(document: Any, endpoint: str) -> Completion:  # noqa: ANN401 - hostile JSON, checked here
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
        finish_reason="refusal" if declined else reason[:40] if isinstance(reason, str) else "unknown",
        prompt_tokens=used[0],
        completion_tokens=used[1],
        model=model[:200] if isinstance(model, str) else "",
    )


def _usage(usage: Any, endpoint: str) -> tuple[int | None, int | None]:  # noqa: ANN401 - as above
    """Returns the tokens of prompt and answer as reported; what a total holds beyond the two is of the answer."""
    reported: dict[str, Any] = {} if usage is None else usage if isinstance(usage, dict) else {"prompt_tokens": ""}
    prompt: Any = reported.get("prompt_tokens")
    answer: Any = reported.get("completion_tokens")
    if prompt is None and answer is None:
        return None, None
    if not (_count(prompt) and _count(answer)):
        raise Malformed(f"{endpoint} reported a usage that is no count of tokens", in_doubt=True)
    total: Any = reported.get("total_tokens")
    return prompt, max(answer, total - prompt if _count(total) else 0)


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_REPORTED


def _seconds(header: str | None, clock: Callable[[], float]) -> float | None:
    """Returns what a Retry-After header asks for, None when it is none; it is a number of seconds or a date."""
    if header is None:
        return None
    if header.strip().isdecimal() and len(header.strip()) < 10:
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - clock())
    except (ValueError, OverflowError):
        return None

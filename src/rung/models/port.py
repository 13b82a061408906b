"""What is asked of a model, what it answers, and the two ports behind which models live."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rung import wire
from rung.errors import BadInput

if TYPE_CHECKING:
    from rung.wire import JSON

ROLES = ("system", "user", "assistant")
MOST_TOKENS = 10_000_000  # in one answer; more is a slip of the hand


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; role: "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything that decides an answer, and so its identity.

    model: the name as the user wrote it ("openai:gpt-4.1-mini"). max_tokens: the most the answer may hold, hidden
    reasoning included. temperature, seed: None leaves the choice to the model. stop: strings that end the answer.

    Raises:
      BadInput: a field cannot be sent.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what no endpoint takes, before anything is reserved for it."""
        if not self.messages:
            raise BadInput("a prompt needs at least one message")
        if wrong := [message.role for message in self.messages if message.role not in ROLES]:
            raise BadInput(f"a message has the role {wrong[0][:40]!r}: use one of {', '.join(ROLES)}")
        if not 0 < self.max_tokens <= MOST_TOKENS:
            raise BadInput(f"max_tokens is {self.max_tokens}: it must lie between 1 and {MOST_TOKENS:,}")
        if self.temperature is not None and not (math.isfinite(self.temperature) and 0 <= self.temperature <= 2):
            raise BadInput(f"temperature is {self.temperature}: it must lie between 0 and 2")

    @property
    def canonical(self) -> bytes:
        """The one byte string of this request; its SHA-256 is the request's name in every record.

        Raises:
          BadInput: the text holds something that UTF-8 cannot carry.
        """
        messages: list[JSON] = [{"role": each.role, "content": each.content} for each in self.messages]
        document: dict[str, JSON] = {
            "version": 1,
            "model": self.model,
            "messages": messages,
            "max_tokens": self.max_tokens,
            "temperature": None if self.temperature is None else float(self.temperature),
            "seed": self.seed,
            "stop": list(self.stop),
        }
        try:
            return wire.canonical(document)
        except wire.WireError as error:
            raise BadInput(f"the prompt cannot be sent: {error}") from error

    @property
    def request(self) -> str:
        """The hex SHA-256 of the canonical request."""
        return hashlib.sha256(self.canonical).hexdigest()

    def with_messages(self, messages: tuple[Message, ...]) -> Prompt:
        """Returns the same question in other words."""
        return replace(self, messages=messages)


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer.

    finish_reason: "stop", "length" (max_tokens cut it), "refusal" (the model declined; text is its reason) or what
    else the endpoint says. prompt_tokens, completion_tokens: as reported, None when the endpoint reports nothing.
    model: the name that the endpoint gave itself.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    model: str

    @property
    def tokens(self) -> int | None:
        """All tokens reported, None when nothing was."""
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return self.prompt_tokens + self.completion_tokens


class Model(Protocol):
    """One model at one endpoint; it asks once and never tries again by itself: that is the broker's business."""

    @property
    def name(self) -> str:
        """The name by which a prompt asks for it."""

    @property
    def endpoint(self) -> str:
        """Where it is; models of one endpoint share its limits."""

    def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
        """Returns the answer, within `timeout` seconds of wall time.

        Raises:
          ModelError: there is none.
        """


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt at one question.

    request: hash of the prompt. number: how often the same question was asked before. attempt: tries before this one.
    """

    prompt: Prompt
    request: str
    number: int
    attempt: int


class Backend(Protocol):
    """Where the broker's calls go: to live models, or to a record of them."""

    def endpoint(self, model: str) -> str:
        """Returns whose limits hold for a model.

        Raises:
          BadInput: there is no such model.
        """

    def ask(self, call: Call, *, timeout: float) -> Completion:
        """Returns the answer of one attempt, within `timeout` seconds of wall time.

        Raises:
          ModelError: there is none.
        """


class Live:
    """The backend that asks real models."""

    def __init__(self, models: tuple[Model, ...]) -> None:
        self._models = {model.name: model for model in models}

    def endpoint(self, model: str) -> str:
        """Returns whose limits hold for a model.

        Raises:
          BadInput: no model of this name was configured.
        """
        return self._find(model).endpoint

    def ask(self, call: Call, *, timeout: float) -> Completion:
        """Returns the answer of one attempt, within `timeout` seconds of wall time.

        Raises:
          ModelError: there is none.
        """
        return self._find(call.prompt.model).complete(call.prompt, timeout=timeout)

    def _find(self, model: str) -> Model:
        if model not in self._models:
            names = ", ".join(sorted(self._models)) or "none"
            raise BadInput(f"no model {model[:80]!r} was configured (there is: {names}); name one with --model")
        return self._models[model]

"""What a person writes after --model, read into where the model is and which key it needs."""

from __future__ import annotations

import difflib
import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from rung.errors import BadInput
from rung.models.secrets import SHAPES

URL_KEY = "RUNG_MODEL_KEY"  # for addresses written out in full; a local server needs none
HOW = 'write "openai:NAME", "openrouter:NAME", "gemini:NAME", "ollama:NAME" or "http://localhost:8000/v1#NAME"'


@dataclass(frozen=True, slots=True)
class Provider:
    """An endpoint with a name. limit_field: what it calls max_tokens. key_needed: whether it answers without a key."""

    base_url: str
    key_variable: str
    limit_field: str = "max_tokens"
    key_needed: bool = True


PROVIDERS = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY", limit_field="max_completion_tokens"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "ollama": Provider("http://localhost:11434/v1", "OLLAMA_API_KEY", key_needed=False),
}
LATER = {
    "anthropic": 'use "openrouter:anthropic/NAME" for now',
    "gguf": 'serve the file with any OpenAI-compatible server and write "http://localhost:8000/v1#NAME"',
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is: base_url without a closing slash, the endpoint's own name of the model, and its key's variable.

    name: as the user wrote it; prompts, prices and records use it.
    """

    name: str
    base_url: str
    model: str
    key_variable: str
    limit_field: str = "max_tokens"
    key_needed: bool = False

    @property
    def parts(self) -> SplitResult:
        """The address in its parts."""
        return urlsplit(self.base_url)

    @property
    def endpoint(self) -> str:
        """Host and port: what limits are kept for, and what people are told."""
        return self.parts.netloc

    @property
    def loopback(self) -> bool:
        """Whether the address is this machine's own."""
        host = self.parts.hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def read_name(text: str) -> Address:
    """Returns the address of a model.

    Raises:
      BadInput: it is not of a form that is understood; the message says which are. It never repeats a key.
    """
    if SHAPES.search(text):
        raise BadInput(f"this looks like a key, not like the name of a model: keys belong in the environment; {HOW}")
    if not (text and text.isascii() and text.isprintable()) or " " in text:
        raise BadInput(f"the name of a model is plain ASCII, not empty and without blanks: {HOW}")
    return _from_url(text) if "://" in text else _from_provider(text)


def _from_provider(text: str) -> Address:
    provider, colon, model = text.partition(":")
    if not colon:
        raise BadInput(f"{text[:80]!r} does not say where the model is: {HOW}")
    if provider in LATER:
        raise BadInput(f"models of {provider!r} cannot be called directly yet: {LATER[provider]}")
    if provider not in PROVIDERS:
        near = difflib.get_close_matches(provider, PROVIDERS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BadInput(f"no provider {provider[:40]!r} is known: {hint}{HOW}")
    if not model:
        raise BadInput(f"{text!r} names no model: {HOW}")
    found = PROVIDERS[provider]
    return Address(text, found.base_url, model, found.key_variable, found.limit_field, found.key_needed)


def _from_url(text: str) -> Address:
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise BadInput(
            'the address of the model has no valid host or port: write "http://localhost:8000/v1#NAME"'
        ) from None
    if "@" in parts.netloc:
        raise BadInput(f"the address of a model holds no user and no password: put the key into {URL_KEY}")
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise BadInput(f'{text[:120]!r} is no address of a model: write "http://localhost:8000/v1#NAME"')
    if parts.query:
        raise BadInput(f"the address of a model has no query (?...): put the key into {URL_KEY}")
    if not parts.fragment:
        raise BadInput(f"{text[:120]!r} says where but not which model: add its name, as in {text[:120]}#NAME")
    base_url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Address(text, base_url, parts.fragment, URL_KEY)

"""What a person writes after --model, read into where the model is and which key it needs."""

from __future__ import annotations

import difflib
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from rung.errors import BadInput
from rung.models.secrets import SHAPES

URL_KEY = "RUNG_MODEL_KEY"  # for addresses written out in full; a local server needs none
HOW = (
    'write "openai:NAME", "anthropic:NAME", "google:NAME", "gemini:NAME", "openrouter:NAME", "ollama:NAME", '
    '"http://localhost:8000/v1#NAME", "gguf:/path/to/model.gguf" or "local:smollm2"'
)
HOW_FILE = 'write "gguf:/path/to/model.gguf" or "gguf:/path/to/model.gguf#threads:2,context:8192,cache:on"'
CHAT, OPENAI, ANTHROPIC, GOOGLE = "chat", "openai", "anthropic", "google"  # who writes the questions
LOCAL = ("gguf", "local")
CONTEXT = 8192  # tokens; what a model was trained for is more than most questions need, and all of it takes memory
OPTIONS = {"threads": r"[1-9]\d{0,3}", "context": r"[1-9]\d{1,6}", "cache": "on|off"}


@dataclass(frozen=True, slots=True)
class Provider:
    """An endpoint with a name. limit_field: what it calls max_tokens. key_needed: whether it answers without a key."""

    base_url: str
    key_variable: str
    api: str = OPENAI
    limit_field: str = "max_tokens"
    key_needed: bool = True


PROVIDERS = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY", limit_field="max_completion_tokens"),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "anthropic": Provider("https://api.anthropic.com", "ANTHROPIC_API_KEY", api=ANTHROPIC),
    "google": Provider("https://generativelanguage.googleapis.com", "GEMINI_API_KEY", api=GOOGLE),
    "ollama": Provider("http://localhost:11434/v1", "OLLAMA_API_KEY", api=CHAT, key_needed=False),
}


@dataclass(frozen=True, slots=True)
class File:
    """A model in a file of this machine. path: None for the one that comes with the package index.

    threads: None for all cores but one. context: tokens of prompt and answer together. cache: whether what a prompt
    shares with the one before is not read again: faster, but then an answer also depends on what was asked before.
    """

    name: str
    path: Path | None
    threads: int | None = None
    context: int = CONTEXT
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is: base_url without a closing slash, the endpoint's own name of the model, and its key's variable.

    name: as the user wrote it; prompts, prices and records use it. api: who writes the questions, CHAT for ourselves.
    too_long: what to do when a prompt does not fit.
    """

    name: str
    base_url: str
    model: str
    key_variable: str
    api: str = CHAT
    limit_field: str = "max_tokens"
    key_needed: bool = False
    too_long: str = "the prompt is longer than the model's context: shorten it, or name a model with a longer one"

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


def read_name(text: str) -> Address | File:
    """Returns the address of a model, or the file it is in.

    Raises:
      BadInput: it is not of a form that is understood; the message says which are. It never repeats a key.
    """
    if SHAPES.search(text):
        raise BadInput(f"this looks like a key, not like the name of a model: keys belong in the environment; {HOW}")
    if not (text and text.isascii() and text.isprintable()) or " " in text:
        raise BadInput(f"the name of a model is plain ASCII, not empty and without blanks: {HOW}")
    if text.partition(":")[0] in LOCAL:
        return _from_file(text)
    return _from_url(text) if "://" in text else _from_provider(text)


def _from_provider(text: str) -> Address:
    provider, colon, model = text.partition(":")
    if not colon:
        raise BadInput(f"{text[:80]!r} does not say where the model is: {HOW}")
    if provider not in PROVIDERS:
        near = difflib.get_close_matches(provider, (*PROVIDERS, *LOCAL), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BadInput(f"no provider {provider[:40]!r} is known: {hint}{HOW}")
    if not model:
        raise BadInput(f"{text!r} names no model: {HOW}")
    found = PROVIDERS[provider]
    return Address(text, found.base_url, model, found.key_variable, found.api, found.limit_field, found.key_needed)


def _from_file(text: str) -> File:
    kind, _, rest = text.partition(":")
    place, mark, tail = rest.partition("#")
    options = dict(each.partition(":")[::2] for each in tail.split(",")) if mark else {}
    for name, value in options.items():
        if name not in OPTIONS or not re.fullmatch(OPTIONS[name], value):
            raise BadInput(f"{f'{name}:{value}'[:60]!r} is no option of a local model: {HOW_FILE}")
    if kind == "local" and place != "smollm2":
        raise BadInput(f"no local model {place[:60]!r} is known: write local:smollm2, or gguf: and the path of a file")
    if not place:
        raise BadInput(f"{text!r} names no file: {HOW_FILE}")
    threads = int(options["threads"]) if "threads" in options else None
    path = None if kind == "local" else Path(place)
    context, cache = int(options.get("context", CONTEXT)), options.get("cache") == "on"
    return File(text, path, threads, context, cache)


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

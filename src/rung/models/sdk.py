"""The vendors' SDKs, held so that they write questions and do nothing else.

An SDK knows the shape of its vendor's requests, and its keepers keep it up to date. Everything else it would do is
done here by what all models share (docs/design/0005-models.md says what was measured): the bytes travel through
rung.models.http, with one clock for the whole exchange, a limit of size, no redirects and no proxies; the key is put on
there, so no SDK ever holds one and none can show one; the answer is read by the strict reader of the house, and the
SDK gets an empty one. An SDK's own retries are off: they are the broker's business.
"""

from __future__ import annotations

import importlib
import ssl
from typing import TYPE_CHECKING, Any, Self

from rung.errors import BadInput
from rung.models.chat import chat_request, read_chat
from rung.models.contents import contents_request, read_contents
from rung.models.errors import ModelError
from rung.models.exchange import NO_KEY
from rung.models.messages import messages_request, read_messages
from rung.models.names import ANTHROPIC, GOOGLE, OPENAI

if TYPE_CHECKING:
    from types import ModuleType

    from rung.models.exchange import Exchange
    from rung.models.port import Completion, Prompt
    from rung.wire import JSON

SDKS = {
    OPENAI: ("openai", "models"),
    ANTHROPIC: ("anthropic", "anthropic"),
    GOOGLE: ("google.genai", "google"),
}  # module, extra
PASSED_ON = {"content-type", "anthropic-version"}  # of an SDK's headers; others tell of the machine or its environment


def by_openai(prompt: Prompt, exchange: Exchange) -> Completion:
    """Returns the answer of an endpoint of chat completions.

    Raises:
      ModelError: there is none. BadInput: the SDK is not installed.
    """
    sdk, carrier = find_sdk(OPENAI), Carrier(exchange)
    client = sdk.OpenAI(
        api_key=NO_KEY,
        base_url=exchange.address.base_url,
        max_retries=0,
        timeout=exchange.limits.total,
        http_client=carrier.client(),
    )
    client.chat.completions.create(**chat_request(prompt, exchange))
    return read_chat(carrier.answer(), exchange.address.endpoint)


def by_anthropic(prompt: Prompt, exchange: Exchange) -> Completion:
    """Returns the answer of an endpoint of Anthropic's messages.

    Raises:
      ModelError: there is none. BadInput: the SDK is not installed.
    """
    sdk, carrier = find_sdk(ANTHROPIC), Carrier(exchange)
    client = sdk.Anthropic(
        api_key=NO_KEY,
        base_url=exchange.address.base_url,
        max_retries=0,
        timeout=exchange.limits.total,
        http_client=carrier.client(),
    )
    client.messages.create(**messages_request(prompt, exchange.address.model))
    return read_messages(carrier.answer(), exchange.address.endpoint)


def by_google(prompt: Prompt, exchange: Exchange) -> Completion:
    """Returns the answer of an endpoint of Google's generateContent.

    Raises:
      ModelError: there is none. BadInput: the SDK is not installed.
    """
    sdk, carrier = find_sdk(GOOGLE), Carrier(exchange)
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # else it reads all certificates twice for each question
    options = {
        "base_url": exchange.address.base_url,
        "api_version": "v1beta",
        "httpx_client": carrier.client(),
        "async_client_args": {"verify": unused, "ssl": unused},
    }
    client = sdk.Client(vertexai=False, api_key=NO_KEY, http_options=options)
    client.models.generate_content(**contents_request(prompt, exchange.address.model))
    return read_contents(carrier.answer(), exchange.address.endpoint)


def find_sdk(api: str) -> ModuleType:
    """Returns the SDK that speaks an API, imported now: they take most of a second, and most runs name no such model.

    Raises:
      BadInput: it is not installed; the message says how to get it.
    """
    module, extra = SDKS[api]
    try:
        return importlib.import_module(module)
    except ImportError:
        package = module.replace(".", "-")
        raise BadInput(
            f"the package {package} is needed for this model and is not installed: pip install 'rung[{extra}]'"
        ) from None


class Carrier:
    """The network as an SDK sees it, for one question: an httpx2 transport."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._httpx = importlib.import_module("httpx2")
        self._outcome: JSON | ModelError = None

    def answer(self) -> JSON:
        """Returns what came back.

        Raises:
          ModelError: nothing did.
        """
        if isinstance(self._outcome, ModelError):
            raise self._outcome
        return self._outcome

    def client(self) -> Any:  # noqa: ANN401 - of a package that may not be installed
        """Returns the HTTP client to hand to an SDK; nothing of the environment is in it."""
        return self._httpx.Client(transport=self, trust_env=False, follow_redirects=False)

    def handle_request(self, request: Any) -> Any:  # noqa: ANN401 - as above
        """Asks the endpoint, whatever host the SDK has in mind, and hands back an empty answer."""
        given = request.headers.items()
        headers = {name: text for name, text in given if name.lower() in PASSED_ON or NO_KEY in text}
        headers |= {"accept": "application/json", "user-agent": "rung"}
        try:
            self._outcome = self._exchange.ask(request.url.path, request.read(), headers=headers)
        except ModelError as error:
            self._outcome = error  # an SDK would wrap it in one of its own
        return self._httpx.Response(200, json={})

    def close(self) -> None:
        """Does nothing: every question has a connection of its own."""

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Does nothing."""

"""One model at one endpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rung.errors import BadInput
from rung.models import chat, sdk
from rung.models.errors import ModelError
from rung.models.exchange import Exchange, Unfit
from rung.models.http import Limits
from rung.models.names import ANTHROPIC, CHAT, GOOGLE, OPENAI
from rung.models.secrets import Scrubber

if TYPE_CHECKING:
    from collections.abc import Callable

    from rung.models.names import Address
    from rung.models.port import Completion, Prompt
    from rung.models.secrets import Key

    Speech = Callable[[Prompt, Exchange], Completion]

ANSWER_BYTES = 16 << 20
CONNECT_SECONDS = 10.0
SPEECH: dict[str, Speech] = {
    CHAT: chat.complete,
    OPENAI: sdk.by_openai,
    ANTHROPIC: sdk.by_anthropic,
    GOOGLE: sdk.by_google,
}


class Endpoint:
    """One model at one endpoint; it asks once per call.

    clock: seconds since 1970, to read dates in Retry-After.
    """

    def __init__(
        self,
        address: Address,
        *,
        key: Key | None,
        clock: Callable[[], float],
        answer_bytes: int = ANSWER_BYTES,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Raises BadInput when a key is missing, or would travel in the open, or when an SDK is not installed."""
        if key is None and address.key_needed:
            raise BadInput(f"model {address.name!r} needs a key: set the environment variable {address.key_variable}")
        if key is not None and address.parts.scheme != "https" and not address.loopback:
            raise BadInput(
                f"the key in {key.variable} would travel unencrypted to {address.endpoint}: use https, or unset it"
            )
        if address.api in sdk.SDKS:
            sdk.find_sdk(address.api)
        self._address, self._key, self._clock = address, key, clock
        self._answer_bytes, self._connect_seconds = answer_bytes, connect_seconds
        self._scrubber = Scrubber(() if key is None else (key,))
        self._unfit: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Returns its name."""
        return f"Endpoint({self._address.name!r})"

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
        limits = Limits(self._connect_seconds, timeout, self._answer_bytes)
        exchange = Exchange(self._address, self._key, limits, self._clock)
        unfit: dict[str, Any] = dict.fromkeys(self._unfit)
        fitting = replace(prompt, **unfit)
        try:
            return SPEECH[self._address.api](fitting, exchange)
        except Unfit as error:
            # Nothing was billed for it. Improvers do not know which model leaves which choice: it is found out once.
            if error.field in unfit:
                raise
            self._unfit |= {error.field}
            return self.complete(prompt, timeout=timeout)
        except ModelError as error:
            error.args = (self._scrubber.reason(str(error)),)
            raise

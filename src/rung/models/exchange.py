"""One question to one endpoint and what comes of it: the key is put on, limits hold, errors become sentences.

Covered: the answer is read as hostile input, by the strict reader of the house. Not covered: what the answer means;
that is for the protocol that is spoken (chat.py, messages.py, contents.py).
"""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.models.errors import Malformed, ModelError, Refused, Unavailable
from rung.models.http import Limits, Response, post

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rung.models.names import Address
    from rung.models.secrets import Key
    from rung.wire import JSON

NO_KEY = "put-on-by-rung"  # where others would write the key
SAID = 300  # characters of what an endpoint says of an error
BUSY = {408, 409, 425, 429}
BILLED_PERHAPS = {408, 502, 504, 524}  # a gateway gave up; what is behind it may have gone on
MOST_REPORTED = 1_000_000_000
UNFIT = {"temperature", "seed"}  # what some models leave nobody the choice of
TOO_LONG = {"context_length_exceeded", "exceed_context_size_error"}
WHAT_TO_DO = {
    400: "change the request; is the prompt longer than the model's context?",
    402: "the account has no credit: add some, or use another endpoint",
    403: "the key may not use this model: check its rights",
    404: "check the address and the model's name",
    413: "the prompt is too long for the endpoint",
}


class Unfit(Refused):
    """The model takes no such field, whatever its value."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where questions go. clock: seconds since 1970, to read dates in Retry-After."""

    address: Address
    key: Key | None
    limits: Limits
    clock: Callable[[], float]

    def ask(self, path: str, body: bytes, *, headers: Mapping[str, str]) -> JSON:
        """Returns the JSON document that the endpoint answers to a POST of `body` at `path`.

        headers: NO_KEY in one of them is where the key belongs.

        Raises:
          ModelError: there is none.
        """
        key = None if self.key is None else self.key.reveal()
        full = {name: text if key is None else text.replace(NO_KEY, key) for name, text in headers.items()}
        sent = {name: text for name, text in full.items() if NO_KEY not in text}
        return self._read(post(self.address.parts._replace(path=path), body, headers=sent, limits=self.limits))

    def _read(self, response: Response) -> JSON:
        if response.status != 200:
            raise self._error(response.status, _document(response.body), response.retry_after)
        document = _document(response.body)
        if document is None:
            what = "nothing" if not response.body.strip() else "no JSON document"
            where = self.address
            raise Malformed(f"{where.endpoint} answered with {what}: is {where.base_url} right?", in_doubt=True)
        if isinstance(document, dict) and document.get("error") and "choices" not in document:
            status = _error(document).get("code")
            raise self._error(status if type(status) is int and 400 <= status < 600 else 500, document, None)
        return document

    def _error(self, status: int, document: JSON, retry_after: str | None) -> ModelError:
        error = _error(document)
        said = error.get("message")
        words = f": {' '.join(said.split())[:SAID]}" if isinstance(said, str) and said.strip() else ""
        told = f"{self.address.endpoint} answered {status}{words}"
        kinds = {str(error.get("code")), str(error.get("type")), *_reasons(error)}
        if status == 429 and "insufficient_quota" in kinds:
            return Refused(f"{told}; {WHAT_TO_DO[402]}")
        if status in BUSY or status >= 500:
            wait = _seconds(retry_after, self.clock) if retry_after is not None else _delay(error)
            return Unavailable(told, in_doubt=status in BILLED_PERHAPS, retry_after=wait)
        if status == 400 and error.get("param") in UNFIT:
            return Unfit(f"{told}; {WHAT_TO_DO[400]}", field=error["param"])
        return Refused(f"{told}; {self._advice(401 if 'API_KEY_INVALID' in kinds else status, kinds)}")

    def _advice(self, status: int, kinds: set[str]) -> str:
        if status == 401:
            state = "it was refused" if self.key is not None else "it is not set"
            return f"the key comes from the environment variable {self.address.key_variable}: {state}"
        if 300 <= status < 400:
            return "it redirects, and a key is never sent on: write the final address"
        if kinds & TOO_LONG:
            return self.address.too_long
        return WHAT_TO_DO.get(status, WHAT_TO_DO[400])


def counted(*values: object, endpoint: str) -> tuple[int, ...]:
    """Returns reported numbers of tokens.

    Raises:
      Malformed: one of them is none.
    """
    counts = tuple(value for value in values if type(value) is int and 0 <= value <= MOST_REPORTED)
    if len(counts) < len(values):
        raise Malformed(f"{endpoint} reported a usage that is no count of tokens", in_doubt=True)
    return counts


def short(value: object, *, most: int, otherwise: str = "") -> str:
    """Returns the first characters of a text that nobody vouches for."""
    return value[:most] if isinstance(value, str) else otherwise


def _document(body: bytes) -> JSON:
    """Returns the JSON document, None when there is none."""
    try:
        return wire.parse(body)
    except wire.WireError:
        return None


def _error(document: JSON) -> dict[str, Any]:
    inner = document.get("error") if isinstance(document, dict) else None
    return inner if isinstance(inner, dict) else {"message": inner if isinstance(inner, str) else None}


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _reasons(error: dict[str, Any]) -> set[str]:
    return {each["reason"] for each in _details(error) if isinstance(each.get("reason"), str)}


def _delay(error: dict[str, Any]) -> float | None:
    """Returns the seconds that an error of Google asks to wait; it sends no Retry-After."""
    delays = [each["retryDelay"] for each in _details(error) if isinstance(each.get("retryDelay"), str)]
    seconds = [float(delay[:-1]) for delay in delays if re.fullmatch(r"\d{1,9}(\.\d{1,9})?s", delay)]
    return max(seconds, default=None)


def _seconds(header: str, clock: Callable[[], float]) -> float | None:
    """Returns what a Retry-After header asks for, None when it is none; it is a number of seconds or a date."""
    if header.strip().isdecimal() and len(header.strip()) < 10:
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - clock())
    except (ValueError, OverflowError):
        return None

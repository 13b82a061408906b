"""The record of calls, and how it is played again: in order, to the last bit, with no network and no key.

Two events per attempt, `model_request` before anything is sent and `model_answer` after; the texts are blobs, the
request under its own hash. The same question asked n times has n numbers, and each number its attempts: failures are
played again as well, so a replayed run tries again where the recorded one did.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rung import wire
from rung.errors import BadInput
from rung.models.errors import Malformed, ModelError, NotRecorded, Refused, Unavailable
from rung.models.port import Call, Completion
from rung.models.prices import Charge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rung.models.broker import Settled
    from rung.wire import JSON

REQUEST, ANSWER, OUTAGE = "model_request", "model_answer", "model_outage"
ANSWERED, LOST = "answered", "lost"
ERRORS: dict[str, type[ModelError]] = {"refused": Refused, "malformed": Malformed}

Outcome: TypeAlias = Completion | ModelError
Key: TypeAlias = tuple[str, int, int]  # request, number, attempt


class Recorder(Protocol):
    """Where calls are written down; durable when `record` returns. A kernel's Run is one."""

    def record(self, event_type: str, body: dict[str, JSON], *, blobs: tuple[bytes, ...] = ()) -> None:
        """Appends one event with the blobs that body["blobs"] names by SHA-256."""


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that was begun and of whose end nothing is known: the process died."""

    request: str
    number: int
    attempt: int
    model: str
    worst: Charge


def request_event(call: Call, worst: Charge) -> tuple[dict[str, JSON], bytes]:
    """Returns the body and the blob that say, before it is sent, what is asked and what is put aside for it."""
    body: dict[str, JSON] = {
        "request": call.request,
        "number": call.number,
        "attempt": call.attempt,
        "model": call.prompt.model,
        "tokens": worst.tokens,
        "nano_usd": worst.nano_usd,
        "blobs": [call.request],
    }
    return body, call.prompt.canonical


def answer_event(call: Call, settled: Settled) -> tuple[dict[str, JSON], tuple[bytes, ...]]:
    """Returns the body and the blobs that say how an attempt ended and what it cost."""
    body: dict[str, JSON] = {
        "request": call.request,
        "number": call.number,
        "attempt": call.attempt,
        "tokens": settled.charged.tokens,
        "nano_usd": settled.charged.nano_usd,
        "overspent": settled.overspent,
    }
    outcome = settled.outcome
    if isinstance(outcome, Completion):
        blob = wire.canonical(_completion_json(outcome))
        digest = hashlib.sha256(blob).hexdigest()
        return {**body, "status": ANSWERED, "answer": digest, "blobs": [digest]}, (blob,)
    status = next((name for name, kind in ERRORS.items() if isinstance(outcome, kind)), "unavailable")
    retry_after = outcome.retry_after if isinstance(outcome, Unavailable) else None
    return {
        **body,
        "status": status,
        "reason": str(outcome),
        "in_doubt": outcome.in_doubt,
        "retry_after": retry_after,
    }, ()


def lost_event(lost: Lost) -> dict[str, JSON]:
    """Returns the body that settles an attempt whose end nobody saw: at its worst case."""
    return {
        "request": lost.request,
        "number": lost.number,
        "attempt": lost.attempt,
        "tokens": lost.worst.tokens,
        "nano_usd": lost.worst.nano_usd,
        "overspent": False,
        "status": LOST,
        "reason": "the engine ended during the call",
        "in_doubt": True,
        "retry_after": None,
    }


class Answers:
    """What is on record, by request, number and attempt.

    events: (type, body) in the order of the record; others than the two of models are passed over. blob: returns the
    bytes of a digest.
    """

    def __init__(self, events: Iterable[tuple[str, JSON]] = (), *, blob: Callable[[str], bytes]) -> None:
        self._blob = blob
        self._begun: dict[Key, Lost] = {}
        self._ended: dict[Key, Any] = {}
        for event_type, body in events:
            if event_type in {REQUEST, ANSWER, OUTAGE}:
                self.add(event_type, body)

    def add(self, event_type: str, body: Any) -> None:  # noqa: ANN401 - canonical JSON
        """Takes notice of one event; the questions of an outage are open again, for the outage ended that sitting.

        Raises:
          BadInput: it is not of the agreed form.
        """
        try:
            if event_type == OUTAGE:
                again = {(request, number) for request, number in body["questions"]}
                self._begun = {key: begun for key, begun in self._begun.items() if key[:2] not in again}
                self._ended = {key: ended for key, ended in self._ended.items() if key[:2] not in again}
                return
            key = (body["request"], body["number"], body["attempt"])
            if event_type == REQUEST:
                self._begun[key] = Lost(*key, body["model"], Charge(body["tokens"], body["nano_usd"]))
            else:
                self._ended[key] = body
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"the record of model calls holds a {event_type} without {error}: it was damaged") from None

    def outcome(self, call: Call) -> Outcome | None:
        """Returns the recorded outcome of an attempt, None when there is none."""
        body = self._ended.get((call.request, call.number, call.attempt))
        return None if body is None else self._outcome(body)

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The attempts that were begun and never ended, in the order of the record."""
        return tuple(begun for key, begun in self._begun.items() if key not in self._ended)

    def _outcome(self, body: Any) -> Outcome:  # noqa: ANN401 - canonical JSON
        try:
            status = body["status"]
            if status == ANSWERED:
                return _completion(wire.parse(self._blob(body["answer"])))
            if status in ERRORS:
                return ERRORS[status](body["reason"], in_doubt=body["in_doubt"])
            return Unavailable(body["reason"], in_doubt=body["in_doubt"], retry_after=body["retry_after"])
        except (KeyError, TypeError, wire.WireError) as error:
            raise BadInput(f"the record of model calls holds an answer that cannot be read ({error})") from None


class Replay:
    """The backend that answers from a record and asks nobody."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def endpoint(self, model: str) -> str:  # noqa: ARG002 - a record answers for every model
        """Returns "replay"."""
        return "replay"

    def ask(self, call: Call, *, timeout: float) -> Completion:  # noqa: ARG002 - a record answers at once
        """Returns the recorded answer of this attempt, or raises the recorded error.

        Raises:
          ModelError: it is what was recorded; NotRecorded: nothing was.
        """
        outcome = self._answers.outcome(call)
        if outcome is None:
            raise NotRecorded(
                f"the record holds no answer for request {call.request[:12]} to {call.prompt.model!r} (asked "
                f"{call.number + 1} times, attempt {call.attempt + 1}), and a replay asks no live model: the run "
                "differs from the recorded one, so record it anew"
            )
        if isinstance(outcome, ModelError):
            raise outcome
        return outcome


class Tape:
    """A record that is one text file: each line an event with its blobs. Also the recorder for tests."""

    def __init__(self, raw: bytes = b"") -> None:
        """Reads a tape that was written before.

        Raises:
          BadInput: a line is not what a tape holds.
        """
        self.events: list[tuple[str, JSON]] = []
        self.blobs: dict[str, bytes] = {}
        for number, line in enumerate(raw.splitlines(), start=1):
            try:
                entry: Any = wire.fields(wire.parse(line), required={"type": str, "body": dict, "blobs": list})
                self._keep(entry["type"], entry["body"], tuple(text.encode() for text in entry["blobs"]))
            except (wire.WireError, AttributeError) as error:
                raise BadInput(f"line {number} of the recorded model calls cannot be read: {error}") from None

    def record(self, event_type: str, body: dict[str, JSON], *, blobs: tuple[bytes, ...] = ()) -> None:
        """Appends one event with its blobs."""
        self._keep(event_type, json.loads(wire.canonical(body)), blobs)

    def answers(self) -> Answers:
        """Returns what is on the tape so far."""
        return Answers(list(self.events), blob=self.blobs.__getitem__)

    def to_bytes(self) -> bytes:
        """Returns the tape as it is kept in a file; equal runs have equal bytes."""
        lines = []
        for event_type, body in self.events:
            names: Any = body.get("blobs", []) if isinstance(body, dict) else []
            texts: list[JSON] = [self.blobs[name].decode() for name in names]
            lines.append(wire.canonical({"type": event_type, "body": body, "blobs": texts}))
        return b"".join(line + b"\n" for line in lines)

    def _keep(self, event_type: str, body: JSON, blobs: tuple[bytes, ...]) -> None:
        self.events.append((event_type, body))
        self.blobs.update({hashlib.sha256(blob).hexdigest(): blob for blob in blobs})


def _completion_json(completion: Completion) -> dict[str, JSON]:
    return {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "model": completion.model,
    }


def _completion(document: JSON) -> Completion:
    required = {"text": str, "finish_reason": str, "prompt_tokens": object, "completion_tokens": object, "model": str}
    body: Any = wire.fields(document, required=required)
    return Completion(**body)

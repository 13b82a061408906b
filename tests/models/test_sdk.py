"""The vendors' SDKs against a real server: what they send, what is read, and that no key shows and no limit is lost."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.models import server
from tests.models.server import KEY, State

from rung.errors import BadInput
from rung.models.adapters import open_models
from rung.models.endpoint import Endpoint
from rung.models.errors import Malformed, ModelError, Refused, Unavailable
from rung.models.names import ANTHROPIC, GOOGLE, OPENAI, Address
from rung.models.port import Completion, Message, Prompt
from rung.models.sdk import SDKS
from rung.models.secrets import Key

NAMES = {OPENAI: "openai:small", ANTHROPIC: "anthropic:small", GOOGLE: "google:small"}
VARIABLES = {OPENAI: "OPENAI_API_KEY", ANTHROPIC: "ANTHROPIC_API_KEY", GOOGLE: "GEMINI_API_KEY"}
SURPRISES = {  # what SDKs would read from the environment by themselves
    "OPENAI_API_KEY": "sk-of-somebody-else",
    "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
    "OPENAI_ORG_ID": "org-surprise",
    "ANTHROPIC_API_KEY": "sk-of-somebody-else",
    "ANTHROPIC_AUTH_TOKEN": "sk-of-somebody-else",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
    "ANTHROPIC_CUSTOM_HEADERS": "x-api-key: sk-of-somebody-else\nx-surprise: 1",
    "GOOGLE_API_KEY": "sk-of-somebody-else",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "ALL_PROXY": "http://127.0.0.1:1",
}
BODIES: dict[str, Callable[[str], dict[str, Any]]] = {
    OPENAI: server.completion,
    ANTHROPIC: lambda text: {
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3},
        "model": "small-2026",
    },
    GOOGLE: lambda text: {
        "candidates": [
            {"content": {"parts": [{"text": "hm", "thought": True}, {"text": text}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 7,
            "candidatesTokenCount": 2,
            "thoughtsTokenCount": 1,
            "totalTokenCount": 10,
        },
        "modelVersion": "small-2026",
    },
}
SENT: dict[str, dict[str, Any]] = {
    OPENAI: {
        "model": "small",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "max_tokens": 100,
        "temperature": 0.5,
        "seed": 2**31 + 3,
        "stop": ["END"],
    },
    ANTHROPIC: {
        "model": "small",
        "system": "be brief",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 100,
        "stop_sequences": ["END"],
    },
    GOOGLE: {
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": "be brief"}]},
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 100, "stopSequences": ["END"], "seed": 3},
    },
}
PATHS = {OPENAI: "/v1/chat/completions", ANTHROPIC: "/v1/messages", GOOGLE: "/v1beta/models/small:generateContent"}
ALLOWED = {"host", "content-length", "content-type", "accept", "user-agent", "accept-encoding", "anthropic-version"}
KEY_HEADERS = {"authorization", "x-api-key", "x-goog-api-key"}


@pytest.fixture(params=[OPENAI, ANTHROPIC, GOOGLE])
def endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """Yields a server for one of the SDKs, in an environment full of surprises."""
    pytest.importorskip(SDKS[request.param][0])
    for name, value in SURPRISES.items():
        monkeypatch.setenv(name, value)
    with server.serving() as state:
        state.api = request.param
        state.answer = lambda handler: handler.say(200, BODIES[state.api](f"answer {handler.number}"))
        yield state


def model(state: State, **more: Any) -> Endpoint:
    base_url = f"http://127.0.0.1:{state.port}{'/v1' if state.api == OPENAI else ''}"
    where = Address(NAMES[state.api], base_url, "small", VARIABLES[state.api], api=state.api, key_needed=True)
    return Endpoint(where, key=Key(KEY, variable=VARIABLES[state.api]), clock=lambda: 0.0, **more)


def ask(state: State, **more: Any) -> Prompt:
    messages = (Message("system", "be brief"), Message("user", "hello"))
    given = {"temperature": 0.5, "seed": 2**31 + 3, "stop": ("END",), **more}
    return Prompt(NAMES[state.api], messages, 100, **given)


def test_an_answer_and_all_that_was_sent(endpoint: State) -> None:
    assert model(endpoint).complete(ask(endpoint), timeout=5.0) == Completion("answer 1", "stop", 7, 3, "small-2026")
    (seen,) = endpoint.seen
    assert (seen["path"], seen["body"]) == (PATHS[endpoint.api], SENT[endpoint.api])
    assert [KEY in text for name, text in seen["headers"].items() if name in KEY_HEADERS] == [True]
    assert seen["headers"].keys() <= ALLOWED | KEY_HEADERS
    assert "somebody" not in str(seen)


@pytest.mark.parametrize("fault", [server.slow, server.drip, server.cut, server.cut_chunked, server.hang_up])
def test_slow_and_cut_answers_end_in_time_and_in_doubt(endpoint: State, fault: server.Fault) -> None:
    asked = model(endpoint)
    endpoint.faults.append(fault)
    begin = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        asked.complete(ask(endpoint), timeout=0.3)
    assert time.monotonic() - begin < 0.9
    assert (caught.value.in_doubt, len(endpoint.seen)) == (True, 1)


@pytest.mark.parametrize(
    ("fault", "kind", "sentence", "wait"),
    [
        (server.status(429, Retry_After="2"), Unavailable, "answered 429: busy", 2.0),
        (server.status(503, Retry_After="Thu, 01 Jan 1970 00:00:02 GMT"), Unavailable, "503", 2.0),
        (server.status(500, "boom"), Unavailable, "answered 500: boom", None),
        (server.status(529, "overloaded"), Unavailable, "529", None),
        (server.status(401, f"bad key {KEY}"), Refused, "it was refused", None),
        (server.status(404, "no such model"), Refused, "check the address and the model's name", None),
        (server.status(302, "moved", Location="http://127.0.0.1:1/"), Refused, "a key is never sent on", None),
        (server.raw(b""), Malformed, "answered with nothing", None),
        (server.raw(b"<html>"), Malformed, "no JSON document", None),
        (server.raw(b'{"choices": [1'), Malformed, "no JSON document", None),
        (server.raw(b"[" * 5000), Malformed, "no JSON document", None),
        (server.raw(b'{"a": NaN}'), Malformed, "no JSON document", None),
        (server.raw(b"{}"), Malformed, "answered with JSON that is no", None),
        (
            server.raw(b'{"content": 5, "candidates": 5, "choices": 5}'),
            Malformed,
            "answered with JSON that is no",
            None,
        ),
        (server.enormous, Malformed, "larger than 65,536 bytes", None),
    ],
)
def test_every_fault_is_told_once_and_without_the_key(
    endpoint: State,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: server.Fault,
    kind: type[ModelError],
    sentence: str,
    wait: float | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    asked = model(endpoint, answer_bytes=65_536)
    endpoint.faults.append(fault)
    with pytest.raises(kind, match=sentence) as caught:
        asked.complete(ask(endpoint), timeout=5.0)
    assert len(endpoint.seen) == 1
    assert getattr(caught.value, "retry_after", None) == wait
    told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(vars(asked))
    assert KEY not in told + caplog.text + "".join(capfd.readouterr())


def test_fields_that_a_model_does_not_take_are_left_out_from_then_on(endpoint: State) -> None:
    def picky(handler: server.Handler) -> None:
        body = {**handler.asked, **handler.asked.get("generationConfig", {})}
        for field in ("temperature", "seed"):
            if field in body:
                handler.say(400, {"error": {"message": f"Unsupported value: '{field}'", "param": field}})
                return
        handler.say(200, BODIES[endpoint.api]("fine"))

    endpoint.answer = picky
    asked = model(endpoint)
    assert [asked.complete(ask(endpoint), timeout=5.0).text for _ in range(2)] == ["fine", "fine"]
    assert len(endpoint.seen) == (2 if endpoint.api == ANTHROPIC else 4)
    again = model(endpoint)
    with ThreadPoolExecutor(max_workers=8) as threads:
        answers = [threads.submit(again.complete, ask(endpoint), timeout=5.0) for _ in range(8)]
    assert {answer.result().text for answer in answers} == {"fine"}


@pytest.mark.parametrize(
    ("api", "body", "expected"),
    [
        (ANTHROPIC, {"content": [], "stop_reason": "refusal"}, Completion("", "refusal", None, None, "")),
        (ANTHROPIC, {"content": [], "stop_reason": "max_tokens"}, Completion("", "length", None, None, "")),
        (GOOGLE, {"promptFeedback": {"blockReason": "OTHER"}}, Completion("OTHER", "refusal", None, None, "")),
        (GOOGLE, {"candidates": [{"finishReason": "SAFETY"}]}, Completion("", "refusal", None, None, "")),
        (GOOGLE, {"candidates": [{"finishReason": "MAX_TOKENS"}]}, Completion("", "length", None, None, "")),
        (ANTHROPIC, {"content": [], "usage": {"output_tokens": -1}}, "usage that is no count"),
        (ANTHROPIC, {"content": [{"type": "text", "text": 5}]}, "no text"),
        (ANTHROPIC, {"content": [], "usage": 5}, "no text"),
        (GOOGLE, {"candidates": [{}], "usageMetadata": {"totalTokenCount": 1e300}}, "usage that is no count"),
        (GOOGLE, {"candidates": [{"content": {"parts": [{"text": 5}]}}]}, "no text"),
    ],
)
def test_answers_without_text_and_answers_that_lie(api: str, body: dict[str, Any], expected: Completion | str) -> None:
    pytest.importorskip(SDKS[api][0])
    with server.serving() as state:
        state.api, state.answer = api, lambda handler: handler.say(200, body)
        if isinstance(expected, Completion):
            assert model(state).complete(ask(state), timeout=5.0) == expected
        else:
            with pytest.raises(Malformed, match=expected):
                model(state).complete(ask(state), timeout=5.0)


def test_what_google_says_instead_of_401_and_of_retry_after() -> None:
    pytest.importorskip("google.genai")
    said = {"code": 400, "message": "API key not valid", "details": [{"reason": "API_KEY_INVALID"}]}
    busy = {"code": 429, "message": "quota", "details": [{"@type": "RetryInfo", "retryDelay": "17.5s"}]}
    with server.serving() as state:
        state.api = GOOGLE
        state.faults += [lambda h: h.say(400, {"error": said}), lambda h: h.say(429, {"error": busy})]
        with pytest.raises(Refused, match="environment variable GEMINI_API_KEY: it was refused"):
            model(state).complete(ask(state), timeout=5.0)
        with pytest.raises(Unavailable) as caught:
            model(state).complete(ask(state), timeout=5.0)
    assert caught.value.retry_after == 17.5


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("openai:gpt-5", "openai", "models"),
        ("openrouter:a/b", "openai", "models"),
        ("gemini:gemini-3.5-flash", "openai", "models"),
        ("anthropic:claude-opus-5-5", "anthropic", "anthropic"),
        ("google:gemini-3.5-flash", "google-genai", "google"),
    ],
)
def test_an_sdk_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, name: str, package: str, extra: str) -> None:
    for module in ("openai", "anthropic", "google.genai"):
        monkeypatch.setitem(sys.modules, module, None)
    environment = dict.fromkeys([*VARIABLES.values(), "OPENROUTER_API_KEY"], KEY)
    with pytest.raises(BadInput) as caught:
        open_models([name], environment=environment)
    told = f"the package {package} is needed for this model and is not installed: pip install 'rung[{extra}]'"
    assert told in str(caught.value)


def test_nothing_is_imported_before_it_is_named() -> None:
    code = "import sys, rung.models.configured; print([m for m in ('openai', 'anthropic', 'google', 'httpx2', 'xllamacpp') if m in sys.modules])"  # noqa: E501 - one line for -c
    source = str(Path(importlib.util.find_spec("rung").submodule_search_locations[0]).parent)  # type: ignore[union-attr, index]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONPATH": source})
    assert done.stdout.decode().strip() == "[]"

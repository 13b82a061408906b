"""A real server with every fault there is, and what the broker makes of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.models import server
from tests.models.server import KEY, State
from tests.models.setting import WIDE, Clock, Real, address, loopback, place

from rung.errors import BadInput, BudgetExhausted
from rung.kernel.budget import Allowance, Budget
from rung.models.adapters import open_models
from rung.models.endpoint import Endpoint
from rung.models.errors import Malformed, Overspent, Refused, Unavailable
from rung.models.names import CHAT, OPENAI
from rung.models.pace import Pace
from rung.models.port import Completion, Message, Prompt
from rung.models.prices import prompt_bound
from rung.models.secrets import Key

QUICK = Pace(at_once=32, attempts=3, first_wait=0.01, longest_wait=2.0, timeout=0.4)


@pytest.fixture(params=[CHAT, OPENAI])
def endpoint(request: pytest.FixtureRequest) -> Iterator[State]:
    """Yields a server; all of it is asked twice, by ourselves and by the SDK."""
    if request.param == OPENAI:
        pytest.importorskip("openai")
    with server.serving() as state:
        state.api = request.param
        yield state


def ask(state: State, text: str = "hello", *, max_tokens: int = 100, name: str = "small", **more: Any) -> Prompt:
    return Prompt(address(state, name), (Message("system", "be brief"), Message("user", text)), max_tokens, **more)


def small_adapter(state: State, **more: Any) -> Endpoint:
    return Endpoint(place(state), key=Key(KEY, variable="RUNG_MODEL_KEY"), clock=lambda: 0.0, **more)


def test_an_answer(endpoint: State) -> None:
    client, budget, _ = loopback(endpoint)
    answer = client.complete(ask(endpoint, temperature=0.5, seed=3, stop=("END",)))
    assert answer == Completion("answer 1", "stop", 7, 3, "small-2026")
    assert budget.spent.tokens == 10
    assert endpoint.seen[0]["path"] == "/v1/chat/completions"
    assert endpoint.seen[0]["key"] == f"Bearer {KEY}"
    assert endpoint.seen[0]["body"] == {
        "model": "small",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "max_tokens": 100,
        "temperature": 0.5,
        "seed": 3,
        "stop": ["END"],
    }


def test_too_many_requests_waits_as_long_as_it_was_told(endpoint: State) -> None:
    clock = Clock()
    endpoint.faults.append(server.status(429, Retry_After="2"))
    client, budget, tape = loopback(endpoint, clock=clock)
    assert client.complete(ask(endpoint)).text == "answer 2"
    assert clock.slept[0] >= 2.0
    assert budget.spent.tokens == 10  # what was refused costs nothing
    kinds: list[Any] = [(kind, body) for kind, body in tape.events]
    assert [body.get("status") for kind, body in kinds if kind == "model_answer"] == ["unavailable", "answered"]


def test_a_date_in_retry_after(endpoint: State) -> None:
    clock = Clock()
    endpoint.faults.append(server.status(503, Retry_After="Thu, 01 Jan 1970 00:00:02 GMT"))
    client, _, _ = loopback(endpoint, clock=clock)
    assert client.complete(ask(endpoint)).text == "answer 2"
    assert clock.slept[0] == pytest.approx(2.0)


def test_nobody_waits_an_hour(endpoint: State) -> None:
    endpoint.faults.append(server.status(429, Retry_After="3600"))
    client, _, _ = loopback(endpoint)
    with pytest.raises(Unavailable, match="asks to wait 3600 s, the longest wait here is 2 s"):
        client.complete(ask(endpoint))


@pytest.mark.parametrize("code", [500, 503, 529])
def test_a_broken_server_is_asked_again_and_costs_nothing(endpoint: State, code: int) -> None:
    endpoint.faults += [server.status(code, "boom")] * 2
    client, budget, _ = loopback(endpoint)
    assert client.complete(ask(endpoint)).text == "answer 3"
    assert budget.spent.tokens == 10


def test_a_server_that_stays_broken_is_said_to_be(endpoint: State) -> None:
    endpoint.faults += [server.status(500, "boom")] * 5
    client, budget, _ = loopback(endpoint)
    with pytest.raises(
        Unavailable, match=r"gave no answer in 5 attempts; the last one: 127.0.0.1:\d+ answered 500: boom"
    ):
        client.complete(ask(endpoint))
    assert budget.spent.tokens == 0


def test_a_server_that_is_down() -> None:
    with server.serving() as gone:
        pass
    client, budget, _ = loopback(gone, pace=QUICK)
    with pytest.raises(Unavailable, match=r"127.0.0.1:\d+ is down: Connection refused"):
        client.complete(ask(gone))
    assert budget.spent.tokens == 0


def test_a_server_without_tls_gets_no_key(endpoint: State) -> None:
    where = replace(place(endpoint), base_url=f"https://127.0.0.1:{endpoint.port}/v1")
    model = Endpoint(where, key=Key(KEY, variable="RUNG_MODEL_KEY"), clock=time.time)
    with pytest.raises(Unavailable, match=r"no TLS connection to 127\.0\.0\.1:") as caught:
        model.complete(ask(endpoint), timeout=5.0)
    assert (endpoint.seen, caught.value.in_doubt) == ([], False)


@pytest.mark.parametrize("fault", [server.cut, server.cut_chunked, server.hang_up])
def test_a_cut_answer_is_asked_again_and_charged_at_its_worst(endpoint: State, fault: server.Fault) -> None:
    endpoint.faults.append(fault)
    client, budget, _ = loopback(endpoint)
    asked = ask(endpoint)
    assert client.complete(asked).text == "answer 2"
    assert budget.spent.tokens == prompt_bound(asked) + 100 + 10  # it may have been billed


@pytest.mark.parametrize("fault", [server.slow, server.drip])
def test_slow_is_cut_after_the_timeout(endpoint: State, fault: server.Fault) -> None:
    endpoint.faults.append(fault)
    with pytest.raises(Unavailable, match=r"did not finish its answer in 0.3 s") as caught:
        small_adapter(endpoint).complete(ask(endpoint), timeout=0.3)
    assert caught.value.in_doubt


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "answered with nothing: is http://127.0.0.1"),
        (b"<html>welcome</html>", "answered with no JSON document: is"),
        (b'{"choices": [', "no JSON document"),
        (b'{"choices": [], "choices": []}', "no JSON document"),
        (b'{"choices": []}', "no chat completion"),
        (b"[1, 2]", "no chat completion"),
        (b"[" * 5000, "no JSON document"),
        (b'{"choices": [{"message": {"content": 5}}]}', "a message that is no text"),
        (
            b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": -1, "completion_tokens": 1}}',
            "usage",
        ),
        (b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": NaN}}', "no JSON document"),
        (b'{"choices": [{"message": {"content": "a"}}], "usage": "many"}', "usage that is no count"),
        (b'{"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 1e300}}', "usage that is no count"),
        (b'\xff\xfe{"choices"', "no JSON document"),
    ],
)
def test_malformed_answers_end_the_call_at_its_worst_cost(endpoint: State, body: bytes, sentence: str) -> None:
    endpoint.faults.append(server.raw(body))
    client, budget, _ = loopback(endpoint)
    asked = ask(endpoint)
    with pytest.raises(Malformed, match=sentence):
        client.complete(asked)
    assert len(endpoint.seen) == 1
    assert budget.spent.tokens == prompt_bound(asked) + 100


def test_an_enormous_answer_is_not_read_to_its_end(endpoint: State) -> None:
    endpoint.faults += [server.enormous, server.raw(b" " * 70_000)]
    model = small_adapter(endpoint, answer_bytes=65_536)
    for _ in range(2):
        with pytest.raises(Malformed, match="larger than 65,536 bytes"):
            model.complete(ask(endpoint), timeout=5.0)


def test_an_answer_that_says_nothing_is_an_answer(endpoint: State) -> None:
    endpoint.faults.append(lambda handler: handler.say(200, server.completion(None, answer=0)))
    client, budget, _ = loopback(endpoint)
    assert client.complete(ask(endpoint)).text == ""
    assert budget.spent.tokens == 7


def test_a_refusal_is_an_answer_and_is_paid_for(endpoint: State) -> None:
    endpoint.faults.append(lambda handler: handler.say(200, server.completion(None, refusal="I will not.")))
    client, budget, _ = loopback(endpoint)
    answer = client.complete(ask(endpoint))
    assert (answer.text, answer.finish_reason) == ("I will not.", "refusal")
    assert budget.spent.tokens == 10


def test_an_endpoint_that_reports_nothing_is_charged_at_its_worst(endpoint: State) -> None:
    endpoint.faults.append(lambda handler: handler.say(200, {**server.completion(), "usage": None}))
    client, budget, _ = loopback(endpoint)
    asked = ask(endpoint)
    assert client.complete(asked).tokens is None
    assert budget.spent.tokens == prompt_bound(asked) + 100


def test_hidden_reasoning_in_the_total_is_charged(endpoint: State) -> None:
    body = server.completion()
    body["usage"]["total_tokens"] = 60
    endpoint.faults.append(lambda handler: handler.say(200, body))
    client, budget, _ = loopback(endpoint)
    assert client.complete(ask(endpoint)).completion_tokens == 53
    assert budget.spent.tokens == 60


def test_more_than_was_reserved_is_charged_and_ends_it(endpoint: State) -> None:
    endpoint.faults.append(lambda handler: handler.say(200, server.completion(answer=5000)))
    client, budget, tape = loopback(endpoint)
    for _ in range(2):
        with pytest.raises(Overspent, match=r"reported 5,007 tokens .* is asked no more"):
            client.complete(ask(endpoint))
    assert budget.spent.tokens == 5007
    assert len(endpoint.seen) == 1
    last: Any = tape.events[-1][1]
    assert last["overspent"] is True


def test_a_wrong_model_name(endpoint: State) -> None:
    client, budget, _ = loopback(endpoint, name="smal")
    with pytest.raises(Refused, match=r"answered 404: The model `smal` does not exist; check the address and"):
        client.complete(ask(endpoint, name="smal"))
    assert (len(endpoint.seen), budget.spent.tokens) == (1, 0)


def test_a_wrong_key_is_not_repeated(endpoint: State) -> None:
    wrong = "sk-wrong-9876543210abcdef"
    client, budget, tape = loopback(endpoint, environment={"RUNG_MODEL_KEY": wrong})
    with pytest.raises(Refused, match="environment variable RUNG_MODEL_KEY: it was refused") as caught:
        client.complete(ask(endpoint))
    assert (len(endpoint.seen), budget.spent.tokens) == (1, 0)
    assert wrong not in str(caught.value) + repr(caught.value) + tape.to_bytes().decode()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (server.status(400, "context length exceeded"), "400: context length exceeded; change the request"),
        (server.status(402, "pay"), "no credit"),
        (server.status(302, "moved", Location="http://127.0.0.1:1/"), "it redirects, and a key is never sent on"),
        (lambda h: h.say(429, {"error": {"message": "quota", "code": "insufficient_quota"}}), "no credit"),
        (lambda h: h.say(200, {"error": {"message": "upstream says no", "code": 403}}), "403: upstream says no"),
        (lambda h: h.say(403, {"error": "plain words"}), "403: plain words; the key may not use this model"),
    ],
)
def test_what_trying_again_cannot_help_is_asked_once(endpoint: State, fault: server.Fault, sentence: str) -> None:
    endpoint.faults.append(fault)
    client, budget, _ = loopback(endpoint)
    with pytest.raises(Refused, match=sentence):
        client.complete(ask(endpoint))
    assert (len(endpoint.seen), budget.spent.tokens) == (1, 0)


def test_caps_are_exact_under_thirty_two_calls_at_once(endpoint: State) -> None:
    """Each call may cost 417 tokens and costs 10; the cap lets three be reserved at a time."""
    endpoint.delay = 0.005
    worst = prompt_bound(ask(endpoint)) + 100
    cap = 3 * worst + 5
    budget = Budget(Allowance(tokens=cap))
    client, _, _ = loopback(endpoint, budget=budget, clock=Real(), pace=Pace(at_once=32, timeout=10.0))
    outcomes = client.complete_all([ask(endpoint) for _ in range(32)])
    assert {type(each) for each in outcomes} == {Completion}
    assert budget.spent.tokens == 320
    assert 1 < endpoint.most_inside <= 3
    while isinstance(outcome := client.complete_all([ask(endpoint)])[0], Completion):
        assert budget.spent.tokens <= cap
    assert isinstance(outcome, BudgetExhausted)
    assert budget.spent.tokens <= cap < budget.spent.tokens + worst


def test_no_more_calls_at_once_than_the_endpoint_may_have(endpoint: State) -> None:
    endpoint.delay = 0.02
    client, _, _ = loopback(endpoint, clock=Real(), pace=Pace(at_once=4, timeout=10.0))
    outcomes = client.complete_all([ask(endpoint, str(index)) for index in range(32)])
    assert len({each.text for each in outcomes if isinstance(each, Completion)}) == 32
    assert endpoint.most_inside == 4


def test_the_same_question_side_by_side_has_as_many_answers(endpoint: State) -> None:
    client, _, tape = loopback(endpoint, clock=Real())
    outcomes = client.complete_all([ask(endpoint)] * 8)
    assert len({each.text for each in outcomes if isinstance(each, Completion)}) == 8
    bodies: list[Any] = [body for kind, body in tape.events if kind == "model_answer"]
    assert sorted(body["number"] for body in bodies) == list(range(8))


def test_threads_of_cut_calls_end(endpoint: State) -> None:
    before = threading.active_count()
    endpoint.faults += [server.slow] * 3
    client, _, _ = loopback(endpoint, pace=Pace(attempts=3, first_wait=0.01, timeout=0.1))
    with pytest.raises(Unavailable):
        client.complete(ask(endpoint))
    time.sleep(1.2)
    assert threading.active_count() <= before + 1


def test_a_missing_key_and_a_key_in_the_open() -> None:
    with pytest.raises(BadInput, match="set the environment variable OPENAI_API_KEY"):
        open_models(["openai:gpt-5"], environment={})
    far = "http://models.example:80/v1#small"
    with pytest.raises(BadInput, match=r"would travel unencrypted to models\.example:80") as caught:
        open_models([far], environment={"RUNG_MODEL_KEY": KEY})
    assert KEY not in str(caught.value)
    assert open_models([far, far], environment={}).models[0].name == far


def test_a_wide_budget_is_wide_enough_for_the_tests() -> None:
    assert Budget(WIDE).left().tokens == 10_000_000

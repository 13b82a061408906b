"""Reserve, call, settle; waits; and keys that show nowhere."""

from __future__ import annotations

import base64
import pickle
import traceback
from pathlib import Path

import pytest
from tests.models.setting import MODEL, PRICES, Clock, Scripted, client, prompt, said

from rung.errors import BadInput, BudgetExhausted
from rung.kernel.budget import Allowance, Budget
from rung.models.endpoint import Endpoint
from rung.models.errors import Refused, Unavailable
from rung.models.names import Address, File, read_name
from rung.models.pace import Pace
from rung.models.port import Completion, Message, Prompt
from rung.models.prices import Prices, prompt_bound, read_prices, shipped_prices
from rung.models.secrets import Key, Scrubber, key_from

CANARY = "sk-canary-0123456789abcdefghij"


def test_what_does_not_fit_is_not_sent() -> None:
    asked = prompt()
    worst = prompt_bound(asked) + 100
    model = Scripted(said())
    asking, budget, tape = client(model, budget=Budget(Allowance(tokens=worst - 1)))
    with pytest.raises(BudgetExhausted, match=f"may cost {worst} tokens, {worst - 1} are left"):
        asking.complete(asked)
    assert (model.prompts, tape.events, budget.spent.tokens) == ([], [], 0)
    asking, budget, _ = client(model, budget=Budget(Allowance(tokens=worst)))
    asking.complete(asked)
    assert budget.spent.tokens == 15


def test_money_is_capped_to_the_billionth() -> None:
    asked = prompt()
    worst = PRICES.worst(asked)
    with pytest.raises(BudgetExhausted, match="US dollars"):
        client(Scripted(said()), budget=Budget(Allowance(usd=(worst.nano_usd - 1) / 1e9)))[0].complete(asked)
    asking, budget, _ = client(Scripted(said()), budget=Budget(Allowance(usd=worst.usd)))
    asking.complete(asked)
    assert round(budget.spent.usd * 1e9) == 10 * 150 + 5 * 600


def test_a_cap_of_any_parent_counts() -> None:
    root = Budget(Allowance(tokens=10))
    with pytest.raises(BudgetExhausted):
        client(Scripted(said()), budget=root.child(Allowance(tokens=10**6)))[0].complete(prompt())


def test_a_model_without_a_price_needs_a_cap_of_tokens() -> None:
    for allowance in (Allowance(usd=5.0), Allowance()):
        asking, _, _ = client(Scripted(said()), budget=Budget(allowance), prices=Prices("2026-11-20", {}))
        with pytest.raises(BadInput, match=r"has no price \(list of 2026-11-20\): .* or cap the tokens"):
            asking.complete(prompt())
    asking, budget, _ = client(Scripted(said()), budget=Budget(Allowance(tokens=10**4)), prices=Prices("x", {}))
    asking.complete(prompt())
    assert (budget.spent.tokens, budget.spent.usd) == (15, 0.0)


def test_a_model_with_a_price_needs_some_cap() -> None:
    with pytest.raises(BadInput, match="costs money: cap the tokens or the US dollars"):
        client(Scripted(said()), budget=Budget(Allowance(seconds=5.0)))[0].complete(prompt())


def test_waits_double_and_differ_and_end() -> None:
    clock = Clock()
    pace = Pace(attempts=6, first_wait=1.0, longest_wait=4.0)
    asking, _, _ = client(Scripted(Unavailable("down")), clock=clock, pace=pace)
    with pytest.raises(Unavailable, match="no answer in 6 attempts; the last one: down"):
        asking.complete(prompt())
    assert len(clock.slept) == 5
    for slept, full in zip(clock.slept, (1.0, 2.0, 4.0, 4.0, 4.0), strict=True):
        assert full / 2 <= slept <= full
    assert len(set(clock.slept)) == 5


def test_nobody_waits_longer_than_the_budget_lasts() -> None:
    clock = Clock()
    budget = Budget(Allowance(tokens=10**6, seconds=10.0), clock=clock)
    model = Scripted(Unavailable("busy", retry_after=30.0), said())
    with pytest.raises(BudgetExhausted, match=r"asks for a wait of 30.0 s"):
        client(model, budget=budget, clock=clock)[0].complete(prompt())
    assert model.timeouts == [10.0]


def test_a_wait_that_was_asked_for_holds_for_all_callers_of_the_endpoint() -> None:
    clock = Clock()
    asking, _, _ = client(Scripted(Unavailable("busy", retry_after=5.0), said()), clock=clock, pace=Pace(attempts=1))
    with pytest.raises(Unavailable):
        asking.complete(prompt("one"))
    asking.complete(prompt("two"))
    assert clock.now == 5.0


def test_calls_per_minute() -> None:
    clock = Clock()
    asking, _, _ = client(Scripted(said()), clock=clock, pace=Pace(per_minute=3))
    for index in range(7):
        asking.complete(prompt(str(index)))
    assert clock.now == pytest.approx(120.0)


def test_a_bug_in_a_model_leaves_nothing_reserved() -> None:
    class Broken(Scripted):
        def complete(self, prompt: Prompt, *, timeout: float) -> Completion:
            raise ZeroDivisionError(f"{prompt} {timeout}")

    asked = prompt()
    asking, budget, _ = client(Broken(said()))
    with pytest.raises(ZeroDivisionError):
        asking.complete(asked)
    assert budget.spent.tokens == prompt_bound(asked) + 100  # it may have been billed
    assert asking._broker._book.held(budget).tokens == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not empty"),
        ("gpt-5", "does not say where the model is"),
        ("opnai:gpt-5", "did you mean 'openai'"),
        ("openai:", "names no model"),
        ("antropic:claude", "did you mean 'anthropic'"),
        ("gguf:", "names no file"),
        ("gguf:/a.gguf#threads=2", "'threads=2:' is no option of a local model"),
        ("gguf:/a.gguf#context:0", "is no option of a local model"),
        ("gguf:/a.gguf#seed:1", "'seed:1' is no option of a local model: write"),
        ("local:llama", "no local model 'llama' is known: write local:smollm2, or gguf:"),
        ("http://localhost:8000/v1", "which model: add its name"),
        ("ftp://localhost/v1#a", "no address of a model"),
        ("http://localhost:99999/v1#a", "no valid host or port"),
        ("http://localhost/v1?k=1#a", "no query"),
        ("openai:gpt 5", "without blanks"),
    ],
)
def test_names_that_are_wrong(text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_name(text)


@pytest.mark.parametrize("text", [f"openai:{CANARY}", f"http://me:{CANARY}@localhost/v1#a", "http://me:hush@host/v1#a"])
def test_a_name_that_holds_a_key_is_not_repeated(text: str) -> None:
    with pytest.raises(BadInput, match=r"environment|RUNG_MODEL_KEY") as caught:
        read_name(text)
    assert "hush" not in str(caught.value)
    assert CANARY not in str(caught.value)


def address(text: str) -> Address:
    found = read_name(text)
    assert isinstance(found, Address)
    return found


def test_names_that_are_right() -> None:
    assert address("openai:gpt-4.1").base_url == "https://api.openai.com/v1"
    assert address("openrouter:a/b:free").model == "a/b:free"
    assert (address("anthropic:claude-opus-5-5").api, address("google:gemini-3.5-flash").api) == ("anthropic", "google")
    local = address("http://localhost:8000/v1/#qwen/2.5")
    assert (local.base_url, local.model, local.loopback, local.key_needed) == (
        "http://localhost:8000/v1",
        "qwen/2.5",
        True,
        False,
    )
    assert not address("https://localhost.example/v1#a").loopback
    name = "gguf:/models/a.gguf#threads:2,cache:on"
    assert read_name(name) == File(name, Path("/models/a.gguf"), threads=2, context=8192, cache=True)
    assert read_name("local:smollm2#context:512") == File("local:smollm2#context:512", None, context=512)


def test_prices_of_the_user_win(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('as_of = "today"\n[models]\n"openai:gpt-5" = { prompt = 1, completion = 2.5 }\n')
    prices = shipped_prices().override(read_prices(path))
    asked = prompt(model="openai:gpt-5")
    assert prices.worst(asked).nano_usd == prompt_bound(asked) * 1000 + 100 * 2500
    assert "openai:gpt-4.1" in prices.models


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("as_of = 1", "needs as_of"),
        ("x = 1", "unknown key 'x'"),
        ("= 1", "is not TOML"),
        ('as_of = "a"\n[models]\na = { prompt = 1 }', "model 'a': write"),
        ('as_of = "a"\n[models]\na = { prompt = -1, completion = 1 }', "0 or more"),
        ('as_of = "a"\n[models]\na = { prompt = nan, completion = 1 }', "0 or more"),
        ('as_of = "a"\n[models]\na = { prompt = "1", completion = 1 }', "0 or more"),
    ],
)
def test_price_lists_that_are_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=sentence):
        read_prices(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": ()},
        {"messages": (Message("robot", "a"),)},
        {"max_tokens": 0},
        {"temperature": float("nan")},
    ],
)
def test_prompts_that_are_wrong(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"model": MODEL, "messages": (Message("user", "a"),), "max_tokens": 1}
    with pytest.raises(BadInput):
        Prompt(**{**right, **wrong})  # type: ignore[arg-type]


def test_text_that_cannot_be_sent_is_a_sentence() -> None:
    with pytest.raises(BadInput, match="cannot be sent"):
        client(Scripted(said()))[0].complete(prompt("\ud800"))


def test_a_key_shows_nowhere() -> None:
    """In no prompt, record, error, traceback or repr, however the endpoint repeats it."""
    key = key_from({"K": f" {CANARY}\n"}, "K")
    assert key is not None
    encoded = base64.b64encode(CANARY.encode()).decode()
    model = Scripted(said(f"the key is {CANARY} or {encoded}"), Refused(f"bad key {CANARY}; Bearer {CANARY}"))
    scrubber = Scrubber((key,))
    asking, _, tape = client(model, scrubber=scrubber)
    answer = asking.complete(prompt(f"use {CANARY}"))
    try:
        asking.complete(prompt("again"))
    except Refused:
        told = traceback.format_exc()
    adapter = Endpoint(Address("gpt", "https://api.openai.com/v1", "gpt-5", "K"), key=key, clock=Clock())
    shown = [answer.text, told, tape.to_bytes().decode(), str(model.prompts), *map(repr, (key, scrubber, adapter))]
    shown += [repr(vars(adapter)), repr(vars(asking._broker))]
    assert [text for text in shown if CANARY in text or encoded.rstrip("=") in text] == []
    assert "[secret]" in answer.text
    with pytest.raises(TypeError, match="never written down"):
        pickle.dumps(key)


def test_a_key_that_is_none() -> None:
    assert key_from({"K": "  "}, "K") is None
    with pytest.raises(BadInput, match="the key in K holds a blank") as caught:
        key_from({"K": "hush\r\nX: y"}, "K")
    assert "hush" not in str(caught.value)
    assert "hush-hush" not in repr(Key("hush-hush", variable="K"))

"""A recorded run is played again to the last bit, and a run that died goes on without paying twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.models.setting import MODEL, WIDE, Scripted, broker, client, prompt, said

from rung.errors import BadInput
from rung.kernel.budget import Budget
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.run import Run
from rung.models.client import Client
from rung.models.errors import ModelError, NotRecorded, Refused, Unavailable
from rung.models.port import Call, Completion
from rung.models.prices import prompt_bound
from rung.models.replay import ANSWER, REQUEST, Answers, Replay, Tape, lost_event


def story(asking: Client) -> list[str]:
    """A little run: the same question three times, another one, one that fails."""
    told = [asking.complete(prompt("one")).text for _ in range(3)]
    told.append(asking.complete(prompt("two", temperature=0.5)).text)
    try:
        told.append(asking.complete(prompt("three")).text)
    except ModelError as error:
        told.append(f"{type(error).__name__}: {error}")
    return told


def recorded() -> tuple[list[str], Budget, Tape]:
    model = Scripted(
        said("a"),
        Unavailable("busy", retry_after=0.5),
        said("b"),
        Unavailable("cut", in_doubt=True),
        said("c", prompt_tokens=None),
        said("d"),
        Refused("no such thing"),
    )
    asking, budget, tape = client(model)
    return story(asking), budget, tape


def test_a_recorded_run_is_played_again_to_the_last_bit() -> None:
    told, budget, tape = recorded()
    assert told == ["a", "b", "c", "d", "Refused: no such thing"]
    raw = tape.to_bytes()
    again, spent, second = client(backend=Replay(Tape(raw).answers()))
    assert story(again) == told
    assert second.to_bytes() == raw
    assert (spent.spent.tokens, spent.spent.usd) == (budget.spent.tokens, budget.spent.usd)


def test_a_missing_answer_is_a_sentence_and_never_a_call() -> None:
    _, _, tape = recorded()
    again, budget, _ = client(backend=Replay(tape.answers()))
    story(again)
    before = budget.spent.tokens
    for asked in (prompt("one"), prompt("never asked")):
        with pytest.raises(NotRecorded, match="a replay asks no live model"):
            again.complete(asked)
    assert budget.spent.tokens == before


def test_what_an_earlier_sitting_recorded_is_not_paid_again() -> None:
    told, _, tape = recorded()
    model = Scripted(said("new"))
    again, budget, second = client(model, known=tape.answers())
    assert story(again) == told
    assert (budget.spent.tokens, second.events, model.prompts) == (0, [], [])
    assert again.complete(prompt("one")).text == "new"
    assert len(model.prompts) == 1


def test_a_call_that_was_cut_by_death_is_charged_once_and_asked_again() -> None:
    _, _, tape = recorded()
    tape.events.pop()  # the engine died before the last answer was written
    asked = prompt("three")
    worst = prompt_bound(asked) + 100
    sitting = Tape(tape.to_bytes())
    model = Scripted(said("now"))
    second = Client(broker(model), budget=(budget := Budget(WIDE)), recorder=sitting, known=sitting.answers())
    assert budget.spent.tokens == worst
    assert story(second)[-1] == "now"
    assert budget.spent.tokens == worst + 15
    third_budget = Budget(WIDE)
    third = Client(broker(model), budget=third_budget, recorder=sitting, known=sitting.answers())
    assert story(third)[-1] == "now"  # a third sitting pays nothing: all of it is on record
    assert (third_budget.spent.tokens, len(model.prompts)) == (0, 1)


@pytest.mark.parametrize("number", range(10))
def test_death_at_any_event_leaves_the_same_run(number: int) -> None:
    """Whatever prefix of the record survives, the run that goes on tells the same story."""
    told, _, tape = recorded()
    prefix = Tape(tape.to_bytes())
    del prefix.events[number:]
    left = [body for kind, body in tape.events[number:] if kind == "model_answer"]
    outcomes = [outcome_of(tape, body) for body in left]
    begun_only = prefix.answers().lost
    going_on = Client(broker(Scripted(*outcomes)), budget=Budget(WIDE), recorder=prefix, known=prefix.answers())
    assert story(going_on) == told
    assert all(prefix.answers().outcome(Call(prompt(), lost.request, lost.number, lost.attempt)) for lost in begun_only)


def outcome_of(tape: Tape, body: Any) -> Completion | ModelError:
    outcome = tape.answers().outcome(Call(prompt(), body["request"], body["number"], body["attempt"]))
    assert outcome is not None
    return outcome


def test_the_request_is_written_before_it_is_sent() -> None:
    tape = Tape()

    class Looking(Scripted):
        def complete(self, prompt: Any, *, timeout: float) -> Completion:
            assert [kind for kind, _ in tape.events] == ["model_request"]
            return super().complete(prompt, timeout=timeout)

    asking, _, _ = client(Looking(said()), tape=tape)
    asking.complete(prompt())
    assert [kind for kind, _ in tape.events] == ["model_request", "model_answer"]


def test_a_damaged_tape_is_a_sentence() -> None:
    with pytest.raises(BadInput, match="line 1 of the recorded model calls"):
        Tape(b"{}\n")
    with pytest.raises(BadInput, match="was damaged"):
        Answers([("model_answer", {})], blob=lambda _: b"")
    _, _, tape = recorded()
    tape.blobs = dict.fromkeys(tape.blobs, b"[]")
    with pytest.raises(BadInput, match="cannot be read"):
        story(client(backend=Replay(tape.answers()))[0])


def test_a_ledger_keeps_the_record_and_gives_it_back(tmp_path: Path) -> None:
    """A kernel's run is a recorder as it is."""
    ledger = open_ledger(tmp_path)
    run = Run(ledger, "run-1", parent=None, observe=lambda _: None)
    first = Scripted(said("a"), Unavailable("busy"), said("b"), said("c"), said("d"), Refused("no"))
    told = story(Client(broker(first), budget=Budget(WIDE), recorder=run))
    head = ledger.head()
    events = ((event.type, event.body) for event in ledger.read(run="run-1", types={REQUEST, ANSWER}))
    budget, second = Budget(WIDE), Scripted(said("never asked"))
    again = Client(broker(second), budget=budget, recorder=run, known=Answers(events, blob=ledger.get))
    assert story(again) == told == ["a", "b", "c", "d", "Refused: no"]
    assert (second.prompts, budget.spent.tokens, ledger.head()) == ([], 0, head)
    ledger.close()


def test_a_lost_call_is_unavailable_on_record() -> None:
    tape = Tape()
    asking, _, _ = client(Scripted(said()), tape=tape)
    asking.complete(prompt())
    del tape.events[1:]
    lost = tape.answers().lost[0]
    assert (lost.model, lost.number, lost.attempt) == (MODEL, 0, 0)
    tape.record("model_answer", lost_event(lost))
    assert tape.answers().lost == ()
    assert isinstance(tape.answers().outcome(Call(prompt(), lost.request, 0, 0)), Unavailable)

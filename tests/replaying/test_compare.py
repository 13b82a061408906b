"""What two events must have in common, and what of it may be otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from rung.replaying.compare import comparable, differing, first_difference, sums


@pytest.mark.parametrize(
    ("recorded", "now", "found"),
    [
        ({"a": [1, {"b": 2.5}]}, {"a": [1, {"b": 2.5}]}, None),
        ({"a": 1}, {"a": 1.0}, ("a", 1, 1.0)),
        ({"a": 1}, {"a": True}, ("a", 1, True)),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, ("a", 0.1 + 0.2, 0.3)),
        ({"a": [1, 2]}, {"a": [1]}, ("a[1]", 2, None)),
        ({"a": None}, {}, ("a", None, None)),
        ({}, {"a": {"b": 1}}, ("a", None, {"b": 1})),
        ({"a": {"b": [{"c": "x"}]}}, {"a": {"b": [{"c": "y"}]}}, ("a.b[0].c", "x", "y")),
    ],
)
def test_the_first_difference_is_found_to_the_last_bit(recorded: Any, now: Any, found: Any) -> None:
    assert first_difference(recorded, now) == found


def test_what_is_measured_is_not_compared() -> None:
    def evaluation(seconds: float, sandbox: str, tokens: int = 3) -> Any:
        cost = {"evaluations": 1, "cpu_seconds": seconds, "seconds": seconds, "tokens": tokens, "usd": 0.0}
        return {"scores": [1.0], "cost": cost, "sandbox": sandbox}

    one, other = evaluation(0.5, "namespaces"), evaluation(0.7, "bubblewrap")
    for kind, name, wrap in (("evaluation", "evaluation", False), ("held_out", "evaluations", True)):
        bodies: list[Any] = [{name: [each] if wrap else each, "spent": {"tokens": 1}} for each in (one, other)]
        assert comparable(kind, bodies[0]) == comparable(kind, bodies[1])
    assert comparable("rescore", {"evaluation": one}) != comparable("rescore", {"evaluation": evaluation(0.5, "", 4)})


def test_seconds_in_a_log_are_the_improver_s_own_and_are_compared() -> None:
    assert comparable("log", {"measures": {"seconds": 1.0}}) != comparable("log", {"measures": {"seconds": 2.0}})


def test_money_is_compared_in_billionths() -> None:
    spent: dict[str, Any] = {"evaluations": 1, "cpu_seconds": 0.1, "seconds": 1.0, "tokens": 7, "usd": 0.1 + 0.2}
    assert sums({"spent": spent}) == sums({"spent": {**spent, "usd": 0.3, "seconds": 9.0}})
    assert sums({"spent": spent}) != sums({"spent": {**spent, "usd": 0.300000002}})
    assert sums({}) is None


def test_a_sentence_shows_where_long_texts_begin_to_differ() -> None:
    long = "x" * 500
    found = differing(7, "log", ("measures.text", f"{long}old{long}", f"{long}new{long}"))
    assert "old" in found.recorded
    assert "new" in found.now
    assert len(found.sentence) < 300
    assert found.sentence.startswith("event 7 (log) differs in measures.text: recorded is …'x")

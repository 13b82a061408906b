"""Models on the command line: against a real server on the loopback interface, killed, interrupted, and spied upon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Command, Ended
from tests.models.server import KEY, Handler, State, completion, serving, status

from rung import improve
from rung.errors import BadInput
from rung.kernel.ledger.sqlite import read_ledger

VARIABLE = "RUNG_MODEL_KEY"
ASKING = """
from rung_host import Child

def improve(brief, host):
    for number in range(1, 13):
        prompt = {"messages": [{"role": "user", "content": f"{number}: {list(brief.cases)}"}], "max_tokens": 40}
        for answer in host.generate([prompt]):
            if not answer.error:
                host.evaluate([Child({"program.py": answer.text}, brief.program["id"], "model")])
"""


@pytest.fixture
def server(workshop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """A model that gets nearer to 40 with each question, and the improver `asking`."""
    (workshop / "asking").mkdir()
    (workshop / "asking" / "improver.py").write_text(ASKING)
    monkeypatch.setenv(VARIABLE, KEY)
    with serving() as state:
        state.answer = guess
        yield state


def guess(handler: Handler) -> None:
    """Answers a question that begins with a number with a program that returns it."""
    time.sleep(handler.server.state.delay)
    number = handler.asked["messages"][0]["content"].partition(":")[0]
    handler.say(200, completion(f"def guess(x):\n    return {number}\n"))


def command(server: State, *more: object, model: str = "small", cap: bool = True) -> list[str]:
    """Returns the arguments of a run that asks the server."""
    address = f"http://127.0.0.1:{server.port}/v1#{model}"
    caps = ["--max-tokens", 100_000] if cap else []
    given = ["improve", "task.py", "--improver", "asking", "--model", address, *caps, "--seed", 3, *more]
    return [str(each) for each in given]


def started(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rung", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def document(ended: Ended) -> dict[str, object]:
    assert ended.code == 0, ended.err
    found: dict[str, object] = json.loads(ended.out)
    return found


def test_a_model_proposes_and_is_paid_within_its_cap(rung: Command, server: State) -> None:
    ended = document(rung(*command(server, "--json")))
    assert ended["incumbent"]["value"] == -28.0  # type: ignore[index]
    assert ended["spent"]["tokens"] == 12 * 10  # type: ignore[index]
    plain = rung(*command(server, "--attempts", 5))
    assert "50 tokens ($0.0000)" in plain.out
    assert rung("verify").code == 0


def test_killed_in_a_call_no_answer_is_paid_twice_and_what_was_lost_is_charged(rung: Command, server: State) -> None:
    server.delay = 0.15
    for kills in range(1, 4):
        process = started(command(server, "--quiet"))
        wait_for(lambda kills=kills: len(server.seen) >= 3 * kills)  # type: ignore[misc]
        time.sleep(0.05)
        process.kill()
        process.communicate()
    server.delay = 0.0
    ended = document(rung(*command(server, "--json")))
    assert ended["incumbent"]["value"] == -28.0  # type: ignore[index]
    asked = Counter(json.dumps(each["body"]) for each in server.seen)
    ledger = read_ledger(Path(".rung"))
    answers = [event.body for event in ledger.read(types=("model_answer",))]
    ledger.close()
    lost = [body for body in answers if body["status"] == "lost"]  # type: ignore[index,call-overload]
    assert 1 <= len(lost) <= 3
    assert sum(asked.values()) <= 12 + len(lost)
    assert sum(count - 1 for count in asked.values()) <= len(lost)
    worst = sum(body["tokens"] for body in lost)  # type: ignore[index,call-overload,misc]
    assert ended["spent"]["tokens"] == 12 * 10 + worst  # type: ignore[index]


def test_from_python_a_model_is_a_name(server: State) -> None:
    address = f"http://127.0.0.1:{server.port}/v1#small"
    for models in (address, [address]):
        outcome = improve("task.py", improver="asking", models=models, max_tokens=100_000, seed=3)
        assert outcome.incumbent.value == -28.0
    assert len(server.seen) == 12  # the second is the same run
    with pytest.raises(BadInput, match="has no price"):
        improve("task.py", improver="asking", models=address)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_a_call_it_ends_at_once(rung: Command, server: State, number: signal.Signals) -> None:
    server.delay = 3.0
    process = started(command(server, "--quiet"))
    wait_for(lambda: len(server.seen) == 1)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 2.0
    assert (process.returncode, out, err) == (130, "", "rung: interrupted; the same command goes on where it was\n")
    server.delay = 0.0
    assert document(rung(*command(server, "--json")))["incumbent"]["value"] == -28.0  # type: ignore[index]


def test_a_model_that_is_down_ends_the_run_with_a_reason_and_everything_kept(rung: Command, server: State) -> None:
    server.faults.extend([guess, guess, *[status(503)] * 20])
    ended = rung(*command(server, "--quiet", "--seconds", 600))
    assert ended.code == 1
    assert "gave no answer in 5 attempts" in ended.err
    assert "the same command goes on" in ended.err
    server.faults.clear()
    assert document(rung(*command(server, "--json", "--seconds", 600)))["incumbent"]["value"] == -28.0  # type: ignore[index]


def test_the_key_is_nowhere(rung: Command, server: State) -> None:
    server.delay = 0.1
    server.faults.extend([guess, status(500, f"your key {KEY} is out of luck"), guess])
    process = started(command(server))
    listings = []
    while process.poll() is None:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    listings.append((entry / "cmdline").read_bytes())
                except OSError:
                    continue
        time.sleep(0.05)
    out, err = process.communicate()
    assert process.returncode == 0
    shown = rung("show")
    said = [out, err, shown.out, shown.err, *(line.decode(errors="replace") for line in listings)]
    assert not [text for text in said if KEY in text]
    files = [path.read_bytes() for path in Path.cwd().rglob("*") if path.is_file()]
    assert files
    assert not [data for data in files if KEY.encode() in data]
    assert {each["key"] for each in server.seen} == {f"Bearer {KEY}"}


def test_a_key_that_an_improver_would_send_or_a_model_repeats_is_scrubbed(rung: Command, server: State) -> None:
    assert os.environ[VARIABLE] == KEY
    spy = ASKING.replace('f"{number}: {list(brief.cases)}"', f'f"{{number}}: {KEY}"')
    Path("asking", "improver.py").write_text(spy)
    assert rung(*command(server)).code == 0
    sent = json.dumps([each["body"] for each in server.seen])
    assert KEY not in sent
    assert "[secret]" in sent


def test_prompts_hold_train_cases_and_no_others(rung: Command, server: State) -> None:
    canaries = {"train": 111_222_333, "validation": 444_555_666, "held_out": 777_888_999}
    text = Path("task.py").read_text()
    text = text.replace("range(3, 6)", f"[{canaries['validation']}]").replace("range(3)", f"[{canaries['train']}]")
    Path("task.py").write_text(text.replace("rung.fresh(4)", f"[{canaries['held_out']}]"))
    assert rung(*command(server)).code == 0
    sent = json.dumps([each["body"] for each in server.seen])
    assert str(canaries["train"]) in sent
    assert str(canaries["validation"]) not in sent
    assert str(canaries["held_out"]) not in sent


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-tokens", "5"], "no model was named: name one with --model"),
        (["--max-usd", "5"], "no model was named"),
        (["--prices", "p.toml"], "no model was named"),
        (["--model", "opanai:gpt"], "did you mean 'openai'?"),
        (["--model", "small"], "does not say where the model is"),
        (["--model", "http://127.0.0.1:1/v1#a"], "has no price"),
        (["--model", "http://127.0.0.1:1/v1#a", "--max-usd", "1"], "has no price"),
        (["--model", "http://127.0.0.1:1/v1#a=0", "--max-tokens", "9"], "weight of a model is a number above 0"),
        (["--model", "openai:gpt-4.1-mini", "--max-tokens", "9"], "OPENAI_API_KEY"),
        (["--model", "http://127.0.0.1:1/v1#a", "--max-tokens", "9", "--prices", "none.toml"], "cannot be read"),
        (["--model", "sk-0123456789abcdefghijkl"], "looks like a key"),
    ],
)
def test_what_is_wrong_with_a_model_is_said_before_anything_runs(
    rung: Command, arguments: list[str], sentence: str
) -> None:
    ended = rung("improve", "task.py", *arguments)
    assert ended.code == 2
    assert sentence in " ".join(ended.err.split())
    assert not Path(".rung").exists()
    assert "sk-0123456789" not in ended.err

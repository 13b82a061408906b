"""The attack table: on every backend that works here, no attack wins, and the next honest program is scored as ever."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.wall.attacks import BOMBS, FORGERIES, HONEST, REACHES

from rung.errors import Invalid, NoSandbox, Status
from rung.kernel.sandbox.choice import STRONGEST_FIRST, open_sandbox
from rung.kernel.sandbox.port import Sandbox
from rung.kernel.scoring import score
from rung.kernel.trial import Trial
from rung.records import Case, Limits, Program, Task, as_cases

LIMITS = Limits(cpu_seconds=1.0, wall_seconds=1.0, memory_mb=256, output_bytes=1 << 20, disk_mb=8)
ATTACKS = {**FORGERIES, **REACHES, **BOMBS}


def evaluate(case: Case, trial: Trial) -> float:
    """Returns 1.0 for exactly the expected integer; anything else is no answer."""
    assert isinstance(case.input, int)
    expected = 3 * case.input + 1
    output = trial.run(case.input)
    if type(output) is not int or output != expected:
        raise Invalid(f"not the answer: {str(output)[:40]}")
    return 1.0


def program(source: str) -> Program:
    """Returns a one-file program."""
    return Program({"solver.py": source}, "solver.py:solve")


CASES = as_cases("train", [5, 6])
TASK = Task(
    name="thrice",
    goal="three times and one more",
    program=program(HONEST),
    evaluate=evaluate,
    train=CASES,
    validation=as_cases("validation", [7]),
    held_out=as_cases("held_out", [8]),
    limits=LIMITS,
)


@dataclass(frozen=True)
class Host:
    """What there is to steal on this machine: a file with a canary in it and a listening port."""

    canary: Path
    port: int
    listener: socket.socket


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A canary file and a listener that must hear nothing."""
    canary = tmp_path_factory.mktemp("host") / "canary"
    canary.write_text("host data")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.01)
    yield Host(canary, listener.getsockname()[1], listener)
    listener.close()


@pytest.fixture(scope="module", params=STRONGEST_FIRST)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each isolating backend that passes its self-test on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", "canary-key")
        try:
            opened = open_sandbox(request.param)
        except NoSandbox as reason:
            pytest.skip(str(reason))
        yield opened
        opened.close()


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_wins(name: str, sandbox: Sandbox, host: Host) -> None:
    """It gets a status instead of a score, in time, touches nothing, and the run goes on."""
    source = ATTACKS[name]
    for key, value in {"{evaluator!r}": __file__, "{canary!r}": str(host.canary)}.items():
        source = source.replace(key, repr(value))
    source = source.replace("{port}", str(host.port))
    before = Path(__file__).read_bytes()
    began = time.monotonic()
    result = score(TASK, program(source), CASES, sandbox=sandbox, seed=0).evaluation
    assert result.status is not Status.OK, f"{name} won on {sandbox.name}"
    assert result.value is None
    assert time.monotonic() - began < 8.0
    assert Path(__file__).read_bytes() == before
    assert host.canary.read_text() == "host data"
    assert [path.name for path in host.canary.parent.iterdir()] == ["canary"]
    with pytest.raises(TimeoutError):
        host.listener.accept()
    honest = score(TASK, TASK.program, CASES, sandbox=sandbox, seed=0).evaluation
    assert (honest.status, honest.value) == (Status.OK, 1.0)

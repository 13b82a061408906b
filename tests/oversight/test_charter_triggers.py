"""Triggers: each time and each event starts one bounded run, over restarts, and none starts itself."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.oversight.people import DEFAULT, NOW, Clock, charter

from rung import api
from rung.cli import watch as watching
from rung.cli.app import main
from rung.errors import BadInput
from rung.kernel.ledger.port import Ledger
from rung.kernel.ledger.sqlite import open_ledger, read_ledger
from rung.oversight.charter import Charter
from rung.oversight.standing import adopt
from rung.oversight.triggers import ENDED, FIRED, begin, due, end

DAY = 86_400
MIDNIGHT = NOW - NOW % DAY


def trigger(name: str, on: str, task: str = "t.py") -> str:
    return f'\n[[triggers]]\nname = "{name}"\n{on}\ntask = "{task}"\nattempts = 1\ncpu_seconds = 20\n'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def under(tmp_path: Path, clock: Clock) -> Callable[..., tuple[Ledger, Charter]]:
    """A workspace under the careful charter with these triggers."""

    def make(*triggers: str) -> tuple[Ledger, Charter]:
        ledger = open_ledger(tmp_path / "w", clock=clock)
        return ledger, adopt(ledger, charter(DEFAULT + "".join(triggers)), now=clock.now)

    return make


Under = Callable[..., tuple[Ledger, Charter]]


def test_every_so_many_hours_and_what_was_missed_is_made_up_for_once(under: Under, clock: Clock) -> None:
    ledger, law = under(trigger("it", 'on = "time"\nevery_hours = 2'))
    assert due(ledger, law, now=NOW + 7199) == []
    clock.now = NOW + 5 * 7200
    (duty,) = due(ledger, law, now=clock.now)
    fired = begin(ledger, law, duty)
    end(ledger, duty, fired=fired, run="r", words="done")
    assert due(ledger, law, now=clock.now + 7199) == []
    assert len(due(ledger, law, now=clock.now + 7200)) == 1
    ledger.close()


def test_once_a_day_at_a_time(under: Under, clock: Clock) -> None:
    clock.now = MIDNIGHT + 3600
    ledger, law = under(trigger("it", 'on = "time"\nat = "03:30"'))
    assert due(ledger, law, now=MIDNIGHT + 3.5 * 3600 - 1) == []
    clock.now = MIDNIGHT + 3.5 * 3600
    (duty,) = due(ledger, law, now=clock.now)
    end(ledger, duty, fired=begin(ledger, law, duty), run="r", words="done")
    assert due(ledger, law, now=clock.now + DAY - 1) == []
    assert len(due(ledger, law, now=clock.now + DAY)) == 1
    assert len(due(ledger, law, now=clock.now + 9 * DAY)) == 1
    ledger.close()


def test_events_count_from_the_charter_on_several_as_one_and_own_ones_not(under: Under) -> None:
    ledger, law = under(trigger("it", 'on = "event"\nevent = "run_end"'))
    assert due(ledger, law, now=NOW) == []
    for _ in range(3):
        ledger.append("run_end", {}, run="somebody's")
    (duty,) = due(ledger, law, now=NOW)
    assert duty.cause == ledger.head()[0]
    fired = begin(ledger, law, duty)
    ledger.append("run_end", {}, run="mine")
    end(ledger, duty, fired=fired, run="mine", words="done")
    assert due(ledger, law, now=NOW) == []
    ledger.append("run_end", {}, run="somebody else's")
    assert len(due(ledger, law, now=NOW)) == 1
    ledger.close()


def test_what_was_begun_and_not_ended_comes_again(under: Under) -> None:
    ledger, law = under(trigger("it", 'on = "event"\nevent = "run_end"'))
    ledger.append("run_end", {}, run="somebody's")
    (duty,) = due(ledger, law, now=NOW)
    fired = begin(ledger, law, duty)
    (again,) = due(ledger, law, now=NOW)  # the machine went down in between
    assert (again.fired, begin(ledger, law, again)) == (fired, fired)
    end(ledger, again, fired=fired, run="r", words="done")
    assert due(ledger, law, now=NOW) == []
    ledger.close()


def test_a_watch_runs_what_is_due_and_stays_up_when_a_run_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.py").write_text(
        "import rung\n@rung.task(goal='?', program='p.py', entry='p.py:f', train=range(2), validation=range(2), "
        "held_out=range(2, 4))\ndef near(case, trial):\n    return trial.run(2)\n"
    )
    Path("p.py").write_text("def f(x):\n    return 1.0\n")
    on = 'on = "event"\nevent = "wish"'
    Path("charter.toml").write_text(DEFAULT + trigger("good", on) + trigger("gone", on, task="none.py"))
    assert main(("charter", "watch", "--once", "--json")) == 0
    assert json.loads(capsys.readouterr().out) == []
    with closing(open_ledger(Path(".rung"))) as ledger:
        ledger.append("wish", {}, run="x")
    assert main(("charter", "watch", "--once", "--json")) == 0
    done: list[Any] = json.loads(capsys.readouterr().out)
    assert [each["trigger"] for each in done] == ["gone", "good"]
    assert "none.py" in done[0]["words"]
    assert done[1]["run"]
    with closing(read_ledger(Path(".rung"))) as ledger:
        starts: list[Any] = [event.body for event in ledger.read(types=("run_start",))]
        assert [(each["attempts"], each["allowance"]["cpu_seconds"]) for each in starts] == [(1, 20.0)]
        assert len(list(ledger.read(types=(FIRED,)))) == len(list(ledger.read(types=(ENDED,)))) == 2
    assert main(("charter", "watch", "--once", "--json")) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_it_watches_until_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("charter.toml").write_text(DEFAULT + trigger("it", 'on = "time"\nevery_hours = 2'))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("rung.cli.watch.time.sleep", sleep)
    assert main(("charter", "watch")) == 130
    assert slept == [watching.POLL] * 3
    assert "rung: interrupted" in capsys.readouterr().err


def test_nothing_to_watch_for_and_what_cannot_be_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(("charter", "watch", "--once")) == 2
    assert "nothing to watch for" in capsys.readouterr().err
    Path("charter.toml").write_text(DEFAULT + trigger("hook", 'on = "webhook"\nport = 8123'))
    assert main(("charter", "check")) == 0
    assert "webhooks are not listened to yet" in capsys.readouterr().out
    assert main(("charter", "watch", "--once")) == 2
    assert "on a webhook (hook), and this rung listens to none yet" in capsys.readouterr().err
    with pytest.raises(BadInput, match="on a webhook"):
        api.improve("sorting-network-7", workspace=tmp_path / ".rung", attempts=1)

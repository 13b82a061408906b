"""A comparison that is killed goes on to the end it would have had, at the same cost in work."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.arms import toy
from tests.arms.conftest import Whole
from tests.helpers import bodies, kernel

from rung import wire
from rung.arms.learn import Lesson, learn
from rung.arms.practice import Field, solve
from rung.arms.records import ARMS, ArmResult
from rung.errors import IntegrityAlarm
from rung.kernel.ledger.port import Entry, Event, Ledger
from rung.kernel.ledger.sqlite import read_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.wire import JSON

SMALL = {"work": 16_000.0, "recheck": 4, "generations": 3}
SCRIPT = """
import sys
from pathlib import Path
from tests.arms import test_resume, toy
from tests.helpers import kernel
k = kernel(Path(sys.argv[1]))
print("ready", flush=True)
list(toy.bench(k, arms=("self", "aa"), on=toy.suite(**test_resume.SMALL), key="abc").run())
print("done", flush=True)
"""
LESSONS = [Lesson(f"s{number}", str(value), 1) for number, value in enumerate((3, 4, 25, 51, 78))]


class Killed(BaseException):
    """What stands for the end of the process."""


class Failing:
    """A ledger whose process ends after so many commits."""

    def __init__(self, ledger: Ledger, lives: int) -> None:
        self._ledger, self._lives = ledger, lives

    def _live(self) -> None:
        self._lives -= 1
        if self._lives < 0:
            raise Killed

    def append(
        self, event_type: str, body: JSON, *, run: str, parent_run: str | None = None, blobs: Iterable[bytes] = ()
    ) -> Event:
        self._live()
        return self._ledger.append(event_type, body, run=run, parent_run=parent_run, blobs=blobs)

    def append_all(self, entries: Sequence[Entry]) -> list[Event]:
        self._live()
        return self._ledger.append_all(entries)

    def read(self, *, run: str | None = None, types: Collection[str] | None = None, after: int = 0) -> Iterator[Event]:
        return self._ledger.read(run=run, types=types, after=after)

    def put(self, data: bytes) -> str:
        return self._ledger.put(data)

    def get(self, digest: str) -> bytes:
        return self._ledger.get(digest)

    def head(self) -> tuple[int, str]:
        return self._ledger.head()

    def close(self) -> None:
        self._ledger.close()


def interrupted(place: Field, work: Callable[[Field], Any], *, lives: int) -> Field:
    """Returns the place after work there died at a commit, with its ledger whole again."""
    whole = place.kernel.ledger
    place.kernel.ledger = Failing(whole, lives)
    try:
        work(place)
    except Killed:
        pass
    finally:
        place.kernel.ledger = whole
    return place


def what_it_came_to(result: ArmResult) -> ArmResult:
    """Returns the result without what is measured anew when it was in flight."""
    return replace(result, cpu_seconds=0.0, steps=tuple(replace(step, cpu_seconds=0.0) for step in result.steps))


def test_a_block_costs_the_same_work_wherever_it_was_interrupted(field: Callable[..., Field]) -> None:
    """Killed before each of its commits in turn: same scores, same work, and no entry is written twice."""

    def solved(place: Field) -> Any:
        block = place.world.screen(8, salt=3)
        return replace(solve(place, block, toy.improver()), run="", cpu_seconds=0.0)

    once = field("once")
    wanted = solved(once)
    commits = len({event.seq for event in once.kernel.ledger.read()})
    assert wanted.work > 0
    for lives in range(commits):
        place = interrupted(field(f"killed-{lives}"), solved, lives=lives)
        assert solved(place) == wanted, lives
        assert len(bodies(place.kernel, "log")) == 1


def test_a_learning_step_costs_the_same_work_wherever_it_was_interrupted(field: Callable[..., Field]) -> None:
    """The runs inside it are paid for, also those that had ended when the step around them was lost."""

    def learned(place: Field) -> Any:
        return replace(learn(place, toy.improver(), LESSONS, generation=1, screened=True), run="", cpu_seconds=0.0)

    once = field("once")
    wanted = learned(once)
    assert wanted.successor is not None
    commits = len({event.seq for event in once.kernel.ledger.read()})
    for lives in random.Random(1).sample(range(commits), 7):
        place = interrupted(field(f"killed-{lives}"), learned, lives=lives)
        assert learned(place) == wanted, lives


def test_a_block_that_had_ended_is_answered_from_the_record(field: Callable[..., Field]) -> None:
    """The CPU seconds too, so that a decision that looks at them is the same again."""
    place = field()
    block = place.world.screen(8, salt=3)
    first = solve(place, block, toy.improver())
    assert solve(place, block, toy.improver()) == first


def test_killed_at_random_moments_it_ends_where_it_would_have(tmp_path: Path, root: Path) -> None:
    """kill -9 five times, each after some more events, then once to the end."""
    rng, workspace, done = random.Random(5), tmp_path / "killed", False
    _, wanted = toy.run(tmp_path / "whole", arms=("self", "aa"), on=toy.suite(**SMALL), key="abc")
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(workspace)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        await_events(workspace, rng.randint(10, 40))
        time.sleep(rng.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        done = done or b"done" in process.stdout.read()
        process.wait()
        process.stdout.close()
        assert verify_chain(workspace / "ledger.sqlite").problems == ()
    k, found = toy.run(workspace, arms=("self", "aa"), on=toy.suite(**SMALL), key="abc")
    assert not done
    assert len(bodies(k, "registration")) == 1
    assert {arm: what_it_came_to(result) for arm, result in found.items()} == {
        arm: what_it_came_to(result) for arm, result in wanted.items()
    }
    assert [name for name, _ in decisions(k.ledger)] == [
        name for name, _ in decisions(kernel(tmp_path / "whole").ledger)
    ]
    assert verify_chain(workspace / "ledger.sqlite").problems == ()


def await_events(workspace: Path, more: int) -> None:
    """Waits until the ledger holds so many more events."""
    ledger = read_ledger(workspace)
    wanted, deadline = ledger.head()[0] + more, time.monotonic() + 60
    while ledger.head()[0] < wanted and time.monotonic() < deadline:
        time.sleep(0.005)
    ledger.close()


def decisions(ledger: Ledger) -> list[tuple[str, Any]]:
    """Returns what arms decided, in order."""
    kinds = ("registration", "arm_start", "commit", "pairs", "verdict", "adopted", "undone", "generation", "arm_end")
    runs = {event.run for event in ledger.read(types=("arm_start",))}
    return [(event.type, event.body) for event in ledger.read(types=kinds) if event.run in runs]


FORGERIES: dict[str, Callable[[Any], None]] = {
    "pairs": lambda body: body["successor"].__setitem__(0, 1.0 - body["successor"][0]),
    "verdict": lambda body: body.update(admitted=not body["admitted"]),
    "generation": lambda body: body.update(work=body["work"] - 100),
    "curve": lambda body: body.update(held_out=1.0),
    "null_edits": lambda body: body.update(flipped_admitted=0, flipped=2000),
    "arm_end": lambda body: body.update(held_out=[1] * len(body["held_out"])),
}


@pytest.mark.parametrize("event_type", FORGERIES)
def test_a_forged_event_of_an_arm_is_found(event_type: str, whole: Whole, tmp_path: Path) -> None:
    """Whoever edits the file breaks the chain; and an arm that goes on decides otherwise than it says there."""
    shutil.copytree(whole.workspace, tmp_path / "w")
    file = tmp_path / "w" / "ledger.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        query = "SELECT seq, body FROM events WHERE type = ? ORDER BY seq DESC LIMIT 1"
        number, text = connection.execute(query, (event_type,)).fetchone()
        body = json.loads(text)
        FORGERIES[event_type](body)
        forged = wire.canonical(body)
        forged_as = forged if isinstance(text, bytes) else forged.decode()
        connection.execute("UPDATE events SET body = ? WHERE seq = ?", (forged_as, number))
        for _, trigger in triggers:
            connection.execute(trigger)
        connection.commit()
    assert verify_chain(file).problems
    with pytest.raises(IntegrityAlarm, match="decided"):
        toy.run(tmp_path / "w", arms=ARMS, key="abc")


def test_run_again_it_repeats_what_is_on_record(whole: Whole, tmp_path: Path) -> None:
    """Nothing is evaluated, nothing is appended, and the CPU seconds are those of then."""
    shutil.copytree(whole.workspace, tmp_path / "w")
    k, results = toy.run(tmp_path / "w", arms=ARMS, key="abc")
    assert results == whole.results
    assert k.ledger.head() == whole.kernel.ledger.head()

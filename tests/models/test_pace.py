"""Limits of endpoints that a person writes down: read strictly, on top of what is known, and in force."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers import kernel
from tests.models.server import serving
from tests.models.setting import address

from rung.errors import BadInput
from rung.kernel.budget import Allowance, Budget
from rung.kernel.models import Question
from rung.kernel.run import Run
from rung.models.configured import open_door
from rung.models.pace import Pace, read_paces

LIST = 'as_of = "today"\n[models]\n'


def test_what_is_left_out_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(f'{LIST}[endpoints."a:1"]\nat_once = 7\ntimeout = 3\n[endpoints.b]\nper_minute = 2\n')
    found = read_paces(path, known={"a:1": Pace(attempts=2)})
    assert found == {"a:1": Pace(attempts=2, at_once=7, timeout=3), "b": Pace(per_minute=2)}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("endpoints = 3", "holds"),
        ("[endpoints]\na = 3", "holds"),
        ("[endpoints.a]\nspeed = 3", "speed = 3 is no limit; there is at_once"),
        ("[endpoints.a]\nat_once = 1.5", "at_once = 1.5 is no limit"),
        ("[endpoints.a]\nat_once = true", "at_once = True is no limit"),
        ("[endpoints.a]\nat_once = 0", "endpoint 'a': at_once, per_minute and attempts"),
        ("[endpoints.a]\nlongest_wait = 0.5", "longest_wait at least first_wait"),
        ("= 3", "cannot be read"),
    ],
)
def test_limits_that_are_none(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=sentence):
        read_paces(path, known={})


@pytest.mark.parametrize(("at_once", "most"), [(1, 1), (8, 8)])
def test_the_limit_is_in_force(tmp_path: Path, at_once: int, most: int) -> None:
    with serving() as state:
        state.delay = 0.1
        name = address(state)
        path = tmp_path / "prices.toml"
        path.write_text(f'{LIST}[endpoints."127.0.0.1:{state.port}"]\nat_once = {at_once}\n')
        door = open_door([name], rollouts=None, prices=path, environment={})
        run = Run(kernel(tmp_path / "ledger").ledger, "run", parent=None, observe=lambda _: None)
        models = door(Budget(Allowance(tokens=100_000)), run)
        models.generate([Question((("user", str(n)),), 10) for n in range(8)])
        assert state.most_inside == most

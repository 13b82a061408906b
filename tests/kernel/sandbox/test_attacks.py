"""Every attack of the table is contained, on every backend, for every kind of user, with layers missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.sandbox.attacks import ATTACKS, applies, bait, contained, run

from rung.errors import NoSandbox
from rung.kernel.sandbox import Sandbox, open_sandbox

HERE = Path(__file__).resolve().parent
SOURCE = Path(__file__).resolve().parents[3]
ROOT = os.geteuid() == 0
QUICK = ("read host files", "fork", "exec", "sockets", "signals", "write outside", "memory of others", "CONTROL plain")
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def strongest() -> Iterator[Sandbox]:
    sandbox = open_sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def value() -> Iterator[dict[str, Any]]:
    with bait() as known:
        yield known


@pytest.mark.parametrize("title", ATTACKS)
def test_the_strongest_sandbox_contains(title: str, strongest: Sandbox, value: dict[str, Any]) -> None:
    if not applies(title, strongest):
        pytest.skip("this sandbox has no private directory, by design")
    seen = run(strongest, title, value)
    assert contained(title, seen), seen
    after = run(strongest, "CONTROL plain", value)
    assert contained("CONTROL plain", after), after


def through(sandbox: str, *words: str, python: str, source: Path, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns what got through when the table runs as somebody else, or without something."""
    wrapper = [sys.executable, str(HERE / "identity.py"), *words, "--"] if words else []
    command = [*wrapper, python, str(source / "tests/kernel/sandbox/attacks.py"), sandbox, *only]
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(source / "src")}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="module")
def readable() -> Iterator[Path]:
    """A copy of the source that any user can read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("src", "tests/kernel/sandbox"):
            shutil.copytree(SOURCE / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["chmod", "-R", "a+rX", name], check=True)
        yield folder


def needs_root_and_a_system_python() -> None:
    if not ROOT:
        pytest.skip("only root can become somebody else")
    version = [SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(version, check=False).returncode:
        pytest.skip("there is no system Python of 3.11 or later for other users")


def opens(name: str) -> bool:
    try:
        open_sandbox(name).close()
    except NoSandbox:
        return False
    return True


@pytest.mark.parametrize("name", ["bubblewrap", "unshare", "landlock"])
def test_every_other_backend_contains_the_table(name: str) -> None:
    if not opens(name):
        pytest.skip(f"{name} does not work here, and was refused")
    assert through(name, python=sys.executable, source=SOURCE)["through"] == {}


@pytest.mark.parametrize("name", ["namespaces", "landlock"])
def test_for_a_plain_user(name: str, readable: Path) -> None:
    needs_root_and_a_system_python()
    seen = through(name, "nobody", python=SYSTEM_PYTHON, source=readable)
    assert seen["through"] == {}
    assert ("user" in seen["layers"]) == (name == "namespaces")


def test_for_a_plain_user_without_user_namespaces_landlock_is_chosen(readable: Path) -> None:
    needs_root_and_a_system_python()
    seen = through("auto", "nobody", "no-userns", python=SYSTEM_PYTHON, source=readable, only=QUICK)
    assert seen["name"] == "landlock"
    assert seen["through"] == {}


def test_for_root_without_user_namespaces_the_jail_still_holds() -> None:
    if not ROOT:
        pytest.skip("only root can switch off user namespaces in a namespace of its own")
    seen = through("namespaces", "no-userns", python=sys.executable, source=SOURCE)
    assert seen["through"] == {}
    assert seen["layers"][0] == "jail"


def test_without_landlock_the_namespaces_still_hold() -> None:
    seen = through("namespaces", "no-landlock", python=sys.executable, source=SOURCE)
    assert seen["through"] == {}
    assert "landlock" not in seen["layers"]


def test_without_user_namespaces_and_without_landlock_it_refuses(readable: Path) -> None:
    needs_root_and_a_system_python()
    with pytest.raises(AssertionError, match="no sandbox isolates programs well enough here"):
        through("auto", "nobody", "no-userns", "no-landlock", python=SYSTEM_PYTHON, source=readable, only=QUICK)

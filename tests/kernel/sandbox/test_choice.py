"""A sandbox is chosen because it withstood its self-test, and the self-test notices when a layer is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rung.errors import BadInput, NoSandbox
from rung.kernel.sandbox import Sandbox, choice, forkserver, open_sandbox
from rung.kernel.sandbox.selftest import leaks

JAIL = Path(forkserver.__file__).parent / "jail"


def test_a_passed_self_test_is_remembered_for_these_circumstances_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tested: list[str] = []

    def passes(sandbox: Sandbox) -> list[str]:
        tested.append(sandbox.name)
        return []

    monkeypatch.setattr(choice, "leaks", passes)
    for _ in range(2):
        open_sandbox().close()
    assert len(tested) == 1
    memory = tmp_path / "rung" / "sandbox.json"
    memory.write_text(json.dumps(dict.fromkeys(json.loads(memory.read_text()), "other circumstances")))
    open_sandbox().close()
    assert len(tested) == 2
    memory.write_text("not JSON")
    open_sandbox().close()
    assert len(tested) == 3


def test_a_home_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    open_sandbox().close()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(BadInput, match="no sandbox is called 'docker'"):
        open_sandbox("docker")


def test_the_refusal_says_what_was_tried_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    monkeypatch.setattr(choice, "leaks", lambda _: ["read /etc/passwd"])
    with pytest.raises(NoSandbox) as caught:
        open_sandbox()
    message = str(caught.value)
    assert "namespaces: " in message
    assert "its self-test found read /etc/passwd" in message
    assert "install bubblewrap" in message


def test_bare_processes_exist_by_name_only_and_say_so() -> None:
    sandbox = open_sandbox("process")
    assert not sandbox.isolated
    assert sandbox.layers == ("rlimits",)
    sandbox.close()
    assert "process" not in choice.STRONGEST_FIRST


NOTHING = "(lambda *_, **__: None)("


@pytest.mark.parametrize(
    ("file", "layer", "notices"),
    [
        ("confine.py", "policy.filter.enforce(", "did not kill"),
        ("confine.py", "linux.limit_resources(", "CPU limit"),
        ("box.py", 'linux.mount("tmpfs", PRIVATE, ', "Read-only"),
        ("zygote.py", "linux.close_from(", "descriptor"),
    ],
)
def test_the_self_test_notices_a_missing_layer(
    file: str, layer: str, notices: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(JAIL, tmp_path / "jail", ignore=shutil.ignore_patterns("__pycache__"))
    source = (tmp_path / "jail" / file).read_text(encoding="utf-8")
    assert layer in source
    (tmp_path / "jail" / file).write_text(source.replace(layer, NOTHING), encoding="utf-8")
    monkeypatch.setattr(forkserver, "__file__", str(tmp_path / "forkserver.py"))
    sandbox = forkserver.ForkServerSandbox("namespaces")
    found = leaks(sandbox)
    sandbox.close()
    assert any(notices in leak for leak in found), found

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rung.agents.command import Effort, agent_of, agent_program, is_command
from rung.errors import BadInput
from rung.records import Program


def test_a_command_becomes_a_program_with_an_identity() -> None:
    agent = agent_of(program := agent_program("cmd:sh -c 'echo two words'"))
    assert agent is not None
    assert agent.command[1:] == ("-c", "echo two words")
    assert agent.command[0].startswith("/")
    assert program.id == agent_program("cmd:sh  -c 'echo two words'").id
    assert program.id != agent_program("cmd:sh -c 'echo three words'").id
    assert program.id != agent_program("cmd:sh -c 'echo two words'", effort=Effort(seconds=1.0)).id


def test_a_script_that_the_command_names_is_part_of_the_identity(tmp_path: Path) -> None:
    script = tmp_path / "agent.sh"
    script.write_text("true")
    before = agent_program(f"cmd:sh {script}")
    agent = agent_of(before)
    assert agent is not None
    assert str(script) in agent.shown
    script.write_text("false")
    assert agent_program(f"cmd:sh {script}").id != before.id


def test_relative_names_are_those_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "line.py").write_text("mine")
    monkeypatch.chdir(tmp_path)
    agent = agent_of(agent_program("cmd:sed -i s/a/b/ line.py"))
    assert agent is not None
    assert agent.command[-1] == "line.py"
    assert not any("line.py" in path for path in agent.shown)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cmd:", "names no command"),
        ("cmd:   ", "names no command"),
        ("cmd:''", "names no command"),
        ("cmd:sh -c 'echo", "cannot be read"),
        ("cmd:no-such-agent --flag", "not on PATH"),
        ("cmd:/dev/null", "not on PATH or not executable"),
        ("cmd:sh -c a\0b", "null byte"),
    ],
)
def test_bad_commands_are_sentences(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        agent_program(text)


def test_a_network_is_refused_until_a_charter_can_grant_it() -> None:
    with pytest.raises(BadInput, match="only a charter may grant an endpoint"):
        agent_program("cmd:sh", network="api.example.org:443")


@pytest.mark.parametrize("shown", ["/", "/proc/self", "/no/such/place"])
def test_what_cannot_be_shown_is_refused(shown: str) -> None:
    with pytest.raises(BadInput, match="cannot be shown"):
        agent_program("cmd:sh", show=(shown,))


@pytest.mark.parametrize("effort", [Effort(seconds=0.0), Effort(cpu_seconds=float("inf")), Effort(idle=-1)])
def test_an_effort_that_cannot_be_honoured_is_refused(effort: Effort) -> None:
    with pytest.raises(BadInput, match="must be a positive number"):
        agent_program("cmd:sh", effort=effort)


@pytest.mark.parametrize("change", [{"command": []}, {"command": [1]}, {"more": 1}, {"seconds": -1.0}])
def test_a_program_that_only_looks_like_an_agent_is_bad_input(change: dict[str, object]) -> None:
    content = agent_program("cmd:sh").files["agent.json"]
    assert isinstance(content, str)
    forged = Program({"agent.json": json.dumps({**json.loads(content), **change})}, "agent.json:command")
    with pytest.raises(BadInput, match=re.compile("agent")):
        agent_of(forged)


def test_ordinary_improvers_are_none() -> None:
    assert agent_of(Program({"improver.py": ""}, "improver.py:improve")) is None
    assert is_command("cmd:x")
    assert not is_command("seed")

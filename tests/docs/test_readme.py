"""What the documents tell people to type works: Python blocks are run, command lines are parsed as the command does."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from rung.cli.app import build

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/rung/tasks/*/README.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`(rung [^`]+)`")


def blocks(document: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(document.read_text(encoding="utf-8")) if language in languages]


def commands(document: Path) -> list[str]:
    """Returns the command lines of a document: those in shell blocks, and those in `backticks`."""
    text = document.read_text(encoding="utf-8")
    lines = [
        line.strip().removeprefix("$ ")
        for block in blocks(document, "", "sh", "console")
        for line in block.splitlines()
    ]
    found = [re.split(r"\s{2,}|\s#", line)[0] for line in lines if line.startswith("rung ")]
    return found + [" ".join(command.split()) for command in COMMAND.findall(BLOCK.sub("", text))]


def understand(command: str) -> None:
    """Parses a command line without doing what it says.

    Raises:
      Exception: what the command would say to a person.
    """
    arguments = shlex.split(command.replace("...", ""))[1:]
    if len(arguments) < 2:  # the name of a command alone: it must exist
        arguments = [*arguments, "--help"]
    try:
        with typer.main.get_command(build()).make_context("rung", list(arguments)) as context:
            group: Any = context.command
            name, found, rest = group.resolve_command(context, arguments)
            found.make_context(name, list(rest), parent=context)
    except typer.Exit:
        return  # --help, or --version


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_command_lines_are_understood(document: Path) -> None:
    for command in commands(document):
        understand(command)


@pytest.mark.parametrize("command", ["rung improv TASK", "rung improve TASK --atempts 3", "rung export RUN"])
def test_a_command_line_that_is_wrong_would_be_found(command: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing"):
        understand(command)


@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "docs/tasks.md"], ids=["README.md", "tasks.md"])
def test_python_blocks_run(document: Path, tmp_path: Path) -> None:
    source = "\n".join(blocks(document, "python"))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    script = tmp_path / "examples" / "document.py"
    script.write_text(re.sub(r"attempts=\d+", "attempts=10", source), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script.name], cwd=script.parent, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.agents.acting import QUICK, needs_bubblewrap, python_agent, run, survivors
from tests.helpers import LINE_TASK

from rung.agents import box
from rung.agents.command import agent_of, agent_program
from rung.agents.door import AgentDoor
from rung.agents.session import AgentSession
from rung.errors import NoSandbox, ProgramFailed
from rung.kernel.kernel import Settings
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.run import Run
from rung.records import Limits, Program

# Another number each time: nothing but the record can repeat it.
WANDERING = """
import os, re
k = 3.25 + int.from_bytes(os.urandom(4), "big") / 2**34
text = open("line.py").read()
open("line.py", "w").write(re.sub("K = .*", f"K = {k!r}", text))
"""


@needs_bubblewrap
def test_an_agent_improves_a_program(tmp_path: Path) -> None:
    story = run(tmp_path / "w", "cmd:sed -i 's/K = 1.0/K = 3.25/' line.py", attempts=5)
    assert story.outcome.incumbent.value == 0.0
    assert "proven bound" in story.outcome.stop_reason
    assert [body["operator"] for body in story.evaluations()] == ["agent"]
    said = story.said()[0]
    assert said["box"].startswith("bubblewrap: pid mount net ipc seccomp")
    assert said["cpu_seconds"] > 0
    assert story.outcome.spent.cpu_seconds >= said["cpu_seconds"]


@needs_bubblewrap
def test_several_files_are_added_edited_and_removed(tmp_path: Path) -> None:
    task = replace(LINE_TASK, program=LINE_TASK.program.edit({"old.txt": "old", "data/raw.bin": b"\xff\x00"}))
    source = """
import os
os.remove("old.txt")
os.makedirs("lib/deep"); open("lib/deep/slope.py", "w").write("K = 3.25\\n")
open("lib/__init__.py", "w").close(); open("lib/deep/__init__.py", "w").close()
open("line.py", "w").write("from lib.deep.slope import K\\n\\n\\ndef f(x):\\n    return K * x\\n")
open("data/raw.bin", "ab").write(b"\\xfe")
os.makedirs("__pycache__"); open("__pycache__/x.pyc", "wb").write(b"scratch")
open(".notes", "w").write("scratch")
"""
    story = run(tmp_path / "w", python_agent(tmp_path, source), task=task)
    files = story.program().files
    assert sorted(files) == ["data/raw.bin", "lib/__init__.py", "lib/deep/__init__.py", "lib/deep/slope.py", "line.py"]
    assert files["data/raw.bin"] == b"\xff\x00\xfe"
    assert story.outcome.incumbent.value == 0.0


@needs_bubblewrap
def test_the_brief_is_there_in_words_and_as_data_and_on_stdin(tmp_path: Path) -> None:
    task = replace(LINE_TASK, editable=("line.py", "kept.json"), public="def problem(input): ...\n")
    source = """
import json, os, sys
brief = json.load(open(".rung/brief.json"))
kept = {"stdin": sys.stdin.read(), "words": open(os.environ["RUNG_BRIEF"]).read(), "argument": open(sys.argv[1]).read(),
        "public": open(".rung/public.py").read(), "data": brief, "environment": sorted(os.environ)}
json.dump(kept, open("kept.json", "w"))
"""
    story = run(tmp_path / "w", python_agent(tmp_path, source) + " {brief}", task=task)
    content = story.program().files["kept.json"]
    assert isinstance(content, str)
    kept: Any = json.loads(content)
    assert kept["stdin"] == kept["words"] == kept["argument"]
    for words in ("Find the slope.", "`line.py:f`", "`line.py`, `kept.json`", "There is no network", "-4.5"):
        assert words in kept["words"]
    assert kept["data"]["cases"] == [1, 2, 3]
    assert kept["public"] == task.public
    assert "held_out" not in content
    assert "PYTEST_CURRENT_TEST" not in kept["environment"]


@needs_bubblewrap
def test_the_next_brief_says_what_became_of_the_attempts_before(tmp_path: Path) -> None:
    source = """
import os, re
brief = open(os.environ["RUNG_BRIEF"]).read()
text = open("line.py").read()
if "attempt 1" not in brief:
    open("line.py", "w").write(text.replace("1.0", "3.0"))
elif "Attempt 2" not in brief:
    open("line.py", "w").write(text + "\\nraise ValueError('no such luck')\\n")
else:
    open("line.py", "w").write(text + "# " + repr(brief))
"""
    story = run(tmp_path / "w", python_agent(tmp_path, source), attempts=3)
    assert [body["evaluation"]["status"] for body in story.evaluations()] == ["ok", "error", "ok"]
    last = story.program(2).files["line.py"]
    assert isinstance(last, str)
    for words in ("The best is attempt 1", "+K = 3.0", "no such luck", "Value of the program as it lies here: -0.5"):
        assert words in last


@needs_bubblewrap
def test_an_agent_without_ideas_ends_the_search_and_is_not_paid_for_the_rest(tmp_path: Path) -> None:
    story = run(tmp_path / "w", "cmd:true", attempts=50, effort=replace(QUICK, idle=3))
    assert len(story.said()) == 3
    assert story.outcome.stop_reason.startswith("the improver ended: ")
    story = run(tmp_path / "v", "cmd:false", attempts=50, effort=replace(QUICK, idle=2))
    assert (
        "2 attempts in a row proposed nothing; the last: the agent ended with exit code 1" in story.outcome.stop_reason
    )
    story = run(tmp_path / "u", "cmd:sh -c 'echo oh dear; no-such-tool'", attempts=50)
    assert "not found; name what it needs besides the system's folders with --agent-show" in story.outcome.stop_reason
    assert "it printed last: oh dear" in story.outcome.stop_reason


@needs_bubblewrap
def test_an_agent_reads_what_was_shown_to_it_and_cannot_write_it(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    tool = tmp_path / "tools" / "slope"
    tool.write_text("3.25")
    command = f"cmd:sh -c 'sed -i s/1.0/$(cat {tool})/ line.py; echo 4 > {tool}'"
    assert run(tmp_path / "w", command).evaluations()[0]["evaluation"]["status"] != "ok"
    story = run(tmp_path / "w", command, show=(str(tool.parent),))
    assert story.outcome.incumbent.value == 0.0
    assert tool.read_text() == "3.25"


@needs_bubblewrap
def test_the_same_proposal_again_is_not_judged_again(tmp_path: Path) -> None:
    story = run(tmp_path / "w", "cmd:sed -i 's/1.0/0.5/' line.py", attempts=9)
    assert len(story.evaluations()) == 1
    assert "it is the program of attempt 1 again" in story.said()[-1]["refused"]


class Interrupted(Exception):
    pass


@needs_bubblewrap
@pytest.mark.parametrize("where", ["evaluation", "log"])
def test_a_resumed_run_asks_the_record_and_never_pays_an_agent_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    command, seen = python_agent(tmp_path, WANDERING), []
    paid: list[int] = []
    original = AgentSession._run

    def counted(*each: Any) -> Any:
        paid.append(1)
        return original(*each)

    monkeypatch.setattr(AgentSession, "_run", counted)

    def interrupt(event: Any) -> None:
        seen.append(event.type)
        if seen.count("evaluation") == 3 and event.type == where:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(tmp_path / "w", command, attempts=5, observe=interrupt)
    assert len(paid) == {"evaluation": 2, "log": 3}[where]
    with closing(open_ledger(tmp_path / "w")) as ledger:
        before = [event.hash for event in ledger.read()]
        (name,) = {event.run for event in ledger.read(types=("run_start",))}
        assert Run(ledger, name, parent=None, observe=lambda _: None).spent_before.cpu_seconds > 0
    story = run(tmp_path / "w", command, attempts=5)
    assert len(paid) == 5
    assert [event.hash for event in story.kernel.ledger.read()][: len(before)] == before
    assert [body["number"] for body in story.evaluations()] == [1, 2, 3, 4, 5]
    assert [said["attempt"] for said in story.said()] == [1, 2, 3, 4, 5]
    assert story.outcome.stop_reason == "attempts used up"
    assert story.outcome.spent.cpu_seconds >= sum(said["cpu_seconds"] for said in story.said())


@needs_bubblewrap
def test_the_search_ends_with_its_budget_of_cpu_seconds(tmp_path: Path) -> None:
    from rung.kernel.budget import Allowance
    from rung.kernel.identity import Request

    story = run(tmp_path / "w", "cmd:true")  # a kernel to ask again
    command = agent_program("cmd:sh -c 'while :; do :; done'", effort=replace(QUICK, cpu_seconds=60.0))
    story.kernel._agents = AgentDoor(story.kernel.ledger, named=command).open
    began = time.monotonic()
    outcome = story.kernel.improve(LINE_TASK, command, Request(seed=3, allowance=Allowance(cpu_seconds=1.0)))
    assert outcome.stop_reason == "budget of CPU seconds used up"
    assert 1.0 <= outcome.spent.cpu_seconds < 2.5
    command = agent_program("cmd:sleep 1000", effort=QUICK)
    story.kernel._agents = AgentDoor(story.kernel.ledger, named=command).open
    outcome = story.kernel.improve(LINE_TASK, command, Request(seed=3, allowance=Allowance(seconds=1.0)))
    assert outcome.stop_reason == "budget of seconds used up"
    assert time.monotonic() - began < 30


@needs_bubblewrap
def test_an_agent_that_nobody_named_is_not_run(tmp_path: Path) -> None:
    named = agent_program("cmd:true")
    (tmp_path / "w").mkdir()
    with closing(open_ledger(tmp_path / "w")) as ledger:
        door = AgentDoor(ledger, named=named)
        content = named.files["agent.json"]
        assert isinstance(content, str)
        forged = named.edit({"agent.json": content.replace('"shown":{', '"shown":{"/root":"folder"')})
        assert (agent := agent_of(forged)) is not None
        assert agent.shown == ("/root",)
        with pytest.raises(ProgramFailed, match="nobody named this one"):
            door.open(forged, Limits(), "run")
        assert door.open(Program({"improver.py": ""}, "improver.py:improve"), Limits(), "run") is None


@needs_bubblewrap
def test_a_box_that_cannot_be_made_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "command_line", lambda **_: ["/bin/sh", "-c", "echo no user namespaces >&2; exit 1"])
    with pytest.raises(NoSandbox, match=r"does not hold an agent \(no box can be made: .*no user namespaces"):
        run(tmp_path / "w", "cmd:true")


def test_without_bubblewrap_it_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "_TOOLS_PATH", str(tmp_path))
    with pytest.raises(NoSandbox, match=r"bubblewrap is not installed.*apt install bubblewrap.*--sandbox process"):
        run(tmp_path / "w", "cmd:true")


def test_by_name_alone_it_runs_bare_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "_TOOLS_PATH", str(tmp_path))
    source = PROBE_BARE
    story = run(
        tmp_path / "w", python_agent(tmp_path, source, name="bare_agent.py"), settings=Settings(sandbox="process")
    )
    assert story.outcome.incumbent.value == 0.0
    assert story.said()[0]["box"].startswith("process: rlimits")
    assert not survivors("bare_agent.py")


PROBE_BARE = """
import os, subprocess, sys, time
text = open("line.py").read()
open("line.py", "w").write(text.replace("1.0", "3.25"))
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
"""


@needs_bubblewrap
def test_nothing_survives_the_engine(tmp_path: Path) -> None:
    command = python_agent(tmp_path, "import time\ntime.sleep(300)\n", name="orphan_agent.py")
    words = f"""
from pathlib import Path
from tests.agents.acting import QUICK, run
from dataclasses import replace
run(Path({str(tmp_path / "w")!r}), {command!r}, effort=replace(QUICK, seconds=200.0))
"""
    root = Path(__file__).resolve().parents[2]
    engine = subprocess.Popen(
        [sys.executable, "-c", words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(root)])},
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _running("-I\0" + str(tmp_path / "orphan_agent.py")):
        time.sleep(0.05)
    assert _running("-I\0" + str(tmp_path / "orphan_agent.py"))
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    assert not survivors("orphan_agent.py")


def _running(words: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().decode(errors="replace").rstrip("\0").endswith(words):
                return True
        except OSError:
            continue
    return False


@needs_bubblewrap
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become somebody else")
def test_an_ordinary_user_gets_the_same_box() -> None:
    system = shutil.which("python3", path="/usr/bin:/bin")
    if (
        system is None
        or subprocess.run([system, "-c", "import sys; assert sys.version_info >= (3, 11)"], check=False).returncode
    ):
        pytest.skip("no interpreter that another user can read")
    words = "import sys; sys.path.insert(0, sys.argv[1]); from rung.agents.selftest import leaks; print(leaks())"
    nobody = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups"]
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which is for its user alone
        Path(folder).chmod(0o755)
        shutil.copytree(Path(box.__file__).parents[1], Path(folder, "rung"), ignore=shutil.ignore_patterns("tasks"))
        command = [*nobody, system, "-c", words, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd="/")
    assert done.stdout.strip() == "[]", done.stderr

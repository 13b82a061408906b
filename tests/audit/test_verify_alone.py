"""The verifier that knows nothing of rung: it agrees with the engine, scores from bytes, and never falls over."""

from __future__ import annotations

import ast
import hashlib
import json
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.audit.ground import ALONE, FOREIGN, FOREIGN_KEY, grow, look, tamper, verifier
from tests.helpers import kernel, line, proposing

from rung.authoring import find_task
from rung.kernel.identity import Request
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import open_ledger, read_ledger
from rung.kernel.ledger.verify import verify_chain

TASK = """
import rung

@rung.task(goal="Find the slope.", program="program/", entry="line.py:f", train=[1, 2, 3], validation=rung.fresh(4),
           held_out=rung.fresh(5), bound=0.0, limits=rung.Limits(cpu_seconds=2.0, wall_seconds=20.0))
def slope(case, trial):
    x = case.input % 1000
    first, second = trial.run(x), trial.run_many([x, x + 1])[1]
    if not isinstance(first, float):
        raise rung.Invalid("no number")
    trial.note("feedback is not scored")
    return -abs(first - 3.25 * x) - 1e-3 * trial.rng.random() - 0.0 * second
"""
WALLS = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
BOX = () if shutil.which("bwrap") else ("--bare",)


@pytest.fixture(scope="module")
def alone() -> ModuleType:
    """The file as a module."""
    return verifier()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task file and a ledger in which two programs became incumbents after the seed program."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "program").mkdir()
    (folder / "program" / "line.py").write_text(line(1.0))
    (folder / "slope.py").write_text(TASK)
    made = kernel(folder / "w")
    try:
        made.improve(find_task(str(folder / "slope.py")), proposing(line(2.0), line(3.0)), Request(seed=7))
    finally:
        made.ledger.close()
    return folder


@pytest.fixture
def copy(ran: Path, tmp_path: Path) -> Path:
    shutil.copytree(ran, tmp_path / "copy")
    return tmp_path / "copy"


def run(*words: object, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", str(ALONE), *map(str, words)]
    env = None if path is None else {"PATH": path}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60)


def lie(workspace: Path, **changes: Any) -> None:
    """Writes the ledger anew with something else in its last incumbent, every hash in order: its owner can."""
    ledger = read_ledger(workspace)
    events = list(ledger.read())
    blobs = [ledger.get(event.body["program"]) for event in events if event.type == "evaluation"]  # type: ignore[index, call-overload, arg-type]
    start: Any = events[0].body
    blobs += [ledger.get(digest) for digest in start["blobs"]]
    ledger.close()
    (workspace / layout.FILE).unlink()
    times = iter([event.at for event in events])
    forged = open_ledger(workspace, clock=lambda: next(times))
    for data in blobs:
        forged.put(data)
    last = max(event.seq for event in events if event.type == "incumbent")
    for event in events:
        body: Any = {**event.body, **changes} if event.seq == last else event.body  # type: ignore[dict-item]
        forged.append(event.type, body, run=event.run, parent_run=event.parent_run)
    forged.close()


def test_it_imports_the_standard_library_and_nobody_imports_it(root: Path) -> None:
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(ALONE.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
    for path in (root / "src").rglob("*.py"):
        assert "import verify_alone" not in path.read_text()
        assert "audit.verify_alone" not in path.read_text()


@pytest.mark.parametrize("box", [pytest.param((), marks=WALLS), ("--bare",)], ids=["bubblewrap", "bare"])
def test_incumbents_score_from_their_bytes_what_is_recorded(ran: Path, box: tuple[str, ...]) -> None:
    found = look(ran / "w", "--task", ran / "slope.py", *box)
    assert found["ok"]
    assert len(found["rescored"]) == 3
    assert [row["value"] for row in found["rescored"]] == [row["recorded"] for row in found["rescored"]]
    assert found["sandbox"].startswith("bare" if box else "bubblewrap")
    one = look(ran / "w", "--task", ran / "slope.py", "--rescore", 1, *box)
    assert one["rescored"] == found["rescored"][:1]


def test_a_value_that_was_never_measured(copy: Path) -> None:
    lie(copy / "w", value=-0.001)
    assert verify_chain(copy / "w" / layout.FILE).problems == ()
    assert look(copy / "w")["ok"]
    (problem,) = look(copy / "w", "--task", copy / "slope.py", *BOX)["problems"]
    assert "-0.001 is recorded" in problem["what"]


def test_a_task_that_has_changed_scores_nothing(copy: Path) -> None:
    (copy / "slope.py").write_text(TASK.replace("3.25", "3.5"))
    found = look(copy / "w", "--task", copy / "slope.py", *BOX)
    assert not found["ok"]
    assert all("is not the one that the run is named after" in row["skipped"] for row in found["rescored"])


def test_a_changed_goal_or_limit_is_another_task(copy: Path) -> None:
    for change in (("Find the", "Find a"), ("fresh(5)", "fresh(6)"), ("20.0", "21.0"), ("bound=0.0, ", "")):
        (copy / "slope.py").write_text(TASK.replace(*change))
        assert not look(copy / "w", "--task", copy / "slope.py", "--rescore", 1, *BOX)["ok"]


def test_untrusted_bytes_do_not_run_bare_unless_somebody_says_so(ran: Path) -> None:
    done = run(ran / "w", "--task", ran / "slope.py", path="/nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "install it, or say --bare" in done.stderr
    assert run(ran / "w", path="/nowhere").returncode == 0, "the chain needs no bubblewrap"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("/no/such/file",), "there is no file"),
        (("{w}", "--witness", "/no/such/file"), "cannot be read"),
        (("{w}", "--witness", "{task}"), "is no checkpoint"),
        (("{w}", "--key", "nonsense"), "is no key"),
        (("{w}", "--git", "/"), "git in /"),
        (("{task}",), "is no SQLite file"),
        (("{w}", "--bare", "--task", "/no/such/file.py"), "cannot be used here"),
    ],
)
def test_bad_input_is_answered_in_one_sentence(ran: Path, words: tuple[str, ...], sentence: str) -> None:
    done = run(*(word.format(w=ran / "w", task=ran / "slope.py") for word in words))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        ("generate('x', max_tokens=1)", "it asks a model"),
        ("measure(1)", "it times programs"),
        ("improve(1)", "improvers"),
    ],
)
def test_what_cannot_be_repeated_is_left_out_with_a_reason(alone: ModuleType, use: str, reason: str) -> None:
    task = alone.task(goal="", program="", entry="", train=[1], validation=[1], held_out=[1])(
        lambda case, trial: eval(f"trial.{use}", {"trial": trial, "case": case})  # noqa: S307 - one of three above
    )
    program = json.dumps({"entry": "a.py:f", "files": {"a.py": "f = abs"}}).encode()
    with pytest.raises(alone.Skip, match=reason):
        alone.score(task, program, 1, bare=True)


HOSTILE = {
    "reads the evaluator": "open(x[0]).read()",
    "lists the evaluator's folder": "__import__('os').listdir(__import__('os').path.dirname(x[0]))",
    "writes": "open('/usr/planted', 'w')",
    "is root": "1 / 0 if __import__('os').getuid() else 'root'",
    "reaches this machine": "__import__('socket').create_connection(('127.0.0.1', x[1]), 1).getpeername()",
    "sees other processes": "open('/proc/1/cmdline').read()",
    "takes all memory": "len(bytearray(2 << 30))",
    "fills the disk": "open('big', 'wb').write(bytes(64 << 20))",
    "says too much": "'x' * (4 << 20)",
    "answers nonsense": "float('nan')",
    "leaves": "__import__('os')._exit(0)",
    "is no data": "object()",
}


@WALLS
@pytest.mark.parametrize("attack", HOSTILE, ids=[name.replace(" ", "-") for name in HOSTILE])
def test_hostile_bytes_become_a_sentence(alone: ModuleType, ran: Path, attack: str) -> None:
    source = f"def f(x):\n    return {HOSTILE[attack]}\n"
    limits = alone.Limits(wall_seconds=20.0)
    box = alone.Box({"entry": "a.py:f", "files": {"a.py": source}}, limits, bare=False)
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(alone.ProgramFailed):
        box.ask({"input": [str(ran / "slope.py"), listening.getsockname()[1]]}, "output")
    box.close()


@WALLS
def test_ordinary_bytes_work(alone: ModuleType) -> None:
    source = (
        "import os, json\ndef f(x):\n    return [x, os.getcwd(), json.load(open('data/a.json')), os.getuid() > 0]\n"
    )
    files = {"a.py": source, "data/a.json": {"base64": "WzFd"}}
    box = alone.Box({"entry": "a.py:f", "files": files}, alone.Limits(), bare=False)
    try:
        assert box.ask({"input": {"a": 1.5}}, "output") == [{"a": 1.5}, "/box", [1], True]
        assert box.ask({"inputs": [1, 2]}, "outputs")[1][0] == 2
    finally:
        box.close()


def test_a_program_that_does_not_answer_is_ended(alone: ModuleType) -> None:
    box = alone.Box(
        {"entry": "a.py:f", "files": {"a.py": "import time\ndef f(x):\n    time.sleep(99)\n"}},
        alone.Limits(wall_seconds=0.5),
        bare=True,
    )
    with pytest.raises(alone.ProgramFailed, match="too slow"):
        box.ask({"input": 1}, "output")
    box.close()


def test_who_goes_on_after_a_failure_gets_a_fresh_process(alone: ModuleType) -> None:
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen) / x\n"
    box = alone.Box({"entry": "a.py:f", "files": {"a.py": source}}, alone.Limits(), bare=True)
    assert [box.ask({"input": 1}, "output") for _ in range(2)] == [1.0, 2.0]
    with pytest.raises(alone.ProgramFailed, match="ZeroDivisionError"):
        box.ask({"input": 0}, "output")
    assert box.ask({"input": 1}, "output") == 1.0
    box.close()


def found_by(module: ModuleType, path: Path) -> Any:
    """Returns the report on a file, in this process: hundreds of them are asked for."""
    report = module.Report()
    database = module.open_ledger(path)
    try:
        module.check_chain(database, report, sizes=set(), clock_back=2.0)
    finally:
        database.close()
    return report


CHANGES = (
    "run = 'other'",
    "run = NULL",
    "parent_run = 'r'",
    "at = at + 0.001",
    "at = NULL",
    "type = 3",
    "type = x'ff'",
    "prev = hash",
    "prev = NULL",
    "body = ' ' || body",
    "body = NULL",
    "body = x'00'",
    "body = '[' || body",
    "body = '{\"a\":1e999}'",
    "hash = upper(hash)",
    "hash = NULL",
    "seq = 99",
    "seq = -7",
)


@pytest.mark.parametrize("change", CHANGES)
def test_it_finds_what_the_engine_finds(alone: ModuleType, tmp_path: Path, change: str) -> None:
    grow(tmp_path, range(12))
    assert found_by(alone, tmp_path / layout.FILE).problems == []
    try:
        tamper(tmp_path, f"UPDATE OR IGNORE events SET {change} WHERE seq = 7")
    except sqlite3.IntegrityError:
        return  # the table does not take it
    before = verify_chain(tmp_path / layout.FILE)
    ours = {seq for seq, what in found_by(alone, tmp_path / layout.FILE).problems if not what.startswith("its time")}
    assert ours == {problem.seq for problem in before.problems}


def test_flipped_bytes_anywhere_are_found_or_harmless(alone: ModuleType, tmp_path: Path) -> None:
    grow(tmp_path, range(30))
    path = tmp_path / layout.FILE
    whole, untouched = path.read_bytes(), found_by(alone, path)
    rng, outcomes = random.Random(2), {"found": 0, "harmless": 0}
    for _ in range(250):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            report = found_by(alone, path)
        except alone.Wrong:
            outcomes["found"] += 1
            continue
        outcomes["found" if report.problems else "harmless"] += 1
        assert report.problems or (report.head, report.roots) == (untouched.head, untouched.roots)
    assert min(outcomes.values()) > 20


def test_a_file_cut_anywhere_is_answered_in_a_sentence(alone: ModuleType, tmp_path: Path) -> None:
    grow(tmp_path, range(30))
    path = tmp_path / layout.FILE
    whole = path.read_bytes()
    for size in (0, 1, 99, *range(4096, len(whole), 4096), len(whole) - 10):
        path.write_bytes(whole[:size])
        try:
            assert found_by(alone, path).problems
        except alone.Wrong as refusal:
            assert "is no SQLite file" in str(refusal) or "is not a ledger" in str(refusal)  # noqa: PT017


def test_it_reads_beside_a_writer_and_on_a_read_only_disk(alone: ModuleType, tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    for n in range(4):
        ledger.append("kind", n, run="r")
        assert found_by(alone, tmp_path / layout.FILE).head == ledger.head()
    ledger.close()
    before = (tmp_path / layout.FILE).read_bytes()
    assert look(tmp_path)["ok"]
    assert (tmp_path / layout.FILE).read_bytes() == before


def test_a_checkpoint_that_others_signed_is_believed(alone: ModuleType) -> None:
    key = alone.read_key(FOREIGN_KEY)
    assert alone.signers(alone.read_note(FOREIGN, "here"), [key]) == {key: None}
    assert alone.signers(alone.read_note(FOREIGN.replace("65209736", "65209737"), "here"), [key]) == {}


def test_the_documented_examples_are_right(alone: ModuleType, root: Path) -> None:
    text = (root / "docs" / "ledger.md").read_text(encoding="utf-8")
    events = [line for line in text.splitlines() if line.startswith('{"at":')]
    tops: list[tuple[int, bytes]] = []
    for event in events:
        assert alone.canonical(json.loads(event)).decode() == event
        link = hashlib.sha256(event.encode()).hexdigest()
        assert f"`{link}`" in text
        alone._grow(tops, link.encode())
    assert len(events) == 2
    assert f"`{alone._root(tops).hex()}`" in text
    assert f"is {alone.derive(7, 'case', 'validation', '', '0')}." in text


def test_nonsense_with_right_hashes_is_no_crash(tmp_path: Path) -> None:
    """An owner can write anything into a body, with every hash in order."""
    (tmp_path / "task.py").write_text(TASK.replace('program="program/"', 'program="."'))
    ledger = open_ledger(tmp_path)
    wrong: list[Any] = [None, [], 3, {}, {"task": "slope"}, {"task": "slope", "seed": [], "program": {}}]
    steps: list[Any] = [None, {}, {"program": 3, "value": "x"}, {"program": "0" * 64, "value": 1.0}, {"value": 1e300}]
    for n, start in enumerate(wrong):
        ledger.append("run_start", start, run=f"r{n}")
        for body in steps:
            ledger.append("incumbent", body, run=f"r{n}")
    ledger.close()
    found = look(tmp_path, "--task", tmp_path / "task.py", "--bare")
    assert not found["ok"]

"""Attacks from inside a candidate or an improver that the attack table does not hold; each must come to nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from tests.helpers import LINE, LINE_TASK, QUICK, bodies, improver, kernel, line, logged, proposing

from rung import wire
from rung.errors import BadInput, Invalid, Status
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request
from rung.kernel.kernel import Kernel
from rung.kernel.sandbox import open_sandbox
from rung.kernel.sandbox.port import Sandbox
from rung.kernel.scope import violation
from rung.kernel.scoring import score
from rung.kernel.trial import Trial
from rung.records import Case, Evaluation, Fresh, Limits, Outcome, Program, Task, as_cases
from rung.recursion import improver_task
from rung.tasks.bin_packing.task import or_task, weibull_task
from rung.tasks.faster.task import faster_task
from rung.tasks.update_rule.task import update_rule_task


class StillBlockedError(AssertionError):
    """The engine did not come back."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fails what takes longer, wherever the engine hangs in Python or in a system call."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise StillBlockedError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def attack(path: Path, body: str, *, task: Task = LINE_TASK, request: Request | None = None) -> tuple[Kernel, Outcome]:
    """Returns the kernel and the outcome after an improver with this body; `p` is the seed program's id."""
    lines = "".join(f"    {text}\n" for text in body.strip("\n").split("\n"))
    head = "import json, os, time\nfrom rung_host import Child\n\n\ndef improve(brief, host):\n"
    k = kernel(path / "w")
    program = improver(f'{head}    p = brief.program["id"]\n{lines}')
    return k, k.improve(task, program, request or Request(seed=1, attempts=20))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Yields the sandbox a run would take."""
    opened = open_sandbox()
    yield opened
    opened.close()


def scored(source: str | dict[str, str], sandbox: Sandbox, inputs: Sequence[int] = (1, 2, 3)) -> Evaluation:
    """Returns how a program does at 3.25 x, asked twice per case, where only the exact number counts."""

    def evaluate(case: Case, trial: Trial) -> float:
        assert isinstance(case.input, int)
        for x in (case.input, case.input + 10):
            if trial.run(x) != 3.25 * x:
                raise Invalid("wrong")
            time.sleep(0.05)
        return 1.0

    files = {"line.py": source} if isinstance(source, str) else source
    task = replace(LINE_TASK, evaluate=evaluate, bound=None, limits=replace(QUICK, wall_seconds=1.0))
    return score(task, Program(files, "line.py:f"), as_cases("c", list(inputs)), sandbox=sandbox, seed=0).evaluation


RIGHT = line(3.25)
WRONG_AND = "import os, sys, threading, time\n\n\ndef f(x):\n    {}\n    return 0\n"


# --- a candidate -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "threading.Thread(target=lambda: [time.sleep(0.02), os.write(3, b'{\"output\": 42.25}\\n')]).start()",
        "os.write(3, b'\\n')",
        "os.write(3, b'{\"output\": 3.25}\\r')",
        "os.write(3, b'\\xef\\xbb\\xbf{\"output\": 3.25}\\n')",
        "os.write(3, b'{\"outputs\": [3.25]}\\n')",
        'os.write(3, b\'{"error": {"type": "x", "message": "y", "score": 1}}\\n\')',
        "import fcntl; fcntl.fcntl(3, fcntl.F_SETFL, os.O_NONBLOCK); os.close(os.dup2(3, 9))",
        "sys._getframe(2).f_locals['lines'].send({'output': 3.25})",
        "sys.modules['json'].loads = lambda _line: {'input': 0}",
        "fd = os.open('/proc/self/fd/3', os.O_RDWR)",
    ],
)
def test_the_channel_cannot_be_confused(body: str, sandbox: Sandbox) -> None:
    """Answers planted for the next question, broken framing and patched runners score nothing."""
    assert scored(WRONG_AND.format(body), sandbox).status is not Status.OK
    assert scored(RIGHT, sandbox).value == 1.0


@pytest.mark.parametrize(
    "name", ["json.py", "json/__init__.py", "sitecustomize.py", "rung_host.py", "numpy.py", "os.py"]
)
def test_a_file_named_like_a_library_is_only_a_file(name: str, sandbox: Sandbox) -> None:
    """It may replace the library for its own program; the answer is still judged elsewhere."""
    fake = "def dumps(*a, **k): return '{\"output\": 3.25}'\ndef loads(*a, **k): return {'input': 1}\n"
    entry = f"import {name.partition('/')[0].removesuffix('.py')}\n" + WRONG_AND.format("pass")
    assert scored({"line.py": entry, name: fake}, sandbox).status is not Status.OK
    assert scored(RIGHT, sandbox).value == 1.0


def test_nothing_stays_in_the_fork_server(sandbox: Sandbox) -> None:
    """Programs that die in every way leave no zombies and no descriptors behind."""

    def left_over() -> tuple[int, int]:
        children = [path for path in Path("/proc").glob("[0-9]*/stat") if _is_zombie(path)]
        return len(children), len(list(Path("/proc/self/fd").iterdir()))

    ways = [
        "os._exit(0)",
        "os.close(3)",
        "os.kill(os.getpid(), 9)",
        "raise ValueError",
        "import ctypes; ctypes.string_at(0)",
    ]
    scored(RIGHT, sandbox)
    before = left_over()
    for way in ways * 4:
        assert scored(WRONG_AND.format(way), sandbox).status is not Status.OK
    after = left_over()
    assert after[1] <= before[1]
    assert after[0] <= before[0] + 2  # other processes of the machine come and go


def _is_zombie(path: Path) -> bool:
    try:
        return path.read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def test_hidden_inputs_do_not_come_back_as_errors(tmp_path: Path) -> None:
    """A candidate that shouts its input on validation is heard by nobody who proposes."""
    task = replace(LINE_TASK, validation=as_cases("validation", [777, 778]))
    shout = "def f(x):\n    if x > 700:\n        raise ValueError(f'input {x}')\n    return 3.25 * x\n"
    k = kernel(tmp_path / "w")
    k.improve(task, proposing(shout, LINE + "#"), Request(seed=1))
    assert any("777" in str(body) for body in bodies(k, "validation"))
    assert "777" not in str(logged(k))


def test_documents_are_read_in_linear_time() -> None:
    """Twenty kilobytes of half a string are refused at once."""
    began = time.process_time()
    with pytest.raises(wire.WireError):
        wire.parse(b'"' + b'\\"' * 10_000)
    assert time.process_time() - began < 0.2


def test_a_deep_answer_does_not_end_the_run(tmp_path: Path) -> None:
    """What one worker may accept, two may."""

    def evaluate(_case: Case, trial: Trial) -> float:
        trial.run(1)
        return 0.0

    deep = "def f(x):\n    v = []\n    for _ in range(61):\n        v = [v]\n    return v\n"
    task = replace(LINE_TASK, evaluate=evaluate, bound=None)
    outcome = kernel(tmp_path / "w", workers=2).improve(task, proposing(deep), Request(seed=1))
    assert outcome.stop_reason == "the improver ended"


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, id=task.name) for task in (faster_task, update_rule_task, or_task, weibull_task)],
)
def test_validation_cannot_be_known_from_the_repository(task: Task) -> None:
    """Who knows the seed of a drawn instance carries its answer along (30 times as fast, by a table)."""
    assert isinstance(task.validation, Fresh)


# --- the editable part --------------------------------------------------------------------------------------------

MARKED = "# EVOLVE-BLOCK-START\nA = 1\n# EVOLVE-BLOCK-END\ndef f(x):\n    return A * x\n"
TWO = MARKED + "# EVOLVE-BLOCK-START\nB = 1\n# EVOLVE-BLOCK-END\n"


@pytest.mark.parametrize("separator", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r\n"])
def test_line_separators_do_not_open_a_region(separator: str) -> None:
    """Whatever ends a line for `str.splitlines`, the fixed bytes stay where they are."""
    seed = Program({"a.py": MARKED}, "a.py:f")
    for old, new in {
        "A = 1\n": f's = "{separator}# EVOLVE-BLOCK-END{separator}"\n',
        "def f": f"{separator}# EVOLVE-BLOCK-START{separator}# EVOLVE-BLOCK-END{separator}def f",
        "END\ndef": f"END{separator}def",
    }.items():
        child = MARKED.replace(old, new, 1).replace("return A * x", "return 42")
        assert violation(seed, seed.edit({"a.py": child}), None) is not None


def test_fixed_code_cannot_be_quoted_away() -> None:
    """Fixed code is fixed as code, not only as bytes."""
    seed = Program({"a.py": TWO}, "a.py:f")
    child = TWO.replace("A = 1", "_ = '''").replace("B = 1", "'''\ndef f(x):\n    return 42")
    compile(child, "a.py", "exec")
    assert violation(seed, seed.edit({"a.py": child}), None) is not None


@pytest.mark.parametrize(
    "name", ["Rule.py", "rule.py/__init__.py", "xrule.py", "rule.pyc", "a/rule.py", "rule.py\n", " rule.py"]
)
def test_patterns_name_files_exactly(name: str) -> None:
    """Names that look like an editable one are not."""
    seed = Program({"rule.py": "", "a.py": "def f(): pass\n"}, "a.py:f")
    assert violation(seed, seed.edit({name: "x"}), ("rule.py",)) is not None


@pytest.mark.parametrize(
    "name", ["../a.py", "/etc/a.py", "a/../b.py", "./a.py", "a//b.py", "a\\b.py", "a\0.py", "", "a/"]
)
def test_names_stay_inside_the_program(name: str) -> None:
    """Nothing leaves the tree."""
    with pytest.raises(BadInput):
        Program({name: "x", "a.py": ""}, "a.py:f")


# --- an improver --------------------------------------------------------------------------------------------------

ASKS = {
    "NaN in a log": 'os.write(3, b\'{"ask": {"kind": "log", "measures": {"x": NaN}}}\\n\'); host._receive()',
    "a true count": "host.candidates(True)",
    "a kind that is a list": "host._ask({'kind': [[]]})",
    "no kind": "host._ask({})",
    "children that are numbers": "host._ask({'kind': 'evaluate', 'children': [1]})",
    "files that are a list": "host._ask({'kind': 'evaluate', 'children': "
    "[{'files': [], 'parent': p, 'operator': '', 'parents': []}]})",
    "bytes that are not": "host.evaluate([Child({'line.py': {'base64': 'é'}}, p)])",
    "without its entry": "host.evaluate([Child({'line.py': None}, p)])",
    "outside the tree": "host.evaluate([Child({'../x': 'x'}, p)])",
    "too many": "host.evaluate([Child({}, p)] * 1001)",
    "two lines at once": 'os.write(3, b\'{"ask": {"kind": "candidates", "count": 1}}\\n\' * 2); host._receive()',
    "an unknown parent": "host.evaluate([Child({}, '00' * 32)])",
}


@pytest.mark.parametrize("name", ASKS)
def test_a_malformed_request_ends_the_improver_with_a_sentence(name: str, tmp_path: Path) -> None:
    """The engine goes on to the end of the run, and nothing was tried."""
    k, outcome = attack(tmp_path, ASKS[name])
    assert outcome.stop_reason.startswith("the improver failed")
    assert len(bodies(k, "evaluation")) == 1


PARENTS = {
    "not hexadecimal": "'zz', 'parents': []",
    "capitals": "p.upper(), 'parents': []",
    "blanks": "' ' + p, 'parents': []",
    "a list": "p, 'parents': [[]]",
    "an object": "p, 'parents': [{}]",
}


@pytest.mark.parametrize("name", PARENTS)
def test_strange_parents_are_refused(name: str, tmp_path: Path) -> None:
    """Parents are names of programs that were tried, spelt as the host spells them."""
    child = f"{{'files': {{}}, 'operator': '', 'parent': {PARENTS[name]}}}"
    _, outcome = attack(tmp_path, f"host._ask({{'kind': 'evaluate', 'children': [{child}]}})")
    assert outcome.stop_reason.startswith("the improver failed")


@pytest.mark.parametrize(
    "files",
    [
        "{'.': 'x'}",
        "{'a': 'x', 'a/b': 'y'}",
        "{'a' * 5000: 'x'}",
        "{'line.py': '\\0'}",
        "{'line.py': {'base64': '////'}}",
    ],
)
def test_files_that_cannot_be_written_are_a_status(files: str, tmp_path: Path) -> None:
    """They fail in their own process."""
    k, outcome = attack(tmp_path, f"host.log(status=host.evaluate([Child({files}, p)])[0].status)")
    assert outcome.stop_reason == "the improver ended"
    assert logged(k) == [{"status": "error"}]


def test_repetitions_are_not_free(tmp_path: Path) -> None:
    """One attempt buys one evaluation of all train cases, not thirty draws of a noisy score."""
    child = "c = Child({'line.py': 'def f(x):\\n    return 2 * x\\n'}, p)"
    body = f"{child}\nhost.evaluate([c], cases=1)\nhost.evaluate([c] * 10)"
    k, _ = attack(tmp_path, body, request=Request(seed=1, attempts=1))
    assert len(bodies(k, "evaluation")) <= 3


def test_a_quarantined_program_is_not_run_again(tmp_path: Path) -> None:
    """The very program that was killed for a system call is refused unrun."""
    evil = "import ctypes\\ndef f(x):\\n    ctypes.CDLL(None).syscall(321, 0, 0, 0)\\n"
    again = "for _ in range(2): host.log(feedback=host.evaluate([c])[0].feedback[0])"
    body = f"c = Child({{'line.py': '{evil}'}}, p)\n{again}"
    k, _ = attack(tmp_path, body)
    assert "quarantine" in logged(k)[1]["feedback"]


def test_programs_cannot_grow_without_limit(tmp_path: Path) -> None:
    """Six generations of 3 MB each are not 63 MB of ledger."""
    body = "for i in range(6): p = host.evaluate([Child({f'f{i}.txt': 'z' * 3_000_000, 'line.py': '!'}, p)])[0].id"
    k, _ = attack(tmp_path, body)
    assert sum(len(k.ledger.get(body["program"])) for body in bodies(k, "evaluation")) < 40e6


def test_the_budget_holds_inside_a_batch(tmp_path: Path) -> None:
    """What is over the budget by much is not begun."""
    task = replace(LINE_TASK, limits=replace(QUICK, cpu_seconds=0.3))
    body = "host.evaluate([Child({'line.py': f'while True: pass # {i}'}, p) for i in range(12)])"
    request = Request(seed=1, allowance=Allowance(cpu_seconds=0.6))
    _, outcome = attack(tmp_path, body, task=task, request=request)
    assert outcome.spent.cpu_seconds < 2.0


def test_an_improver_that_does_not_read_is_left(tmp_path: Path) -> None:
    """The allowance in seconds holds while the engine writes, too."""
    body = """
host.evaluate([Child({'fat.txt': 'z' * 1_000_000, 'line.py': 'def f(x):\\n    return 3 * x\\n'}, p)])
os.write(3, json.dumps({'ask': {'kind': 'candidates', 'count': 200}}).encode() + b'\\n')
time.sleep(60)
"""
    request = Request(seed=1, allowance=Allowance(seconds=4.0))
    with at_most(12.0):
        attack(tmp_path, body, request=request)


def test_an_improver_that_is_a_candidate_is_bounded(tmp_path: Path) -> None:
    """One endless child cannot stop an ascent, which has no allowance."""
    seed = improver("def improve(brief, host):\n    return None\n")
    task = improver_task(seed, lambda _seed: replace(LINE_TASK, held_out=Fresh(1)), train=1, validation=1, attempts=1)
    task = replace(task, limits=Limits(cpu_seconds=1.0, wall_seconds=5.0))
    with at_most(8.0):
        attack(tmp_path, "host.evaluate([Child({'improver.py': 'while True: pass'}, p)])", task=task)


def test_an_alarm_rings() -> None:
    """The watch of this file works."""
    with pytest.raises(StillBlockedError), at_most(0.05):
        time.sleep(5.0)

"""What a session promises: data in, data out, clocks of the kernel, clean processes, a clean end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rung.errors import ProgramFailed, SandboxBroken, Status
from rung.kernel.sandbox import Ending, Sandbox, forkserver, open_rescorer, open_sandbox
from rung.kernel.sandbox.fresh import FreshSandbox
from rung.records import Limits, Program

LIMITS = Limits(cpu_seconds=5, wall_seconds=5, memory_mb=256)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = open_sandbox()
    yield sandbox
    sandbox.close()


def ask(
    sandbox: Sandbox, source: str | dict[str, str], *inputs: Any, limits: Limits = LIMITS
) -> tuple[list[Any], Ending]:
    """Returns the answers to the inputs, asked of f in a.py, and the ending."""
    files: dict[str, str | bytes] = {"a.py": source} if isinstance(source, str) else {**source}
    session = sandbox.open(Program(files, "a.py:f"), limits)
    answers = []
    try:
        for value in inputs:
            session.send({"input": value})
            answers.append(session.receive(seconds=5))
    finally:
        ending = session.close()
    return answers, ending


def test_one_process_serves_many_inputs_and_batches(sandbox: Sandbox) -> None:
    session = sandbox.open(
        Program({"a.py": "n = 0\ndef f(x):\n    global n\n    n += 1\n    return [x, n]"}, "a.py:f"), LIMITS
    )
    session.send({"input": 1})
    assert session.receive(seconds=5) == {"output": [1, 1]}
    session.send({"inputs": [5, 6]})
    assert session.receive(seconds=5) == {"outputs": [[5, 2], [6, 3]]}
    first, second = session.close(), session.close()
    assert first == second
    assert first.exit_status is None
    assert first.denied is None


def test_a_program_may_have_modules_packages_and_data(sandbox: Sandbox) -> None:
    files = {
        "a.py": "import b.c\nfrom b import d\nimport json\ndef f(x):\n    return [b.c.g(x), d.k, json.mine]",
        "b/c.py": "from . import d\ndef g(x):\n    return x + d.k",
        "b/d.py": "k = 7",
        "json.py": "mine = 'shadows the installed one'",
    }
    assert ask(sandbox, files, 1)[0] == [{"output": [8, 7, "shadows the installed one"]}]
    source = "def f(x):\n    return [__loader__.get_data(name).decode() for name in x]"
    files = {"a.py": source, "data/t.txt": "hello"}
    assert ask(sandbox, files, ["data/t.txt", "./data/../data/t.txt"])[0] == [{"output": ["hello", "hello"]}]
    for outside in ("/etc/passwd", "../../etc/passwd", "data", ""):
        [answer], _ = ask(sandbox, files, [outside])
        assert answer["error"]["type"] in {"FileNotFoundError", "ValueError"}, outside
    if "mount" in sandbox.layers:
        files = {"a.py": "def f(x):\n    return open('data/t.txt').read()", "data/t.txt": "hello"}
        assert ask(sandbox, files, 1)[0] == [{"output": "hello"}]


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        ("def f(x):\n    return 1 / x", "ZeroDivisionError", 2),
        ("def f(x):\n  y = (", "SyntaxError", 2),
        ("import nowhere\ndef f(x):\n    return x", "ModuleNotFoundError", 1),
        ("def g(x):\n    return x", "TypeError", None),
    ],
)
def test_errors_say_where(sandbox: Sandbox, source: str, kind: str, line: int | None) -> None:
    [answer], _ = ask(sandbox, source, 0)
    assert answer["error"]["type"] == kind
    assert answer["error"].get("line") == line


def test_arrays_become_plain_data() -> None:
    pytest.importorskip("numpy")
    source = """
import numpy as np
def f(x):
    a = np.arange(6).reshape(2, 3)
    d = np.linalg.inv(np.eye(50) * 2).trace()
    return {"a": a, "b": np.float64(0.5), "c": (np.int64(3), np.bool_(True)), "d": d}
"""
    expected = {"output": {"a": [[0, 1, 2], [3, 4, 5]], "b": 0.5, "c": [3, True], "d": 25.0}}
    for preload in ((), ("numpy", "scipy.optimize")):
        sandbox = open_sandbox(preload=preload)
        assert ask(sandbox, source, 0)[0] == [expected]
        sandbox.close()


def test_nothing_is_left_for_the_next_candidate(sandbox: Sandbox) -> None:
    source = """
import random
def f(x):
    seen = [hasattr(random, "mine"), random.random()]
    random.mine = 1
    return seen
"""
    [first], _ = ask(sandbox, source, 0)
    [second], _ = ask(sandbox, source, 0)
    assert first["output"][0] is False
    assert first == second, "not even the state of the random generator"
    if "mount" in sandbox.layers:
        source = "import os\ndef f(x):\n    open('left', 'w')\n    return os.listdir('.')"
        assert [ask(sandbox, source, 0)[0] for _ in range(2)] == [[{"output": ["left"]}]] * 2
        assert ask(sandbox, "import os\ndef f(x):\n    return os.listdir('.')", 0)[0] == [{"output": []}]


def test_an_improver_talks_to_its_host(sandbox: Sandbox) -> None:
    sdk = """
class Host:
    def __init__(self, send, receive):
        self.send, self.receive = send, receive
    def ask(self, x):
        self.send({"ask": x})
        return self.receive()["answer"]
def run(function, brief, send, receive):
    return function(brief, Host(send, receive))
"""
    source = """
from rung_host import Host
def improve(brief, host):
    assert isinstance(host, Host)
    return host.ask(brief["n"]) + host.ask(2)
"""
    session = sandbox.open(Program({"i.py": source}, "i.py:improve"), LIMITS, sdk=sdk)
    session.send({"input": {"n": 1}})
    for expected in (1, 2):
        assert session.receive(seconds=5) == {"ask": expected}
        session.send({"answer": expected * 10})
    assert session.receive(seconds=5) == {"output": 30}
    session.close()


def test_time_is_what_the_kernel_measured(sandbox: Sandbox) -> None:
    source = """
import time
time.process_time = lambda: 0
def f(x):
    end = time.perf_counter() + x
    while time.perf_counter() < end: pass
"""
    session = sandbox.open(Program({"a.py": source}, "a.py:f"), LIMITS)
    before = session.cpu_seconds()
    session.send({"input": 0.2})
    session.receive(seconds=5)
    used = session.cpu_seconds() - before
    ending = session.close()
    assert 0.02 < used < 0.4
    assert used <= ending.cpu_seconds < 1
    assert ending.wall_seconds >= 0.2
    assert 1 < ending.peak_memory_mb < 500


def test_a_cpu_limit_of_a_fraction_of_a_second_holds(sandbox: Sandbox) -> None:
    with pytest.raises(ProgramFailed, match=r"0\.2 CPU seconds") as caught:
        ask(sandbox, "def f(x):\n    while True: pass", 0, limits=Limits(cpu_seconds=0.2, wall_seconds=20))
    assert caught.value.status is Status.TIMEOUT


def test_a_program_that_does_not_read_its_input_does_not_hold_up_the_kernel(sandbox: Sandbox) -> None:
    limits = Limits(cpu_seconds=5, wall_seconds=0.5)
    session = sandbox.open(Program({"a.py": "import time\ntime.sleep(99)"}, "a.py:f"), limits)
    began = time.monotonic()
    session.send({"input": 1})
    with pytest.raises(ProgramFailed) as caught:
        session.send({"input": "x" * (1 << 23)})
    assert caught.value.status is Status.TIMEOUT
    assert time.monotonic() - began < 5
    session.close()


def test_sessions_may_overlap(sandbox: Sandbox) -> None:
    sessions = [sandbox.open(Program({"a.py": f"def f(x):\n    return [x, {n}]"}, "a.py:f"), LIMITS) for n in range(5)]
    for session in reversed(sessions):
        session.send({"input": 1})
    assert [session.receive(seconds=5) for session in sessions] == [{"output": [1, n]} for n in range(5)]
    for session in sessions:
        session.close()


@pytest.mark.parametrize("name", ["namespaces", "bubblewrap", "unshare"])
def test_installed_packages_are_there_but_rung_is_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    for file in (
        "other/__init__.py",
        "rung/__init__.py",
        "rung/tasks/answers.py",
        "rung-0.1.dist-info/RECORD",
        "_rung.pth",
    ):
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("known = 42\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    make = FreshSandbox if name in ("bubblewrap", "unshare") else forkserver.ForkServerSandbox
    try:
        sandbox: Sandbox = make(name)
        seen = ask(sandbox, LOOK, str(site))[0]
    except SandboxBroken as error:
        pytest.skip(str(error))
    assert seen == [{"output": [42, "ModuleNotFoundError", []]}]
    sandbox.close()


LOOK = """
import os
def f(site):
    import other
    try:
        import rung.tasks.answers
        found = rung.tasks.answers.known
    except ImportError as error:
        found = type(error).__name__
    texts = []
    for folder, _, files in os.walk(site):
        for name in files:
            try:
                text = open(os.path.join(folder, name)).read()
            except OSError:
                continue
            texts += [name] if text and "other" not in folder else []
    return [other.known, found, texts]
"""


def fork_server_of(sandbox: Sandbox) -> int:
    assert isinstance(sandbox, forkserver.ForkServerSandbox)
    return sandbox._server._process.pid


def test_fork_servers_are_replaced_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "CANDIDATES_PER_SERVER", 3)
    sandbox = open_sandbox("process")
    long_lived = sandbox.open(Program({"a.py": "def f(x):\n    return x"}, "a.py:f"), LIMITS)
    pids = set()
    for _ in range(8):
        assert ask(sandbox, "def f(x):\n    return x", 1)[0] == [{"output": 1}]
        pids.add(fork_server_of(sandbox))
    assert len(pids) == 3
    long_lived.send({"input": 5})
    assert long_lived.receive(seconds=5) == {"output": 5}, "an old server lives as long as its last candidate"
    long_lived.close()
    sandbox.close()


def test_a_dead_fork_server_is_a_matter_of_the_harness(sandbox: Sandbox) -> None:
    if not isinstance(sandbox, forkserver.ForkServerSandbox):
        pytest.skip("no fork-server here")
    session = sandbox.open(Program({"a.py": "def f(x):\n    return x"}, "a.py:f"), LIMITS)
    server = fork_server_of(sandbox)
    os.kill(server, signal.SIGKILL)
    for _ in range(500):  # a signal takes a moment on a busy machine
        stat = Path(f"/proc/{server}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.01)
    with pytest.raises(SandboxBroken):
        session.close()
    assert ask(sandbox, "def f(x):\n    return x", 1)[0] == [{"output": 1}], "the next evaluation works"


def processes(word: str) -> list[int]:
    """Returns the processes whose command line or environment has the word in it."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if word.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


CONTROLLER = """
import sys, time
from rung.kernel.sandbox import forkserver, fresh
from rung.records import Limits, Program
make = fresh.FreshSandbox if sys.argv[1] in ("unshare", "bubblewrap") else forkserver.ForkServerSandbox
sandbox = make(sys.argv[1])
sandbox._places["search"].append("/" + sys.argv[2])
if sys.argv[1] in ("namespaces", "landlock"):
    sandbox._renew()
for source in ("while True: pass", "import time; time.sleep(99)"):
    session = sandbox.open(Program({"a.py": f"def f(x):\\n    {source}"}, "a.py:f"), Limits(cpu_seconds=60))
    session.send({"input": 1})
print("ready", flush=True)
time.sleep(99)
"""


@pytest.mark.parametrize("name", ["namespaces", "bubblewrap", "unshare", "landlock"])
def test_killing_the_controller_leaves_no_process(name: str) -> None:
    word = f"marker-{name}-{os.getpid()}"
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, name, word], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert controller.stdout is not None
    with controller.stdout as out:
        ready = out.readline()
    if not ready:
        controller.wait()
        pytest.skip(f"{name} does not work here")
    assert len(processes(word)) >= 3
    controller.kill()
    controller.wait()
    deadline = time.monotonic() + 5
    while processes(word) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes(word) == []


def test_the_second_path_agrees_and_says_what_it_is(sandbox: Sandbox) -> None:
    source = "import random\ndef f(x):\n    return [hash('a'), random.random(), list({'p', 'q', 'r'}), 0.1 * x]"
    rescorer = open_rescorer()
    assert rescorer.name in ("bubblewrap", "unshare") or rescorer.name == sandbox.name
    assert ask(rescorer, source, 3)[0] == ask(sandbox, source, 3)[0]
    rescorer.close()

"""Agents that try to get out, to stay, or to take the machine along; every bomb is bounded."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from tests.agents.acting import PREAMBLE, QUICK, Story, needs_bubblewrap, python_agent, run, survivors
from tests.helpers import LINE_TASK

from rung.agents import box, guard, selftest
from rung.agents.cgroup import make_cgroup
from rung.agents.selftest import leaks
from rung.kernel.kernel import Settings

pytestmark = needs_bubblewrap


def hostile(tmp_path: Path, source: str, **more: object) -> Story:
    """Returns what became of a run with this agent, none of whose processes is left."""
    name = "hostile_agent.py"
    try:
        return run(tmp_path / "w", python_agent(tmp_path, PREAMBLE + source, name=name), **more)  # type: ignore[arg-type]
    finally:
        assert not survivors(name)


def test_nothing_of_this_machine_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "canary-of-the-environment")
    keys = Path.home() / ".ssh"
    keys.mkdir()
    (keys / "id_ed25519").write_text("canary-of-a-key")
    beside = tmp_path / "beside.txt"
    beside.write_text("canary-beside-the-agent")
    paths = [keys / "id_ed25519", beside, tmp_path / "w" / "ledger.sqlite", box.__file__, __file__, "/etc/shadow"]
    story = hostile(
        tmp_path,
        f"""
for path in {[str(path) for path in paths]!r}:
    possible("read " + path, lambda: open(path, "rb").read(20))
for name in os.listdir("/proc"):
    for part in ("environ", "cmdline", "cwd", "root/etc/shadow", "maps"):
        if name.isdigit() and int(name) not in (os.getpid(), os.getppid()):
            possible(f"/proc/{{name}}/{{part}}", lambda: open(f"/proc/{{name}}/{{part}}", "rb").read().index(b"canary"))
possible("keeper's memory", lambda: open(f"/proc/{{os.getppid()}}/mem", "rb+"))
possible("keeper's channel", lambda: os.listdir(f"/proc/{{os.getppid()}}/fd")[3])
possible("environment", lambda: os.environ["CANARY_KEY"])
possible("root's folder", lambda: [each for each in os.listdir("/root") if each != ".pyenv" and each[0] != "."][0])
possible("a descriptor", lambda: [os.fstat(n) for n in range(3, 100) if os.path.exists(f"/proc/self/fd/{{n}}")][0])
report()
""",
    )
    assert story.found() == []


def test_no_network_and_no_way_around_it(tmp_path: Path) -> None:
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as abstract:
        listener.bind(("127.0.0.1", 0))
        abstract.bind("\0rung-test-" + tmp_path.name)
        for each in (listener, abstract):
            each.listen(1)
            each.settimeout(0.1)
        story = hostile(
            tmp_path,
            f"""
def connect(family, address):
    with socket.socket(family) as each:
        each.settimeout(1)
        each.connect(address)
possible("loopback", lambda: connect(socket.AF_INET, ("127.0.0.1", {listener.getsockname()[1]})))
possible("the world", lambda: connect(socket.AF_INET, ("1.1.1.1", 53)))
possible("a name", lambda: socket.getaddrinfo("example.org", 80))
possible("abstract", lambda: connect(socket.AF_UNIX, "\\0rung-test-{tmp_path.name}"))
possible("a virtual machine's host", lambda: socket.socket(40, socket.SOCK_STREAM))
possible("raw packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
report()
""",
        )
        assert story.found() == []
        for each in (listener, abstract):
            with pytest.raises(TimeoutError):
                each.accept()


def test_nothing_is_written_outside_and_no_privilege_is_gained(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
host = "/proc/sys/kernel/hostname"
for path in ("/here", "/usr/bin/here", "/etc/passwd", "/dev/here", "/rung/keeper.py", sys.argv[0], host):
    possible("write " + path, lambda: open(path, "a").write("x"))
    possible("remove " + path, lambda: os.remove(path))
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
calls = {"unshare": (272, 0x10000000), "mount": (165, 0, 0, 0, 0, 0), "setns": (308, 0, 0), "bpf": (321, 0, 0, 0),
         "clone into a namespace": (56, 0x10000011, 0), "io_uring": (425, 1, 0)}
for name, call in calls.items():
    if libc.syscall(*call) >= 0 or ctypes.get_errno() != 1:
        found.append(f"{name}: {ctypes.get_errno()}")
possible("root", lambda: os.setuid(0))
possible("suid", lambda: 1 / (subprocess.run(["su", "-c", "true"], stdin=subprocess.DEVNULL).returncode == 0))
if os.getuid() == 0 or "0000000000000000" not in open("/proc/self/status").read().split("CapEff:")[1][:20]:
    found.append("is root or has capabilities")
report()
""",
    )
    assert story.found() == []


def test_a_process_bomb_is_capped_and_swept_away(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
born = 0
for _ in range(300):
    try:
        pid = os.fork()
    except OSError:
        continue
    if pid == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        os._exit(0)
    born += 1
found.append(born)
report()
""",
    )
    (born,) = story.found()
    assert 10 < int(born) <= QUICK.processes + 4


def test_a_full_disk_is_the_agents_own(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
written = 0
for path in ("big", os.environ["HOME"] + "/big", "/tmp/big", "/dev/shm/big"):
    try:
        with open(path, "wb", buffering=0) as file:
            for _ in range(64):
                written += file.write(bytes(1 << 20))
    except OSError as error:
        pass
for path in ("big", "/tmp/big"):
    os.remove(path)
found.append(written >> 20)
report()
""",
    )
    (written,) = story.found()
    assert int(written) <= QUICK.disk_mb + 1 + 16


def test_one_that_sleeps_forever_is_ended_by_the_clock_and_what_it_changed_counts(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("line.py", "a").write("# half done\\n")
time.sleep(1000)
""",
        effort=replace(QUICK, seconds=1.0),
    )
    assert story.said()[0]["agent"] == "the agent took more than 1 seconds and was ended"
    assert story.evaluations()[0]["evaluation"]["status"] == "ok"


def test_a_daemon_does_not_stay_and_does_not_touch_what_is_collected(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open("line.py", "w").write("def f(x): return 3.25 * x # " + "x" * 1000)
    os._exit(0)
os.wait()
time.sleep(0.3)
""",
    )
    assert story.said()[0]["agent"] == "the agent ended well"


def test_cpu_time_is_counted_however_it_is_hidden(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody will wait for the child, so no parent's clock shows it
if os.fork() == 0:
    os.setsid()
    end = time.process_time() + 1.0
    while time.process_time() < end:
        pass
    os._exit(0)
try:
    os.wait()
except ChildProcessError:
    pass
""",
    )
    assert story.said()[0]["cpu_seconds"] > 0.9


def test_an_enormous_output_is_not_kept(tmp_path: Path) -> None:
    story = hostile(tmp_path, "while True:\n    sys.stdout.write('spam' * 100000)\n")
    assert "printed more than 8,388,608 bytes" in story.said()[0]["agent"]
    assert len(str(story.said()[0]["printed"])) <= 150


def test_a_limit_on_memory_holds(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        "blocks = []\nfor _ in range(40):\n    blocks.append(bytearray(b'x' * (16 << 20)))\n",
        settings=Settings(improver_memory_mb=128),
    )
    assert "memory" in story.said()[0]["agent"] or "exit code 1" in story.said()[0]["agent"]


def test_links_and_special_files_are_no_files(tmp_path: Path) -> None:
    story = hostile(
        tmp_path,
        """
os.symlink("/etc/passwd", "stolen.txt")
os.symlink("/", "everything")
os.mkfifo("pipe")
open(b"no-\\xff-name", "w").write("x")
os.makedirs("/".join(["deep"] * 40)); open("/".join(["deep"] * 40) + "/file", "w").close()
open("locked.txt", "w").write("mine"); os.chmod("locked.txt", 0)
open("line.py", "a").write("# more\\n")
""",
    )
    assert sorted(story.program().files) == ["line.py", "locked.txt"]
    assert "a link or a special file" in story.said()[0]["left_out"]
    story = hostile(tmp_path, "os.remove('line.py'); os.symlink('/etc/passwd', 'line.py')", seed=2)
    assert "names no function of the program" in story.said()[-1]["refused"]


def test_changes_outside_what_is_editable_are_refused_by_the_kernel(tmp_path: Path) -> None:
    task = replace(LINE_TASK, program=LINE_TASK.program.edit({"fixed.py": "A = 1\n"}), editable=("line.py",))
    story = hostile(tmp_path, "open('fixed.py', 'w').write('A = 2')", task=task)
    evaluation = story.evaluations()[0]["evaluation"]
    assert (evaluation["status"], evaluation["feedback"]) == ("invalid", ["fixed.py may not be changed"])
    assert story.outcome.incumbent.program.id == task.program.id


@pytest.mark.parametrize(
    "source",
    [
        "import shutil\nshutil.rmtree('.rung')\nfor each in os.listdir('.'):\n    os.remove(each)",
        "import shutil; here = os.getcwd(); os.chdir('/tmp'); shutil.rmtree(here); os.symlink('/etc', here)",
    ],
)
def test_a_deleted_program_is_a_sentence(tmp_path: Path, source: str) -> None:
    story = hostile(tmp_path, source)
    assert "names no function of the program" in story.said()[-1]["refused"]
    assert story.evaluations() == []
    assert story.outcome.incumbent.program.id == LINE_TASK.program.id


def test_more_changes_than_any_program_holds_are_none(tmp_path: Path) -> None:
    story = hostile(tmp_path, "for n in range(2500):\n    open(f'f{n}', 'w').write(str(n))\n")
    assert "so none counts" in story.said()[0]["agent"]
    story = hostile(tmp_path, "open('line.py', 'w').write('#' * (3 << 20))\n", seed=2)
    assert "so none counts" in story.said()[-1]["agent"]
    story = hostile(tmp_path, "open('line.py', 'w').write('#' * (1500 << 10))\n", seed=3)
    assert "holds at most" in story.said()[-1]["refused"]


@pytest.mark.parametrize("how", ["os.kill(-1, 9)", "os.kill(os.getppid(), 9)", "os.kill(os.getppid(), signal.SIGSTOP)"])
def test_one_that_turns_on_its_keeper_harms_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr("rung.agents.attempt.LAST_WORDS", 2.0)
    story = hostile(tmp_path, f"{how}\ntime.sleep(3)\n", effort=replace(QUICK, seconds=1.0))
    assert story.said()
    assert story.outcome.incumbent.program.id == LINE_TASK.program.id


def test_a_keeper_that_lies_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lying = tmp_path / "keeper.py"
    lying.write_text(
        "import socket, sys\nc = socket.socket(fileno=int(sys.argv[1]))\nc.send(b'R')\nc.recv(1 << 16)\n"
        'c.sendall(b\'{"files": {"../../escape.py": "x"}, "score": 1e999}\\n\')\n'
    )
    monkeypatch.setattr(box, "keeper", lambda: str(lying))
    monkeypatch.setattr("rung.agents.door.check_box", lambda: None)  # which would have noticed
    story = hostile(tmp_path, "pass")
    assert "answered nonsense" in story.said()[0]["agent"]


def test_the_self_test_passes_and_notices_every_layer_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert leaks() == []
    original = box.command_line

    def without(*gone: str) -> None:
        def build(**named: object) -> list[str]:
            return [word for word in original(**named) if word not in gone]  # type: ignore[arg-type]

        monkeypatch.setattr(box, "command_line", build)

    without("--unshare-net")
    assert any("connection to this machine" in each for each in leaks())
    without("--unshare-pid")
    assert leaks() != []
    monkeypatch.setattr(box, "command_line", original)
    places = box._keeper_places()
    with monkeypatch.context() as patch:
        allow_all = guard.filter_code()[-8:]
        patch.setattr("rung.agents.attempt.filter_code", lambda: allow_all)
        assert any("system call" in each for each in leaks())
    with monkeypatch.context() as patch:
        (Path.home() / "key").write_text("secret")
        patch.setattr(box, "_keeper_places", lambda: [*places, str(Path.home())])
        assert leaks() == [f"reading {Path.home()}"]
    with monkeypatch.context() as patch:
        patch.setattr(selftest, "interpreter_binary", lambda: "/no/such/python")
        assert any("does not work" in each for each in leaks())


def test_limits_hold_without_a_cgroup_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if make_cgroup(memory_bytes=1 << 28, processes=10) is None:
        pytest.skip("no cgroup can be made here, so every other test covers this")
    monkeypatch.setattr("rung.agents.attempt.make_cgroup", lambda **_: None)
    assert leaks() == []
    test_a_process_bomb_is_capped_and_swept_away(tmp_path)
    (tmp_path / "memory").mkdir()
    test_a_limit_on_memory_holds(tmp_path / "memory")
    (tmp_path / "cpu").mkdir()
    test_cpu_time_is_counted_however_it_is_hidden(tmp_path / "cpu")

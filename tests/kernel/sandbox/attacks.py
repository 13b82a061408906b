"""The attack table: programs that try to get out, to see, to stay or to exhaust, and what "contained" means for each.

Run as a file it tries the whole table on one sandbox, for users and kernels that the test process itself is not:
`python attacks.py landlock` prints what got through as JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rung.errors import ProgramFailed, Status
from rung.kernel.sandbox import Ending, Sandbox, open_sandbox
from rung.records import Limits, Program

LIMITS = Limits(cpu_seconds=2, wall_seconds=5, memory_mb=192, output_bytes=1 << 16, disk_mb=4)
PRELUDE = """
import ctypes, gc, json, os, resource, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)

def tries(*attempts):
    through = []
    for number, attempt in enumerate(attempts):
        try:
            result = attempt()
        except (Exception, SystemExit):
            continue
        if result != -1:
            through.append([number, repr(result)[:80]])
    return through
"""


@dataclass(frozen=True)
class Result:
    """What the trusted side saw of one program."""

    answer: Any
    status: Status | None
    ending: Ending
    seconds: float


Check = Callable[[Result], bool]


def returns(value: Any) -> Check:
    return lambda seen: seen.answer == {"output": value}


def raises(*names: str) -> Check:
    return lambda seen: type(seen.answer) is dict and seen.answer.get("error", {}).get("type") in names


def fails(*statuses: Status) -> Check:
    return lambda seen: seen.status in statuses


def is_killed(seen: Result) -> bool:
    return seen.status is Status.ERROR and seen.ending.denied is not None


def anything(seen: Result) -> bool:
    """Contained by the fact that the trusted side is well and the next program runs."""
    return seen.seconds < LIMITS.wall_seconds + 5


def is_bounded(seen: Result) -> bool:
    """Contained by a limit or, where a thread without memory never reports that it has started, by the clock."""
    return seen.answer == {"output": True} or seen.status is Status.TIMEOUT


NOTHING = returns([])
INVALID, TIMEOUT, ERROR = fails(Status.INVALID), fails(Status.TIMEOUT), fails(Status.ERROR)


@dataclass(frozen=True)
class Attack:
    """A function body that gets `x`, and what must come of it."""

    body: str
    contained: Check
    limits: Limits = LIMITS
    seconds: float = 8.0
    needs: frozenset[str] = field(default_factory=frozenset)


def lethal(call: str, number: int) -> Attack:
    return Attack(f"return libc.syscall({number}, 1, 0, 0, 0, 0)  # {call}", is_killed)


PRIVATE = frozenset({"mount"})
SHORT = Limits(cpu_seconds=1, wall_seconds=3, memory_mb=192, output_bytes=1 << 16, disk_mb=4)

ATTACKS: dict[str, Attack] = {
    # host data
    "read host files": Attack("return tries(*[lambda p=p: open(p, 'rb').read(1) for p in x['files']])", NOTHING),
    "read the evaluator": Attack("return tries(lambda: open(x['evaluator']).read(), lambda: __import__('rung'))", NOTHING),
    "list host folders": Attack("return tries(*[lambda p=p: os.listdir(p) for p in x['folders']])", NOTHING),
    "environment holds no key": Attack("return [k for k in os.environ if 'KEY' in k or 'TOKEN' in k or k == 'HOME']", NOTHING),
    "environment of others": Attack(
        "return tries(*[lambda p=p: open(f'/proc/{p}/environ', 'rb').read() for p in (1, 2, 'self', os.getppid(), x['pid'])])",
        NOTHING,
    ),
    "other processes": Attack("return tries(lambda: os.listdir('/proc'), lambda: open('/proc/1/status').read()) and "
                              "[p for p in os.listdir('/proc') if p.isdigit()]", NOTHING),
    "descriptors": Attack("return tries(*[lambda n=n: os.fstat(n) for n in range(4, 256)])", NOTHING),
    "magic links": Attack(
        "return tries(*[lambda p=p: os.listdir(p) for p in ('/proc/1/root', '/proc/self/root/root', '/proc/self/cwd/..', "
        "'/proc/1/cwd', '/proc/self/fd')])", NOTHING,
    ),
    "climb out": Attack("return tries(lambda: open('../' * 20 + 'etc/passwd').read(), lambda: os.chroot('/..'))",
                        lambda seen: NOTHING(seen) or is_killed(seen)),
    "secrets in memory": Attack(
        "words = [o for o in gc.get_objects() if isinstance(o, dict)]\n"
        "return [k for d in words for k in list(d) if isinstance(k, str) and k.lower() in "
        "('expected', 'answer_key', 'held_out', 'api_key')]", NOTHING,
    ),
    "walk the stack": Attack(
        "frame, seen = sys._getframe(), []\nwhile frame:\n    seen += [k for k in frame.f_locals if 'expect' in k or 'held' in k "
        "or 'task' in k]\n    frame = frame.f_back\nreturn seen", NOTHING,
    ),
    # writing
    "write outside": Attack(
        "return tries(*[lambda p=p: open(p + '/' + x['token'], 'w') for p in ['', '/tmp', '/dev', '/dev/shm', '/proc', '/etc', "
        "'/box', os.path.dirname(os.__file__), *x['folders']]])", NOTHING,
    ),
    "tamper with libraries": Attack(
        "return tries(lambda: open(os.__file__, 'a'), lambda: os.unlink(os.__file__), "
        "lambda: os.rename(os.__file__, os.__file__ + 'x'), lambda: os.truncate(os.__file__, 0))", NOTHING,
    ),
    "links and special files": Attack(
        "return tries(lambda: os.symlink('/etc/passwd', 'a'), lambda: os.link('/etc/passwd', 'b'), "
        "lambda: os.mkfifo('c'), lambda: os.mknod('d', 0o20666, os.makedev(1, 1)))", NOTHING,
    ),
    "mode bits": Attack("return tries(lambda: os.chmod('.', 0o6777), lambda: os.chown('.', 0, 0), "
                        "lambda: libc.setxattr(b'.', b'user.x', b'x', 1, 0))", NOTHING),
    "disk bomb": Attack("with open('bomb', 'wb') as f:\n    for _ in range(64):\n        f.write(bytes(1 << 20))\n"
                        "return 'written'", raises("OSError", "PermissionError")),
    "many files": Attack("n = 0\ntry:\n    for i in range(20000):\n        os.close(os.open(str(i), os.O_CREAT | os.O_WRONLY)); n += 1\n"
                         "except OSError:\n    pass\nreturn n < 5000", returns(value=True), needs=frozenset({"inodes"})),
    "many megabytes in many files": Attack(
        "n = 0\ntry:\n    for i in range(40):\n        with open(str(i), 'wb') as f: n += f.write(bytes(1 << 20))\n"
        "except OSError:\n    pass\nreturn n <= 4 << 20", returns(value=True)),
    # processes
    "fork": Attack("return tries(lambda: os.fork() or os._exit(0), lambda: libc.syscall(57) or os._exit(0))", NOTHING),
    "fork bomb": Attack("n = 0\nfor _ in range(200):\n    try:\n        if os.fork() == 0: time.sleep(5); os._exit(0)\n        n += 1\n"
                        "    except OSError: pass\nreturn n", returns(0)),
    "daemon": Attack("try:\n    if os.fork(): os._exit(0)\n    os.setsid()\n    time.sleep(30)\nexcept OSError as e:\n"
                     "    return 'refused'", returns("refused")),
    "exec": Attack("return tries(lambda: os.execv('/bin/sh', ['sh']), lambda: os.execv(sys.executable, ['x']))", NOTHING),
    "subprocess": Attack("import subprocess\nreturn tries(lambda: subprocess.run(['/bin/true']), "
                         "lambda: os.posix_spawn('/bin/true', ['x'], {}), lambda: -1 if os.system('true') else 0)", NOTHING),
    "anonymous executable": Attack("return tries(lambda: os.memfd_create('x'), lambda: libc.syscall(322, 3, b'', 0, 0, 0x1000))", NOTHING),
    "signals": Attack(
        "return tries(*[lambda p=p: os.kill(p, 0) for p in (-1, 0, 2, 3, os.getppid(), x['pid'])], "
        "lambda: os.killpg(0, 0), lambda: libc.syscall(234, x['pid'], x['pid'], 0), lambda: libc.syscall(200, x['pid'], 0), "
        "lambda: libc.syscall(129, x['pid'], 0, 0))", NOTHING,
    ),
    "kill everything": Attack("os.kill(-1, 9)\nreturn 'done'", raises("PermissionError", "ProcessLookupError")),
    "signal through a descriptor": Attack("return tries(lambda: libc.fcntl(3, 8, x['pid']), lambda: libc.fcntl(3, 10, 9), "
                                          "lambda: libc.ioctl(3, 0x8902, ctypes.byref(ctypes.c_int(x['pid']))))", NOTHING),
    "pidfds": Attack("return tries(*[lambda p=p: os.pidfd_open(p) for p in (1, os.getppid(), x['pid'])], "
                     "lambda: libc.syscall(438, 3, 0, 0))", NOTHING),
    "priorities": Attack("return tries(lambda: os.nice(-5), lambda: os.setpriority(0, x['pid'], 19), "
                         "lambda: os.sched_setscheduler(0, 1, os.sched_param(1)))", NOTHING),
    "memory of others": Attack("return tries(lambda: open('/proc/1/mem', 'r+b'), lambda: open('/proc/self/mem', 'r+b'), "
                               "lambda: open('/dev/mem', 'rb'), lambda: open(f'/proc/{os.getppid()}/mem', 'r+b'))", NOTHING),
    "ptrace": lethal("ptrace", 101),
    "process_vm_readv": lethal("process_vm_readv", 310),
    "process_vm_writev": lethal("process_vm_writev", 311),
    # privileges
    "be somebody else": Attack(
        "return tries(lambda: libc.setuid(0), lambda: libc.setresuid(0, 0, 0), lambda: libc.setgroups(0, None), "
        "lambda: libc.setfsuid(0), lambda: libc.prctl(47, 2, 21, 0, 0), lambda: libc.prctl(4, 1, 0, 0, 0))", NOTHING,
    ),
    "be the machine's root": Attack("return os.getuid(), os.geteuid()", lambda seen: seen.answer["output"] != [0, 0] or
                                    os.geteuid() != 0),
    "raise limits": Attack(
        "return tries(*[lambda k=k: resource.setrlimit(k, (resource.RLIM_INFINITY,) * 2) for k in (resource.RLIMIT_AS, "
        "resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)], "
        "lambda: resource.prlimit(x['pid'], resource.RLIMIT_CPU, (1, 1)))", NOTHING,
    ),
    "unshare": lethal("unshare", 272),
    "setns": lethal("setns", 308),
    "clone into namespaces": Attack("return libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)", returns(-1)),
    "clone3": Attack("return libc.syscall(435, ctypes.create_string_buffer(88), 88)", returns(-1)),
    "mount": lethal("mount", 165),
    "umount": lethal("umount2", 166),
    "pivot_root": lethal("pivot_root", 155),
    "new mount calls": lethal("fsopen", 430),
    "chroot": lethal("chroot", 161),
    # kernel surface
    "bpf": lethal("bpf", 321),
    "io_uring": lethal("io_uring_setup", 425),
    "userfaultfd": lethal("userfaultfd", 323),
    "keyrings": lethal("keyctl", 250),
    "perf": lethal("perf_event_open", 298),
    "kernel modules": lethal("finit_module", 313),
    "other numbers for the same calls": Attack("return libc.syscall(0x40000000 | 39)", is_killed),
    "32-bit calls": Attack(
        "import mmap\ncode = mmap.mmap(-1, 4096, prot=7)\ncode.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(code))\nreturn ctypes.CFUNCTYPE(ctypes.c_int)(at)()", is_killed,
    ),
    # network and IPC
    "sockets": Attack("return tries(*[lambda f=f, k=k: socket.socket(f, k) for f in (1, 2, 10, 16, 17, 38, 40) for k in (1, 2, 3)], "
                      "socket.socketpair)", NOTHING),
    "reach a listener": Attack("return tries(lambda: socket.create_connection(('127.0.0.1', x['port']), 1), "
                               "lambda: socket.create_connection(('::1', x['port']), 1))", NOTHING),
    "resolve names": Attack("return tries(lambda: socket.getaddrinfo('localhost', 80), lambda: open('/etc/resolv.conf').read())",
                            lambda seen: NOTHING(seen) or seen.answer["output"][0][0] == 0),
    "shared memory and queues": Attack(
        "return tries(lambda: libc.shmget(0x5eed, 4096, 0o1666), lambda: libc.semget(0x5eed, 1, 0o1666), "
        "lambda: libc.msgget(0x5eed, 0o1666), lambda: libc.syscall(240, b'q', 0o102, 0o600, 0), "
        "lambda: open('/dev/shm/x', 'w'))", NOTHING,
    ),
    # resources
    "10 GB": Attack("bytearray(10 << 30)", raises("MemoryError")),
    "memory by and by": Attack("kept = []\nwhile True: kept.append(bytearray(1 << 22))", raises("MemoryError")),
    "shared mappings": Attack("import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 1 << 24)); kept[-1].write(bytes(1 << 24))",
                              raises("OSError", "MemoryError")),
    "pipes": Attack("kept = []\ntry:\n    while True: kept += os.pipe()\nexcept OSError: return len(kept) < 64", returns(value=True)),
    "thread bomb": Attack(
        "threading.stack_size(32768)\nn = 0\ntry:\n    for _ in range(5000):\n        threading.Thread(target=time.sleep, "
        "args=(9,), daemon=True).start(); n += 1\nexcept RuntimeError: pass\nreturn n < 4500", is_bounded, seconds=3),
    "loop": Attack("while True: pass", TIMEOUT, limits=SHORT),
    "loop in many threads": Attack("[threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start() for _ in range(3)]\n"
                                   "while True: pass", TIMEOUT, limits=SHORT),
    "loop that ignores signals": Attack("[signal.signal(s, signal.SIG_IGN) for s in (2, 15, 24)]\nwhile True: pass", TIMEOUT,
                                        limits=SHORT),
    "sleep": Attack("time.sleep(1000)", TIMEOUT, seconds=0.3),
    "unbounded recursion": Attack("sys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nreturn f()", anything, limits=SHORT),
    "crash": Attack("ctypes.string_at(0)", ERROR),
    "os._exit": Attack("os._exit(0)", ERROR),
    "os.abort": Attack("os.abort()", ERROR),
    "exit": Attack("sys.exit(0)", raises("SystemExit")),
    "interrupt": Attack("raise KeyboardInterrupt", raises("KeyboardInterrupt")),
    # output
    "flood": Attack("while True: os.write(3, b'1' * 65536)", INVALID),
    "flood of lines": Attack("while True: os.write(3, b'{\"output\": 1}\\n' * 1000)", INVALID),
    "flood of stdout": Attack("for _ in range(2000): os.write(1, b'x' * 65536); os.write(2, b'x' * 65536)\nreturn 1", returns(1)),
    "large output": Attack("return 'x' * (1 << 17)", INVALID),
    "close the channel": Attack("os.close(3)\ntime.sleep(9)", fails(Status.ERROR, Status.TIMEOUT), seconds=0.5),
    "two documents": Attack("os.write(3, b'{\"output\": 1}\\n{\"output\": 2}\\n')\ntime.sleep(9)", INVALID),
    "half a document": Attack("os.write(3, b'{\"output\": ')\nos._exit(0)", ERROR),
    "forge a score": Attack("os.write(3, b'{\"output\": 1, \"score\": 1e9}\\n')\ntime.sleep(9)",
                            lambda seen: set(seen.answer) != {"output"}),
    "NaN": Attack("os.write(3, b'{\"output\": NaN}\\n')\ntime.sleep(9)", INVALID),
    "return NaN": Attack("return float('nan')", raises("ValueError")),
    "1e999": Attack("os.write(3, b'{\"output\": 1e999}\\n')\ntime.sleep(9)", INVALID),
    "deep JSON": Attack("os.write(3, b'[' * 60000 + b'\\n')\ntime.sleep(9)", INVALID),
    "return something deep": Attack("v = []\nfor _ in range(100): v = [v]\nreturn v", INVALID),
    "huge number": Attack("os.write(3, b'{\"output\": ' + b'9' * 5000 + b'}\\n')\ntime.sleep(9)", INVALID),
    "duplicate keys": Attack("os.write(3, b'{\"output\": 1, \"output\": 2}\\n')\ntime.sleep(9)", INVALID),
    "lone surrogate": Attack("return chr(0xd800)", INVALID),
    "not UTF-8": Attack("os.write(3, b'\\xff\\xfe\\n')\ntime.sleep(9)", INVALID),
    "pickle": Attack("import pickle\nos.write(3, pickle.dumps(print, 0) + b'\\n')\ntime.sleep(9)", INVALID),
    "return an object": Attack("return object()", raises("TypeError")),
    "return a function": Attack("return lambda: 1", raises("TypeError")),
    "float subclass": Attack("class F(float):\n    def __eq__(self, other): return True\n    def __repr__(self): return '99'\nreturn F(1.5)",
                             returns(1.5)),
    "int subclass": Attack("class I(int):\n    def __eq__(self, other): return True\nreturn I(3)", returns(3)),
    "hostile exception": Attack("class E(Exception):\n    def __str__(self): os.write(3, b'x' * 999); raise E\nraise E",
                                fails(Status.ERROR, Status.INVALID)),
    "patch the serialiser": Attack("json.dumps = lambda *a, **k: '{\"output\": 99}'\nreturn 1",
                                   lambda seen: set(seen.answer) == {"output"}),
    # controls: what ordinary programs do must work
    "CONTROL plain": Attack("return {'a': [1, 2.5, 'x', None, True], 't': (1, 2)}",
                            returns({"a": [1, 2.5, "x", None, True], "t": [1, 2]})),
    "CONTROL threads": Attack("seen = []\nts = [threading.Thread(target=seen.append, args=(i,)) for i in range(8)]\n"
                              "[t.start() for t in ts]; [t.join() for t in ts]\nreturn sorted(seen)", returns(list(range(8)))),
    "CONTROL clean directory": Attack("return os.listdir('.')", NOTHING, needs=PRIVATE),
    "CONTROL private directory": Attack(
        "import tempfile\nos.makedirs('d/e')\nopen('d/e/f', 'w').write('hi')\nos.rename('d/e/f', 'd/g')\n"
        "with tempfile.TemporaryFile(dir='.') as t: t.write(b'x')\nreturn open('d/g').read(), os.listdir('.')",
        returns(["hi", ["d"]]), needs=PRIVATE),
    "CONTROL large result": Attack("return list(range(5000))", returns(list(range(5000)))),
    "CONTROL lazy imports": Attack("import sqlite3, decimal, zipfile, multiprocessing, asyncio, statistics, hashlib\nreturn 1", returns(1)),
    "CONTROL memory within limits": Attack("return len(bytearray(100 << 20))", returns(100 << 20)),
}


@contextmanager
def bait() -> Iterator[dict[str, Any]]:
    """Yields what attackers are told: files they must not read, a port they must not reach."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        secret = Path(folder) / "secret"
        secret.write_text("secret", encoding="utf-8")
        secret.chmod(0o644)
        Path(folder).chmod(0o755)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0)
        yield {
            "files": [str(secret), "/etc/passwd", "/etc/hostname", "/etc/shadow", "/proc/cmdline", "/sys/kernel/notes", __file__],
            "folders": [folder, "/var", "/sys", "/boot", "/var/log"],
            "evaluator": str(Path(__file__).resolve()),
            "port": listener.getsockname()[1],
            "pid": os.getpid(),
            "token": Path(folder).name,
        }
        try:
            listener.accept()
        except BlockingIOError:
            return
        raise AssertionError("a program reached a listener on the host")


def run(sandbox: Sandbox, attack: Attack, value: Any) -> Result:
    body = "".join(f"    {line}\n" for line in attack.body.split("\n"))
    program = Program({"attack.py": f"{PRELUDE}\ndef attack(x):\n{body}"}, "attack.py:attack")
    began = time.monotonic()
    session = sandbox.open(program, attack.limits)
    answer, status = None, None
    try:
        session.send({"input": value})
        answer = session.receive(seconds=attack.seconds)
    except ProgramFailed as error:
        status, answer = error.status, str(error)
    ending = session.close()
    return Result(answer, status, ending, time.monotonic() - began)


def applies(attack: Attack, sandbox: Sandbox) -> bool:
    # Bubblewrap has no option for the number of files; there it is bounded by CPU time alone.
    return attack.needs <= {*sandbox.layers, *(() if sandbox.name == "bubblewrap" else ("inodes",))}


def main() -> None:
    """Prints {"name", "layers", "through": {attack: what was seen}}."""
    name, *wanted = sys.argv[1:]
    sandbox = open_sandbox(name)
    titles = [title for title in wanted or ATTACKS if applies(ATTACKS[title], sandbox)]
    with bait() as value, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda title: run(sandbox, ATTACKS[title], value), titles))
    through = {
        title: f"{seen.answer} {seen.status} {seen.ending}"[:300]
        for title, seen in zip(titles, results, strict=True)
        if not ATTACKS[title].contained(seen)
    }
    sandbox.close()
    print(json.dumps({"name": sandbox.name, "layers": sandbox.layers, "through": through}))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()

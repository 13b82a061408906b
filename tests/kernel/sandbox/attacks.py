"""The attack table: what "contained" means for each program of attacks.txt, and how to try them.

Run as a file it tries the table on one sandbox, for users and kernels that the test process itself is not:
`python attacks.py landlock` prints what got through as JSON.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rung.errors import ProgramFailed, Status
from rung.kernel.sandbox import Ending, Sandbox, open_sandbox
from rung.records import Limits, Program

LIMITS = Limits(cpu_seconds=2, wall_seconds=5, memory_mb=192, output_bytes=1 << 16, disk_mb=4)
SHORT = Limits(cpu_seconds=1, wall_seconds=3, memory_mb=192, output_bytes=1 << 16, disk_mb=4)
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


def is_ended(seen: Result) -> bool:
    """Contained by the fact that the trusted side is well, whatever became of the program."""
    return seen.seconds < LIMITS.wall_seconds + 5


def is_bounded(seen: Result) -> bool:
    """Contained by a limit or, where a thread without memory never reports that it has started, by the clock."""
    return seen.answer == {"output": True} or seen.status is Status.TIMEOUT


def is_not_root(seen: Result) -> bool:
    return os.geteuid() != 0 or 0 not in seen.answer["output"]


def is_nothing_or_killed(seen: Result) -> bool:
    return NOTHING(seen) or is_killed(seen)


def is_a_local_answer(seen: Result) -> bool:
    """The C library knows 127.0.0.1 without asking anybody."""
    return all(number == 0 for number, _ in seen.answer["output"])


def is_no_plain_output(seen: Result) -> bool:
    """The receiver's schema has one field, so a field more is refused."""
    return set(seen.answer) != {"output"}


NOTHING, TRUE = returns([]), returns(value=True)
INVALID, TIMEOUT, ERROR = fails(Status.INVALID), fails(Status.TIMEOUT), fails(Status.ERROR)

# Every attack that is not here must return that nothing got through.
CONTAINED: dict[str, Check] = {
    "climb out": is_nothing_or_killed,
    "disk bomb": raises("OSError", "PermissionError"),
    "many files": TRUE,
    "many megabytes in many files": TRUE,
    "fork bomb": returns(0),
    "daemon": returns("refused"),
    "kill everything": raises("PermissionError", "ProcessLookupError"),
    "be the machine's root": is_not_root,
    "clone into namespaces": returns(-1),
    "clone3": returns(-1),
    "other numbers for the same calls": is_killed,
    "32-bit calls": is_killed,
    "resolve names": is_a_local_answer,
    "10 GB": raises("MemoryError"),
    "memory by and by": raises("MemoryError"),
    "shared mappings": raises("OSError", "MemoryError"),
    "pipes": TRUE,
    "thread bomb": is_bounded,
    "loop": TIMEOUT,
    "loop in many threads": TIMEOUT,
    "loop that ignores signals": TIMEOUT,
    "sleep": TIMEOUT,
    "unbounded recursion": is_ended,
    "crash": ERROR,
    "os._exit": ERROR,
    "os.abort": ERROR,
    "exit": raises("SystemExit"),
    "interrupt": raises("KeyboardInterrupt"),
    "flood": INVALID,
    "flood of lines": INVALID,
    "flood of stdout": returns(1),
    "large output": INVALID,
    "close the channel": fails(Status.ERROR, Status.TIMEOUT),
    "two documents": INVALID,
    "half a document": ERROR,
    "forge a score": is_no_plain_output,
    "NaN": INVALID,
    "return NaN": raises("ValueError"),
    "1e999": INVALID,
    "deep JSON": INVALID,
    "return something deep": INVALID,
    "huge number": INVALID,
    "duplicate keys": INVALID,
    "lone surrogate": INVALID,
    "not UTF-8": INVALID,
    "pickle": INVALID,
    "return an object": raises("TypeError"),
    "return a function": raises("TypeError"),
    "float subclass": returns(1.5),
    "int subclass": returns(3),
    "hostile exception": fails(Status.ERROR, Status.INVALID),
    "patch the serialiser": is_ended,  # what it says instead is data all the same
    "CONTROL plain": returns({"a": [1, 2.5, "x", None, True], "t": [1, 2]}),
    "CONTROL threads": returns(list(range(8))),
    "CONTROL private directory": returns(["hi", ["d"]]),
    "CONTROL large result": returns(list(range(5000))),
    "CONTROL lazy imports": returns(1),
    "CONTROL memory within limits": returns(100 << 20),
}

# System calls that no ordinary program makes: whoever does is killed, and that is counted.
LETHAL = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "unshare": 272, "setns": 308, "mount": 165,
    "umount2": 166, "pivot_root": 155, "fsopen": 430, "chroot": 161, "bpf": 321, "io_uring_setup": 425,
    "userfaultfd": 323, "keyctl": 250, "perf_event_open": 298, "finit_module": 313, "open_by_handle_at": 304,
}  # fmt: skip

SECONDS = {"sleep": 0.3, "close the channel": 0.5, "thread bomb": 3.0}
SHORT_ONES = {"loop", "loop in many threads", "loop that ignores signals", "unbounded recursion"}
NEED_A_DIRECTORY = {"CONTROL clean directory", "CONTROL private directory"}


def _bodies() -> dict[str, str]:
    parts = re.split(r"^=== (.+)$", Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    return bodies | {f"call {name}": f"return libc.syscall({call}, 1, 0, 0, 0, 0)" for name, call in LETHAL.items()}


ATTACKS = _bodies()
assert CONTAINED.keys() | NEED_A_DIRECTORY <= ATTACKS.keys()


def contained(title: str, seen: Result) -> bool:
    return is_killed(seen) if title.startswith("call ") else CONTAINED.get(title, NOTHING)(seen)


def applies(title: str, sandbox: Sandbox) -> bool:
    """Whether it makes sense: not every sandbox has a directory; bubblewrap has no option for the number of files."""
    return ("mount" in sandbox.layers or title not in NEED_A_DIRECTORY) and (
        sandbox.name != "bubblewrap" or title != "many files"
    )


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
        system = ["/etc/passwd", "/etc/hostname", "/etc/shadow", "/proc/cmdline", "/sys/kernel/notes"]
        yield {
            "files": [str(secret), *system, __file__],
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


def run(sandbox: Sandbox, title: str, value: Any) -> Result:
    body = "".join(f"    {line}\n" for line in ATTACKS[title].strip().split("\n"))
    program = Program({"attack.py": f"{PRELUDE}\ndef attack(x):\n{body}"}, "attack.py:attack")
    began = time.monotonic()
    session = sandbox.open(program, SHORT if title in SHORT_ONES else LIMITS)
    answer, status = None, None
    try:
        session.send({"input": value})
        answer = session.receive(seconds=SECONDS.get(title, 8.0))
    except ProgramFailed as error:
        status, answer = error.status, str(error)
    ending = session.close()
    return Result(answer, status, ending, time.monotonic() - began)


def main() -> None:
    """Prints {"name", "layers", "through": {attack: what was seen}}."""
    name, *wanted = sys.argv[1:]
    sandbox = open_sandbox(name)
    titles = [title for title in wanted or ATTACKS if applies(title, sandbox)]
    with bait() as value, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda title: run(sandbox, title, value), titles))
    through = {
        title: f"{seen.answer} {seen.status} {seen.ending}"[:300]
        for title, seen in zip(titles, results, strict=True)
        if not contained(title, seen)
    }
    sandbox.close()
    sys.stdout.write(json.dumps({"name": sandbox.name, "layers": sandbox.layers, "through": through}))


if __name__ == "__main__":
    main()

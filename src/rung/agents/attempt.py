"""One attempt of an agent: a fresh box and checkout, a clock that no process of it can stop, and what it changed."""

from __future__ import annotations

import contextlib
import math
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rung import wire
from rung.agents import box
from rung.agents.cgroup import make_cgroup
from rung.agents.command import BRIEF_WORD
from rung.agents.guard import filter_code
from rung.agents.tree import Tree
from rung.errors import SandboxBroken
from rung.kernel.sandbox.places import interpreter_binary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rung.agents.cgroup import Cgroup
    from rung.agents.command import Agent
    from rung.records import Limits

BRIEF_FOLDER: Final = ".rung"
BRIEF_FILE: Final = f"{BRIEF_FOLDER}/BRIEF.md"
COLLECT_FILES: Final = 2_000
COLLECT_BYTES: Final = 2 << 20  # of changed files; the kernel allows a program 1 MB, or twice the seed program
START_SECONDS: Final = 30.0
LAST_WORDS: Final = 10.0  # seconds for the keeper to end everything and to collect
LOOK_SECONDS: Final = 0.05
ENDING_SECONDS: Final = 8.0
LAST_CHARACTERS: Final = 150
SHOW: Final = "name what it needs besides the system's folders with --agent-show"
WELL: Final = "the agent ended well"
_ACCOUNTS: Final = "root:x:0:0::/:/bin/sh\nagent:x:{user}:{user}::{home}:/bin/sh\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt.

    sentence: how it ended, in words. changed: file -> new content, None where it was removed. left_out: what lay in the
    checkout and cannot be part of a program, in words. tail: the end of what was printed. box: what it ran in.
    """

    sentence: str
    changed: Mapping[str, str | bytes | None] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    tail: str = ""
    box: str = ""
    cpu_seconds: float = 0.0
    seconds: float = 0.0


class Attempt:
    """One box from its making to its end; `step` is called until it has a result, `close` in any case."""

    def __init__(
        self,
        agent: Agent,
        *,
        limits: Limits,
        files: Mapping[str, str | bytes],
        brief: Mapping[str, str],
        isolated: bool,
    ) -> None:
        self._agent, self._limits, self._isolated = agent, limits, isolated
        self._files = {name: content for name, content in files.items() if not name.startswith(f"{BRIEF_FOLDER}/")}
        self._brief = brief
        self._began = time.monotonic()
        self._rest = bytearray()
        self._asked_to_stop: str | None = None
        self._left = math.inf  # seconds
        self._deaf = False
        self._cpu = self.peak_memory_mb = 0.0
        self._closed = False
        self._bare = None if isolated else tempfile.mkdtemp(prefix="rung-agent-")
        weight = sum(len(content) for content in self._files.values()) + sum(len(text) for text in brief.values())
        self._disk_bytes = (agent.effort.disk_mb << 20) + 2 * weight
        self._cgroup: Cgroup | None = make_cgroup(
            memory_bytes=(limits.memory_mb << 20) + self._disk_bytes, processes=agent.effort.processes + 4
        )
        self._complaint = os.memfd_create("complaint")
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._process = self._start(theirs)
        self._tree = Tree(self._process.pid)
        try:
            if self._cgroup is not None:
                self._cgroup.add(self._process.pid)  # what it takes to make the box is paid for as well
            self._hand_over()
        except (OSError, SandboxBroken) as error:
            complaint = self._complaint_text
            self.close()
            raise SandboxBroken(f"the box of an agent could not be made: {error} {complaint}".strip()) from error

    @property
    def layers(self) -> tuple[str, ...]:
        """What is really in force around the agent."""
        shared = ("cgroup",) if self._cgroup else ()
        return (("pid", "mount", "net", "ipc", "seccomp") if self._isolated else ()) + ("rlimits", *shared)

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        papers = [os.memfd_create("filter"), os.memfd_create("accounts")]
        user = box.user_of_agents()
        home = f"{box.INSIDE}/home"
        for paper, text in zip(
            papers, (filter_code(), _ACCOUNTS.format(user=user or 65534, home=home).encode()), strict=True
        ):
            os.write(paper, text)
            os.lseek(paper, 0, os.SEEK_SET)
        keeper = [interpreter_binary(), "-I", "-S", box.keeper(), str(theirs.fileno())]
        try:
            words = keeper
            if self._isolated:
                words = box.command_line(
                    channel=theirs.fileno(),
                    filter_=papers[0],
                    accounts=papers[1],
                    shown=self._agent.shown,
                    disk_bytes=self._disk_bytes,
                )
            return subprocess.Popen(  # noqa: S603 - what a box does; no shell
                words,
                env={},
                pass_fds=[theirs.fileno(), *papers],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._complaint,
                start_new_session=True,
                cwd="/",
            )
        finally:
            theirs.close()
            for paper in papers:
                os.close(paper)

    def _hand_over(self) -> None:
        """Waits for the keeper, puts it where it is counted, and gives it the job: nothing untrusted ran before."""
        self._channel.settimeout(START_SECONDS)
        byte, ancillary, _, _ = self._channel.recvmsg(1, socket.CMSG_SPACE(12))
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        if byte != b"R" or not ancillary:
            raise SandboxBroken("its keeper died at once.")
        if self._cgroup is not None:
            self._cgroup.add(struct.unpack("3i", ancillary[0][2])[0])
        self._channel.sendall(wire.encode(self._job()))
        self._left = self._agent.effort.seconds + LAST_WORDS
        self._channel.setblocking(False)  # noqa: FBT003 - the signature of the socket

    def _job(self) -> dict[str, wire.JSON]:
        inside, effort = self._bare or box.INSIDE, self._agent.effort
        checkout = f"{inside}/checkout"
        limits: dict[str, wire.JSON] = {
            "RLIMIT_CPU": int(effort.cpu_seconds) + 5,
            "RLIMIT_FSIZE": self._disk_bytes,
            "RLIMIT_NOFILE": 1024,
            "RLIMIT_CORE": 0,
        }
        if self._isolated:
            limits["RLIMIT_NPROC"] = effort.processes
        if self._cgroup is None:
            limits["RLIMIT_AS"] = self._limits.memory_mb << 20
        return {
            "command": [word.replace(BRIEF_WORD, f"{checkout}/{BRIEF_FILE}") for word in self._agent.command],
            "environment": _environment(inside, self._agent.command[0]),
            "folders": [f"{inside}/{name}" for name in ("checkout", "home", "tmp")],
            "checkout": checkout,
            "files": wire.files_to_json(self._files),
            "brief": dict(self._brief),
            "stdin": f"{checkout}/{BRIEF_FILE}",
            "seconds": effort.seconds,
            "output_bytes": self._limits.output_bytes,
            "collect_files": COLLECT_FILES,
            "collect_bytes": COLLECT_BYTES,
            "limits": limits,
            "user": box.user_of_agents() if self._isolated else None,
            "boxed": self._isolated,
        }

    def step(self, seconds: float) -> Result | None:
        """Returns the result when there is one within about these seconds; looks at every clock in between."""
        until = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while (now := time.monotonic()) < until:
            came = poll.poll(1000 * max(0.0, min(LOOK_SECONDS, until - now)))
            self._left -= min(LOOK_SECONDS, time.monotonic() - now)  # who was paused did not live that time
            if came:
                chunk = self._channel.recv(1 << 16)
                self._rest += chunk
                if not chunk:
                    return Result(self._asked_to_stop or f"the agent took its box down {self._complaint_text}".strip())
                if len(self._rest) > 4 * COLLECT_BYTES:
                    return Result("its changes are larger than any program may be")
                if self._rest.endswith(b"\n"):
                    return self._result(bytes(self._rest))
                continue
            self._look()
            if self._left < 0:
                self._deaf = True
                return Result(self._asked_to_stop or "the agent did not end when its time was up: all of it is lost")
        return None

    def _look(self) -> None:
        effort = self._agent.effort
        if self._asked_to_stop is not None:
            return
        if self.cpu_seconds() > effort.cpu_seconds:
            self.ask_to_stop(f"the agent used more than {effort.cpu_seconds:g} CPU seconds and was ended")
        elif self._cgroup is None and self._tree.memory_bytes > self._limits.memory_mb << 20:
            self.ask_to_stop(f"the agent used more than {self._limits.memory_mb} MB of memory and was ended")

    def ask_to_stop(self, sentence: str) -> None:
        """Has the keeper end everything and collect what there is."""
        self._asked_to_stop = sentence
        self._left = LAST_WORDS
        with contextlib.suppress(OSError):
            self._channel.send(b"!")

    def _result(self, line: bytes) -> Result:
        """Returns what the keeper reports, read as what it is: the word of somebody inside the box."""
        types = {"code": int, "seconds": float, "printed": int, "too_much": bool}
        more = {"ended": str, "tail": str, "files": dict, "removed": list, "left_out": list}
        try:
            report: Any = wire.fields(wire.parse(line), required={**types, **more})
            changed: dict[str, str | bytes | None] = dict(wire.files_from_json(report["files"]))
            changed |= {str(name): None for name in report["removed"] if name in self._files}
        except wire.WireError as error:
            return Result(f"the box answered nonsense ({error}), so nothing of this attempt counts")
        left_out = tuple(str(each)[:200] for each in report["left_out"][:20])
        tail = " ".join(report["tail"].split())[-LAST_CHARACTERS:]
        sentence = self._ending(report["ended"], report["code"], printed=report["printed"], tail=tail)
        if report["too_much"]:
            sentence += f"; it changed more than {COLLECT_FILES:,} files or {COLLECT_BYTES >> 20} MB, so none counts"
        return Result(sentence, changed, left_out, report["tail"][-2000:])

    def _ending(self, ended: str, code: int, *, printed: int, tail: str) -> str:
        if self._asked_to_stop is not None:
            return self._asked_to_stop
        if ended == "timeout":
            return f"the agent took more than {self._agent.effort.seconds:g} seconds and was ended"
        if ended == "output":
            return f"the agent printed more than {self._limits.output_bytes:,} bytes ({printed:,}) and was ended"
        memory = self._cgroup is not None and self._cgroup.out_of_memory()
        short = f"; it met the limit of {self._limits.memory_mb} MB of memory" if memory else ""
        if self._cgroup is not None and self._cgroup.out_of_processes():
            short += f"; it met the limit of {self._agent.effort.processes} processes"
        return _by_code(code) + short + (f"; it printed last: {tail}" if code > 0 and tail else "")

    def cpu_seconds(self) -> float:
        """Returns what every process of the box has used so far."""
        if not self._closed:
            seen = self._tree.look() if self._cgroup is None else self._cgroup.cpu_seconds()
            self._cpu = max(self._cpu, seen)
        return self._cpu

    @property
    def _complaint_text(self) -> str:
        if self._closed:
            return ""
        text = os.pread(self._complaint, 300, 0).decode(errors="replace").strip()
        return f"({text})" if text else ""

    def close(self) -> float:
        """Ends whatever is left and returns the CPU seconds of all of it; may be called twice."""
        if self._closed:
            return self._cpu
        self._channel.close()  # the keeper hears it, ends everything, and ends; its figures are complete then
        if not self._reaped(patience=0.0 if self._deaf else ENDING_SECONDS):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._reaped(patience=math.inf)
        self.cpu_seconds()
        self._closed = True
        os.close(self._complaint)
        if self._cgroup is not None:
            self.peak_memory_mb = self._cgroup.peak_memory_mb()
            self._cgroup.close()
        else:
            self.peak_memory_mb = self._tree.peak_bytes / (1 << 20)
        if self._bare is not None:
            shutil.rmtree(self._bare, ignore_errors=True)
        return self._cpu

    def _reaped(self, *, patience: float) -> bool:
        """Returns whether the box has ended in time; what its processes used is in its own figures then."""
        deadline = time.monotonic() + patience
        while True:
            pid, status, usage = os.wait4(self._process.pid, 0 if patience == math.inf else os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self._cpu = max(self._cpu, usage.ru_utime + usage.ru_stime)
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)


def _by_code(code: int) -> str:
    if code == 0:
        return WELL
    if code < 0:
        return f"the agent died: {signal.strsignal(-code) or f'signal {-code}'}"
    if code == 127:
        return f"the agent could not be started in its box, or a command of it was not found; {SHOW}"
    return f"the agent ended with exit code {code}"


def _environment(inside: str, command: str) -> dict[str, wire.JSON]:
    """Returns all that the agent sees of an environment: nothing of the machine's own."""
    folders = dict.fromkeys([str(Path(command).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    return {
        "PATH": os.pathsep.join(folders),
        "HOME": f"{inside}/home",
        "TMPDIR": f"{inside}/tmp",  # noqa: S108 - a folder of the box's own
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "USER": "agent",
        "RUNG_BRIEF": f"{inside}/checkout/{BRIEF_FILE}",
        "RUNG_PYTHON": interpreter_binary(),
        "RUNG_PYTHONPATH": box.search_path(),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

"""The fork-server: a warm, trusted process that turns requests into confined processes and says how they ended.

It gets limits and descriptors, never code or inputs: a fork's memory is open to the candidate. Over the main channel
comes one request per candidate with two descriptors: the candidate's channel and a control channel. When the other
side of the control channel shuts down, the candidate is killed; when the candidate has ended, its record is sent there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, TypedDict

from . import box, linux, runner, seccomp
from .confine import PROCESSES, SHARED_PROCESSES, Bounds, Policy, confine

_OUTER = linux.NEWNS | linux.NEWPID | linux.NEWNET | linux.NEWIPC | linux.NEWUTS | linux.NEWCGROUP
_PER_CANDIDATE = linux.NEWUSER | linux.NEWPID | linux.NEWNS
_NOBODY = 65534
_UNPRIVILEGED = 65530  # what root becomes: no account has this number, so nothing else runs under it


class Config(TypedDict):
    """How to start: as text on the command line, from the trusted side."""

    channel: int
    tier: str
    preload: list[str]
    places: box.Places


@dataclass(frozen=True, slots=True)
class Jail:
    """What a candidate is born into.

    flags: its own namespaces. policy: see confine. private: it has a directory of its own. layers: for the record.
    """

    flags: int
    policy: Policy
    private: bool
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """A candidate that runs."""

    pid: int
    pidfd: int
    control: socket.socket


def main(text: str) -> None:
    """Never returns: serves until the other side closes and the last candidate has ended."""
    config: Config = json.loads(text)
    channel = socket.socket(fileno=config["channel"])
    try:
        controller = os.pidfd_open(os.getppid())
        jail = _prepare(config)
    except Exception as error:  # noqa: BLE001 - start-up: the reason must reach the other side
        channel.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
        os._exit(1)
    gc.collect()
    gc.freeze()
    channel.send(json.dumps({"layers": jail.layers}).encode())
    _serve(jail, channel, controller)
    os._exit(0)


def _prepare(config: Config) -> Jail:
    """Builds the outer jail of the tier and says what candidates are born into."""
    root = os.geteuid() == 0
    with_user = False
    if config["tier"] == "namespaces":
        with_user = _enter_outer_namespaces(root=root)
    sys.path.extend(config["places"]["search"])
    for module in config["preload"]:
        importlib.import_module(module)
    namespaces = config["tier"] == "namespaces"
    if namespaces:
        box.build(config["places"])
    isolated = config["tier"] != "process"
    ruleset = box.ruleset(config["places"], private=namespaces) if isolated and linux.landlock_version() else None
    if isolated and root and not with_user:
        linux.become_user(_UNPRIVILEGED)
        if namespaces:
            linux.die_with_parent()  # a change of user had cleared it
    own = namespaces and _can_have_own_namespaces()
    if isolated and not own:
        if ruleset is None:
            raise OSError("Landlock is missing, and without namespaces for every candidate all rests on it")
        linux.set_dumpable(0)  # candidates will run under this user's number
    policy = Policy(
        ruleset=ruleset,
        filter=seccomp.allow_computing(own_pid=1 if own else None) if isolated else None,
        base=linux.address_space_bytes(),
        processes=PROCESSES if own else SHARED_PROCESSES,
    )
    layers = [name for name, there in (("user", own), ("pid", own), ("mount", own)) if there]
    layers += ["jail"] if namespaces else []
    layers += ["landlock"] if ruleset else []
    layers += ["seccomp"] if isolated else []
    flags = _PER_CANDIDATE if own else 0
    return Jail(flags, policy, private=own, layers=(*layers, "rlimits"))


def _enter_outer_namespaces(*, root: bool) -> bool:
    """Moves into new namespaces as their pid 1; returns whether a user namespace was needed for that."""
    with_user = not root
    if root:
        try:
            linux.unshare(_OUTER)
        except PermissionError:  # a container's root without the capability: go on as an ordinary user, never as root
            linux.become_user(_UNPRIVILEGED)
            with_user = True
    if with_user:
        uid, gid = os.getuid(), os.getgid()
        linux.unshare(_OUTER | linux.NEWUSER)
        linux.map_self(0, uid, gid)
    pid = os.fork()
    if pid:
        linux.close_from(3)
        os.waitpid(pid, 0)
        os._exit(0)
    linux.die_with_parent()
    return with_user


def _can_have_own_namespaces() -> bool:
    """Returns whether a process can be born into namespaces of its own here, by trying."""
    outside = os.geteuid(), os.getegid()
    try:
        pid = linux.clone(_PER_CANDIDATE)
    except OSError:
        return False
    if pid == 0:
        try:
            linux.map_self(_NOBODY, *outside)
            box.make_private(1)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _serve(jail: Jail, channel: socket.socket, controller: int) -> None:
    """Turns requests into candidates until there are no more of either."""
    poll = select.epoll()
    poll.register(channel, select.EPOLLIN)
    poll.register(controller, select.EPOLLIN)
    running: dict[int, Running] = {}
    taking = True
    while taking or running:
        for descriptor, _ in poll.poll():
            if descriptor == controller:
                os._exit(0)
            if descriptor != channel.fileno():
                if descriptor in running:  # not one that an earlier event of this round has ended
                    _end(running, running[descriptor], poll)
                continue
            message, descriptors, _, _ = socket.recv_fds(channel, 4096, 2)
            if not message:
                taking = False
                poll.unregister(channel)
                continue
            born = _bear(jail, json.loads(message), descriptors)
            if born is None:
                continue
            running[born.pidfd] = running[born.control.fileno()] = born
            poll.register(born.pidfd, select.EPOLLIN)
            poll.register(born.control, select.EPOLLIN | select.EPOLLRDHUP)


def _bear(jail: Jail, bounds: Bounds, descriptors: list[int]) -> Running | None:
    """Forks one candidate, or says through its channel why there is none: others must not suffer from that."""
    channel, control = descriptors
    outside = os.geteuid(), os.getegid()
    try:
        pid = linux.clone(jail.flags)
    except OSError as error:
        os.write(channel, f"E{error}\n".encode())
        os.close(channel)
        os.close(control)
        return None
    if pid == 0:
        _live(jail, bounds, channel, outside)
    os.close(channel)
    return Running(pid, os.pidfd_open(pid), socket.socket(fileno=control))


def _live(jail: Jail, bounds: Bounds, channel: int, outside: tuple[int, int]) -> None:
    """Never returns: the whole life of a candidate's process. Confinement is complete before it reads a byte."""
    try:
        linux.die_with_parent()
        with contextlib.suppress(OSError):  # a nicety: when memory runs out, candidates go first
            linux.write_file("/proc/self/oom_score_adj", "1000")
        if jail.flags:
            linux.map_self(_NOBODY, *outside)
            box.make_private(bounds["disk_mb"])
            os.chdir(box.PRIVATE)
        else:
            os.setsid()  # so that a group can be killed where there is no pid namespace to end
            os.chdir("/")
        policy, channel = _arrange_descriptors(jail.policy, channel)
        confine(policy, bounds)
        if policy.ruleset is not None:
            os.close(policy.ruleset.descriptor)
        os.write(channel, b"R")
    except Exception as error:  # noqa: BLE001 - before any candidate code: the reason must reach the trusted side
        os.write(channel, f"E{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    try:
        runner.serve(private=jail.private)
    finally:
        os._exit(1)


def _arrange_descriptors(policy: Policy, channel: int) -> tuple[Policy, int]:
    """Leaves 0 to 2 (nothing), 3 (the channel) and, until it is enforced, 4 (the Landlock rules)."""
    high = fcntl.fcntl(channel, fcntl.F_DUPFD, 10)
    if policy.ruleset is not None:
        os.dup2(fcntl.fcntl(policy.ruleset.descriptor, fcntl.F_DUPFD, 10), 4)
        policy = dataclasses.replace(policy, ruleset=linux.Ruleset(4))
    os.dup2(high, runner.CHANNEL)
    linux.close_from(runner.CHANNEL + 1 if policy.ruleset is None else 5)
    return policy, runner.CHANNEL


def _end(running: dict[int, Running], one: Running, poll: select.epoll) -> None:
    """Kills what is left of a candidate and sends how it ended: {"status": wait status, "cpu_seconds", "peak_mb"}."""
    signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(one.pid, signal.SIGKILL)
    _, status, usage = os.wait4(one.pid, 0)
    for descriptor in (one.pidfd, one.control.fileno()):
        poll.unregister(descriptor)
        del running[descriptor]
    os.close(one.pidfd)
    record: dict[str, Any] = {
        "status": status,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }
    with contextlib.suppress(OSError):  # nobody may be left to hear it
        one.control.send(json.dumps(record).encode())
    one.control.close()

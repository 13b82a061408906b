"""The last steps before candidate code: limits, no privileges, Landlock, seccomp. Nothing here can be undone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

from . import linux, seccomp

# Threads count as processes. Where a user's processes are counted together, in no namespace of the candidate's own,
# the limit must leave room for all the others; it still ends a bomb.
PROCESSES = 64
SHARED_PROCESSES = 4096


class Bounds(TypedDict):
    """What one process may use; the kernel's records.Limits as plain data."""

    cpu_seconds: float
    memory_mb: int
    disk_mb: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What is put in force around a candidate, prepared once.

    ruleset, filter: None where that layer is missing. base: bytes of address space of the trusted process it was
    forked from, which memory limits come on top of. processes: how many its user may have, threads included.
    """

    ruleset: linux.Ruleset | None
    filter: seccomp.Filter | None
    base: int
    processes: int


def confine(policy: Policy, bounds: Bounds) -> None:
    """Puts the policy in force for this process, for good."""
    linux.limit_resources(
        memory=policy.base + (bounds["memory_mb"] << 20),
        # A belt: the trusted side reads the exact clock itself, and this one runs ahead of it on a busy machine.
        cpu_seconds=math.ceil(1.5 * bounds["cpu_seconds"]) + 2,
        file_bytes=bounds["disk_mb"] << 20,
        processes=policy.processes,
    )
    if policy.ruleset is None and policy.filter is None:
        return
    linux.drop_capabilities()
    linux.set_dumpable(0)
    linux.no_new_privileges()
    if policy.ruleset is not None:
        policy.ruleset.enforce()
    if policy.filter is not None:
        policy.filter.enforce()

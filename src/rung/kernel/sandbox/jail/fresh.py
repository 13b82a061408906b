"""The first lines of a fresh interpreter in a box that another tool built: they confine it and run the program."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TypedDict

from . import box, linux, runner, seccomp
from .confine import PROCESSES, SHARED_PROCESSES, Bounds, Policy, confine


class Config(TypedDict):
    """What the trusted side says on the command line.

    user: what root becomes, None when the tool outside saw to that. own_user_namespace: processes are counted apart.
    """

    channel: int
    bounds: Bounds
    places: box.Places
    preload: list[str]
    user: int | None
    own_user_namespace: bool


def main(text: str) -> None:
    """Never returns: confines this process, then runs the program that comes over the channel."""
    config: Config = json.loads(text)
    try:
        if config["channel"] != runner.CHANNEL:
            os.dup2(config["channel"], runner.CHANNEL)
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        for name in ("PATH", "PWD", "OLDPWD"):
            os.environ.pop(name, None)
        linux.close_from(runner.CHANNEL + 1)
        sys.path.extend(config["places"]["search"])
        for module in config["preload"]:
            importlib.import_module(module)
        rules = box.ruleset(config["places"], private=True) if linux.landlock_version() else None
        if config["user"] is not None:
            linux.become_user(config["user"])
        linux.die_with_parent()
        policy = Policy(
            ruleset=rules,
            filter=seccomp.allow_computing(own_pid=os.getpid()),
            base=linux.address_space_bytes(),
            processes=PROCESSES if config["own_user_namespace"] else SHARED_PROCESSES,
        )
        confine(policy, config["bounds"])
        if rules is not None:
            os.close(rules.descriptor)
        os.write(runner.CHANNEL, b"R")
    except Exception as error:  # noqa: BLE001 - before any candidate code: the reason must reach the trusted side
        os.write(runner.CHANNEL, f"E{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    try:
        runner.serve(private=True)
    finally:
        os._exit(1)

"""Tries to get out of the box before an agent is put into it, and checks that an ordinary agent can work in it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rung import errors
from rung.agents.attempt import BRIEF_FILE, Attempt
from rung.agents.command import Agent, Effort
from rung.errors import RungError
from rung.kernel.sandbox.places import interpreter_binary
from rung.records import Limits

if TYPE_CHECKING:
    from rung.agents.attempt import Result

_LIMITS: Final = Limits(memory_mb=256, output_bytes=1 << 16)
_EFFORT: Final = Effort(seconds=20.0, cpu_seconds=10.0, processes=32, disk_mb=4)
_FILE: Final = "found.json"


def leaks() -> list[str]:
    """Returns what got through, or does not work, in plain words; empty when the box can be trusted."""
    source = Path(__file__).with_name("probe.txt").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="rung-canary-") as folder, socket.socket() as listener:
        canary = Path(folder) / "canary"
        canary.write_text(secrets.token_hex(8), encoding="utf-8")
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        home = os.path.expanduser("~")  # noqa: PTH111 - a user may have none, which pathlib takes amiss
        bait = {
            "port": listener.getsockname()[1],
            "secrets": [str(canary), __file__, errors.__file__, home, "/etc/shadow", "/etc/hostname"],
            "disk_mb": _EFFORT.disk_mb,
        }
        agent = Agent((interpreter_binary(), "-I", "probe.py"), (), _EFFORT)
        files = {"probe.py": source, "bait.json": json.dumps(bait)}
        try:
            result = _run(Attempt(agent, limits=_LIMITS, files=files, brief={BRIEF_FILE: "probe"}, isolated=True))
        except (RungError, OSError) as error:
            return [f"no box can be made: {error}"]
    answer = result.changed.get(_FILE)
    if not isinstance(answer, str) or not answer.startswith("["):
        return [f"an ordinary agent does not work in it ({result.sentence}: {result.tail[-300:]})"]
    return [str(each) for each in json.loads(answer)]


def _run(attempt: Attempt) -> Result:
    try:
        while (result := attempt.step(1.0)) is None:
            pass
        return result
    finally:
        attempt.close()

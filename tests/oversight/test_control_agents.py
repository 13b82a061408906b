"""An agent at work is paused with everything else, and its seconds are those that it lived."""

from __future__ import annotations

import time
from pathlib import Path

from tests.agents.acting import needs_bubblewrap, python_agent

from rung.oversight import control, tree
from rung.oversight.ground import Ground

SLOW = """
import time
for _ in range(30):
    time.sleep(0.1)
open("program.py", "w").write("def guess(x):\\n    return 39\\n")
"""


def at_work(ground: Ground, word: str) -> bool:
    for process in ground.family():
        path = Path(f"/proc/{process.pid}/cmdline")
        if path.exists() and path.read_bytes().rstrip(b"\0").endswith(word.encode()):
            return True
    return False


@needs_bubblewrap
def test_a_pause_is_not_taken_from_an_agents_time(tmp_path: Path) -> None:
    command = python_agent(tmp_path, SLOW, name="slow_agent.py")
    ground = Ground(tmp_path / "ground", attempts=1, options=("--improver", command, "--agent-seconds", "4"))
    try:
        run, engine = ground.busy()
        until = time.monotonic() + 30
        while not at_work(ground, "slow_agent.py"):
            assert time.monotonic() < until
            time.sleep(0.05)
        control.pause(ground.workspace, run)
        assert {tree.state(each) for each in ground.family()} <= set(tree.STANDING)
        time.sleep(5)
        control.resume(ground.workspace, run)
        engine.wait(60)
        assert [body["evaluation"]["value"] for body in ground.bodies("evaluation")] == [-40.0, -1.0]
        assert len(ground.bodies("log")) == 1  # it was not tried again
    finally:
        ground.close()

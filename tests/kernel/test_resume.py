"""kill -9 at any moment: nothing finished is lost, nobody survives, and the same request ends where it would have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.helpers import CLIMB, LINE_TASK, bodies, improver, kernel

from rung.kernel.identity import Request
from rung.kernel.ledger.verify import verify_chain

SCRIPT = """
import sys
from pathlib import Path
from rung.kernel.identity import Request
from tests.helpers import CLIMB, LINE_TASK, improver, kernel
k = kernel(Path(sys.argv[1]), workers=int(sys.argv[2]))
print("ready", flush=True)
k.improve(LINE_TASK, improver(CLIMB), Request(seed=5, attempts=60))
"""


def _start(workspace: Path, workers: int, root: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(workspace), str(workers)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def _descendants(pid: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _alive(pids: set[int]) -> set[int]:
    alive = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in {"Z", "X"}:
            alive.add(pid)
    return alive


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_ends_where_it_would_have(workers: int, tmp_path: Path, root: Path) -> None:
    """The engine is killed at growing delays; every record stays, no process is left, and the end is the same."""
    workspace = tmp_path / "killed"
    recorded = 0
    for delay in (0.15, 0.3, 0.5, 0.7):
        process = _start(workspace, workers, root)
        time.sleep(delay)
        below = _descendants(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        deadline = time.monotonic() + 5
        while _alive(below) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _alive(below) == set()
        found = verify_chain(workspace / "ledger.sqlite")
        assert found.problems == ()
        k = kernel(workspace)
        count = len(bodies(k, "evaluation"))
        k.ledger.close()
        assert count >= recorded
        recorded = count
    ended = _end(kernel(workspace, workers=workers))
    assert ended == _end(kernel(tmp_path / "whole", workers=1))


def _end(k: object) -> list[object]:
    from rung.kernel.kernel import Kernel

    assert isinstance(k, Kernel)
    outcome = k.improve(LINE_TASK, improver(CLIMB), Request(seed=5, attempts=60))
    evaluations = sorted((b["number"], b["program"], b["evaluation"]["value"] or 0.0) for b in bodies(k, "evaluation"))
    incumbents = [(b["number"], b["program"], b["value"]) for b in bodies(k, "incumbent")]
    k.ledger.close()
    return [evaluations, incumbents, outcome.incumbent.value, outcome.held_out]


def test_killing_a_worker_ends_the_run_with_a_sentence(tmp_path: Path, root: Path) -> None:
    """A dead helper process is the harness's failure: loud, and the same request goes on afterwards."""
    process = _start(tmp_path / "w", 2, root)
    time.sleep(0.4)
    for pid in _descendants(process.pid):
        with pytest.MonkeyPatch.context():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    process.wait(timeout=30)
    assert process.stdout is not None
    process.stdout.close()
    outcome = kernel(tmp_path / "w").improve(LINE_TASK, improver(CLIMB), Request(seed=5, attempts=60))
    assert outcome.stop_reason == "attempts used up"

"""Ground to rehearse on: a folder with a small task, and a real run of it, started by the command that people type."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rung.errors import RungError
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import read_ledger
from rung.oversight import tree

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS: Final = 60.0
TASK: Final = """
import rung

@rung.task(goal="Return a number close to 40.", program="program.py", entry="program.py:guess",
           train=range(3), validation=range(3, 6), held_out=rung.fresh(4), bound=0.0,
           limits=rung.Limits(cpu_seconds=2, wall_seconds=2))
def rehearsal(case, trial):
    answer = trial.run(case.input)
    if type(answer) is not int:
        raise rung.Invalid("an integer was expected")
    return -abs(answer - 40)
"""
PROGRAM: Final = "def guess(x):\n    return 0\n"
# Every fortieth child is better than all before, so that incumbents go on coming; the others keep the workers busy.
IMPROVER: Final = """
from rung_host import Child

def improve(brief, host):
    number = 0
    while True:
        children = []
        for _ in range(8):
            number += 1
            value = min(39, number // 40) if number % 40 == 0 else -number
            source = f"def guess(x):\\n    sum(range(100_000))\\n    return {value}  # {number}\\n"
            children.append(Child({"program.py": source}, brief.program["id"], "step"))
        host.evaluate(children)
"""


@dataclass(slots=True)
class Ground:
    """A folder for one rehearsal.

    attempts: after so many the run ends by itself. options: more of them for the run. task, program, improver: texts.
    """

    folder: Path
    attempts: int = 1_000_000
    workers: int = 2
    options: tuple[str, ...] = ()
    task: str = TASK
    program: str = PROGRAM
    improver: str = IMPROVER
    _process: subprocess.Popen[bytes] | None = None

    @property
    def workspace(self) -> Path:
        """Where the run is recorded."""
        return self.folder / ".rung"

    def start(self) -> subprocess.Popen[bytes]:
        """Returns the engine at work: the same command goes on with the same run."""
        texts = {"task.py": self.task, "program.py": self.program, "improver/improver.py": self.improver}
        for name, text in texts.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        words = ["improve", "task.py", "--improver", "improver", "--seed", "5", "--quiet", *self.options]
        counts = ["--attempts", str(self.attempts), "--workers", str(self.workers), "--workspace", str(self.workspace)]
        with (self.folder / "said.txt").open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - this very interpreter with this package
                [sys.executable, "-m", "rung", *words, *counts],
                cwd=self.folder,
                env=os.environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        return self._process

    def busy(self) -> tuple[str, subprocess.Popen[bytes]]:
        """Returns the run and its engine, once it has recorded something in this sitting.

        Raises:
          RungError: it ended instead, or is not at work within a minute.
        """
        process = self._process
        if process is not None and process.poll() is None:
            return self.run, process
        before = self.head()
        process = self.start()
        until = time.monotonic() + START_SECONDS
        while self.head() <= before or not self.run:
            if process.poll() is not None or time.monotonic() > until:
                said = (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
                raise RungError(f"the run to rehearse on does not work: {said[-500:]}")
            time.sleep(0.02)
        return self.run, process

    @property
    def run(self) -> str:
        """The name of the run, "" before there is one."""
        return next((event.run for event in self._events("run_start")), "")

    def bodies(self, event_type: str) -> list[Any]:
        """Returns what was recorded under a type, in order."""
        return [event.body for event in self._events(event_type)]

    def head(self) -> int:
        """Returns how many events there are."""
        if not (self.workspace / layout.FILE).exists():
            return 0
        with closing(read_ledger(self.workspace)) as ledger:
            return ledger.head()[0]

    def _events(self, event_type: str) -> list[Any]:
        if not (self.workspace / layout.FILE).exists():
            return []
        with closing(read_ledger(self.workspace)) as ledger:
            return list(ledger.read(types=(event_type,)))

    def family(self) -> set[tree.Process]:
        """Returns all processes of the run."""
        row = None if self._process is None else tree.find(self._process.pid)
        return set() if row is None else {each.process for each in tree.tree(row.process)}

    def close(self) -> None:
        """Ends the run, whatever state it is in."""
        if self._process is not None:
            if self._process.poll() is None:
                row = tree.find(self._process.pid)
                if row is not None:
                    tree.kill(row.process)
            self._process.wait()

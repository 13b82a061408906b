"""The same trivial task side by side: rung, and OpenEvolve from the package index with a canned local model.

Covered: what an iteration costs besides the model and the program. Not covered: quality of search. rung judges every
program in an isolated process of its own, OpenEvolve in one of its workers, without isolation; rung's improver proposes
by itself, one child at a time per worker, OpenEvolve asks the canned model once per iteration.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.meter import Meter, Used
from benchmarks.engine.model import canned_model
from benchmarks.engine.trivial import SOURCE, kernel, proposer, trivial_task
from rung.kernel.identity import Request
from rung.kernel.ledger.port import Event

PACKAGE = "openevolve"
INSTALL_SECONDS = 300
_ROOT = str(Path(__file__).resolve().parents[2])
_EVALUATOR = """
import importlib.util


def evaluate(path):
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"combined_score": -abs(module.f(1) - 2.0)}
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One engine on the trivial task.

    per_second, cpu_ms: per iteration, of everything it starts, start-up left out. tree_mb, main_mb: peak memory.
    orphans: processes that outlived the command.
    """

    name: str
    workers: int
    iterations: int
    per_second: float
    cpu_ms: float
    tree_mb: float
    main_mb: float
    orphans: int


@contextmanager
def peer_interpreter(given: str | None) -> Iterator[str | None]:
    """Yields an interpreter with OpenEvolve: the one given, or one of a new environment; None when that fails."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        command = [python, "-m", "pip", "install", "--quiet", PACKAGE]
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=INSTALL_SECONDS)
            installed = done.returncode == 0
        except subprocess.TimeoutExpired:
            installed = False
        yield python if installed else None


def peer_version(python: str) -> str:
    """Returns the version of OpenEvolve that an interpreter has."""
    code = f"import importlib.metadata as m; print(m.version({PACKAGE!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def measure_peer(python: str, *, iterations: int, workers: int) -> Side:
    """Returns what OpenEvolve used for that many iterations, with its own defaults but for model and workers."""
    meter = Meter()
    with tempfile.TemporaryDirectory() as name, canned_model(meter.mark) as address:
        folder = Path(name)
        (folder / "program.py").write_text(f"# EVOLVE-BLOCK-START\n{SOURCE}# EVOLVE-BLOCK-END\n", encoding="utf-8")
        (folder / "judge.py").write_text(_EVALUATOR, encoding="utf-8")
        config = {
            "diff_based_evolution": False,
            "llm": {"api_base": address, "api_key": "none", "models": [{"name": "canned", "weight": 1.0}]},
            "evaluator": {"parallel_evaluations": workers, "cascade_evaluation": False},
        }
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        start = [python, "-c", "from openevolve.cli import main; raise SystemExit(main())"]
        command = [*start, "program.py", "judge.py", "--config", "config.yaml", "--iterations", str(iterations)]
        used = meter.measured(command, folder=folder, environment={"PATH": os.environ["PATH"], "HOME": name})
        return _side("OpenEvolve", used, folder, iterations=iterations, workers=workers)


def measure_rung(*, iterations: int, workers: int) -> Side:
    """Returns what rung used for that many attempts, one command from start to verdict."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "benchmarks.engine.peer", str(iterations), str(workers)]
        environment = {**os.environ, "PYTHONPATH": _ROOT}
        used = Meter().measured(command, folder=folder, environment=environment, marker="evaluation")
        return _side("rung", used, folder, iterations=iterations, workers=workers)


def _side(name: str, used: Used, folder: Path, *, iterations: int, workers: int) -> Side:
    if used.status != 0 or len(used.marks) < iterations:
        output = (folder / "output.txt").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise SystemExit(f"{name} did {len(used.marks)} of {iterations} iterations, exit code {used.status}:\n{output}")
    count = len(used.marks)
    rate = (count - 1) / (used.marks[-1] - used.marks[0])
    cpu_ms = used.cpu_seconds / count * 1000
    return Side(name, workers, count, rate, cpu_ms, used.tree_mb, used.main_mb, used.orphans)


def main() -> None:
    """Runs one search in this folder and prints a line per evaluation: what `measure_rung` measures."""

    def observe(event: Event) -> None:
        if event.type == "evaluation" and isinstance(event.body, dict) and event.body["number"]:  # 0: the seed program
            print("evaluation", flush=True)

    iterations, workers = (int(word) for word in sys.argv[1:])
    engine = kernel(Path(), workers=workers, observe=observe)
    engine.improve(trivial_task(attempts=iterations), proposer(batch=workers), Request(seed=1))


if __name__ == "__main__":
    main()

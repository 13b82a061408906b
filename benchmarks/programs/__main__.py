"""`python -m benchmarks.programs [--tasks ...] [--improvers ...] [--seeds N]`: every task, every improver, equal cost.

Finished runs are answered from the ledger of the workspace, interrupted ones go on; a changed task or improver is
another run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from benchmarks.programs.goals import GOALS, NO_GOAL
from benchmarks.programs.runs import Found, Wanted, run
from benchmarks.programs.table import part
from rung.authoring import built_in_tasks
from rung.version import VERSION

IMPROVERS = ("seed", "random", "best_of_n")


def wanted_runs(options: argparse.Namespace) -> list[Wanted]:
    """Returns the runs that the options ask for, seeds outermost, so that a table cut short is still balanced."""
    tasks = options.tasks or sorted(built_in_tasks())
    wanted = []
    for seed in range(1, options.seeds + 1):
        for task in tasks:
            goal = GOALS.get(task, NO_GOAL)
            cpu_seconds = goal.cpu_seconds if options.cpu_seconds is None else options.cpu_seconds
            attempts = goal.attempts if options.attempts is None else options.attempts
            wanted += [
                Wanted(task, improver, seed, cpu_seconds, attempts, options.workspace) for improver in options.improvers
            ]
    return wanted


def all_found(wanted: Sequence[Wanted], *, jobs: int) -> list[Found]:
    """Returns what every run found, `jobs` of them side by side, each in a process of its own."""
    found = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(run, each) for each in wanted]):
            one = done.result()
            value = "-" if one.value is None else f"{one.value:.10g}"
            print(f"{one.task:20} {one.improver:10} seed {one.seed}: {one.failure or value}", flush=True)
            found.append(one)
    return found


def main() -> None:
    """Runs what is asked for and prints a part per task."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.programs", description="What improvers make of tasks.")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", help="default: all that ship")
    parser.add_argument("--improvers", nargs="+", metavar="NAME", default=IMPROVERS)
    parser.add_argument("--seeds", type=int, default=5, help="runs of each, with seeds 1 to this")
    parser.add_argument("--cpu-seconds", type=float, help="of one run; default: what the task's target says, or 60")
    parser.add_argument("--attempts", type=int, help="of one run; default: what the task's target says")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--workspace", default=".rung/benchmarks")
    parser.add_argument("--json", metavar="FILE", help="write every run there too")
    options = parser.parse_args()
    found = all_found(wanted_runs(options), jobs=options.jobs)
    print(f"\nrung {VERSION}")
    for task in dict.fromkeys(each.task for each in found):
        print(f"\n{part(task, [each for each in found if each.task == task])}")
    if options.json:
        document = {"version": VERSION, "runs": [asdict(each) for each in found]}
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""`python -m benchmarks.oversight`: pause, resume and stop of a busy run, 200 times each, at random moments.

Every command is typed as a person would type it, in a process of its own, and timed from its start to its end. After
every stop the processes that are left are counted and the chain of the ledger is checked; every run that comes to its
end is compared with one that nobody disturbed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rung.errors import RungError
from rung.kernel.ledger import layout
from rung.kernel.ledger.verify import verify_chain
from rung.oversight import tree
from rung.oversight.control_drills import command
from rung.oversight.ground import Ground
from rung.version import VERSION

LEAVING_SECONDS = 2.0
HISTORY = ("evaluation", "incumbent", "run_end")


@dataclass(slots=True)
class Counts:
    """What was seen. times: seconds of each command, by name. acting: of these, what the act itself took."""

    times: dict[str, list[float]] = field(default_factory=lambda: {"pause": [], "resume": [], "stop": []})
    acting: dict[str, list[float]] = field(default_factory=lambda: {"pause": [], "resume": [], "stop": []})
    killed: int = 0
    refused: int = 0
    orphans: int = 0
    broken: int = 0
    ended: int = 0
    different: int = 0


def history(ground: Ground) -> list[object]:
    """Returns what must not depend on who interrupted a run, and when."""
    evaluations = sorted((b["number"], b["program"], b["evaluation"]["scores"]) for b in ground.bodies("evaluation"))
    incumbents = [(b["number"], b["program"], b["value"]) for b in ground.bodies("incumbent")]
    return [evaluations, incumbents, [(b["program"], b["value"], b["held_out"]) for b in ground.bodies("run_end")]]


def one_round(ground: Ground, rng: random.Random, counts: Counts) -> None:
    """Pauses, resumes and stops a run that is at work; raises RungError when it came to its end meanwhile."""
    run, engine = ground.busy()
    time.sleep(rng.uniform(0.0, 0.4))
    for name in ("pause", "resume", "stop"):
        family = ground.family()
        seconds, done = command(ground, name, run)
        counts.times[name].append(seconds)
        counts.acting[name].append(done["seconds"])
        counts.killed += done["action"] == "killed"
        if name != "stop":
            time.sleep(rng.uniform(0.0, 0.3))
    engine.wait()
    counts.orphans += len(tree.wait(family, seconds=LEAVING_SECONDS))
    counts.broken += bool(verify_chain(ground.workspace / layout.FILE).problems)


def campaign(folder: Path, options: argparse.Namespace) -> Counts:
    """Returns what was seen in so many rounds, over as many runs as they take."""
    rng, counts = random.Random(options.seed), Counts()
    whole = Ground(folder / "whole", attempts=options.attempts)
    whole.start().wait()
    expected = history(whole)
    number = 0
    while len(counts.times["stop"]) < options.rounds:
        number += 1
        ground = Ground(folder / f"run-{number}", attempts=options.attempts)
        try:
            while len(counts.times["stop"]) < options.rounds:
                one_round(ground, rng, counts)
                print(f"\r{len(counts.times['stop'])} of {options.rounds}", end="", flush=True)
        except RungError as error:
            if not ground.bodies("run_end"):
                print(f"\n{error}", flush=True)
                counts.refused += 1
                ground.close()
        with suppress(ProcessLookupError):
            ground.start().wait()
        counts.ended += 1
        counts.different += history(ground) != expected
        ground.close()
    return counts


def row(name: str, seconds: list[float]) -> str:
    """Returns a line of the table."""
    ordered = sorted(seconds)
    p95, p99 = (ordered[min(len(ordered) - 1, round(share * len(ordered)))] for share in (0.95, 0.99))
    figures = (ordered[0], statistics.median(ordered), p95, p99, ordered[-1])
    late = sum(each >= 1.0 for each in ordered)
    return f"{name:24} {len(ordered):5}" + "".join(f"{each:8.3f}" for each in figures) + f"{late:8}"


def main() -> None:
    """Runs what is asked for and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oversight", description="Pause, resume, stop.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--attempts", type=int, default=800, help="of each run; a new one begins when it has ended")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--json", metavar="FILE", help="write every time there too")
    options = parser.parse_args()
    before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="rung-oversight-") as folder:
        counts = campaign(Path(folder), options)
    load = ", ".join(f"{each:.1f}" for each in (before[0], os.getloadavg()[0]))
    print(f"\nrung {VERSION}, 2 workers, {os.cpu_count()} cores, load before and after {load}; seconds\n")
    print(f"{'':24} {'n':>5}{'least':>8}{'median':>8}{'p95':>8}{'p99':>8}{'most':>8}{'>= 1 s':>8}")
    for name in counts.times:
        print(row(f"rung {name}", counts.times[name]))
        print(row("  from call to effect", counts.acting[name]))
    print(
        f"\nof {len(counts.times['stop'])} stops {counts.killed} were kills; {counts.refused} commands were refused; "
        f"{counts.orphans} processes were left; {counts.broken} ledgers were broken; "
        f"{counts.different} of {counts.ended} runs ended differently"
    )
    if options.json:
        document = {"times": counts.times, "acting": counts.acting, "orphans": counts.orphans, "load": load}
        Path(options.json).write_text(json.dumps(document) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

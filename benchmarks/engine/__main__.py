"""`python -m benchmarks.engine [--quick] [--json FILE] [--peer PYTHON]`: prints the table of the engine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.engine.latency import Latency, measure_latency
from benchmarks.engine.peer import Side, measure_peer, measure_rung, peer_interpreter, peer_version
from benchmarks.engine.storage import Storage, measure_storage
from benchmarks.engine.table import Row, rendered
from benchmarks.engine.throughput import Throughput, measure_commit, measure_throughput
from rung.version import VERSION

BUSY = 0.3  # load per core above which times say more about the neighbours than about the engine


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    evaluations: int
    candidates: int
    real: int
    iterations: int


FULL = Size(rounds=300, evaluations=2000, candidates=100_000, real=300, iterations=200)
QUICK = Size(rounds=60, evaluations=400, candidates=5_000, real=100, iterations=60)


def latency_rows(latency: Latency) -> list[Row]:
    """Returns the rows of one isolated evaluation."""
    median, interpreter, fork = latency.answered.median, latency.interpreter.median, latency.fork.median
    return [
        Row(f"one evaluation ({latency.sandbox}), start to parsed result, median", median, "ms", at_most=3.5),
        Row("the same, least", latency.answered.least, "ms"),
        Row("the same, until its process is gone and its cost known, median", latency.whole.median, "ms"),
        Row("plain fork + exit + wait of a bare interpreter, median", fork, "ms"),
        Row("plain python -c pass, median", interpreter, "ms"),
        Row("one evaluation / plain fork", median / fork, "x"),
        Row("one evaluation / plain python", median / interpreter, "x"),
    ]


def throughput_rows(found: list[Throughput], commit_ms: float) -> list[Row]:
    """Returns the rows of whole searches."""
    rows = [Row("one durable commit on this disk, median", commit_ms, "ms")]
    for each in found:
        goal = 400.0 if each.workers == 2 else None
        rows.append(Row(f"evaluations of one search, {_workers(each.workers)}", each.per_second, "/s", at_least=goal))
        rows.append(
            Row(f"engine CPU per evaluation, {each.workers} worker{'s'[: each.workers - 1]}", each.engine_ms, "ms")
        )
    return rows


def _workers(count: int) -> str:
    return f"{count} worker" if count == 1 else f"{count} workers"


def storage_rows(storage: Storage) -> list[Row]:
    """Returns the rows of a run with very many candidates."""
    count = f"{storage.candidates:,}"
    return [
        Row("engine CPU per evaluation, 100 candidates stored", storage.few_ms, "ms", at_most=5.0),
        Row(f"engine CPU per evaluation, {count} stored", storage.many_ms, "ms", at_most=5.0),
        Row("CPU to judge and record one candidate, scores free, near the start", storage.first_ms, "ms"),
        Row(f"the same at {count}, as a multiple", storage.last_ms / storage.first_ms, "x", at_most=1.5),
        Row(f"peak memory of the engine, {count} stored", storage.peak_mb, "MB", at_most=150.0),
        Row(f"peak memory when {count} are replayed", storage.resume_peak_mb, "MB", at_most=150.0),
        Row(f"CPU to replay {count}", storage.resume_cpu_seconds, "s"),
        Row(f"ledger with {count}", storage.ledger_mb, "MB"),
    ]


def peer_rows(sides: list[Side]) -> list[Row]:
    """Returns the rows of both engines, side by side."""
    rows = []
    for side in sides:
        name = f"{side.name}, {_workers(side.workers)}, {side.iterations} iterations:"
        rows += [
            Row(f"{name} rate", side.per_second, "/s"),
            Row(f"{name} CPU of all processes per iteration", side.cpu_ms, "ms"),
            Row(f"{name} peak memory, all processes", side.tree_mb, "MB"),
            Row(f"{name} peak memory, main process", side.main_mb, "MB"),
        ]
    return rows


def peer_sides(size: Size, given: str | None) -> tuple[list[Side], str]:
    """Returns both engines' figures for 1 and 2 workers, and a sentence on what was compared."""
    with peer_interpreter(given) as python:
        if python is None:
            return [], "OpenEvolve cannot be installed from the package index here: the comparison is skipped."
        sides = []
        for workers in (1, 2):
            sides.append(measure_rung(iterations=size.iterations, workers=workers))
            sides.append(measure_peer(python, iterations=size.iterations, workers=workers))
        sentence = f"OpenEvolve {peer_version(python)} with a canned model on this machine, programs not isolated."
        return sides, sentence


def main() -> None:
    """Measures everything, prints the table, and writes the JSON where that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description="How fast the engine is.")
    parser.add_argument("--quick", action="store_true", help="fewer of everything: half a minute, rougher figures")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, or to - for the screen")
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter that has OpenEvolve already")
    parser.add_argument("--no-peer", action="store_true", help="leave OpenEvolve out")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    load, cores = os.getloadavg()[0], os.cpu_count() or 1

    latency = measure_latency(rounds=size.rounds)
    throughput = [measure_throughput(workers=workers, evaluations=size.evaluations) for workers in (1, 2)]
    commit_ms = measure_commit(rounds=size.rounds)
    storage = measure_storage(candidates=size.candidates, real=size.real)
    sides, sentence = ([], "OpenEvolve was left out.") if options.no_peer else peer_sides(size, options.peer)

    rows = [*latency_rows(latency), *throughput_rows(throughput, commit_ms), *storage_rows(storage), *peer_rows(sides)]
    machine = {
        "rung": VERSION,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": cores,
        "load_before": load,
        "idle": load / cores <= BUSY,
    }
    if options.json == "-":
        print(json.dumps(_document(rows, machine, sentence), indent=1))
        return
    print(f"rung {VERSION}, Python {platform.python_version()}, Linux {platform.release()}, {cores} cores")
    print(rendered(rows))
    print(sentence)
    if not machine["idle"]:
        print(f"This machine was not idle (load {load:.1f} on {cores} cores): times are too high, rates too low.")
    if options.json:
        text = json.dumps(_document(rows, machine, sentence), indent=1)
        Path(options.json).write_text(text + "\n", encoding="utf-8")
    sys.stdout.flush()


def _document(rows: list[Row], machine: dict[str, object], sentence: str) -> dict[str, object]:
    figures = [{**asdict(row), "target": row.target, "met": row.is_met} for row in rows]
    return {"machine": machine, "rows": figures, "peer": sentence}


if __name__ == "__main__":
    main()

"""`python -m benchmarks.models --model gguf:FILE`: what a model adds to `seed` at equal cost in money.

A run may cost the same in every arm: CPU seconds at --usd-per-cpu-hour, tokens at the prices given here, whatever the
machine that answers really costs. Finished runs are answered from the ledger of the workspace, interrupted ones go on.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.models.arms import ARMS, Found, Money, run
from benchmarks.models.table import tables
from rung.models.configured import open_door
from rung.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

TASKS = (
    "examples/delivery",
    "examples/binpack.py",
    "bin-packing-or",
    "bin-packing-weibull",
    "faster",
    "update-rule",
)
HOUR = 3600.0


def runs(options: argparse.Namespace) -> Iterator[Found]:
    """Yields what every run found, seeds outermost, so that a table that is cut short is still balanced."""
    workspace = Path(options.workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    prices = workspace / "prices.toml"
    row = f"{{ prompt = {options.usd_per_million[0]}, completion = {options.usd_per_million[1]} }}"
    prices.write_text(f'as_of = "given to the benchmark"\n\n[models]\n"{options.model}" = {row}\n', encoding="utf-8")
    money = Money(options.usd, options.usd_per_cpu_hour / HOUR)
    models = open_door([options.model], rollouts=None, prices=prices, environment=os.environ)
    for seed in range(1, options.seeds + 1):
        for task in options.tasks:
            for arm in ARMS:
                found = run(task, arm, seed, money=money, models=models, workspace=workspace)
                print(f"{task:20} {arm.name:24} seed {seed}: {found.failure or found.value}", flush=True)
                yield found


def main() -> None:
    """Runs what is asked for and prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description="What a model adds.")
    parser.add_argument("--model", required=True, help="as after `rung improve --model`")
    parser.add_argument("--tasks", nargs="+", metavar="TASK", default=TASKS)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each, with seeds 1 to this")
    parser.add_argument("--usd", type=float, default=0.001, help="what one run may cost, CPU and tokens together")
    parser.add_argument("--usd-per-cpu-hour", type=float, default=0.04)
    parser.add_argument("--usd-per-million", type=float, nargs=2, default=(0.02, 0.06), metavar=("PROMPT", "ANSWER"))
    parser.add_argument("--workspace", default=".rung/benchmarks-models")
    parser.add_argument("--json", metavar="FILE", help="write every run there too")
    options = parser.parse_args()
    found = list(runs(options))
    print(f"\nrung {VERSION}, {options.model}, {options.usd} US dollars per run\n")
    print(tables(found))
    if options.json:
        document = {"version": VERSION, "options": vars(options), "runs": [asdict(each) for each in found]}
        Path(options.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""`rung bench search`: a search policy evolves on published measurements, beside the policies that people wrote."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rung import api
from rung.cli.screen import colour_diff, foreign_talk, plain, print_json, results, table, talk
from rung.errors import BadInput
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger
from rung.suites.search.bench import Effort, bench_search
from rung.suites.search.report import HEADER, rows

if TYPE_CHECKING:
    from pathlib import Path

DIFF_LINES = 40
TABLES = "tables"


def search(
    *, seeds: int | None, key: str | None, workspace: Path, sandbox: str, json: bool, quiet: bool, unknown: list[str]
) -> None:
    """Runs the search suite and prints what came out.

    unknown: options of the other suites that were given.

    Raises:
      BadInput: there are such, or the tables are not installed.
      RungError: see errors.py; the same command goes on from what is recorded.
    """
    if unknown:
        raise BadInput(f"suite search has no {', '.join(unknown)}: it takes --seeds, --key, --workspace and --sandbox")
    workspace = api.checked_workspace(workspace)
    effort = Effort() if seeds is None else replace(Effort(), seeds=seeds)

    def tell(sentence: str) -> None:
        if not quiet:
            talk().print(plain(sentence), soft_wrap=True)

    with foreign_talk(), closing(open_ledger(workspace)) as ledger, run_lock(workspace, "search"):
        kernel = api.open_kernel(ledger, sandbox=sandbox)
        seed = None if key is None else _seed(key)
        document = bench_search(kernel, cache=workspace / TABLES, effort=effort, seed=seed, observe=tell)
    if json:
        print_json(document)
    else:
        _print(document)


def _seed(key: str) -> int:
    if not key.isdigit():
        raise BadInput(f"the key of a search comparison is the whole number that it prints as its seed, not {key!r}")
    return int(key)


def _print(document: Any) -> None:  # noqa: ANN401 - the document just made
    out = results()
    shown = table(*HEADER)
    for row in rows(document):
        shown.add_row(*row)
    out.print(shown)
    proposal = document["proposal"]
    verdict = proposal["verdict"]
    if verdict is not None:
        said = "adopted" if verdict["admitted"] else "refused"
        out.print(
            f"\nthe gate {said} the evolved policy after {verdict['cases']} fresh searches on {document['gate']}, "
            f"mean gain {verdict['gain']:+.3f}: {verdict['reason']}",
            soft_wrap=True,
        )
    lines = proposal["diff"].splitlines()
    out.print(colour_diff("\n".join(lines[:DIFF_LINES])), end="")
    if len(lines) > DIFF_LINES:
        out.print(f"… {len(lines) - DIFF_LINES} more lines")
    out.print()
    out.print(document["sentence"], style="bold", soft_wrap=True)
    out.print(
        f"comparison {document['run']}, key {document['seed']}; evolving took {document['cpu_seconds']:.0f} CPU-s"
    )

"""The verifier in one file, run as an auditor runs it: in another interpreter, where rung is not to be found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rung.audit import parcel
from rung.errors import BadInput, LedgerError
from rung.kernel.ledger.verify import Problem, Verification


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found by who shares no code with the engine.

    problems: with the ledger itself, or with a checkpoint. witnessed: the checkpoints that it continues, as objects.
    covered: how many events some checkpoint speaks for.
    """

    problems: tuple[Problem, ...]
    witnessed: tuple[dict[str, Any], ...]
    covered: int


def second_look(file: Path, options: Sequence[str]) -> Looked:
    """Returns what the one-file verifier says about a ledger; options: its own, without tasks.

    Raises:
      BadInput: an option is wrong, in its words.
      LedgerError: it said nothing that can be read.
    """
    command = [sys.executable, "-I", "-S", str(parcel.VERIFIER), str(file), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode == 2:
        raise BadInput(done.stderr.strip().removeprefix("verify_alone: "))
    try:
        document: Any = json.loads(done.stdout)
    except ValueError:
        raise LedgerError(f"the verifier ended with {done.returncode}: {done.stderr.strip()[-300:]}") from None
    problems = tuple(Problem(row["seq"], row["what"]) for row in document["problems"])
    return Looked(problems, tuple(document["witnessed"]), document["covered"])


def joined(chain: Verification, looked: Looked) -> Verification:
    """Returns what the engine found with what the other found beside it: nothing twice about one event."""
    known = {problem.seq for problem in chain.problems}
    more = tuple(problem for problem in looked.problems if not known or problem.seq not in known)
    return Verification(chain.events, chain.blobs, chain.head, chain.problems + more)

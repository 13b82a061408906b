"""Makes the recorded run in tests/data/recorded anew: `python -m tests.replaying.record`, from the repository's root.

It is needed when the kernel records more, or otherwise, than it did; a replay of the old record then names the field.

The model is the server of tests/models/server.py. What it says depends on the question and on how often it came; the
first answers to the improver are faults, so that the record holds errors of every kind, attempts that were repeated,
calls side by side that ended out of order, and an end of the tokens.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter, deque
from pathlib import Path

from tests.models.server import KEY, Handler, State, completion, cut, raw, serving, status
from tests.models.setting import address

from rung import api
from rung.authoring import find_improver
from rung.kernel.ledger import layout
from rung.models.configured import open_door

FOLDER = Path(__file__).resolve().parent.parent / "data" / "recorded"
WORKSPACE = FOLDER / "ledger"
MAX_TOKENS = 3_400
EDITS = (
    ("prompt.md", "Please be so kind as to repeat the word.", "Repeat the word in capitals."),
    ("prompt.md", "repeat the word", "shout"),
    ("ask.py", "The word: {word}", "{word}"),
    ("prompt.md", "Repeat the word in capitals.", "In capitals:"),
    ("prompt.md", "nothing that is there", "nothing"),
)


class Voice:
    """What the model says."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._faults = deque([status(429, Retry_After="0"), status(500), cut, raw(b"{"), status(400, "not this one")])

    def __call__(self, handler: Handler) -> None:
        """Answers one request, some of them late."""
        question = str(handler.asked["messages"][-1]["content"])
        with handler.server.state.lock:
            number, self._asked[question] = self._asked[question], self._asked[question] + 1
            fault = self._faults.popleft() if "SEARCH" in question and self._faults else None
        time.sleep(0.05 * (len(question) % 3))
        if fault is not None:
            fault(handler)
            return
        text = self._edit(question, number) if "SEARCH" in question else self._word(question)
        handler.say(200, completion(text, prompt=len(question) // 4, answer=len(text) // 4))

    def _edit(self, question: str, number: int) -> str:
        name, old, new = EDITS[(len(question) + number) % len(EDITS)]
        return f"FILE {name}\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"

    def _word(self, question: str) -> str:
        word = question.rsplit(maxsplit=1)[-1]
        return word.upper() if "capitals" in question else word


def record(workspace: Path) -> str:
    """Returns the run that was recorded into a workspace."""
    with serving() as state:
        state.answer = Voice()
        return _improved(state, workspace)


def _improved(state: State, workspace: Path) -> str:
    door = open_door([address(state)], rollouts=None, prices=None, environment={"RUNG_MODEL_KEY": KEY})
    return api.improve(
        str(FOLDER / "task.py"),
        improver=find_improver(str(FOLDER / "improver")),
        seed=11,
        workspace=workspace,
        models=door,
        max_tokens=MAX_TOKENS,
    ).run


def sealed(workspace: Path) -> None:
    """Leaves one file that can be read where it lies, also where nothing can be written."""
    with sqlite3.connect(workspace / layout.FILE, isolation_level=None) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("VACUUM")
    db.close()
    for lock in workspace.glob("*.lock"):
        lock.unlink()


if __name__ == "__main__":
    (WORKSPACE / layout.FILE).unlink(missing_ok=True)
    record(WORKSPACE)
    sealed(WORKSPACE)

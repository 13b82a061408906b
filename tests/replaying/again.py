"""What tests of replays share: a run executed again, and ledgers computed anew with something else in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

from rung.kernel.kernel import Kernel
from rung.kernel.ledger import layout
from rung.kernel.ledger.port import Entry, Event, Ledger
from rung.kernel.ledger.sqlite import open_ledger, read_ledger
from rung.records import Task
from rung.replaying.replay import Replayed, read_record, replay_run


def again(workspace: Path, run: str, task: Task) -> Replayed:
    """Returns how a run went when it was executed again."""

    def make_kernel(ledger: Ledger, /, *, models: Any) -> Kernel:
        sdk = (resources.files("rung") / "sdk" / "host.py").read_text(encoding="utf-8")
        return Kernel(ledger, sdk=sdk, models=models)

    with closing(read_ledger(workspace)) as ledger:
        return replay_run(ledger, read_record(ledger, run), task=task, make_kernel=make_kernel)


def entry(event: Event, body: Any, ledger: Ledger, *more: bytes) -> Entry:
    """Returns an event as it was, with this body; more: blobs that are new."""
    known = [ledger.get(digest) for digest in layout.mentioned(event.body)]
    return Entry(event.type, body, event.run, event.parent_run, [*known, *more])


def forged(old: Path, new: Path, change: Callable[[Event, Any, Ledger], Iterable[Entry]]) -> Path:
    """Returns a new workspace whose chain holds, with what `change` makes of every event and a copy of its body."""
    with closing(read_ledger(old)) as source, closing(open_ledger(new)) as target:
        target.append_all([entry for event in source.read() for entry in change(event, event.body, source)])
    return new

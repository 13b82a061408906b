"""A git repository as a witness: a branch with every checkpoint pushed so far, which grows as the ledger does, or not.

What makes it a witness is where it lies: a remote whose branch is protected against being rewritten.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from rung.audit.log import continues
from rung.audit.merkle import Tree
from rung.audit.note import Checkpoint, Note, NoteError, parse_note
from rung.errors import BadInput, IntegrityAlarm

BRANCH: Final = "rung-witness"
FILE: Final = "checkpoint"
_WHO: Final = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "rung witness"), ("EMAIL", "witness@localhost"))
}
_NOTHING: Final = "0" * 40


def push(folder: Path, signed: Note, tree: Tree, *, branch: str = BRANCH, remote: str | None = None) -> str:
    """Returns the commit that holds the checkpoint, made without touching the working tree; the old one if it is there.

    remote: where it is pushed to afterwards, and fetched from before.

    Raises:
      IntegrityAlarm: the ledger does not continue what the branch holds.
      BadInput: git refuses.
    """
    reference = f"refs/heads/{branch}"
    _git(folder, "check-ref-format", "--branch", branch)
    if remote is not None and _git(folder, "ls-remote", "--", remote, reference):
        _git(folder, "fetch", "--quiet", "--", remote, f"{reference}:{reference}")
    parent = _git(folder, "for-each-ref", "--format=%(objectname)", reference)
    for commit in _git(folder, "rev-list", parent).split() if parent else ():
        _check(last(folder, commit), signed.checkpoint, tree, where=f"{folder}, {branch} at {commit[:12]}")
    if not parent or last(folder, parent) != signed.checkpoint:
        blob = _git(folder, "hash-object", "-w", "--stdin", given=str(signed))
        content = _git(folder, "mktree", given=f"100644 blob {blob}\t{FILE}\n")
        message = f"{signed.checkpoint.size} events"
        made = _git(folder, "commit-tree", content, "-m", message, *(("-p", parent) if parent else ()))
        _git(folder, "update-ref", reference, made, parent or _NOTHING)
        parent = made
    if remote is not None:
        _git(folder, "push", "--quiet", "--", remote, f"{reference}:{reference}")
    return parent


def last(folder: Path, commit: str) -> Checkpoint:
    """Returns the checkpoint in a commit.

    Raises:
      BadInput: there is none.
    """
    try:
        return parse_note(_git(folder, "cat-file", "blob", f"{commit}:{FILE}") + "\n").checkpoint
    except NoteError as error:
        raise BadInput(
            f"{folder}: commit {commit[:12]} holds no checkpoint ({error}): name another --branch"
        ) from error


def _check(before: Checkpoint, now: Checkpoint, tree: Tree, *, where: str) -> None:
    if before.origin != now.origin:
        raise BadInput(f"{where} holds checkpoints of {before.origin}, not of {now.origin}: name another --branch")
    if not continues(tree, before):
        raise IntegrityAlarm(
            f"{where} holds a checkpoint of {before.size} events, and this ledger of {len(tree)} does not continue it: "
            "it was cut, rewritten or forked, or an older copy was put back"
        )


def _git(folder: Path, *arguments: str, given: str = "") -> str:
    command = ["git", "-C", str(folder), *arguments]
    environment = {**os.environ, **_WHO, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, input=given, capture_output=True, text=True, env=environment, check=False
        )
    except OSError as error:
        raise BadInput(f"git cannot be started ({error.strerror}): install it, or use `rung witness cosign`") from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise BadInput(f"git in {folder}, {arguments[0]}: {said}")
    return done.stdout.strip()

"""A branch of a git repository as the witness: every checkpoint in it must be a beginning of the ledger."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.audit.ground import EVENTS, grow, look, tamper

from rung.audit import branch, log
from rung.errors import BadInput, IntegrityAlarm


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def push(folder: Path, workspace: Path, *, remote: str | None = None) -> str:
    tree = log.ledger_tree(workspace)
    return branch.push(folder, log.checkpoint(workspace, tree), tree, remote=remote)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    grow(tmp_path / "w", range(12))
    return tmp_path / "w"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with work of its own in it, which is none of the witness's business."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "work.txt").write_text("half done")
    git(folder, "add", "work.txt")
    return folder


def test_a_branch_grows_with_the_ledger_and_touches_nothing_else(workspace: Path, repository: Path) -> None:
    first = push(repository, workspace)
    assert push(repository, workspace) == first, "nothing new, no commit"
    grow(workspace, range(12, EVENTS))
    second = push(repository, workspace)
    assert git(repository, "rev-list", branch.BRANCH).split() == [second, first]
    assert git(repository, "status", "--porcelain") == "A  work.txt"
    assert git(repository, "show", "--stat", "--format=%an: %s", second).startswith(f"rung witness: {EVENTS} events")
    found = look(workspace, "--git", repository)
    assert (found["ok"], found["covered"], len(found["witnessed"])) == (True, EVENTS, 2)


def test_what_does_not_continue_the_branch_is_noticed_by_both(workspace: Path, repository: Path) -> None:
    commit = push(repository, workspace)
    tamper(workspace, "DELETE FROM events WHERE seq > 9")
    assert look(workspace)["ok"]
    assert not look(workspace, "--git", repository)["ok"]
    with pytest.raises(IntegrityAlarm, match="cut, rewritten or forked"):
        push(repository, workspace)
    grow(workspace, range(9, 20), word="another")
    assert not look(workspace, "--git", f"{repository}@{branch.BRANCH}")["ok"]
    with pytest.raises(IntegrityAlarm):
        push(repository, workspace)
    assert git(repository, "rev-parse", branch.BRANCH) == commit


def test_every_commit_counts_not_only_the_last(workspace: Path, repository: Path) -> None:
    """Who can push may not hide an old fork behind a new commit, as long as the branch is not rewritten."""
    push(repository, workspace)
    tamper(workspace, "DELETE FROM events WHERE seq > 3")
    grow(workspace, range(3, 20), word="another")
    forged = str(log.checkpoint(workspace, log.ledger_tree(workspace)))
    (repository / "note").write_text(forged)
    blob = git(repository, "hash-object", "-w", "note")
    (repository / "tree").write_text(f"100644 blob {blob}\t{branch.FILE}\n")
    with (repository / "tree").open() as given:
        made = subprocess.run(
            ["git", "-C", repository, "mktree"], stdin=given, capture_output=True, text=True, check=True
        )
    identity = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    commit = git(repository, *identity, "commit-tree", made.stdout.strip(), "-p", branch.BRANCH, "-m", "quiet")
    git(repository, "update-ref", f"refs/heads/{branch.BRANCH}", commit)
    found = look(workspace, "--git", repository)
    assert (found["ok"], found["covered"]) == (False, 20)
    with pytest.raises(IntegrityAlarm):
        push(repository, workspace)


def test_a_remote_is_fetched_from_and_pushed_to(workspace: Path, repository: Path, tmp_path: Path) -> None:
    far = tmp_path / "far.git"
    git(tmp_path, "init", "--quiet", "--bare", str(far))
    git(repository, "remote", "add", "origin", str(far))
    commit = push(repository, workspace, remote="origin")
    assert git(far, "rev-parse", branch.BRANCH) == commit
    git(repository, "update-ref", "-d", f"refs/heads/{branch.BRANCH}")  # the owner forgets
    tamper(workspace, "DELETE FROM events WHERE seq > 9")
    with pytest.raises(IntegrityAlarm):
        push(repository, workspace, remote="origin")
    assert look(workspace, "--git", far)["ok"] is False


def test_two_ledgers_do_not_share_a_branch(workspace: Path, repository: Path, tmp_path: Path) -> None:
    push(repository, workspace)
    grow(tmp_path / "other", range(20))
    with pytest.raises(BadInput, match="name another --branch"):
        push(repository, tmp_path / "other")


@pytest.mark.parametrize("name", ["-rf", "a b", "a..b", "x~1", ""])
def test_names_that_are_no_branch(workspace: Path, repository: Path, name: str) -> None:
    tree = log.ledger_tree(workspace)
    with pytest.raises(BadInput, match="git in"):
        branch.push(repository, log.checkpoint(workspace, tree), tree, branch=name)


def test_a_folder_that_is_no_repository(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a git repository"):
        push(tmp_path, workspace)


def test_a_branch_of_something_else(workspace: Path, repository: Path) -> None:
    git(repository, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "--quiet", "-m", "work")
    git(repository, "branch", branch.BRANCH)
    with pytest.raises(BadInput, match="cat-file"):
        push(repository, workspace)

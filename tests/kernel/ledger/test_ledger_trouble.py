"""Trouble beneath the ledger: one clear sentence each, and nothing that was recorded is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from rung.errors import LedgerError
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import open_ledger, read_ledger
from rung.kernel.ledger.verify import verify_chain


def made(workspace: Path, events: int = 5) -> Path:
    """Returns the file of a closed ledger."""
    ledger = open_ledger(workspace)
    for n in range(events):
        ledger.append("kind", {"n": n, "pad": "x" * 500}, run="r")
    ledger.close()
    return workspace / layout.FILE


def sentence(error: pytest.ExceptionInfo[LedgerError], path: Path) -> str:
    """Returns the message, which names the file or its folder, is one line, and says what to do."""
    text = str(error.value)
    assert str(path) in text or str(path.parent) in text
    assert "\n" not in text
    assert ":" in text
    return text


def test_workspace_beneath_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for workspace in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(LedgerError, match="another --workspace") as error:
            open_ledger(workspace)
        sentence(error, workspace / layout.FILE)
        with pytest.raises(LedgerError):
            read_ledger(workspace)
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_to_read(tmp_path: Path) -> None:
    for look in (read_ledger, lambda folder: verify_chain(folder / layout.FILE)):
        with pytest.raises(LedgerError, match="exists"):
            look(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("content", [b"", b"x", b"# mine\n" * 900, b"SQLite format 3\0" + b"\xff" * 5000])
def test_foreign_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / layout.FILE
    path.write_bytes(content)
    for look in (open_ledger, read_ledger, lambda folder: verify_chain(folder / layout.FILE)):
        with pytest.raises(LedgerError, match="not a rung ledger") as error:
            look(tmp_path)
        sentence(error, path)
    assert path.read_bytes() == content


def test_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / layout.FILE).mkdir()
    with pytest.raises(LedgerError, match="exists and is writable"):
        open_ledger(tmp_path)


@pytest.mark.parametrize("identity", [0, 1, 2**31 - 1])
def test_database_of_another_program(tmp_path: Path, identity: int) -> None:
    path = tmp_path / layout.FILE
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE mine (x)")
    raw.execute(f"PRAGMA application_id = {identity}")
    raw.close()
    before = path.read_bytes()
    for look in (open_ledger, read_ledger, lambda folder: verify_chain(folder / layout.FILE)):
        with pytest.raises(LedgerError, match="not a rung ledger"):
            look(tmp_path)
    assert path.read_bytes() == before


def test_ledger_of_another_version(tmp_path: Path) -> None:
    raw = sqlite3.connect(made(tmp_path))
    raw.execute("PRAGMA user_version = 7")
    raw.close()
    for look in (open_ledger, read_ledger, lambda folder: verify_chain(folder / layout.FILE)):
        with pytest.raises(LedgerError, match="format 1"):
            look(tmp_path)


def test_ledger_with_another_schema(tmp_path: Path) -> None:
    raw = sqlite3.connect(made(tmp_path))
    raw.execute("ALTER TABLE events ADD COLUMN more TEXT")
    raw.close()
    with pytest.raises(LedgerError, match="altered"):
        open_ledger(tmp_path)


def test_truncated_while_open(tmp_path: Path) -> None:
    path = made(tmp_path, 100)
    ledger = open_ledger(tmp_path)
    os.truncate(path, 4096 * 3)
    with pytest.raises(LedgerError, match="damaged or cut short"):
        list(ledger.read())
    with pytest.raises(LedgerError, match="damaged or cut short"):
        ledger.append("kind", 1, run="r")
    ledger.close()


def test_removed_or_replaced_while_open(tmp_path: Path) -> None:
    path = made(tmp_path / "a")
    ledger = open_ledger(tmp_path / "a")
    aside = path.rename(tmp_path / "aside")
    with pytest.raises(LedgerError, match="No such file"):
        ledger.append("kind", 1, run="r")
    shutil.copy(aside, path)
    with pytest.raises(LedgerError, match="replaced"):
        ledger.append("kind", 1, run="r")
    ledger.close()


def test_locked_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_PATIENCE", 0.05)
    path = made(tmp_path)
    ledger = open_ledger(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="another process") as error:
        ledger.append("kind", 1, run="r")
    sentence(error, path)
    assert len(list(ledger.read())) == 5
    other.execute("ROLLBACK")
    other.close()
    assert ledger.append("kind", 1, run="r").seq == 6
    ledger.close()


def test_damaged_row_or_blob(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    digest = ledger.put(b"data")
    ledger.append("kind", {"n": 1}, run="r")
    ledger.close()
    raw = sqlite3.connect(tmp_path / layout.FILE, isolation_level=None)
    triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE name LIKE '%_update'").fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute("UPDATE events SET body = '{'")
    raw.execute("UPDATE blobs SET data = x'00'")
    for _, sql in triggers:
        raw.execute(sql)
    raw.close()
    reader = read_ledger(tmp_path)
    with pytest.raises(LedgerError, match="body is refused"):
        list(reader.read())
    with pytest.raises(LedgerError, match="damaged"):
        reader.get(digest)
    reader.close()


FILL = """
import os, sys, pathlib
from rung.errors import LedgerError
from rung.kernel.ledger.sqlite import open_ledger
exec(sys.argv[2])
ledger = open_ledger(pathlib.Path(sys.argv[1]))
said = acknowledged = 0
for n in range(400):
    try:
        ledger.append("kind", {"n": n}, run="r", blobs=[os.urandom(20_000)])
        acknowledged += 1
    except LedgerError as error:
        assert "disk" in str(error) and "safe" in str(error), error
        said += 1
        if said == 3:
            break
assert said == 3, said
read = [event.body["n"] for event in ledger.read()]
assert read == list(range(acknowledged)), (read, acknowledged)
if len(sys.argv) > 3:
    os.remove(sys.argv[3])
    ledger.append("kind", {"n": acknowledged}, run="r", blobs=[os.urandom(20_000)])
    acknowledged += 1
ledger.close()
from rung.kernel.ledger.verify import verify_chain
found = verify_chain(pathlib.Path(sys.argv[1], "ledger.sqlite"))
assert (found.events, found.blobs, found.problems) == (acknowledged, acknowledged, ()), found
print("acknowledged", acknowledged)
"""


def test_file_size_limit(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    ran = subprocess.run([sys.executable, "-c", FILL, tmp_path, limit], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = verify_chain(tmp_path / layout.FILE)
    assert ran.stdout == f"acknowledged {found.events}\n"
    assert found.events > 20
    ledger = open_ledger(tmp_path)
    assert ledger.append("kind", None, run="r").seq == found.events + 1
    ledger.close()


def mounted(folder: Path, script: str) -> None:
    """Runs a shell script in a mount namespace of its own, with a 2 MB disk on `folder`; skips where that is denied."""
    prepare = f"mount -t tmpfs -o size=2m none {folder}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", prepare], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount here")
    command = ["unshare", "-rm", "sh", "-ec", f"{prepare}\n{script}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_full_disk_and_room_made_again(tmp_path: Path) -> None:
    (tmp_path / "fill.py").write_text(FILL)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted(
        disk,
        f"dd if=/dev/zero of={disk}/ballast bs=1k count=500 2>/dev/null\n"
        f"{sys.executable} {tmp_path}/fill.py {disk} pass {disk}/ballast",
    )


FULL = """
import sys, pathlib
from rung.errors import LedgerError
from rung.kernel.ledger.sqlite import open_ledger, read_ledger
from rung.kernel.ledger.verify import verify_chain
workspace = pathlib.Path(sys.argv[1])
try:
    open_ledger(workspace).append("kind", None, run="r")
except LedgerError as error:
    assert sys.argv[2] in str(error), error
else:
    raise SystemExit("it was written")
if len(sys.argv) > 3:
    reader = read_ledger(workspace)
    assert len(list(reader.read())) == int(sys.argv[3])
    reader.close()
    assert verify_chain(workspace / "ledger.sqlite").problems == ()
else:
    assert not (workspace / "ledger.sqlite").exists()
"""


def test_full_disk_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "full.py").write_text(FULL)
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted(
        disk,
        f"dd if=/dev/zero of={disk}/ballast bs=1k 2>/dev/null || true\n"
        f"{sys.executable} {tmp_path}/full.py {disk}/ws 'disk is full'\n"
        f"{sys.executable} {tmp_path}/full.py {disk} 'disk is full'",
    )


def test_read_only_disk(tmp_path: Path) -> None:
    (tmp_path / "full.py").write_text(FULL)
    made(tmp_path / "ledger")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted(
        disk,
        f"mkdir {disk}/ws {disk}/empty && cp {tmp_path}/ledger/* {disk}/ws && mount -o remount,ro {disk}\n"
        f"{sys.executable} {tmp_path}/full.py {disk}/ws writable 5\n"
        f"{sys.executable} {tmp_path}/full.py {disk}/empty 'writable'\n"
        f"{sys.executable} {tmp_path}/full.py {disk}/absent 'writable'",
    )

"""The witness: the notes it reads and writes, what it refuses and in which words, its file, and its HTTP door."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.audit.ground import FOREIGN, FOREIGN_KEY

from rung.audit import ed25519, note, witness
from rung.audit.merkle import EMPTY, Tree
from rung.audit.note import Checkpoint, Key, NoteError, parse_key, parse_note
from rung.audit.parcel import write_witness
from rung.audit.witness import Refused, Request, parse_request

SECRET, LOG_SECRET, OTHER = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
ORIGIN = "log.example/a"
LOG = Key(ORIGIN, note.LOG, ed25519.public_key(LOG_SECRET))
AT = 1_700_000_000

# The example of c2sp.org/tlog-cosignature.
EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501 - as it stands there


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "witness.json"
    witness.create(path, name="w.example", secret=SECRET)
    witness.change(path, lambda state: (witness.known_log(state, LOG), ""))
    return path


def tree(size: int, word: str = "e") -> Tree:
    return Tree(f"{word}{n}".encode() for n in range(size))


def request(tree: Tree, *, old: int, secret: bytes = LOG_SECRET, size: int | None = None) -> Request:
    size = len(tree) if size is None else size
    signed = note.sign(Checkpoint(ORIGIN, size, tree.root(size)), ORIGIN, secret)
    return Request(old, tuple(tree.consistency(old, size)), signed)


def ask(file: Path, request: Request) -> str:
    return witness.change(file, lambda state: witness.cosign(state, request, at=AT))


def test_the_example_of_the_standard_is_read_and_written_alike() -> None:
    found = parse_note(EXAMPLE)
    assert str(found) == EXAMPLE
    assert found.checkpoint.size == 20852163
    assert [name for name, _, _ in found.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]


def test_a_checkpoint_that_others_signed_is_believed() -> None:
    found, key = parse_note(FOREIGN), parse_key(FOREIGN_KEY)
    assert (str(found), str(key)) == (FOREIGN, FOREIGN_KEY)
    assert note.signed_by(found, key)
    assert not note.signed_by(parse_note(FOREIGN.replace("65209736", "65209737")), key)


def test_a_key_is_one_word() -> None:
    assert parse_key(str(LOG)) == LOG
    for wrong in ("", "a+b", str(LOG)[:-1], str(LOG).replace(ORIGIN, "other"), "name+00000000+AAAA"):
        with pytest.raises(NoteError):
            parse_key(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "-1"),
        EXAMPLE.replace("20852163", "1" * 20),
        EXAMPLE.replace("q2I=\n", "q2I=\nextension\n", 1),
        EXAMPLE.replace("q2I=", "q2I"),
        EXAMPLE.replace("q2I=", "q2J="),
        EXAMPLE.replace("—", "-"),
        EXAMPLE.replace("\n\n", "\n"),
        EXAMPLE.replace("AYQ8=", "AYQ8"),
        EXAMPLE.replace("example.com/behind-the-sofa\n2", "\n2", 1),
        EXAMPLE + "\t",
        EXAMPLE + "— name AAAA\n",
        EXAMPLE * 400,
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_note(text)


def test_a_cosignature_says_when_and_by_whom(file: Path) -> None:
    asked = request(tree(5), old=0)
    key = witness.load(file).key
    signed = asked.note.with_lines(ask(file, asked))
    assert note.cosigned_at(signed, key) == AT
    assert note.signed_by(signed, LOG)
    assert note.cosigned_at(asked.note, key) is None
    stranger = Key(key.name, note.WITNESS, ed25519.public_key(OTHER))
    assert note.cosigned_at(signed, stranger) is None
    moved = note.Note(Checkpoint(ORIGIN, 6, signed.checkpoint.root), signed.signatures)
    assert note.cosigned_at(moved, key) is None


def test_a_growing_log_is_cosigned_at_every_size(file: Path) -> None:
    whole = tree(40)
    for old, size in [(0, 0), (0, 1), (1, 1), (1, 7), (7, 8), (8, 33), (33, 40)]:
        assert ask(file, request(whole, old=old, size=size)).startswith("— w.example ")
        last = witness.load(file).logs[ORIGIN].last
        assert (last.size if last else 0) == size


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (request(tree(19), old=19), 409, "had 20 entries and is shown with 19: its end was cut off"),
        (request(tree(25, "x"), old=20), 422, "not those that were cosigned: it was rewritten or forked"),
        (request(tree(20, "x"), old=20), 409, "not those that were cosigned"),
        (request(tree(25), old=12), 409, "the last size cosigned is 20, the proof begins at 12"),
        (request(tree(25), old=0), 409, "the last size cosigned is 20"),
        (request(tree(25), old=20, secret=OTHER), 403, "not signed by the key of the log"),
        (Request(20, (EMPTY,), request(tree(25), old=20).note), 422, "or the proof is wrong"),
        (Request(20, (), request(tree(25), old=20).note), 422, "or the proof is wrong"),
    ],
)
def test_what_does_not_continue_is_refused_in_a_sentence(file: Path, asked: Request, status: int, words: str) -> None:
    ask(file, request(tree(20), old=0))
    before = file.read_bytes()
    with pytest.raises(Refused, match=words) as refusal:
        ask(file, asked)
    assert refusal.value.status == status
    assert file.read_bytes() == before
    assert ask(file, request(tree(25), old=20))


def test_a_log_that_nobody_added_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    witness.create(path, name="w.example", secret=SECRET)
    with pytest.raises(Refused, match="is not known here") as refusal:
        ask(path, request(tree(3), old=0))
    assert refusal.value.status == 404


def test_a_log_keeps_its_key(file: Path) -> None:
    ask(file, request(tree(3), old=0))
    other = Key(ORIGIN, note.LOG, ed25519.public_key(OTHER))
    with pytest.raises(NoteError, match="another key"):
        witness.known_log(witness.load(file), other)
    again = witness.known_log(witness.load(file), LOG)
    assert again == witness.load(file), "what it has seen is not forgotten"
    with pytest.raises(NoteError, match="key of a witness"):
        witness.known_log(again, again.key)


def test_a_request_reads_as_it_is_written() -> None:
    asked = request(tree(25), old=20)
    assert parse_request(str(asked)) == asked
    text = str(asked)
    for wrong in (
        "",
        text.replace("old 20", "old -20"),
        text.replace("old 20", "old 020"),
        text.replace("old 20", "old ٢٠"),
        text.replace("old", "new"),
        text.replace("\n\n", "\n!\n\n", 1),
        "old 20\n" + "AAAA\n" * 64 + text.partition("\n")[2],
    ):
        with pytest.raises(NoteError):
            parse_request(wrong)


def test_its_file_is_its_own_and_is_made_once(file: Path) -> None:
    assert file.stat().st_mode & 0o77 == 0
    with pytest.raises(NoteError, match="has forgotten everything"):
        witness.create(file, name="w.example", secret=OTHER)
    assert witness.parse_state(witness.state_text(witness.load(file))) == witness.load(file)
    text = file.read_text()
    for damage in ("", "[]", "{}", text.replace("00010203", "0001"), text.replace('"root": "', '"root": "!')):
        file.write_text(damage)
        with pytest.raises(NoteError, match=str(file)):
            witness.load(file)


def test_nothing_is_answered_that_could_not_be_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(file, request(tree(3), old=0))
    before = file.read_bytes()
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise OSError("no space left")

        patched.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="no space left"):
            ask(file, request(tree(5), old=3))
    assert file.read_bytes() == before
    assert ask(file, request(tree(5), old=3))


def test_of_many_at_once_one_wins(file: Path) -> None:
    """Two growths of one prefix, asked for from many threads: one of them is cosigned, however the threads run."""
    ask(file, request(tree(20), old=0))
    ways = [tree(20), tree(20)]
    for n in range(5):
        ways[0].append(b"one %d" % n)
        ways[1].append(b"two %d" % n)

    def attempt(n: int) -> str:
        try:
            return ask(file, request(ways[n % 2], old=20)) and str(n % 2)
        except Refused:
            return ""

    with ThreadPoolExecutor(8) as pool:
        winners = {answer for answer in pool.map(attempt, range(16)) if answer}
    assert len(winners) == 1


@pytest.fixture
def port(file: Path) -> Iterator[int]:
    served = witness.server(file, port=0, clock=lambda: float(AT))
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served.server_address[1]
    served.shutdown()
    thread.join()
    served.server_close()


def post(port: int, body: bytes, *, path: str = "/add-checkpoint") -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, body=body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers.get_content_type(), text


def test_over_http_as_the_standard_says(port: int) -> None:
    whole = tree(25)
    status, _, line = post(port, str(request(whole, old=0, size=20)).encode())
    assert status == 200
    assert parse_note(str(request(whole, old=0, size=20).note) + line).signatures[1][0] == "w.example"
    assert post(port, str(request(whole, old=0)).encode()) == (409, "text/x.tlog.size", "20\n")
    assert post(port, str(request(tree(25, "x"), old=20)).encode())[0] == 422
    assert post(port, str(request(whole, old=20, secret=OTHER)).encode())[0] == 403
    assert post(port, str(request(whole, old=20)).encode())[0] == 200
    for body, path, wanted in (
        (b"nonsense", "/add-checkpoint", 400),
        (b"\xff\xfe", "/add-checkpoint", 400),
        (b"x" * (note.LONGEST + 1), "/add-checkpoint", 404),
        (b"", "/elsewhere", 404),
    ):
        assert post(port, body, path=path)[0] == wanted


def test_the_archive_runs_where_rung_is_not(tmp_path: Path) -> None:
    archive = tmp_path / "witness.pyz"
    write_witness(archive)

    def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", str(archive), *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert run("init", "far.example").stdout.startswith("far.example+")
    assert run("add", str(LOG)).returncode == 0
    done = run("cosign", given=str(request(tree(9), old=0)))
    assert done.stdout.startswith("— far.example ")
    assert f"{ORIGIN}: 9 entries" in run("show").stdout
    done = run("cosign", given=str(request(tree(8), old=8)))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("witness: refused: the log log.example/a had 9 entries and is shown with 8")
    for words in (("add", "nonsense"), ("cosign", "no-such-file"), ("init",), ("show", "--state", "none.json")):
        done = run(*words)
        assert (done.returncode, done.stderr.count("\n"), done.stderr[:9]) == (2, 1, "witness: ")

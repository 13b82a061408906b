"""Verifies a ledger of rung without rung: one file, Python 3.11 and its standard library, nothing else.

    python verify_alone.py .rung/ledger.sqlite --witness checkpoint.txt --key witness.example+...  --task my_task.py

It shares no line with the engine. docs/ledger.md is what both were written from: the tables, the hash of an event,
how cases are drawn, what a run is called. Read it from top to bottom; it does four things, and says what it could not:

1. the chain: every event follows from the one before, every blob is what its name says, and time does not run back;
2. witnesses: each checkpoint that was kept elsewhere (FILE, or a branch of a git repository) must be a beginning of
   this ledger, signed by a key that you name;
3. incumbents: a sample of stored programs is scored again from their bytes, by a task file that you hand in and that
   must be the one that the run was named after. The task file is code that you trust; the programs run in bubblewrap;
4. the answer: exit code 0 when all of it holds, 1 when something does not, 2 when it was asked wrongly.

Not covered: events that were cut off after the last witnessed size; tasks that ask models, time programs or judge
improvers.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import importlib
import inspect
import json
import linecache
import math
import os
import random
import re
import resource
import select
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

Json = Any  # a document, as the standard library reads it
GENESIS = "0" * 64
PRIME, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
BRANCH, NOTE = "rung-witness", "checkpoint"
NOBODY = 65534
PRIVATE = "/box"
# The hash seed is fixed in the engine's sandboxes too; -I would ignore it, so the environment is emptied instead.
OPTIONS = ("-s", "-S", "-P", "-B")
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Wrong(Exception):
    """What was asked cannot be done; the text says why, in a sentence."""


class Skip(Exception):
    """An incumbent that cannot be scored here; the text says why."""


@dataclass
class Report:
    """All that was found. problems: (event or None, sentence). roots, latest: by size, for the sizes asked for."""

    events: int = 0
    blobs: int = 0
    head: tuple[int, str] = (0, GENESIS)
    problems: list[tuple[int | None, str]] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    latest: dict[int, float] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    witnessed: list[dict[str, Any]] = field(default_factory=list)
    rescored: list[dict[str, Any]] = field(default_factory=list)

    @property
    def covered(self) -> int:
        """The events that some witness saw."""
        return max((row["size"] for row in self.witnessed), default=0)


@dataclass
class Run:
    """A run as the ledger tells it: its run_start, and its incumbents as (program, value)."""

    name: str
    parent: str | None
    start: Any
    incumbents: list[tuple[str, float]] = field(default_factory=list)


# 1. The chain ---------------------------------------------------------------------------------------------------------


def canonical(document: Json) -> bytes:
    """Returns the one form of a JSON document: sorted keys, no spaces, UTF-8; NaN and infinities raise ValueError."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "strict")


def open_ledger(path: Path) -> sqlite3.Connection:
    """Returns the file, opened so that nothing can be written to it."""
    if not path.is_file():
        raise Wrong(f"there is no file {path}")
    frozen = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' * frozen}", uri=True, isolation_level=None)
    db.text_factory = bytes
    try:
        db.execute("PRAGMA trusted_schema=OFF")
        found = (*db.execute("PRAGMA application_id").fetchone(), *db.execute("PRAGMA user_version").fetchone())
    except sqlite3.Error as error:
        raise Wrong(f"{path} is no SQLite file, or is cut short ({error})") from error
    if found != (0x72756E67, 1):
        raise Wrong(f"{path} is not a ledger of rung of format 1")
    return db


def check_chain(db: sqlite3.Connection, report: Report, *, sizes: set[int], clock_back: float) -> None:
    """Reads every event and blob once. sizes: where the root is wanted. clock_back: seconds a clock may be reset by."""
    try:
        db.execute("BEGIN")
        names = {(kind, name) for kind, name in db.execute("SELECT type, name FROM sqlite_master")}
        for name in (b"events", b"blobs"):
            wanted = {(b"table", name), *((b"trigger", name + b"_" + act) for act in (b"insert", b"update", b"delete"))}
            report.problems += [(None, f"the {k.decode()} {n.decode()} is missing") for k, n in sorted(wanted - names)]
        report.problems += [
            (None, f"the file is damaged: {line.decode('utf-8', 'replace')}")
            for (line,) in db.execute("PRAGMA integrity_check(20)")
            if line != b"ok"
        ]
        stored = _check_blobs(db, report)
        _check_events(db, report, stored=stored, sizes=sizes, clock_back=clock_back)
    except sqlite3.Error as error:
        report.problems.append((None, f"the file is damaged or cut short after event {report.head[0]} ({error})"))


def _check_blobs(db: sqlite3.Connection, report: Report) -> set[str]:
    stored = set()
    for digest, data in db.execute("SELECT CAST(digest AS BLOB), data FROM blobs ORDER BY id"):
        name = digest.decode("utf-8", "replace")
        report.blobs += 1
        stored.add(name)
        if not isinstance(data, bytes) or hashlib.sha256(data).hexdigest() != name:
            report.problems.append((None, f"blob {name[:64]} does not match its hash"))
    return stored


def _check_events(
    db: sqlite3.Connection, report: Report, *, stored: set[str], sizes: set[int], clock_back: float
) -> None:
    tops: list[tuple[int, bytes]] = []  # complete subtrees of the Merkle tree, from the left: (entries, hash)
    latest = -math.inf
    columns = "seq, run, parent_run, at, type, CAST(coalesce(body, '') AS BLOB), prev, hash"
    for seq, run, parent, at, kind, text, prev, link in db.execute(f"SELECT {columns} FROM events ORDER BY seq"):  # noqa: S608
        here = report.problems
        if seq != report.head[0] + 1 or prev != report.head[1].encode():
            here.append((seq, f"it does not follow from event {report.head[0]}, the one before it"))
        try:
            body = json.loads(text.decode())
            named = {"run": run.decode(), "parent_run": parent and parent.decode(), "type": kind.decode()}
            event = {"v": 1, "seq": seq, "at": at, "body": body, "prev": prev.decode(), **named}
            if canonical(body) != text or hashlib.sha256(canonical(event)).hexdigest().encode() != link:
                here.append((seq, "its content is not canonical, or does not match its hash"))
            here += [(seq, f"blob {digest[:64]} is missing") for digest in _mentioned(body) if digest not in stored]
            _remember(report.runs, body, **named)
            if at < latest - clock_back:
                here.append((seq, f"its time lies {latest - at:,.3f} seconds before that of an earlier event"))
            latest = max(latest, at)
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
            here.append((seq, f"it is not of the format ({type(error).__name__})"))
        report.events, report.head = report.events + 1, (seq, link.decode("utf-8", "replace") if link else "")
        _grow(tops, link)
        if report.events in sizes:
            report.roots[report.events], report.latest[report.events] = _root(tops), latest
    report.roots[report.events], report.latest[report.events] = _root(tops), latest


def _mentioned(body: Json) -> list[str]:
    blobs = body.get("blobs") if isinstance(body, dict) else None
    found = blobs.values() if isinstance(blobs, dict) else blobs if isinstance(blobs, list) else ()
    return [digest for digest in found if isinstance(digest, str)]


def _remember(runs: dict[str, Run], body: Json, *, run: str, parent_run: str | None, type: str) -> None:  # noqa: A002
    if type == "run_start" and isinstance(body, dict):
        runs.setdefault(run, Run(run, parent_run, body))
    elif type == "incumbent" and run in runs:
        runs[run].incumbents.append((str(body["program"]), float(body["value"])))


def _grow(tops: list[tuple[int, bytes]], link: object) -> None:
    """Adds a leaf to the Merkle tree of RFC 6962: the 32 bytes of an event's hash."""
    raw = bytes.fromhex(link.decode()) if isinstance(link, bytes) and re.fullmatch(rb"[0-9a-f]{64}", link) else b""
    count, made = 1, hashlib.sha256(b"\0" + raw).digest()
    while tops and tops[-1][0] == count:
        made = hashlib.sha256(b"\1" + tops.pop()[1] + made).digest()
        count *= 2
    tops.append((count, made))


def _root(tops: Sequence[tuple[int, bytes]]) -> bytes:
    if not tops:
        return hashlib.sha256(b"").digest()
    made = tops[-1][1]
    for _, left in reversed(tops[:-1]):
        made = hashlib.sha256(b"\1" + left + made).digest()
    return made


# 2. Witnesses ---------------------------------------------------------------------------------------------------------

Point = tuple[int, int, int, int]  # of Ed25519's curve: x = X/Z, y = Y/Z, x*y = T/Z
CURVE = -121665 * pow(121666, -1, PRIME) % PRIME


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Returns whether an Ed25519 signature (RFC 8032) is the key's on the message; strict about encodings."""
    point, base, answer = _point(public), _point(bytes([88] + [102] * 31)), int.from_bytes(signature[32:], "little")
    if point is None or base is None or len(signature) != 64 or answer >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    x, y, z, _ = _sum(_multiple(answer, base), _multiple(ORDER - challenge, point))
    inverse = pow(z, -1, PRIME)
    packed = y * inverse % PRIME | (x * inverse % PRIME & 1) << 255
    return packed.to_bytes(32, "little") == signature[:32]


def _point(raw: bytes) -> Point | None:
    sign, y = divmod(int.from_bytes(raw, "little"), 1 << 255)
    if len(raw) != 32 or y >= PRIME:
        return None
    square = (y * y - 1) * pow(CURVE * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != square:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    if x * x % PRIME != square or (x == 0 and sign):
        return None
    x = x if x % 2 == sign else PRIME - x
    return x, y, 1, x * y % PRIME


def _sum(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c, d = 2 * CURVE * p[3] * q[3] % PRIME, 2 * p[2] * q[2] % PRIME
    return (b - a) * (d - c) % PRIME, (d + c) * (b + a) % PRIME, (d - c) * (d + c) % PRIME, (b - a) * (b + a) % PRIME


def _multiple(times: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    for bit in f"{times:b}":
        total = _sum(total, total)
        total = _sum(total, point) if bit == "1" else total
    return total


@dataclass(frozen=True)
class Note:
    """A checkpoint that was kept: where, its text, its three lines, and (name, key id, signature) each.

    in_git: what makes it believed is who keeps the repository, whoever signed it.
    """

    source: str
    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]
    in_git: bool


def read_note(text: str, source: str, *, in_git: bool = False) -> Note:
    """Returns the checkpoint in a C2SP signed note."""
    body, _, lines = text.rpartition("\n\n")
    match = re.fullmatch(r"([^\n]+)\n(0|[1-9]\d{0,17})\n([A-Za-z0-9+/]{43}=)", body)
    found = [re.fullmatch(r"\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})", line) for line in lines.splitlines()]
    if match is None or not found or None in found:
        raise Wrong(f"{source} is no checkpoint: origin, size, root, an empty line, and signatures")
    raw = [(line[1], base64.b64decode(line[2] + "==")) for line in found if line]
    signatures = tuple((name, data[:4], data[4:]) for name, data in raw)
    return Note(source, body + "\n", match[1], int(match[2]), base64.b64decode(match[3]), signatures, in_git)


def read_notes(files: Iterable[Path], repositories: Iterable[str]) -> list[Note]:
    """Returns the checkpoints in files, and all that were ever committed to a branch: DIR, or DIR@BRANCH."""
    notes = []
    for file in files:
        try:
            notes.append(read_note(file.read_text(encoding="utf-8"), str(file)))
        except (OSError, UnicodeDecodeError) as error:
            raise Wrong(f"{file} cannot be read: {error}") from error
    for name in repositories:
        folder, _, branch = (name, "", "") if Path(name).is_dir() else name.rpartition("@")
        commits = _git(folder, "rev-list", "--end-of-options", branch or BRANCH).split()
        for commit in commits:
            text = _git(folder, "cat-file", "blob", f"{commit}:{NOTE}")
            notes.append(read_note(text, f"{name} {commit[:12]}", in_git=True))
    return notes


def _git(folder: str, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise Wrong(f"git in {folder}: {' '.join(done.stderr.split()) or 'failed'}")
    return done.stdout


@dataclass(frozen=True)
class Key:
    """Somebody whom the auditor trusts. kind: 1 for a log, 4 for a witness."""

    name: str
    id: bytes
    kind: int
    public: bytes


def read_key(word: str) -> Key:
    """Returns the key that a word describes: name+id+base64."""
    match = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", word)
    raw = base64.b64decode(match[3]) if match else b"\0"
    number = hashlib.sha256(word.partition("+")[0].encode() + b"\n" + raw).digest()[:4]
    if not match or raw[0] not in {1, 4} or number.hex() != match[2]:
        raise Wrong(f"{word[:60]!r} is no key of a log or a witness, or was not copied whole")
    return Key(match[1], number, raw[0], raw[1:])


def signers(note: Note, keys: Sequence[Key]) -> dict[Key, float | None]:
    """Returns which of the keys signed the note, and when (None for a log, which says no time)."""
    found: dict[Key, float | None] = {}
    for key in keys:
        for name, number, data in note.signatures:
            if (name, number) != (key.name, key.id):
                continue
            at = int.from_bytes(data[:8], "big") if key.kind == 4 else None
            head, signature = ("", data) if at is None else (f"cosignature/v1\ntime {at}\n", data[8:])
            if signed(key.public, (head + note.text).encode(), signature):
                found[key] = at
    return found


def check_witnesses(report: Report, notes: Sequence[Note], *, keys: Sequence[Key], clock_back: float) -> None:
    """Holds the ledger against checkpoints that were kept elsewhere; of each kind of key, one must have signed."""
    kinds = {key.kind: {4: "witness", 1: "log"}[key.kind] for key in keys}
    for note in notes:
        by = signers(note, keys)
        said = f"{note.source}, of {note.origin} with {note.size} events"
        lacking = sorted(kinds[kind] for kind in kinds.keys() - {key.kind for key in by})
        if lacking and not note.in_git:
            report.problems.append((None, f"{said}, is not signed by the {' and the '.join(lacking)} that you named"))
        elif note.size > report.events:
            lost = f"the ledger has {report.events}: its end was cut off, or an older copy was put back"
            report.problems.append((None, f"{said}, was kept, and {lost}"))
        elif report.roots[note.size] != note.root:
            other = f"the first {note.size} events of this ledger are others: it was rewritten or forked"
            report.problems.append((None, f"{said}, was kept, and {other}"))
        else:
            row = {"source": note.source, "origin": note.origin, "size": note.size, "in_git": note.in_git}
            report.witnessed.append({**row, "by": {key.name: at for key, at in by.items()}})
            before = min((at for at in by.values() if at is not None), default=math.inf)
            if note.size and report.latest[note.size] > before + max(clock_back, 2.0):
                report.problems.append((note.size, f"{said}: events in it claim to be younger than its cosignature"))


# 3. Incumbents --------------------------------------------------------------------------------------------------------


class ProgramFailed(Exception):
    """A program raised, died, was too slow or answered nonsense."""


class Invalid(ProgramFailed):
    """Raised by evaluators: what a program returned is no valid answer."""


@dataclass(frozen=True)
class Case:
    """One input on which a program is scored."""

    id: str
    input: Any


@dataclass(frozen=True)
class Fresh:
    """Cases that are drawn from the run's seed."""

    count: int


@dataclass(frozen=True)
class Limits:
    """What one process may use."""

    cpu_seconds: float = 5.0
    wall_seconds: float = 60.0
    memory_mb: int = 512
    output_bytes: int = 1 << 20
    disk_mb: int = 16


@dataclass(frozen=True)
class Task:
    """A task as its file says it; `public` is the text of that file."""

    name: str
    evaluate: Callable[..., Any]
    said: dict[str, Any]
    public: str | None

    def split(self, name: str) -> Fresh | tuple[Case, ...]:
        """Returns a split as it is declared."""
        inputs = self.said[name]
        return inputs if isinstance(inputs, Fresh) else tuple(Case(f"{name}-{n}", x) for n, x in enumerate(inputs))


def task(**said: Json) -> Callable[[Callable[..., Any]], Task]:
    """Returns the decorator of the stand-in for rung."""
    defaults = {"name": None, "limits": Limits(), "attempts": 1000, "bound": None, "public": None}
    said = {**defaults, "editable": None, "exact": True, **said}
    for name in ("train", "validation", "held_out"):
        said[name] = said[name] if isinstance(said[name], Fresh) else list(said[name])

    def decorate(evaluate: Callable[..., Any]) -> Task:
        home = Path(evaluate.__code__.co_filename).parent
        public = (home / said["public"]).read_text(encoding="utf-8") if said["public"] else None
        return Task(said["name"] or evaluate.__code__.co_name.replace("_", "-"), evaluate, said, public)

    return decorate


def load_tasks(path: Path) -> dict[str, Task]:
    """Returns the tasks of a file, which sees a tiny stand-in under the name of rung."""
    rung = ModuleType("rung")
    names = (task, Fresh, Limits, Case, ProgramFailed, Invalid, Trial)
    vars(rung).update({each.__name__: each for each in names}, fresh=Fresh)
    for name in ("rung", "rung.errors", "rung.kernel", "rung.kernel.trial", "rung.records", "rung.wire"):
        sys.modules[name] = rung
    module = ModuleType(f"task_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}")
    module.__file__ = str(path.resolve())
    sys.modules[module.__name__] = module
    try:
        SourceFileLoader(module.__name__, module.__file__).exec_module(module)
    except Exception as error:
        raise Wrong(f"the task file {path} cannot be used here: {type(error).__name__}: {error}") from error
    found: list[Any] = []
    for value in vars(module).values():
        found += value if isinstance(value, tuple | list) else [value]
    return {item.name: item for item in found if isinstance(item, Task)}


def evaluator_source(task: Task) -> str:
    """Returns the text of the evaluator's module and of those beside it that it names."""
    home = Path(str(inspect.getmodule(task.evaluate).__file__))  # type: ignore[union-attr]
    named = {str(home)}
    for value in task.evaluate.__globals__.values():
        module = sys.modules.get(str(getattr(value, "__module__", None) or getattr(value, "__name__", "")))
        file = getattr(module, "__file__", None) or ""
        named |= {file} if Path(file).parent == home.parent else set()
    return "".join("".join(linecache.getlines(file)) for file in sorted(named))


def is_task_of(task: Task, run: Run) -> bool:
    """Returns whether the run is named after this very task: a run's name is a hash of all that decides its scores."""
    start, said = run.start, task.said
    document = {
        "name": task.name,
        "goal": said["goal"],
        "program": start["program"],
        "evaluate": evaluator_source(task),
        "splits": [str(task.split(name)) for name in ("train", "validation", "held_out")],
        "limits": str(said["limits"]),
        "editable": None if said["editable"] is None else list(said["editable"]),
        "public": task.public,
        "bound": said["bound"],
        "exact": said["exact"],
    }
    asked = {name: start[name] for name in ("improver", "seed", "attempts", "allowance")}
    asked |= {"task": hashlib.sha256(canonical(document)).hexdigest()}
    asked |= {name: start[name] for name in ("models", "charter") if start.get(name)}
    parents = [None, *(f"{run.parent} {place}" for place in ("outside", "inside", "confirming") if run.parent)]
    return any(hashlib.sha256(canonical({**asked, "parent": p})).hexdigest()[:12] == run.name for p in parents)


def derive(seed: int, *labels: str) -> int:
    """Returns 63 bits that follow from the seed and the labels."""
    digest = hmac.digest(str(seed).encode(), "\0".join(labels).encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> 1


def validation_cases(task: Task, seed: int) -> tuple[Case, ...]:
    """Returns the cases that selected incumbents; where both splits have the same inputs, they bear train's names."""
    drawn = {}
    for name in ("train", "validation"):
        split = task.split(name)
        count = range(split.count) if isinstance(split, Fresh) else ()
        fresh = tuple(Case(f"{name}-{n}", derive(seed, "case", name, "", str(n))) for n in count)
        drawn[name] = fresh if isinstance(split, Fresh) else split
    same = [case.input for case in drawn["train"]] == [case.input for case in drawn["validation"]]
    return drawn["train" if same else "validation"]


class Trial:
    """What an evaluator holds instead of the program."""

    def __init__(self, box: Box, seed: int) -> None:
        self._box, self.rng = box, random.Random(seed)  # noqa: S311 - the engine's own draw

    def run(self, value: Json) -> Json:
        """Returns what the program's entry returns for one input."""
        return self._box.ask({"input": value}, "output")

    def run_many(self, values: Sequence[Any]) -> list[Any]:
        """Returns what the entry returns for each input."""
        answer = self._box.ask({"inputs": list(values)}, "outputs")
        if type(answer) is not list or len(answer) != len(values):
            raise ProgramFailed("as many outputs as inputs were expected")
        return answer

    def note(self, sentence: str) -> None:
        """Does nothing: feedback is not scored."""

    def describe(self, **measures: float) -> None:
        """Does nothing: measures are not scored."""

    def __getattr__(self, name: str) -> Json:
        """Leaves the incumbent alone whose evaluator wants what this stand-in does not have."""
        reasons = {"measure": "it times programs", "improve": "it judges improvers"}
        reasons |= dict.fromkeys(("generate", "generate_many"), "it asks a model")
        raise Skip(f"its evaluator uses trial.{name}: {reasons.get(name, 'unknown here')}; that is not repeated here")


def score(task: Task, program: bytes, seed: int, *, bare: bool) -> float:
    """Returns the value of stored bytes on the validation cases. Raises ProgramFailed, and Skip."""
    scores: list[float] = []
    with closing(Box(json.loads(program), task.said["limits"], bare=bare)) as box:
        for case in validation_cases(task, seed):
            trial = Trial(box, derive(seed, "trial", task.name, case.id))
            try:
                number = float(task.evaluate(case, trial))
            except (ProgramFailed, Skip, Wrong):
                raise
            except Exception as error:
                raise ProgramFailed(f"its answer cannot be scored: {type(error).__name__}: {error}") from error
            if not math.isfinite(number) or number > (math.inf if task.said["bound"] is None else task.said["bound"]):
                raise ProgramFailed(f"a score of {number!r} is not finite, or beyond the proven bound")
            scores.append(number)
    return math.fsum(scores) / len(scores)


def rescore(db: sqlite3.Connection, report: Report, tasks: Mapping[str, Task], *, sample: int, bare: bool) -> None:
    """Scores incumbents again: the last of every run, newest runs first, then others, picked by the head's hash."""
    runs = [run for run in report.runs.values() if run.incumbents]
    chosen = [(run, *run.incumbents[-1]) for run in reversed(runs)][:sample]
    others = [(run, *step) for run in runs for step in run.incumbents[:-1]]
    rng = random.Random(report.head[1])  # noqa: S311 - nobody can steer what the hash of all events picks
    chosen += rng.sample(others, min(len(others), sample - len(chosen)))
    for run, program, recorded in chosen:
        name = str(run.start.get("task"))
        row: dict[str, Any] = {"run": run.name, "task": name, "program": program, "recorded": recorded}
        row |= {"value": None, "skipped": None}
        report.rescored.append(row)
        try:
            task = tasks.get(name)
            if task is None:
                raise Skip("no task file with a task of this name was given")
            if not is_task_of(task, run):
                raise Skip(
                    "the task file is not the one that the run is named after: its scores would mean another thing"
                )
            (data,) = db.execute("SELECT data FROM blobs WHERE digest = ?", (program,)).fetchone() or (b"",)
            row["value"] = score(task, data, int(run.start["seed"]), bare=bare)
            if task.said["exact"] and row["value"] != recorded:
                raise ProgramFailed(f"it scores {row['value']!r}, {recorded!r} is recorded")
        except Skip as reason:
            row["skipped"] = str(reason)
        except (ProgramFailed, ValueError, KeyError, TypeError, AttributeError) as error:
            report.problems.append((None, f"{name}, run {run.name}, program {program[:12]}: {error}"))


# Where untrusted bytes run --------------------------------------------------------------------------------------------


class Box:
    """A program in a process of its own, in bubblewrap or, where that was said, bare. It answers JSON lines.

    The process starts with the first question; after a failure, whoever goes on asking gets a fresh one.
    """

    def __init__(self, program: Json, limits: Limits, *, bare: bool) -> None:
        self._program, self._limits, self._bare, self._root = program, limits, bare, os.geteuid() == 0
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: str | None = None

    def ask(self, question: dict[str, Any], wanted: str) -> Json:
        """Returns the answer of the program; ProgramFailed when there is none."""
        try:
            process = self._process = self._process or self._start()
            return self._answer(process, question, wanted)
        except ProgramFailed:
            self.close()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        self._folder = tempfile.mkdtemp(prefix="audit-") if self._bare else None
        became: dict[str, Any] = {}
        if self._folder and self._root:
            os.chown(self._folder, NOBODY, NOBODY)
            became = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        python = bare_interpreter() if self._bare else str(Path(sys.executable).resolve())
        inner = [python, *OPTIONS, "-c", Path(__file__).read_text(encoding="utf-8"), "--inside"]
        process = subprocess.Popen(  # noqa: S603 - no shell, and the command is made here
            inner if self._bare else [*bubblewrap(self._limits), *inner],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
            cwd=self._folder or "/",
            start_new_session=True,
            **became,
        )
        user = NOBODY if self._root and not self._bare else None
        _send(process, {"program": self._program, "limits": asdict(self._limits), "user": user, "search": sites()})
        return process

    def _answer(self, process: subprocess.Popen[bytes], question: dict[str, Any], wanted: str) -> Json:
        _send(process, question)
        assert process.stdout is not None  # noqa: S101 - made with a pipe
        output, line = process.stdout.fileno(), b""
        deadline = time.monotonic() + self._limits.wall_seconds
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(output, 1 << 16) if ready else b""
            line += chunk
            if not chunk or len(line) > self._limits.output_bytes:
                raise ProgramFailed("the program died, was too slow, or said too much")
        try:
            answer = json.loads(line, parse_constant=_refuse, object_pairs_hook=_unique)
            canonical(answer)  # no infinities, no lone surrogates
        except (ValueError, RecursionError) as error:
            raise ProgramFailed(f"the answer is malformed: {error}") from error
        if type(answer) is not dict or set(answer) != {wanted}:
            raise ProgramFailed(f"the program ends with {str(answer)[:300]}")
        return answer[wanted]

    def close(self) -> None:
        """Ends the process, and what it started."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def _send(process: subprocess.Popen[bytes], document: Json) -> None:
    assert process.stdin is not None  # noqa: S101 - made with a pipe
    try:
        process.stdin.write(json.dumps(document).encode() + b"\n")
        process.stdin.flush()
    except OSError as error:
        raise ProgramFailed(f"the program is gone ({error.strerror})") from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(items)) != len(items):
        raise ValueError("a key appears twice")
    return dict(items)


def sites() -> list[str]:
    """Returns the folders of installed packages that this interpreter searches; programs may need numpy."""
    return [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"} and Path(path).is_dir()]


def bare_interpreter() -> str:
    """Returns an interpreter that an unprivileged user can start; root's own may lie in a private home."""
    user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with suppress(OSError):
            if subprocess.run([python, *OPTIONS, "-c", "import json"], env={}, check=False, **user).returncode == 0:  # noqa: S603
                return python
    raise Wrong("no interpreter here can be started by an unprivileged user: install bubblewrap, or a system Python")


def bubblewrap(limits: Limits) -> list[str]:
    """Returns the command that shows a process the interpreter, the system's libraries and an empty folder, no more."""
    roots = {path for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))} | {sys.base_prefix}
    roots |= {*sites(), "/usr", "/lib", "/lib64", "/etc/ld.so.cache"}
    shown = sorted(path for path in roots if Path(path).exists())
    command = ["bwrap", "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
    command += ["--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:  # no user namespace: in one, root would stay root behind the mask. The process turns itself
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY), "--cap-drop", "ALL"]
    for folder in sorted({str(parent) for path in shown for parent in Path(path).parents} - {"/"}):
        command += ["--perms", "0755", "--dir", folder]  # private homes above an interpreter would shut it in
    for path in shown:
        command += ["--ro-bind", path, path]
    installed = {
        each for top in shown for part in ("", "local/") for each in Path(top).glob(f"{part}lib/python3*/*-packages")
    }
    for path in sorted(str(site / "rung") for site in {*installed, *map(Path, sites())} if (site / "rung").is_dir()):
        command += ["--tmpfs", path, "--remount-ro", path]  # evaluators are not for programs to read
    for path in ("/dev/null", "/dev/zero", "/dev/urandom"):
        command += ["--dev-bind", path, path]
    size = str(max(1, limits.disk_mb) << 20)
    command += ["--perms", "1777", "--size", size, "--tmpfs", PRIVATE, "--chdir", PRIVATE]
    return [*command, "--remount-ro", "/", "--"]


def inside() -> None:
    """Never returns: what runs in the box. It gives up what it can, then imports the program and answers."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    first = json.loads(requests.readline())
    if first["user"] is not None:
        os.setgroups([])
        os.setresgid(*[first["user"]] * 3)
        os.setresuid(*[first["user"]] * 3)
    limits, base = first["limits"], 1 << 30  # what the interpreter and numpy map without using it
    for kind, value in (
        (resource.RLIMIT_AS, (limits["memory_mb"] << 20) + base),
        (resource.RLIMIT_CPU, math.ceil(limits["cpu_seconds"]) + 2),
        (resource.RLIMIT_FSIZE, limits["disk_mb"] << 20),
        (resource.RLIMIT_NPROC, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    entry = None
    for line in requests:
        try:
            entry = entry or _load(first)
            request = json.loads(line)
            many = "inputs" in request
            answer = {"outputs": [entry(x) for x in request["inputs"]]} if many else {"output": entry(request["input"])}
            text = json.dumps(answer, default=lambda value: value.tolist(), allow_nan=False)
        except BaseException as error:  # noqa: BLE001 - the wall: whatever a program raises becomes data
            text = json.dumps({"error": f"{type(error).__name__}: {error}"[:300]})
        answers.write(text.encode() + b"\n")
        answers.flush()
    os._exit(0)


def _load(first: Json) -> Callable[[Json], Json]:
    files = first["program"]["files"]
    for name, content in files.items():
        file = Path.cwd() / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else base64.b64decode(content["base64"]))
    sys.path[:] = [str(Path.cwd()), *sys.path, *first["search"]]
    random.seed(0)
    if any(re.search(r"^\s*(import|from) numpy\b", x, re.MULTILINE) for x in files.values() if isinstance(x, str)):
        importlib.import_module("numpy").random.seed(0)
    for name in {name.partition("/")[0].removesuffix(".py") for name in files} - set(sys.builtin_module_names):
        sys.modules.pop(name, None)  # a module of this file's must not shadow the program's
    file_name, _, function = first["program"]["entry"].partition(":")
    module = importlib.import_module(file_name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    entry: Callable[[Json], Json] = getattr(module, function)
    return entry


# 4. The answer --------------------------------------------------------------------------------------------------------


def sentences(report: Report, *, where: str) -> Iterator[str]:
    """Yields what was found, line by line."""
    verdict = "broken" if report.problems else "whole"
    yield f"{verdict}: {report.events:,} events, {report.blobs:,} blobs, head {report.head[0]} {report.head[1]}"
    for seq, what in report.problems[:50]:
        yield f"  PROBLEM {'' if seq is None else f'event {seq}: '}{what}"
    for row in report.witnessed:
        by = ", ".join(f"{name}{'' if at is None else f' at {_moment(at)}'}" for name, at in row["by"].items())
        by = by or ("whoever commits there" if row["in_git"] else "nobody whose key you named (--key)")
        yield f"  witnessed: the first {row['size']:,} events of {row['origin']}, {row['source']}, signed by {by}"
    if report.events > report.covered:
        alone = f"{report.covered + 1} to {report.events}, nor that none was cut off after them"
        yield f"  not covered: no checkpoint speaks for events {alone}"
    for row in report.rescored:
        result = f"scores {row['value']!r}, {row['recorded']!r} is recorded"
        result = f"not scored again: {row['skipped']}" if row["skipped"] else result
        yield f"  {row['task']}, run {row['run']}, program {row['program'][:12]}: {result}"
    if unscored(report):
        yield "  PROBLEM no incumbent could be scored again: their values are only what the ledger says"
    elif report.rescored:
        yield f"  programs ran in {where}"


def unscored(report: Report) -> bool:
    """Returns whether incumbents were to be scored again and not one of them could be."""
    return bool(report.rescored) and all(row["skipped"] for row in report.rescored)


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(min(at, 253402300799)))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns what was asked."""
    parser = argparse.ArgumentParser(prog="verify_alone.py", description="Verifies a ledger of rung without rung.")
    say = parser.add_argument
    many: Json = {"action": "append", "default": []}
    say("ledger", type=Path, help="a file ledger.sqlite, or the folder that it is in")
    say("--witness", type=Path, **many, metavar="FILE", help="a checkpoint that was kept elsewhere")
    say("--git", **many, metavar="DIR[@BRANCH]", help="checkpoints in a git repository, all of a branch")
    say("--key", **many, help="whom you trust, name+id+base64: the witness, and the log itself")
    say("--task", type=Path, **many, metavar="FILE", help="a task file; it is executed")
    say("--rescore", type=int, default=10, metavar="N", help="incumbents to score again, with --task")
    say("--clock-back", type=float, default=2.0, metavar="SECONDS", help="by how much a clock may have been reset")
    say("--bare", action="store_true", help="run stored programs without bubblewrap: limits, no walls")
    say("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    asked = parsed(arguments)
    report = Report()
    try:
        if asked.task and not asked.bare and not shutil.which("bwrap"):
            raise Wrong(
                "bubblewrap is not installed: install it, or say --bare to run stored programs with limits alone"
            )
        path = asked.ledger / "ledger.sqlite" if asked.ledger.is_dir() else asked.ledger
        notes = read_notes(asked.witness, asked.git)
        tasks = {name: found for file in asked.task for name, found in load_tasks(file).items()}
        with closing(open_ledger(path)) as db:
            sizes = {note.size for note in notes}
            report.roots[0], report.latest[0] = _root([]), -math.inf
            check_chain(db, report, sizes=sizes, clock_back=asked.clock_back)
            check_witnesses(report, notes, keys=[read_key(word) for word in asked.key], clock_back=asked.clock_back)
            if tasks and not report.problems:  # what a broken ledger says about its programs is worth nothing
                rescore(db, report, tasks, sample=asked.rescore, bare=asked.bare)
    except Wrong as reason:
        sys.stderr.write(f"verify_alone: {reason}\n")
        return 2
    holds = not report.problems and not unscored(report)
    where = "bare processes: limits, no walls" if asked.bare else "bubblewrap"
    if asked.json:
        document = {
            "ok": holds,
            "events": report.events,
            "blobs": report.blobs,
            "head": {"seq": report.head[0], "hash": report.head[1]},
            "root": report.roots[report.events].hex(),
            "problems": [{"seq": seq, "what": what} for seq, what in report.problems],
            "witnessed": report.witnessed,
            "covered": report.covered,
            "sandbox": where if report.rescored else None,
            "rescored": report.rescored,
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in sentences(report, where=where)))
    return 0 if holds else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        inside()
    sys.exit(main())

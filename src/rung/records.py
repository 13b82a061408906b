"""The frozen records every other module speaks in; they hold no behaviour beyond their own identity."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING

from rung import wire
from rung.errors import BadInput, Status

if TYPE_CHECKING:
    from rung.kernel.trial import Trial
    from rung.wire import JSON


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if not name or name != str(path) or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise BadInput(f"{name!r} is no file name inside a program: use a relative path with forward slashes")
    return name


@dataclass(frozen=True)
class Program:
    """A source tree and its entry, identified by content.

    files: relative path -> text, or bytes for what is not UTF-8.
    entry: "solver.py:solve", a file of the tree and a function in it.

    Raises:
      BadInput: a file name leaves the tree, or the entry names no file of it.
    """

    files: Mapping[str, str | bytes]
    entry: str
    id: str = field(init=False, compare=True)

    def __post_init__(self) -> None:
        """Freezes the files and computes the identity, which does not depend on their order."""
        ordered = {_checked_name(name): self.files[name] for name in sorted(self.files)}
        file, _, function = self.entry.partition(":")
        if file not in ordered or not function.isidentifier():
            raise BadInput(f'entry {self.entry!r} names no function of the program: write it as "file.py:function"')
        object.__setattr__(self, "files", MappingProxyType(ordered))
        document: JSON = {"entry": self.entry, "files": wire.files_to_json(ordered)}
        object.__setattr__(self, "id", hashlib.sha256(wire.canonical(document)).hexdigest())

    def __hash__(self) -> int:
        """Returns a hash of the identity."""
        return hash(self.id)

    def __reduce__(self) -> tuple[type[Program], tuple[dict[str, str | bytes], str]]:
        """Returns how to rebuild the program: its identity is recomputed, never carried."""
        return Program, (dict(self.files), self.entry)

    def edit(self, changes: Mapping[str, str | bytes | None]) -> Program:
        """Returns the program with files replaced or added; a file mapped to None is removed."""
        merged = {**self.files, **changes}
        return Program({name: data for name, data in merged.items() if data is not None}, self.entry)

    def diff(self, other: Program) -> str:
        """Returns the unified diff from this program to the other, one section per changed file."""
        parts: list[str] = []
        for name in sorted({*self.files, *other.files}):
            old, new = self.files.get(name, ""), other.files.get(name, "")
            if old == new:
                continue
            if isinstance(old, bytes) or isinstance(new, bytes):
                parts.append(f"binary file {name} differs\n")
                continue
            lines = difflib.unified_diff(
                old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}"
            )
            parts.extend(line if line.endswith("\n") else line + "\n\\ no newline at end of file\n" for line in lines)
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class Case:
    """One input on which a program is scored.

    id: unique within a task. input: what the evaluator gets as `case.input`; shown to the improver for train only.
    """

    id: str
    input: JSON


@dataclass(frozen=True, slots=True)
class Fresh:
    """A split that does not exist yet: `count` cases the kernel draws after the program's hash is in the ledger."""

    count: int


Split = tuple[Case, ...] | Fresh


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may use.

    cpu_seconds: CPU of the whole process. wall_seconds: wait for one answer; generous, for only CPU time is the same on
    a busy machine. memory_mb: above the interpreter itself.
    output_bytes: one answer. disk_mb: private scratch, gone afterwards.
    """

    cpu_seconds: float = 5.0
    wall_seconds: float = 60.0
    memory_mb: int = 512
    output_bytes: int = 1 << 20
    disk_mb: int = 16


@dataclass(frozen=True, slots=True)
class Cost:
    """What something used; costs add up.

    cpu_seconds: measured by the kernel. seconds: wall. tokens, usd: of models. work: deterministic units that improvers
    declare; CPU time bounds what they can hide.
    """

    evaluations: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    work: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Returns the sum."""
        return Cost(
            self.evaluations + other.evaluations,
            self.cpu_seconds + other.cpu_seconds,
            self.seconds + other.seconds,
            self.tokens + other.tokens,
            self.usd + other.usd,
            self.work + other.work,
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The record of one program on some cases.

    scores: one finite number per case, in order, up to the first failure. value: their mean when status is OK, else
    None. measures: behaviour descriptors. feedback: sentences for the improver, from train cases only.
    sandbox: the backend it ran in.
    """

    status: Status
    scores: tuple[float, ...] = ()
    value: float | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    feedback: tuple[str, ...] = ()
    cost: Cost = Cost()
    sandbox: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program with its lineage and its evaluation on train.

    number: the attempt that made it, 0 for the seed program. parents: program ids. generation: depth of the lineage.
    """

    number: int
    program_id: str
    evaluation: Evaluation
    parents: tuple[str, ...] = ()
    operator: str = ""
    generation: int = 0


Evaluator = Callable[[Case, "Trial"], float]


@dataclass(frozen=True, slots=True)
class Task:
    """What to make better and how to judge it; scores are always higher-is-better.

    program: the seed program. evaluate: the trusted evaluator, one score per case. train is shown, validation selects,
    held_out is for gates. bound: a proven limit of the value; beyond it is an alarm. public: source text that the
    improver is given, with the objective and the constraints but no answers. editable: file patterns the improver may
    change (None: all of them). exact: the same program scores the same again, so a second backend must agree to the
    last bit. known: published values, for people only. unit: what the value counts. extra: what else the improver is
    told, in words that the suite and its improvers agree on.
    """

    name: str
    goal: str
    program: Program
    evaluate: Evaluator
    train: Split
    validation: Split
    held_out: Split
    limits: Limits = Limits()
    attempts: int = 1000
    bound: float | None = None
    public: str | None = None
    editable: tuple[str, ...] | None = None
    exact: bool = True
    known: Mapping[str, float] = field(default_factory=dict)
    unit: str = "score"
    extra: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its two-sided 95 % interval over n paired differences; `low == high == mean` when n is 1."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Incumbent:
    """A program that counts, with its value on validation."""

    program: Program
    value: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one `Kernel.improve` found; `gain` is the mean paired held-out difference, None when it was not measured.

    scores: of the incumbent on the held-out cases; empty when it is the seed program or failed on one.
    """

    run: str
    task: str
    improver: str
    seed: int
    start: Incumbent
    incumbent: Incumbent
    held_out: Interval | None
    spent: Cost
    stop_reason: str
    sandbox: str
    rescored_by: str
    scores: tuple[float, ...] = ()

    @property
    def gain(self) -> float | None:
        """The mean held-out difference between incumbent and start."""
        return None if self.held_out is None else self.held_out.mean


def as_cases(split: str, inputs: Sequence[JSON]) -> tuple[Case, ...]:
    """Returns cases with ids "split-0", "split-1", ... for the inputs."""
    return tuple(Case(f"{split}-{number}", value) for number, value in enumerate(inputs))

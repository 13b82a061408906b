"""How a person hands rung a program and a way to judge it: the decorator, and finding tasks by name or file."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from rung import wire
from rung.errors import BadInput
from rung.kernel.scope import END, START, may_edit
from rung.kernel.wall import Raised, attempt
from rung.records import Evaluator, Fresh, Limits, Program, Split, Task, as_cases

if TYPE_CHECKING:
    from rung.wire import JSON

BUILT_IN = Path(__file__).parent / "tasks"
IMPROVERS = Path(__file__).parent / "improvers"
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "build", "dist"})
MAX_PROGRAM_BYTES = 8 << 20


def fresh(count: int) -> Fresh:
    """Returns a split of `count` cases that the kernel draws later; each case's input is a 63-bit integer."""
    if type(count) is not int or count < 1:
        raise BadInput(f"rung.fresh needs a positive whole number of cases, not {count!r}")
    return Fresh(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class task:  # noqa: N801 - used as a decorator, @rung.task(...)
    """A decorator that turns an evaluator into a Task; paths are relative to the file of the evaluator.

    goal: in words. program: a file, or a folder of files. entry: "file.py:function" inside it.
    train, validation, held_out: inputs of the cases, or rung.fresh(n). The rest is documented at `Task`.
    name: default is the function's name with hyphens.

    Raises:
      BadInput: the program cannot be read or a split is empty.
    """

    goal: str
    program: str | Path
    entry: str
    train: Iterable[JSON] | Fresh
    validation: Iterable[JSON] | Fresh
    held_out: Iterable[JSON] | Fresh
    name: str | None = None
    limits: Limits = Limits()
    attempts: int = 1000
    bound: float | None = None
    public: str | None = None
    editable: tuple[str, ...] | None = None
    exact: bool = True
    known: Mapping[str, float] | None = None
    unit: str = "score"

    def __call__(self, evaluate: Evaluator) -> Task:
        """Returns the task."""
        code = getattr(evaluate, "__code__", None)
        if code is None:
            raise BadInput("rung.task decorates a function evaluate(case, trial); this is none")
        home = Path(code.co_filename).parent
        name = self.name or str(code.co_name).replace("_", "-")
        self._check(name)
        program = read_program(home / self.program, entry=self.entry, without=Path(code.co_filename))
        self._check_scope(name, program)
        return Task(
            name=name,
            goal=self.goal,
            program=program,
            evaluate=evaluate,
            train=_split(name, "train", self.train),
            validation=_split(name, "validation", self.validation),
            held_out=_split(name, "held_out", self.held_out),
            limits=self.limits,
            attempts=self.attempts,
            bound=self.bound,
            public=_read_text(home / self.public) if self.public else None,
            editable=self.editable,
            exact=self.exact,
            known=dict(self.known or {}),
            unit=self.unit,
        )

    def _check(self, name: str) -> None:
        own = self.limits
        limits = (own.cpu_seconds, own.wall_seconds, own.memory_mb, own.output_bytes)
        if not all(math.isfinite(limit) and limit > 0 for limit in limits) or self.attempts < 1:
            raise BadInput(f"task {name!r}: limits and attempts must be positive numbers")
        if not all(map(math.isfinite, (self.bound or 0.0, *(self.known or {}).values()))):
            raise BadInput(f"task {name!r}: bound and known values must be finite; leave out what is not proven")
        if isinstance(self.editable, str):
            raise BadInput(f"task {name!r}: editable is a tuple of patterns; write ({self.editable!r},)")

    def _check_scope(self, name: str, program: Program) -> None:
        if not any(may_edit(file, self.editable) for file in program.files):
            raise BadInput(f"task {name!r}: editable matches no file of the program: {', '.join(program.files)}")
        for file, text in program.files.items():
            lines = text.splitlines() if isinstance(text, str) else []
            marks = [START in line for line in lines if START in line or END in line]
            if marks != [True, False] * (len(marks) // 2):
                raise BadInput(f"task {name!r}: in {file} every {START} needs its {END}, in this order")


def _split(task_name: str, split: str, inputs: Iterable[JSON] | Fresh) -> Split:
    if isinstance(inputs, Fresh):
        return inputs
    cases = as_cases(split, list(inputs))
    if not cases:
        raise BadInput(f"task {task_name!r}: the split {split} has no cases; give inputs or rung.fresh(n)")
    for case in cases:
        try:
            wire.canonical(case.input)
        except wire.WireError as error:
            raise BadInput(f"task {task_name!r}: an input of {split} cannot cross the wall: {error}") from error
    return cases


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text: {error}") from error


def _program_files(path: Path, *, without: Path | None) -> dict[str, str | bytes]:
    if path.is_file():
        names = [path]
        root = path.parent
    else:
        root = path
        names = [
            found
            for found in sorted(path.rglob("*"))
            if found.is_file()
            and not found.is_symlink()
            and found.resolve() != without
            and not any(part.startswith(".") or part in SKIPPED_FOLDERS for part in found.relative_to(path).parts)
        ]
    files: dict[str, str | bytes] = {}
    size = 0
    for found in names:
        data = found.read_bytes()
        size += len(data)
        if size > MAX_PROGRAM_BYTES:
            raise BadInput(f"{path} holds more than {MAX_PROGRAM_BYTES >> 20} MB: point at the folder with the sources")
        try:
            files[found.relative_to(root).as_posix()] = data.decode("utf-8")
        except UnicodeDecodeError:
            files[found.relative_to(root).as_posix()] = data
    return files


def read_program(path: str | Path, *, entry: str, without: Path | None = None) -> Program:
    """Returns the program in a file or folder.

    without: a file that is no part of it though it lies there: the evaluator is out of the program's reach.

    Raises:
      BadInput: it is missing, its Python does not compile, or the entry is not in it.
    """
    path = Path(path)
    if not path.exists():
        raise BadInput(f"the program {path} does not exist; give a file or a folder")
    try:
        files = _program_files(path, without=without and without.resolve())
    except OSError as error:
        raise BadInput(f"the program {path} cannot be read: {error}") from error
    if not files:
        raise BadInput(f"the program folder {path} is empty")
    program = Program(files, entry)
    for name, text in program.files.items():
        if name.endswith(".py"):
            _check_source(path, name, text, entry)
    return program


def _check_source(path: Path, name: str, text: str | bytes, entry: str) -> None:
    where = path / name if path.is_dir() else path
    if isinstance(text, bytes):
        raise BadInput(f"{where} is not UTF-8 text")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise BadInput(f"{where} does not compile: {getattr(error, 'msg', error)} (line {line})") from error
    file, _, function = entry.partition(":")
    if name != file:
        return
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    names |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names |= {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    if function not in names:
        raise BadInput(f"{where} defines no {function}; the entry is {entry!r}")


def load_tasks(path: Path) -> dict[str, Task]:
    """Returns the tasks a Python file defines, by name.

    Raises:
      BadInput: the file is missing, raises, or defines no task.
    """
    path = path.resolve()
    if not path.is_file():
        raise BadInput(f"the task file {path} does not exist")
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:12]  # two folders may have the same name
    spec = importlib.util.spec_from_file_location(f"rung_task_{path.stem}_{digest}", path)
    if spec is None or spec.loader is None:
        raise BadInput(f"the task file {path} is no Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses and typing look their module up by name
    loader = spec.loader
    result = attempt(lambda: loader.exec_module(module), file=str(path))
    if isinstance(result, Raised):
        raise BadInput(f"the task file {path} cannot be used: {result}")
    return _tasks_of(module, path)


def _tasks_of(module: ModuleType, path: Path) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for value in vars(module).values():
        found = value if isinstance(value, tuple | list) else (value,)
        for item in found:
            if isinstance(item, Task):
                tasks[item.name] = item
    if not tasks:
        raise BadInput(f"the task file {path} defines no task; decorate an evaluator with @rung.task(...)")
    return tasks


def built_in_tasks() -> dict[str, Task]:
    """Returns every task that ships with rung, by name."""
    tasks: dict[str, Task] = {}
    for file in sorted(BUILT_IN.glob("*/task.py")):
        tasks.update(load_tasks(file))
    return dict(sorted(tasks.items()))


def find_task(reference: str) -> Task:
    """Returns the task that a person named: "circles-26", "my_task.py" or "my_task.py:name".

    Raises:
      BadInput: there is no such task, or the file holds several and none was named.
    """
    path, _, name = reference.partition(":")
    if path.endswith(".py") or Path(path).is_dir():
        file = Path(path) / "task.py" if Path(path).is_dir() else Path(path)
        tasks = load_tasks(file)
    else:
        tasks, name = built_in_tasks(), reference
    if not name and len(tasks) == 1:
        return next(iter(tasks.values()))
    if name not in tasks:
        wanted = f"no task {name!r}" if name else "several tasks"
        raise BadInput(f"{wanted} there; choose one of: {', '.join(tasks)}")
    return tasks[name]


def built_in_improvers() -> tuple[str, ...]:
    """Returns the names of the improvers that ship with rung."""
    return tuple(sorted(path.parent.name for path in IMPROVERS.glob("*/improver.py")))


def find_improver(reference: str) -> Program:
    """Returns the improver that a person named: one that ships, or a folder with improver.py.

    Raises:
      BadInput: there is none.
    """
    folder = IMPROVERS / reference if reference in built_in_improvers() else Path(reference)
    if not (folder / "improver.py").is_file():
        known = ", ".join(built_in_improvers())
        raise BadInput(f"no improver {reference!r}: name one of {known}, or a folder with improver.py in it")
    return read_program(folder, entry="improver.py:improve")

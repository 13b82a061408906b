"""Runs one program, in the process that is to run it: reads lines from descriptor 3, answers with lines.

By the time `serve` is called the process is confined; from the first program byte on nothing it says is believed.
Program files are imported from memory: modules, packages and data files (also written to the private directory).
"""

from __future__ import annotations

import base64
import importlib.abc
import importlib.util
import json
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

CHANNEL = 3
_PLACE = "<program>/"


class Lines:
    """JSON lines over one descriptor, in both directions."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = bytearray()

    def receive(self) -> Any:  # noqa: ANN401 - JSON of an agreed form
        """Returns the next document; ends the process when the other side has closed."""
        searched = 0
        while (end := self._rest.find(b"\n", searched)) < 0:
            searched = len(self._rest)
            chunk = os.read(self._descriptor, 1 << 18)
            if not chunk:
                os._exit(0)
            self._rest += chunk
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return json.loads(line)

    def send(self, document: object) -> None:
        """Writes one document as a line."""
        left = memoryview(encode(document))
        while left:
            left = left[os.write(self._descriptor, left) :]


def encode(document: object) -> bytes:
    """Returns the document as a line; arrays and array scalars become plain data.

    Raises:
      ValueError: it holds NaN or an infinity, or it refers to itself.
      TypeError: it holds something that is not data.
    """
    return json.dumps(document, default=_plain, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def _plain(value: object) -> object:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a program returns plain data (numbers, text, lists, dicts, arrays), not {type(value).__name__}")


class ProgramFiles(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the modules and packages of a program from memory, before anything installed."""

    def __init__(self, files: dict[str, str | bytes]) -> None:
        self._files = files

    def _file_of(self, module: str) -> str | None:
        base = module.replace(".", "/")
        return next((name for name in (f"{base}.py", f"{base}/__init__.py") if name in self._files), None)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns where a module of the program is, None for any other."""
        del path, target
        file = self._file_of(fullname)
        base = fullname.replace(".", "/") + "/"
        if file is None and not any(name.startswith(base) and name.endswith(".py") for name in self._files):
            return None
        is_package = file is None or file.endswith("/__init__.py")
        return ModuleSpec(fullname, self, origin=_PLACE + (file or base), is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module's source."""
        file = self._file_of(module.__name__)
        if file is not None:
            module.__file__ = os.path.abspath(file)  # where the program's data files lie, if it has a directory
            source = self._files[file]
            exec(compile(source, _PLACE + file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - its one job

    def get_data(self, path: str) -> bytes:
        """Returns a file of the program by its name, also where there is no private directory to open it in."""
        name = os.path.relpath(path)
        if name not in self._files:
            raise FileNotFoundError(f"the program has no file {name!r}")
        content = self._files[name]
        return content.encode() if isinstance(content, str) else content

    def get_source(self, fullname: str) -> str | None:
        """Returns the text of a module, for tracebacks and `inspect`."""
        source = self._files.get(self._file_of(fullname) or "")
        return source if isinstance(source, str) else None


def _files(document: dict[str, Any]) -> dict[str, str | bytes]:
    return {
        name: content if isinstance(content, str) else base64.b64decode(content["base64"])
        for name, content in document.items()
    }


def _write_data(files: dict[str, str | bytes]) -> None:
    """Puts what is not Python into the private directory, where a program can open it by name."""
    for name, content in files.items():
        if name.endswith(".py"):
            continue
        if "/" in name:
            os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)


def _load(first: dict[str, Any], lines: Lines, *, private: bool) -> Callable[[Any], Any]:
    """Returns the program's entry as a function of one input."""
    files = _files(first["program"]["files"])
    if private:
        _write_data(files)
    sys.meta_path.insert(0, ProgramFiles(files))
    for name in {file.partition("/")[0].removesuffix(".py") for file in files}:
        if name not in sys.builtin_module_names:
            sys.modules.pop(name, None)  # a preloaded module of the same name must not shadow the program's
    sdk = None if first.get("sdk") is None else _sdk_module(first["sdk"])  # before the program, which imports it
    file, _, function = first["program"]["entry"].partition(":")
    module = importlib.import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    entry = getattr(module, function, None)
    if not callable(entry):
        raise TypeError(f"{file} defines no function {function}")
    if sdk is None:
        return entry  # type: ignore[no-any-return] # anything callable will do
    return lambda brief: sdk.run(entry, brief, lines.send, lines.receive)


def _sdk_module(source: str) -> ModuleType:
    """Returns the SDK as `rung_host`, the name by which improvers import it."""
    module = sys.modules["rung_host"] = ModuleType("rung_host")
    exec(compile(source, "<rung_host>", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - trusted text
    return module


def _failure(error: BaseException) -> dict[str, Any]:
    """Returns an exception as data, with the last line of the program that it passed through."""
    places = [(str(error.filename), error.lineno)] if isinstance(error, SyntaxError) else list(_frames(error))
    file, line = next((place for place in reversed(places) if place[0].startswith(_PLACE)), ("", None))
    message = error.msg if isinstance(error, SyntaxError) else f"{error}"
    described: dict[str, Any] = {"type": type(error).__name__[:80], "message": message[:240]}
    if file:
        described["message"] += f", in {file.removeprefix(_PLACE)}"
        described["line"] = line
    return {"error": described}


def _frames(error: BaseException) -> Iterator[tuple[str, int | None]]:
    for frame, number in traceback.walk_tb(error.__traceback__):
        yield frame.f_code.co_filename, number


def _answer(call: Callable[[Any], Any], request: dict[str, Any]) -> dict[str, Any]:
    if "inputs" in request:
        return {"outputs": [call(item) for item in request["inputs"]]}
    return {"output": call(request["input"])}


def serve(*, private: bool, before: Callable[[], None] = lambda: None) -> None:
    """Never returns: answers one request after the other until the other side closes.

    private: the current directory is the program's own. before: runs ahead of the program's first byte.
    """
    lines = Lines(CHANNEL)
    first = lines.receive()
    before()
    random.seed(0)  # an unseeded program gets the same numbers in every process, so that it can be re-scored
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(0)
    call: Callable[[Any], Any] | None = None
    while True:
        request = lines.receive()
        try:
            if call is None:
                call = _load(first, lines, private=private)
            lines.send(_answer(call, request))
        except BaseException as error:  # noqa: BLE001 - the wall: whatever a program raises becomes data
            lines.send(_failure(error))

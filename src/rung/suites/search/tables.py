"""Tables of measurements as plain arrays: found in the installed package, converted in another process, cached.

No pickle is opened in this process, and the package's own code is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rung.errors import BadInput
from rung.suites.search.catalogue import MODULE, PACKAGE, SOURCES, VERSION, Family, family

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVERTER = Path(__file__).with_name("convert.py")
CONVERT_SECONDS = 300.0
LAYOUT = 1  # of the cached files; another number makes them again
INSTALL = (
    f"the search suite needs the measurements of {PACKAGE} {VERSION}, which are not installed: "
    "pip install 'rung[search]'"
)


@dataclass(frozen=True, slots=True)
class Table:
    """All measurements over a space.

    name: family/data set. source: SHA-256 of the file they come from. space: see Family. values: [n, k] measurements,
    higher is better, one row per configuration, the last parameter runs fastest. counts: [n], how many of the k are
    measurements; the rest of a row repeats its first.
    """

    name: str
    source: str
    space: Family
    values: NDArray[np.float64]
    counts: NDArray[np.int64]


def data_folder() -> Path:
    """Returns where the installed package keeps its data.

    Raises:
      BadInput: it is not installed.
    """
    spec = importlib.util.find_spec(MODULE)  # finds the folder; runs nothing of it
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    folder = Path(places[0]) / "datasets" if places else None
    if folder is None or not folder.is_dir():
        raise BadInput(INSTALL)
    return folder


def load(name: str, *, cache: Path, folder: Path | None = None) -> Table:
    """Returns a table of the package; the first time it is converted, afterwards read from the cache.

    cache: a folder for the converted tables. folder: the package's data (None: of the installed package).

    Raises:
      BadInput: the package is not installed, there is no such table in it, or its file is another one than the
        catalogue knows.
    """
    if name not in SOURCES:
        raise BadInput(f"there is no table {name!r}; choose among {', '.join(SOURCES)}")
    return read(name, (folder or data_folder()) / f"{name}.pkl", space=family(name), source=SOURCES[name], cache=cache)


def read(name: str, file: Path, *, space: Family, source: str | None, cache: Path) -> Table:
    """Returns the table in a pickled file, by way of the cache.

    source: the SHA-256 that the file must have (None: whatever it has is recorded).

    Raises:
      BadInput: the file cannot be read, is another one, or does not hold a whole table of this space.
    """
    digest = _digest(file)
    if source is not None and digest != source:
        raise BadInput(
            f"{file} is not that of {PACKAGE} {VERSION} (its SHA-256 is {digest[:12]}...): install that version"
        )
    kept = cache / f"{name.replace('/', '-')}-{digest[:16]}-{LAYOUT}.npz"
    if not kept.is_file():
        values, counts = _arrays(convert(file, space.metric), space, file=file)
        _write(kept, values=values, counts=counts)
    with np.load(kept, allow_pickle=False) as arrays:
        table = Table(name, digest, space, arrays["values"], arrays["counts"])
    _check(table, kept)
    return table


def convert(file: Path, metric: str) -> dict[str, Any]:
    """Returns {"keys": [text, ...], "values": [[number, ...], ...]} of a pickled table, opened in another process.

    Raises:
      BadInput: the file holds anything but plain numbers, texts, lists and dicts, or no such metric.
    """
    command = [sys.executable, "-I", str(CONVERTER), str(file), metric]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=CONVERT_SECONDS)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"{file} could not be converted within {CONVERT_SECONDS:.0f} s") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise BadInput(f"{file} is refused: {reason[0][:300]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _arrays(document: dict[str, Any], space: Family, *, file: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    keys, rows = document["keys"], document["values"]
    wanted = ["".join(map(str, point)) for point in np.ndindex(*space.sizes)]
    if keys != wanted:
        raise BadInput(f"{file} is not complete: it holds {len(keys)} configurations where {len(wanted)} were expected")
    width = max(map(len, rows))
    values = np.array([row + row[:1] * (width - len(row)) for row in rows], dtype=np.float64)
    if space.loss:
        if values.min() <= 0.0:
            raise BadInput(f"{file} holds a loss that is not positive; its logarithm was expected")
        values = -np.log10(values)
    return values / space.divisor, np.array([len(row) for row in rows], dtype=np.int64)


def _write(path: Path, *, values: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
    """Puts the arrays in place at once, so that two who convert at the same time do not meet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(descriptor, "wb") as file:
        np.savez(file, values=values, counts=counts)
    Path(name).replace(path)


def _check(table: Table, kept: Path) -> None:
    rows, width = int(np.prod(table.space.sizes)), table.values.shape[-1]
    whole = table.values.shape == (rows, width) and table.counts.shape == (rows,)
    if not (whole and np.isfinite(table.values).all() and table.counts.min() >= 1 and table.counts.max() <= width):
        raise BadInput(f"{kept} is damaged: remove it, and it will be made again")


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error}; install {PACKAGE} {VERSION}") from error

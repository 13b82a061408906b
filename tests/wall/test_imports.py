"""The two walls, read from the source: the kernel knows the standard library only, and nobody imports programs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest

TRUSTED = ("kernel", "records.py", "errors.py", "wire.py")
DATA = ("improvers", "sdk")
DYNAMIC = {"__import__", "import_module", "exec_module", "run_module", "run_path"}


def imported(path: Path, *, package: str = "rung") -> Iterator[tuple[int, str]]:
    """Yields (line, full module name) of every import in a file of a package, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            if base != package.partition(".")[0]:
                yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def engine_sources(root: Path) -> list[Path]:
    """Returns what the engine imports: everything but programs and the text it ships into sandboxes."""
    package = root / "src" / "rung"
    files = [path for path in sorted(package.rglob("*.py")) if path.relative_to(package).parts[0] not in DATA]
    return [path for path in files if "program" not in path.relative_to(package).parts]


def trusted_sources(root: Path) -> list[Path]:
    package = root / "src" / "rung"
    return [path for path in engine_sources(root) if path.relative_to(package).parts[0] in TRUSTED]


def package_of(path: Path) -> str:
    """Returns the dotted package of a file below src, "rung" for a file elsewhere."""
    parts = path.parent.parts
    return ".".join(parts[len(parts) - parts[::-1].index("src") :]) if "src" in parts else "rung"


def complaints(path: Path, *, allowed: tuple[str, ...]) -> list[str]:
    """Returns each import of a file that is neither of the standard library nor of the allowed modules."""
    found = []
    for line, name in imported(path, package=package_of(path)):
        standard = name.split(".", 1)[0] in sys.stdlib_module_names
        if not standard and not any(name == base or name.startswith(base + ".") for base in allowed):
            found.append(f"{path}:{line}: {name}")
    return found


def test_trusted_part_imports_the_standard_library_only(root: Path) -> None:
    allowed = ("rung.kernel", "rung.records", "rung.errors", "rung.version", "rung.wire")
    files = trusted_sources(root)
    assert len(files) > 3
    assert [bad for path in files for bad in complaints(path, allowed=allowed)] == []


def test_the_foundation_does_not_look_up(root: Path) -> None:
    package = root / "src" / "rung"
    assert complaints(package / "errors.py", allowed=()) == []
    assert complaints(package / "wire.py", allowed=("rung.errors",)) == []


@pytest.mark.parametrize(
    ("source", "caught"),
    [
        ("import numpy", True),
        ("def f():\n    from scipy.optimize import minimize", True),
        ("from . import neighbour", True),
        ("from rung import authoring", True),
        ("import rung", True),
        ("import rung.kernelish", True),
        ("import sqlite3, os.path", False),
        ("from rung import wire", False),
    ],
)
def test_the_check_catches_what_it_should(tmp_path: Path, source: str, *, caught: bool) -> None:
    path = tmp_path / "sample.py"
    path.write_text(source)
    assert bool(complaints(path, allowed=("rung.wire", "rung.kernel"))) is caught


def test_nobody_imports_programs_or_the_sdk(root: Path) -> None:
    forbidden = tuple(f"rung.{name}" for name in DATA)
    for path in engine_sources(root):
        names = [name for _, name in imported(path, package=package_of(path))]
        assert not [name for name in names if name.startswith(forbidden)], path


def test_the_kernel_imports_nothing_by_name_at_run_time(root: Path) -> None:
    package = root / "src" / "rung"
    jail = package / "kernel" / "sandbox"
    for path in trusted_sources(root):
        if jail in path.parents:  # it loads the candidate, in the candidate's process
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            assert name not in DYNAMIC, f"{path}:{getattr(node, 'lineno', 0)}: {name}"


def test_importing_the_kernel_loads_no_third_party_module(root: Path) -> None:
    """What the source does not show: the modules that are really there after the import, in a bare interpreter."""
    script = (
        "import sys, importlib, pkgutil, rung.kernel\n"
        "for m in pkgutil.walk_packages(rung.kernel.__path__, 'rung.kernel.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "tops = {name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names - {'rung', '__main__'}\n"
        "sys.exit(', '.join(sorted(tops)) or 0)\n"
    )
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(root / 'src')!r})\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_import_contracts_hold(root: Path) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

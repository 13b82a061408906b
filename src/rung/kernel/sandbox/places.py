"""Where this interpreter and its scientific packages live, and what of that no candidate may see."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from pathlib import Path

from rung.kernel.sandbox.jail.box import Places

_SITES = ("site-packages", "dist-packages")
_WANTED = ("numpy", "scipy")


def interpreter_places() -> Places:
    """Returns what to show read-only: standard library, site-packages, system libraries, and nothing of rung."""
    sites = [path for path in sys.path if _is_site(path)]
    library = {path for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))}
    multiarch = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
    system = ("/lib64", "/usr/lib64", f"/lib/{multiarch}", f"/usr/lib/{multiarch}", "/etc/ld.so.cache")
    directories = _outermost([*sorted(library), *sites, *filter(os.path.exists, system)])
    readable = _outermost([*directories, *_mapped_libraries()])
    return Places(readable=readable, hidden=sorted(_parts_of_rung([*sites, *library])), search=sites)


def interpreter_binary() -> str:
    """Returns the real path of the interpreter, behind the links of virtual environments."""
    return str(Path(sys.executable).resolve())


def _is_site(path: str) -> bool:
    if not os.path.isdir(path) or not os.path.isabs(path):
        return False
    return os.path.basename(path) in _SITES or any(os.path.isdir(os.path.join(path, name)) for name in _WANTED)


def _outermost(paths: list[str]) -> list[str]:
    """Returns the paths that lie below no other, each once."""
    kept: list[str] = []
    for path in sorted({os.path.normpath(path) for path in paths}):
        if not any(path == other or path.startswith(other + "/") for other in kept):
            kept.append(path)
    return kept


def _mapped_libraries() -> list[str]:
    """Returns the shared libraries of this very process: where libpython and the C library are, however installed."""
    text = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    found = {match[1] for match in re.finditer(r"(/\S+\.so[.\d]*)$", text, re.MULTILINE)}
    return sorted(path for path in found if os.path.exists(path))


def _parts_of_rung(directories: list[str]) -> set[str]:
    """Returns whatever of rung is installed there: evaluators and their known answers are in it."""
    nested = [os.path.join(path, name) for path in directories for name in _SITES]
    pattern = re.compile(r"(_{0,2}editable_{0,2}.*)?_?rung([-_.].*)?$")
    return {
        os.path.join(path, name)
        for path in {*directories, *nested}
        if os.path.isdir(path)
        for name in os.listdir(path)
        if pattern.fullmatch(name)
    }

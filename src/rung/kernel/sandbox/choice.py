"""Which sandbox is used here: the strongest that passes its self-test of escapes, or none at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from rung import errors
from rung.kernel.sandbox.forkserver import ForkServerSandbox
from rung.kernel.sandbox.fresh import FreshSandbox
from rung.kernel.sandbox.port import Sandbox
from rung.kernel.sandbox.selftest import leaks

STRONGEST_FIRST = ("namespaces", "bubblewrap", "unshare", "landlock")
UNISOLATED = "process"
_FRESH = ("bubblewrap", "unshare")
_ADVICE = (
    "Allow user namespaces (sysctl user.max_user_namespaces above 0; kernel.unprivileged_userns_clone=1 and "
    "kernel.apparmor_restrict_unprivileged_userns=0 where these exist), or install bubblewrap, or use a kernel with "
    "Landlock (5.13 or later). In a container, seccomp=unconfined lets rung build its own, stronger walls."
)


def open_sandbox(name: str = "auto", *, preload: tuple[str, ...] = ()) -> Sandbox:
    """Returns the named sandbox, or for "auto" the strongest one, if it passes its self-test here.

    preload: modules to import once, ahead of all candidates. "process" isolates nothing and is never chosen by itself.

    Raises:
      NoSandbox: none passes; the message says what to do.
      BadInput: there is no sandbox of this name.
    """
    if name == UNISOLATED:
        return ForkServerSandbox(UNISOLATED, preload=preload)
    if name not in {"auto", *STRONGEST_FIRST}:
        raise errors.BadInput(f"no sandbox is called {name!r}: use auto, {', '.join(STRONGEST_FIRST)} or {UNISOLATED}")
    return _first_that_passes(STRONGEST_FIRST if name == "auto" else (name,), preload)


def open_rescorer(*, preload: tuple[str, ...] = ()) -> Sandbox:
    """Returns a second, independent way to run programs; its name says how independent it is.

    Bubblewrap, else a box built by util-linux; where neither works, a second instance of the strongest.

    Raises:
      NoSandbox: nothing isolates programs here; the message says what to do.
    """
    return _first_that_passes((*_FRESH, *STRONGEST_FIRST), preload)


def _first_that_passes(names: tuple[str, ...], preload: tuple[str, ...]) -> Sandbox:
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        raise errors.NoSandbox(
            f"rung can isolate programs on Linux on x86_64 only, and this is {sys.platform} on {platform.machine()}: "
            "use such a machine or a virtual one."
        )
    reasons: list[str] = []
    for name in dict.fromkeys(names):
        make: Callable[..., Sandbox] = FreshSandbox if name in _FRESH else ForkServerSandbox
        try:
            sandbox = make(name, preload=preload)
        except (errors.SandboxBroken, OSError) as error:
            reasons.append(f"{name}: {error}")
            continue
        found = [] if _is_remembered(sandbox) else leaks(sandbox)
        if not found:
            _remember(sandbox)
            return sandbox
        sandbox.close()
        reasons.append(f"{name}: its self-test found {', '.join(found[:5])}")
    raise errors.NoSandbox(f"no sandbox isolates programs well enough here ({'; '.join(reasons)}). {_ADVICE}")


def _memory_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "rung" / "sandbox.json"


def _circumstances(sandbox: Sandbox) -> str:
    """Returns a digest of all that a passed self-test depends on."""
    here = Path(__file__).parent
    sources = [file.read_bytes() for file in sorted(here.rglob("*")) if file.suffix in {".py", ".txt"}]
    who = (platform.release(), platform.version(), os.geteuid(), sys.executable, sys.version, sys.path, sandbox.layers)
    return hashlib.sha256(b"\0".join([repr(who).encode(), *sources])).hexdigest()


def _remembered() -> dict[str, str]:
    try:
        document = json.loads(_memory_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_remembered(sandbox: Sandbox) -> bool:
    return _remembered().get(sandbox.name) == _circumstances(sandbox)


def _remember(sandbox: Sandbox) -> None:
    """Notes a passed self-test, where there is a place to note it; a failed one is tried again every time."""
    if _is_remembered(sandbox):
        return
    file = _memory_file()
    text = json.dumps({**_remembered(), sandbox.name: _circumstances(sandbox)})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(f".{os.getpid()}")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(file)
    except OSError:
        return

"""`rung doctor`: what this machine is, and what of it isolates programs."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import rung
from rung.agents.door import check_box
from rung.cli.options import AS_JSON
from rung.cli.screen import plain, print_json, results, table
from rung.errors import NoSandbox, ProgramFailed, SandboxBroken
from rung.kernel.sandbox import open_rescorer, open_sandbox
from rung.kernel.sandbox.choice import STRONGEST_FIRST
from rung.kernel.sandbox.selftest import leaks

if TYPE_CHECKING:
    from rung.wire import JSON


RAISED = re.compile(r"\{'error': \{'type': '(\w+)', 'message': (?:\"([^\"]*)|'([^']*))")
ADVICE = {
    "namespaces": "allow user namespaces (sysctl user.max_user_namespaces above 0; in a container, seccomp=unconfined)",
    "bubblewrap": "install it, and allow user namespaces unless you are root",
    "unshare": "install util-linux, and allow user namespaces unless you are root",
    "landlock": "use Linux 5.13 or later with Landlock switched on, and an interpreter that everybody may read",
}
EXTRAS = {  # package -> which models need it, and what installs it
    "openai": ("openai:, openrouter: and gemini:", "pip install 'rung[models]'"),
    "anthropic": ("anthropic:", "pip install 'rung[anthropic]'"),
    "google-genai": ("google:", "pip install 'rung[google]'"),
    "xllamacpp": ("gguf: and local:", "pip install 'rung[local]'"),
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One backend: whether it withstood the self-test of escapes just now.

    seconds: what the test took. reason: the first thing that is wrong. advice: what to do about it.
    """

    name: str
    passed: bool
    seconds: float
    layers: tuple[str, ...]
    reason: str
    advice: str = ""


def doctor(json: AS_JSON = False) -> None:
    """Test every sandbox on this machine, and say which one is taken."""
    found = [diagnose(name) for name in STRONGEST_FIRST]
    taken, rescorer, refusal = _choice()
    agents, extras = agents_held(), missing_extras()
    if json:
        document = _document(found, taken=taken, rescorer=rescorer, refusal=refusal)
        print_json({**document, "agents": agents or None, "missing_extras": dict(extras)})
    else:
        _print(found, taken=taken, rescorer=rescorer, refusal=refusal)
        results().print(f"coding agents: {plain(agents) or 'held by bubblewrap'}", soft_wrap=True)
        for models, command in extras.items():
            results().print(f"models {models} need {command}", soft_wrap=True, markup=False)
    if taken is None:
        raise typer.Exit(1)


def agents_held() -> str:
    """Returns why coding agents cannot be run here, or ""."""
    try:
        check_box()
    except NoSandbox as refusal:
        return str(refusal)
    return ""


def missing_extras() -> dict[str, str]:
    """Returns for the models that cannot be asked yet what installs what they lack."""
    installed = {found.name for found in distributions()}
    return {models: command for package, (models, command) in EXTRAS.items() if package not in installed}


def diagnose(name: str) -> Diagnosis:
    """Returns how a backend does here, tested anew whatever is remembered."""
    began = time.monotonic()
    try:
        box = open_sandbox(name)
    except NoSandbox as refusal:
        reason = (
            str(refusal)
            .removeprefix("no sandbox isolates programs well enough here (")
            .split("). ")[0]
            .removeprefix(f"{name}: ")
        )
        return _failed(name, reason.removeprefix("its self-test found "), seconds=time.monotonic() - began)
    try:
        began = time.monotonic()
        reason = ", ".join(leaks(box))
    except (SandboxBroken, ProgramFailed) as error:
        reason = str(error)
    finally:
        box.close()
    seconds = time.monotonic() - began
    if reason:
        return _failed(name, reason, seconds=seconds, layers=box.layers)
    return Diagnosis(name, passed=True, seconds=seconds, layers=box.layers, reason="")


def _failed(name: str, reason: str, *, seconds: float, layers: tuple[str, ...] = ()) -> Diagnosis:
    closed = closed_folder(Path(sys.executable).resolve()) if os.geteuid() == 0 and name == "landlock" else None
    if closed is None:
        return Diagnosis(
            name, passed=False, seconds=seconds, layers=layers, reason=in_words(reason), advice=ADVICE[name]
        )
    reason = f"programs run as an unprivileged user here, who cannot read the interpreter: {closed} is closed to others"
    advice = f"use an interpreter outside {closed}, such as that of the system, or run rung as another user than root"
    return Diagnosis(name, passed=False, seconds=seconds, layers=layers, reason=reason, advice=advice)


def in_words(reason: str) -> str:
    """Returns the first of the reasons of a failed self-test, as a person would say it."""
    raised = RAISED.search(reason)
    if raised is not None and raised.start() <= len("an ordinary program fails: "):
        message = (raised[2] or raised[3] or "").partition(", in probe.py")[0]
        return f"an ordinary program fails in it with {raised[1]}: {message}"
    return reason.partition(", ")[0]


def closed_folder(path: Path) -> Path | None:
    """Returns the outermost folder above a file that only its owner may enter, or None."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)


def _choice() -> tuple[str | None, str | None, str]:
    try:
        box, second = open_sandbox("auto"), open_rescorer()
    except NoSandbox as refusal:
        return None, None, str(refusal)
    box.close()
    second.close()
    return box.name, second.name, ""


def _machine() -> dict[str, JSON]:
    return {
        "rung": rung.__version__,
        "python": f"{platform.python_version()} at {sys.executable}",
        "system": f"{platform.system()} {platform.release()} on {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "user": "root" if os.geteuid() == 0 else f"uid {os.geteuid()}",
    }


def _document(found: list[Diagnosis], *, taken: str | None, rescorer: str | None, refusal: str) -> dict[str, JSON]:
    return {
        **_machine(),
        "sandboxes": [
            {
                "name": one.name,
                "passed": one.passed,
                "seconds": one.seconds,
                "layers": list(one.layers),
                "reason": one.reason,
                "advice": one.advice,
            }
            for one in found
        ],
        "taken": taken,
        "rescorer": rescorer,
        "refusal": refusal or None,
    }


def _print(found: list[Diagnosis], *, taken: str | None, rescorer: str | None, refusal: str) -> None:
    out = results()
    rows = table("", "")
    rows.show_header = False
    for name, value in _machine().items():
        rows.add_row(name, f"{value:,} " if name == "memory_mb" else str(value))
    out.print(rows)
    out.print()
    rows = table("sandbox", "self-test", "#seconds", "layers, or what is wrong")
    for one in found:
        verdict = "passed" if one.passed else "FAILED"
        rows.add_row(
            one.name, verdict, f"{one.seconds:.2f}", ", ".join(one.layers) if one.passed else plain(one.reason)
        )
    out.print(rows)
    out.print()
    for one in found:
        if not one.passed:
            out.print(f"{one.name}: {plain(one.advice)}", soft_wrap=True)
    if taken is None:
        out.print(plain(refusal, limit=2000), soft_wrap=True)
        out.print("Until then rung refuses to run programs here, unless you say --sandbox process.")
        return
    out.print(f"taken: {taken}; incumbents are re-scored by {rescorer}")

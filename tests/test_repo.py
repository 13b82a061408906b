"""The repository itself: what may not stand in it, its sizes, its lock, and that the wheel holds everything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

# Put together here, so that this file does not hold what it looks for.
HOSTS = re.compile("|".join(re.escape(".".join(parts)) for parts in (("pypi", "org"), ("pythonhosted", "org"))))
MACHINE = re.compile(r"/(?:home|Users)/\w+/|/root/\.pyenv|/opt/pypi|/work/(?:main|venv|shared)")
SKIPPED = {".git", ".hypothesis", ".venv", "build", "dist", ".rung", "__pycache__"}


def tracked(root: Path) -> list[Path]:
    """Returns the files of the repository: what git would add, or the whole tree where it is no git checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode == 0 and done.stdout:
        names = (root / os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
        return sorted({path for path in names if path.is_file()})
    files = (path for path in root.rglob("*") if path.is_file())
    return [
        path for path in files if not any(p in SKIPPED or p.endswith("_cache") for p in path.relative_to(root).parts)
    ]


def pins(path: Path) -> dict[str, set[str]]:
    """Returns name -> pinned versions (one per environment marker) of a lock."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def run(command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_no_registry_host_and_no_path_of_a_machine(root: Path) -> None:
    found = []
    for path in tracked(root):
        text = path.read_bytes().decode("utf-8", "replace")
        if path != Path(__file__).resolve():
            found += [f"{path.relative_to(root)}: {match.group()}" for match in MACHINE.finditer(text)]
        found += [f"{path.relative_to(root)}: {match.group()}" for match in HOSTS.finditer(text)]
    assert found == []


def test_no_large_file(root: Path) -> None:
    assert [path.name for path in tracked(root) if path.stat().st_size > 500_000] == []


def test_sizes(root: Path) -> None:
    assert "the judge has" in run([sys.executable, "scripts/size.py"], cwd=root)


def test_lock_pins_every_requirement_with_hashes(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    needs = project["project"]["dependencies"] + project["build-system"]["requires"]
    needs += [line for line in (root / "requirements/dev.in").read_text().splitlines() if line and line[0] != "#"]
    runtime, everything = pins(root / "requirements/run.lock"), pins(root / "requirements/dev.lock")
    assert [need for need in needs if re.split(r"[<>=~! \[]", need)[0] not in everything] == []
    assert {name: everything.get(name) for name in runtime} == runtime
    for lock in ("run.lock", "dev.lock"):
        text = (root / "requirements" / lock).read_text()
        entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_ci_runs_what_the_readme_says(root: Path) -> None:
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    command = script.read_text().strip().splitlines()[-1].removeprefix("exec ").removesuffix(" </dev/null")
    assert command == "make test"
    assert command in (root / "README.md").read_text()


def test_pre_commit_is_make_check(root: Path) -> None:
    entries = re.findall(r"^\s*entry: (.*)$", (root / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    assert entries == ["make check"]


def test_every_ignored_rule_has_a_reason(root: Path) -> None:
    inside = re.search(
        r"\[tool\.ruff\.lint\](.*?)\n\[tool\.importlinter\]", (root / "pyproject.toml").read_text(), re.DOTALL
    )
    assert inside is not None
    rules = re.findall(r'^  "[A-Z]+[0-9]*",(.*)$', inside.group(1), re.MULTILINE)
    assert len(rules) > 10
    assert [rule for rule in rules if not re.match(r"\s+# \w+", rule)] == []


@pytest.fixture(scope="module")
def elsewhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, and what rung needs borrowed from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=root)
    (wheel,) = folder.glob("rung-*.whl")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], cwd=folder)
    python = folder / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--quiet"]
    run([*pip, "install", "--no-deps", "--no-index", "--no-compile", str(wheel)], cwd=folder)
    (site,) = folder.glob("env/lib/python*/site-packages")
    # A folder named in a .pth file is searched last, and .pth files inside it are not read: this checkout stays out.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def installed(elsewhere: Path) -> Path:
    script = "import rung, pathlib; print(pathlib.Path(rung.__file__).parent)"
    python = elsewhere / "env" / "bin" / "python"
    return Path(run([str(python), "-I", "-c", script], cwd=elsewhere).strip())


def test_wheel_holds_every_file_of_the_package(root: Path, elsewhere: Path) -> None:
    package = installed(elsewhere)
    assert elsewhere in package.parents
    source = root / "src" / "rung"
    wanted = {str(path.relative_to(source)) for path in tracked(root) if source in path.parents}
    if not wanted:
        pytest.fail("no source files were found")
    there = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert wanted - there == set()
    assert {name for name in there - wanted if not name.endswith(".pyc")} == set()


def test_wheel_works_outside_the_checkout(elsewhere: Path) -> None:
    script = str(elsewhere / "env" / "bin" / "rung")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(elsewhere), "TERM": "dumb"}
    assert "improve" in run([script, "--help"], cwd=elsewhere, env=env)
    assert "circles" in run([script, "tasks"], cwd=elsewhere, env=env)
    assert "seed" in run([script, "improvers"], cwd=elsewhere, env=env)


def test_the_demo_runs_from_the_wheel(elsewhere: Path) -> None:
    script = str(elsewhere / "env" / "bin" / "rung")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(elsewhere), "TERM": "dumb"}
    shown = run([script, "demo", "--cpu-seconds", "3", "--work", "5000"], cwd=elsewhere, env=env)
    assert "none got a score" in shown
    assert "chain whole" in shown

"""The public names of rung: exactly those of `__all__`, each with a docstring of its own."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import rung


def test_all_is_what_is_there() -> None:
    assert list(rung.__all__) == sorted(set(rung.__all__))
    assert all(hasattr(rung, name) for name in rung.__all__)  # one of them is loaded when it is asked for
    public = {name for name, value in vars(rung).items() if name[0] != "_" and not isinstance(value, ModuleType)}
    public -= {"annotations"}
    assert public == {
        name for name in rung.__all__ if name[0] != "_" and not isinstance(getattr(rung, name), ModuleType)
    }


@pytest.mark.parametrize("name", rung.__all__)
def test_public_name_is_documented(name: str) -> None:
    value = getattr(rung, name)
    if not (inspect.isclass(value) or callable(value)):
        assert name in (rung.__doc__ or ""), f"{name} is a value: say in the module's docstring what it is"
        return
    first = (inspect.getdoc(value) or "").partition("\n")[0]
    assert len(first.split()) >= 3, f"{name} says nothing about itself"
    assert not first.startswith(f"{name}("), f"{name} has only the docstring that @dataclass made up"


@pytest.mark.parametrize("name", [name for name in rung.__all__ if inspect.isfunction(getattr(rung, name))])
def test_public_function_is_typed(name: str) -> None:
    signature = inspect.signature(getattr(rung, name))
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter.name})"


def test_import_is_light() -> None:
    """`import rung` in a user's task file must cost nothing it does not need."""
    heavy = "{'numpy', 'scipy', 'rich', 'typer', 'cma'}"
    script = f"import sys, rung; sys.exit(', '.join({heavy} & sys.modules.keys()) or 0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")

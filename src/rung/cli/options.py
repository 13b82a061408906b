"""The options that several commands share."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.agents.command import Effort, agent_program, is_command
from rung.errors import BadInput
from rung.kernel.ledger import layout
from rung.kernel.ledger.sqlite import read_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rung.kernel.ledger.sqlite import SqliteLedger
    from rung.models.door import Door
    from rung.records import Program

TASK = Annotated[
    str,
    typer.Argument(
        metavar="TASK", help="A task that ships (`rung tasks`), FILE.py, FILE.py:NAME, or a folder with task.py."
    ),
]
RUN = Annotated[str, typer.Argument(metavar="RUN", help="A run (`rung show`); its first characters are enough.")]
WORKSPACE = Annotated[Path, typer.Option("--workspace", metavar="DIR", help="Where the ledger is.")]
SANDBOX = Annotated[
    str,
    typer.Option(
        "--sandbox", metavar="NAME", help="auto, or a backend's name (`rung doctor`); process isolates nothing."
    ),
]
MODELS = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME[=WEIGHT]", help="A model that may propose; as often as there are models."),
]
TASK_MODEL = Annotated[
    str | None,
    typer.Option("--task-model", metavar="NAME", help="Whom the task's evaluator asks.  [default: the first --model]"),
]
MAX_TOKENS = Annotated[int | None, typer.Option("--max-tokens", min=1, help="Of all calls of models together.")]
MAX_USD = Annotated[float | None, typer.Option("--max-usd", min=1e-9, help="US dollars of all calls together.")]
PRICES = Annotated[
    Path | None, typer.Option("--prices", metavar="FILE.toml", help="Prices that go before the list of rung.")
]
DEAD_MAN = Annotated[
    float | None,
    typer.Option("--dead-man", metavar="SECONDS", min=1.0, help="End everything when the engine hangs for so long."),
]
CHARTER = Annotated[
    Path | None,
    typer.Option(
        "--charter",
        metavar="FILE.toml",
        help="What may be done.  [default: charter.toml beside the workspace, or the one in force]",
    ),
]
AS_JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
SEED = Annotated[int, typer.Option("--seed", min=0, help="Of all chance.")]


def named_models(models: list[str] | None, task_model: str | None, prices: Path | None) -> Door | None:
    """Returns the door to the models that were named, None when none was; keys come from the environment.

    Raises:
      BadInput: a name, a key or a price is wrong, or there are prices for nothing.
    """
    if not models and task_model is None:
        if prices is not None:
            raise BadInput("--prices is for models, and no model was named: name one with --model")
        return None
    from rung.models.configured import open_door  # noqa: PLC0415 - most commands ask no model

    return open_door(models or (), rollouts=task_model, prices=prices, environment=os.environ)


def named_agent(improver: str, show: list[Path] | None, seconds: float | None) -> Program | str:
    """Returns the agent that an improver's name describes; the name itself for any other.

    Raises:
      BadInput: there is no such command, or an option of agents stands beside another improver.
    """
    if not is_command(improver):
        if show or seconds is not None:
            raise BadInput('--agent-show and --agent-seconds are for agents: name one with --improver "cmd:..."')
        return improver
    effort = Effort() if seconds is None else Effort(seconds=seconds)
    return agent_program(improver, show=tuple(map(str, show or ())), effort=effort)


def existing_ledger(workspace: Path) -> SqliteLedger:
    """Returns the ledger of a workspace, to read.

    Raises:
      BadInput: nothing was ever run there, or it is a file.
      LedgerError: it cannot be read.
    """
    api.checked_workspace(workspace)
    if not (workspace / layout.FILE).exists():
        raise BadInput(f"there is no ledger in {workspace}: `rung improve TASK` starts one, --workspace names another")
    return read_ledger(workspace)


def named_again(workspace: Path) -> str:
    """Returns the option that names a workspace in a command for a person to type; "" for the usual one."""
    return "" if workspace == api.WORKSPACE else f" --workspace {shlex.quote(str(workspace))}"


@contextmanager
def naming(task: str) -> Iterator[None]:
    """Adds to a refusal that there is a file of the name a person gave, where they left out its ending.

    Raises:
      BadInput: what was raised inside.
    """
    try:
        yield
    except BadInput as error:
        stem, colon, name = task.partition(":")
        file = Path(f"{stem.rstrip('/')}.py")
        nothing = str(error).startswith("no task ") or str(error).endswith("task.py does not exist")
        if not nothing or stem.endswith(".py") or not file.is_file():
            raise
        raise BadInput(f"there is no task {task!r}; did you mean {file}{colon}{name}?") from error

"""The two verbs from Python: what the command line does, without the command line."""

from __future__ import annotations

import math
import os
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from rung.agents.command import agent_program, is_command
from rung.agents.door import AgentDoor
from rung.authoring import BUILT_IN, find_improver, find_task
from rung.errors import BadInput
from rung.kernel.budget import Allowance
from rung.kernel.identity import Request, run_key
from rung.kernel.kernel import Kernel, Settings
from rung.kernel.ledger.lock import run_lock
from rung.kernel.ledger.sqlite import open_ledger
from rung.oversight.charter_bounds import allowance_under, bounds_of
from rung.oversight.clock import LivedClock
from rung.oversight.standing import adopt, charter_here, standing
from rung.promotion import SUFFIX, in_force
from rung.records import Program, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rung.kernel.ledger.port import Event, Ledger
    from rung.models.door import Door
    from rung.oversight.charter import Charter
    from rung.records import Outcome

WORKSPACE = Path(".rung")


def improve(  # noqa: PLR0913 - the options of the command, keyword-only
    task: Task | str,
    *,
    attempts: int | None = None,
    seed: int | None = None,
    workers: int = 1,
    improver: Program | str = "seed",
    workspace: str | Path = WORKSPACE,
    cpu_seconds: float | None = None,
    seconds: float | None = None,
    sandbox: str = "auto",
    models: Door | str | Sequence[str] | None = None,
    max_tokens: int | None = None,
    max_usd: float | None = None,
    charter: str | Path | None = None,
    observe: Callable[[Event], None] = lambda _: None,
) -> Outcome:
    """Returns what the improver made of the task's program; an unfinished run of the same request is resumed.

    task, improver: the thing itself, or what a person calls it on the command line. attempts: programs that may be
    tried (None: as many as the task says). seed: of all chance (None: drawn). cpu_seconds, seconds: of the whole run.
    models: whom improvers and evaluators may ask, by name as after --model (keys come from the environment), or a door
    (rung.models.configured). max_tokens, max_usd: of all calls of the run together. charter: a file with what may be
    done (None: charter.toml beside the workspace, or the one in force). observe: called with every event of the run,
    recorded now or earlier.

    Raises:
      RungError: see errors.py; what was recorded so far stays, and the same call goes on from there.
    """
    _check_counts(attempts=attempts, workers=workers, seed=seed)
    _check_amounts(cpu_seconds=cpu_seconds, seconds=seconds, max_tokens=max_tokens, max_usd=max_usd)
    door = _door(models)
    workspace = checked_workspace(workspace)
    law = charter_here(workspace, charter)
    found = find_task(task) if isinstance(task, str) else task
    asked = Allowance(cpu_seconds, seconds, max_tokens, max_usd)
    allowance = allowance_under(law, asked, task=found, models=door.endpoints if door else None)
    check_models(door, allowance)
    program = _named(improver, workspace) if isinstance(improver, str) else improver
    reference = reference_of(found, workspace, named=task if isinstance(task, str) else "")
    request = Request(seed, attempts, allowance, reference, door.identity if door else "", bounds_of(law))
    ledger = open_ledger(workspace)
    try:
        law = law and adopt(ledger, law, now=time.time())
        agents = AgentDoor(ledger, named=program, sandbox=sandbox)
        kernel = open_kernel(
            ledger, sandbox=sandbox, workers=workers, observe=observe, models=door, agents=agents, charter=law
        )
        with ExitStack() as locks:
            if seed is None:
                # Who holds the request may choose a seed for it; two who choose at once would start the work twice.
                locks.enter_context(run_lock(workspace, run_key(found, program, request)))
                request = replace(request, seed=kernel.unfinished_seed(found, program, request))
            locks.enter_context(run_lock(workspace, run_key(found, program, request)))
            return kernel.improve(found, program, request)
    finally:
        ledger.close()


def _door(models: Door | str | Sequence[str] | None) -> Door | None:
    from rung.models import configured, door  # noqa: PLC0415 - most runs ask no model

    if models is None or isinstance(models, door.Door):
        return models
    names = [models] if isinstance(models, str) else list(models)
    return configured.open_door(names, rollouts=None, prices=None, environment=os.environ)


def _named(improver: str, workspace: Path) -> Program:
    return agent_program(improver) if is_command(improver) else named_improver(improver, workspace)


def named_improver(name: str, workspace: Path) -> Program:
    """Returns the improver of a name, or with "@main" behind it the one that was promoted under that name.

    Raises:
      BadInput: there is none.
    """
    if not name.endswith(SUFFIX):
        return find_improver(name)
    with closing(open_ledger(workspace)) as ledger:
        return in_force(ledger, name.removesuffix(SUFFIX))


def checked_workspace(workspace: str | Path) -> Path:
    """Returns the folder of a ledger, whether it is there yet or not.

    Raises:
      BadInput: a file is in its place.
    """
    workspace = Path(workspace)
    for path in (workspace, *workspace.parents):
        if path.is_file():
            raise BadInput(f"the workspace {workspace} must be a folder, and {path} is a file; name another")
    return workspace


def _check_counts(*, attempts: object, workers: object, seed: object) -> None:
    for name, count, least, without in (
        ("attempts", attempts, 1, "as many as the task says"),
        ("seed", seed, 0, "a drawn one"),
    ):
        if count is not None and not (type(count) is int and count >= least):
            raise BadInput(
                f"{name} must be a whole number, at least {least}, not {count!r}; leave it out for {without}"
            )
    if not (type(workers) is int and workers >= 1):
        raise BadInput(f"workers must be a whole number, at least 1, not {workers!r}; leave it out for one")


def check_models(models: Door | None, allowance: Allowance) -> None:
    """Does nothing when the models and what they may cost go together.

    Raises:
      BadInput: the spending of a model would never end, or a limit is of models and there is none.
    """
    if models is not None:
        models.refuse_uncapped(allowance)
    elif allowance.tokens is not None or allowance.usd is not None:
        raise BadInput("tokens and US dollars are what models cost, and no model was named: name one with --model")


def _check_amounts(**amounts: object) -> None:
    for name, amount in amounts.items():
        if amount is None:
            continue
        if (
            isinstance(amount, bool)
            or not isinstance(amount, int | float)
            or not (math.isfinite(amount) and amount > 0)
        ):
            raise BadInput(f"{name} must be a positive number, not {amount!r}; leave it out for no limit")


def open_kernel(
    ledger: Ledger,
    *,
    sandbox: str = "auto",
    workers: int = 1,
    observe: Callable[[Event], None] = lambda _: None,
    models: Door | None = None,
    agents: AgentDoor | None = None,
    charter: Charter | None = None,
) -> Kernel:
    """Returns a kernel that ships the improver's side of the wall from this package.

    charter: what all its runs are made under, None for the one in force in this ledger.
    """
    sdk = resources.files("rung").joinpath("sdk", "host.py").read_text(encoding="utf-8")
    settings = Settings(sandbox=sandbox, workers=workers)
    bounds = bounds_of(standing(ledger) if charter is None else charter)
    opened = None if agents is None else agents.open
    clock = LivedClock(ledger)
    return Kernel(
        ledger,
        sdk=sdk,
        settings=settings,
        observe=observe,
        models=models,
        agents=opened,
        clock=clock,
        bounds=bounds,
    )


def reference_of(task: Task, workspace: Path, *, named: str = "") -> str:
    """Returns how the task is found again from the ledger: its name, or "file.py:name".

    The file is named as seen from the folder of the workspace, so that both can be moved together. named: what a person
    called it; a Task that was handed over is where its evaluator is.
    """
    path = Path(named.partition(":")[0])
    code = getattr(task.evaluate, "__code__", None)
    if named and path.is_dir():
        file = path / "task.py"
    elif path.suffix == ".py":
        file = path
    else:
        file = Path(code.co_filename if code else "")
    file, home = file.resolve(), workspace.resolve().parent
    if BUILT_IN in file.parents:
        return task.name
    return f"{file.relative_to(home) if file.is_relative_to(home) else file}:{task.name}"


def find_again(reference: str, workspace: Path) -> Task:
    """Returns the task that a ledger refers to.

    Raises:
      BadInput: it is not where it was.
    """
    path, _, name = reference.rpartition(":")
    if not path:
        return find_task(reference)
    file = workspace.resolve().parent / path
    if not file.is_file():
        raise BadInput(f"the task file {file} is no longer there; put it back, what it judged needs it")
    return find_task(f"{file}:{name}")

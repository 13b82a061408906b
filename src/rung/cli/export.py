"""`rung export`: the incumbent's files, and what it returned, for anybody to check with code of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rung import api
from rung.cli.options import RUN, SANDBOX, WORKSPACE, existing_ledger
from rung.cli.recheck import recorded_models, recorded_task, validation_cases
from rung.cli.screen import foreign_talk, number, results
from rung.cli.story import find_run, story_of
from rung.errors import BadInput, IntegrityAlarm, ProgramFailed, Status
from rung.kernel import codec
from rung.kernel.sandbox import open_sandbox
from rung.kernel.scoring import score
from rung.kernel.shared import preloads

if TYPE_CHECKING:
    from rung.cli.story import Story
    from rung.kernel.ledger.port import Ledger
    from rung.kernel.scoring import Scored
    from rung.records import Case, Program, Task
    from rung.wire import JSON

OUTPUTS = "outputs.json"


def export(
    run: RUN,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made when it is not there.")],
    workspace: WORKSPACE = api.WORKSPACE,
    sandbox: SANDBOX = "auto",
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of the same names in DIR.")] = False,
) -> None:
    """Write the incumbent's files and what it returns for each validation case (outputs.json)."""
    ledger = existing_ledger(workspace)
    try:
        story = story_of(ledger, find_run(ledger, run))
        if not story.steps:
            raise BadInput(f"run {story.run} has no incumbent: not even its seed program was scored to the end")
        program = codec.program_from_bytes(ledger.get(story.steps[-1].program))
        _check_free(folder, program, force=force)
        with foreign_talk():
            task = recorded_task(ledger, story, workspace=workspace)
        scored = _scored_again(ledger, story, task, program=program, sandbox=sandbox)
    finally:
        ledger.close()
    evaluation, recorded = scored.evaluation, story.steps[-1].value
    if evaluation.status is not Status.OK:
        raise ProgramFailed(evaluation.status, f"the incumbent of run {story.run} fails now: {evaluation.feedback[-1]}")
    if task.exact and evaluation.value != recorded:
        raise IntegrityAlarm(
            f"the incumbent of run {story.run} scores {evaluation.value!r} now; {recorded!r} is recorded"
        )
    document = outputs_document(validation_cases(task, story), scored)
    files: dict[str, str | bytes] = {**program.files, OUTPUTS: _lines(document)}
    _write(folder, files)
    out = results()
    out.print(f"{len(files) - 1} program files and {OUTPUTS} are in {folder}", soft_wrap=True)
    out.print(
        f"value on validation: {number(evaluation.value, digits=12)}, scored again in sandbox {evaluation.sandbox}"
    )


def _scored_again(ledger: Ledger, story: Story, task: Task, *, program: Program, sandbox: str) -> Scored:
    box = open_sandbox(sandbox, preload=preloads(task.program, program))
    cases, seed = validation_cases(task, story), int(story.start["seed"])
    try:
        with foreign_talk():
            return score(task, program, cases, sandbox=box, seed=seed, models=recorded_models(ledger, story))
    finally:
        box.close()


def outputs_document(cases: tuple[Case, ...], scored: Scored) -> list[JSON]:
    """Returns one object per case: what went in, what came out, and the score that the evaluator made of it."""
    document: list[JSON] = []
    for case, points, outputs in zip(cases, scored.evaluation.scores, scored.outputs, strict=True):
        # Most evaluators ask once; `output` spares their readers a list of one.
        single = {"output": outputs[0]} if len(outputs) == 1 else {}
        document.append({"case": case.id, "input": case.input, "score": points, **single, "outputs": list(outputs)})
    return document


def _lines(document: list[JSON]) -> str:
    """Returns a JSON list with one element per line."""
    return "[\n" + ",\n".join(json.dumps(element, allow_nan=False) for element in document) + "\n]\n"


def _check_free(folder: Path, program: Program, *, force: bool) -> None:
    """Raises BadInput when the folder holds what must not be overwritten; asked before anything is computed."""
    if OUTPUTS in program.files:
        raise BadInput(
            f"the program has a file {OUTPUTS} of its own, where its outputs would go; it cannot be exported"
        )
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is not a folder; name one that is empty or not there yet")
    if force or not folder.exists():
        return
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != OUTPUTS and not _holds(path, program.files.get(name)):
            raise BadInput(f"{folder} holds {name}, which is not what would be written; choose another, or say --force")


def _holds(path: Path, data: str | bytes | None) -> bool:
    return data is not None and path.read_bytes() == _bytes(data)


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _write(folder: Path, files: dict[str, str | bytes]) -> None:
    try:
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_bytes(data))
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}; choose another folder") from error

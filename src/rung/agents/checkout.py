"""What an agent is told: its brief as files beside the program, in words and as data, with what was tried before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rung.agents.attempt import BRIEF_FILE, BRIEF_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rung.agents.command import Effort
    from rung.records import Program

SHOWN_TRIALS: Final = 5
DIFF_CHARACTERS: Final = 6_000
CASES_CHARACTERS: Final = 1 << 20
_BRIEF: Final = """# Brief

{goal}

You stand in a checkout of a program. Change its files here, in place, so that it does better, and then end. Nothing
else is needed: when you have ended, the files are compared with what they were, and the difference is your proposal. It
is run and scored elsewhere, where nothing in this box reaches.

- Entry of the program: `{entry}` (it must stay).
- Files you may change: {editable}. A proposal that changes any other is refused, and still counts as an attempt.
- In a file with EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, only what stands between them.
- Value of the program as it lies here: {value} (higher is better{bound}).
- Attempts left, with this one: {attempts}. You have {seconds:g} seconds and {cpu_seconds:g} CPU seconds for this one.
- There is no network. Your home folder and /tmp are empty and go when you end.
- To try the program: `PYTHONPATH="$RUNG_PYTHONPATH" "$RUNG_PYTHON" ...`.
- New files whose names begin with a dot, and caches, are not part of a proposal; nor are links.

`{folder}/brief.json` has all of this as data, with the inputs of the training cases{public}.
{feedback}{history}"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt that is over.

    number: which. ended: how the agent ended, in words. program: what was proposed, None when nothing was. status,
    value, feedback: how it did. kept: it became the incumbent.
    """

    number: int
    ended: str
    program: Program | None = None
    status: str = ""
    value: float | None = None
    feedback: tuple[str, ...] = ()
    kept: bool = False


def brief_files(
    document: Mapping[str, Any], *, start: Program, best: Trial, trials: Sequence[Trial], left: int, effort: Effort
) -> dict[str, str]:
    """Returns the files of the brief, by their names in the checkout.

    document: the brief that every improver gets. start: the task's own program. best: what lies in the checkout.
    trials: the attempts before this one, oldest first.
    """
    editable, bound = document["editable"], document["bound"]
    text = _BRIEF.format(
        goal=document["goal"],
        entry=start.entry,
        editable="all" if editable is None else ", ".join(f"`{pattern}`" for pattern in editable),
        value=best.value,
        bound="" if bound is None else f"; more than {bound} is impossible",
        attempts=left,
        seconds=effort.seconds,
        cpu_seconds=effort.cpu_seconds,
        folder=BRIEF_FOLDER,
        public="" if document["public"] is None else f"; `{BRIEF_FOLDER}/public.py` is the task's public part",
        feedback=_quoted("What is said about it", best.feedback),
        history=_history(start, best, trials),
    )
    told = {key: value for key, value in document.items() if key not in {"program", "improver", "public"}}
    if len(json.dumps(told["cases"])) > CASES_CHARACTERS:
        told["cases"] = []
    told |= {"entry": start.entry, "value": best.value, "attempts": left}
    files = {BRIEF_FILE: text, f"{BRIEF_FOLDER}/brief.json": json.dumps(told, indent=1)}
    if document["public"] is not None:
        files[f"{BRIEF_FOLDER}/public.py"] = document["public"]
    return files


def _history(start: Program, best: Trial, trials: Sequence[Trial]) -> str:
    if not trials:
        return ""
    parts = ["\n## Attempts so far\n"]
    if best.program is not None and best.program.id != start.id:
        parts.append(f"\nThe best is attempt {best.number}, and it lies here. Against the start:\n")
        parts.append(_diff(start, best.program))
    for trial in trials[-SHOWN_TRIALS:]:
        if trial is best:
            continue
        value = "" if trial.value is None else f", value {trial.value}"
        judged = f" Its proposal: {trial.status}{value}." if trial.status else " It proposed nothing."
        parts.append(f"\n### Attempt {trial.number}\n\n{_plain(trial.ended)}.{judged}\n")
        parts.append(_quoted("", trial.feedback))
        if trial.program is not None:
            parts.append(_diff(start, trial.program))
    return "".join(parts)


def _diff(start: Program, program: Program) -> str:
    text = start.diff(program)
    cut = "" if len(text) <= DIFF_CHARACTERS else "\n(cut here)\n"
    return f"\n```diff\n{text[:DIFF_CHARACTERS]}{cut}```\n"


def _quoted(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    head = f"\n## {title}\n\n" if title else "\n"
    return head + "".join(f"- {_plain(sentence)}\n" for sentence in sentences[:20])


def _plain(sentence: str) -> str:
    return " ".join(sentence.split())[:500]

"""Search policies as programs, and the task of making one better; the gate's cases are on a data set of its own."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.records import Case, Fresh, Limits, Program, Task, as_cases
from rung.suites.search.box import Episode, mixed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rung.kernel.trial import Trial
    from rung.suites.search.box import Box
    from rung.wire import JSON

FOLDER = Path(__file__).with_name("program")
REFERENCES = ("random_search", "hill_climbing", "regularised_evolution")
BUDGETS = (50, 400)
GOAL = (
    "Make this search policy better: choose points of a discrete space so that, when the budget of noisy measurements "
    "is used up, the point it chooses is as good as possible, on spaces and landscapes that it has never met."
)
LIMITS = Limits(cpu_seconds=6.0, wall_seconds=60.0, memory_mb=256, output_bytes=1 << 16, disk_mb=1)
SHOWN, HIDDEN, SPAN = 1_000_000, 1_000_000_000, 10_000  # first seeds of train and of validation; seeds of an epoch
SHORT = 4
TRAIN, VALIDATION = 2, 6  # cases; with so few of train, improvers do not race children on the first, which is noise
HELD_OUT = 40  # fresh cases at the end of a run; the gate has its own


@dataclass(frozen=True, slots=True)
class Roles:
    """Which table serves what.

    train: shown scores; validation is on the same tables with other seeds. gate: decides adoption, and the comparison
    is made there. sealed: for nobody before a result is published.
    """

    train: tuple[str, ...] = (
        "nasbench201/cifar10",
        "hpolib/naval_propulsion",
        "hpolib/protein_structure",
        "hpobench/phoneme",
    )
    gate: str = "nasbench201/cifar100"
    sealed: tuple[str, ...] = ("nasbench201/imagenet", "hpolib/slice_localization", "hpobench/segment")


ROLES = Roles()


def policy(name: str = "policy") -> Program:
    """Returns a policy that ships, by the name of its file: the one to make better, or a reference."""
    conversation, text = ((FOLDER / f"{file}.py").read_text(encoding="utf-8") for file in ("conversation", name))
    return Program({"conversation.py": conversation, "policy.py": text}, "conversation.py:step")


def play(episodes: Sequence[Episode], trial: Trial) -> list[float]:
    """Returns the score of each episode; all are played side by side, one message for a step of all of them.

    Raises:
      ProgramFailed: the policy failed, or broke the rules of an episode.
    """
    questions: dict[int, dict[str, JSON]] = {
        number: {"episode": number, **episode.opening()} for number, episode in enumerate(episodes)
    }
    while questions:
        answers = trial.run_many([dict(question) for question in questions.values()])
        following: dict[int, dict[str, JSON]] = {}
        for number, answer in zip(questions, answers, strict=True):
            results: list[JSON] = list(episodes[number].take(answer))
            if not episodes[number].done:
                following[number] = {"episode": number, "results": results}
        questions = following
    return [episode.score() for episode in episodes]


def rounds(tables: Sequence[str], count: int, *, first: int, budgets: Sequence[int], times: int) -> list[JSON]:
    """Returns inputs of cases, [[table, budget, seed], ...]: each holds every table with every budget.

    first: the seed of the first; another one for every episode. times: how often the largest budget is met, `SHORT`
    times as often the others: their scores vary twice as much and cost a fraction.
    """
    longest = max(budgets)
    kinds: list[JSON] = [
        [table, budget]
        for table in tables
        for budget in budgets
        for _ in range(times * (1 if budget == longest else SHORT))
    ]
    made: list[JSON] = []
    for number in range(count):
        start = first + number * len(kinds)
        made.append([[*kind, start + place] for place, kind in enumerate(kinds) if isinstance(kind, list)])
    return made


def balanced(kinds: Sequence[tuple[str, int]], scores: Sequence[float]) -> float:
    """Returns the mean over kinds of episodes of the mean over the episodes of a kind."""
    groups: dict[tuple[str, int], list[float]] = {}
    for kind, score in zip(kinds, scores, strict=True):
        groups.setdefault(kind, []).append(score)
    return math.fsum(math.fsum(group) / len(group) for group in groups.values()) / len(groups)


def policy_task(
    boxes: Mapping[str, Box],
    *,
    train: Sequence[str],
    gate: str,
    start: Program | None = None,
    epoch: int = 0,
    times: int = 2,
    budgets: Sequence[int] = BUDGETS,
) -> Task:
    """Returns the task of making a policy better.

    boxes: by table name; those of `train` and `gate` are needed. start: the policy (None: the one that ships).
    epoch: another one has other seeds. times: see `rounds`. Held-out cases
    are single episodes on the gate's table, each a process of its own, whose seeds do not exist before the program's
    hash is on record.
    """

    def evaluate(case: Case, trial: Trial) -> float:
        given: Any = case.input
        if isinstance(given, int):  # drawn by the kernel
            given = [[gate, budgets[mixed(given) % len(budgets)], given]]
        scores = play([Episode(boxes[table], budget=budget, seed=seed) for table, budget, seed in given], trial)
        return balanced([(table, budget) for table, budget, _ in given], scores)

    shown = rounds(train, TRAIN, first=SHOWN + SPAN * epoch, budgets=budgets, times=times)
    hidden = rounds(train, VALIDATION, first=HIDDEN + SPAN * epoch, budgets=budgets, times=times)
    digest = hashlib.sha256("".join(f"{name} {boxes[name].source} " for name in (*train, gate)).encode()).hexdigest()
    return Task(
        name=f"search/{gate}/{'-'.join(map(str, budgets))}/{digest[:8]}",  # the tables belong to what a score means
        goal=GOAL,
        program=start or policy(),
        evaluate=evaluate,
        train=as_cases("train", shown),
        validation=as_cases("validation", hidden),
        held_out=Fresh(HELD_OUT),
        limits=LIMITS,
        bound=1.0,
        editable=("policy.py",),
        unit="score",
    )


def comparison_task(box: Box, *, budget: int) -> Task:
    """Returns the task of one search on a box with one budget; all its cases are seeds that the kernel draws."""

    def evaluate(case: Case, trial: Trial) -> float:
        seed: Any = case.input
        return play([Episode(box, budget=budget, seed=seed)], trial)[0]

    return Task(
        name=f"search/compare/{box.name}/{box.source[:8]}/{budget}",
        goal=GOAL,
        program=policy("random_search"),
        evaluate=evaluate,
        train=Fresh(1),
        validation=Fresh(1),
        held_out=Fresh(1),
        limits=LIMITS,
        bound=1.0,
    )

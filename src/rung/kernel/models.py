"""The door to models: what may be asked through it. Whoever answers stands outside the kernel and is handed to it.

Covered: the shape and the size of a question, whoever asks. Not covered: what answers cost; who answers reserves it
against the run's budget before a call, records the call, and charges it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rung import wire
from rung.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.kernel.budget import Budget
    from rung.kernel.run import Run
    from rung.wire import JSON

MOST_QUESTIONS = 64  # in one message
MOST_BYTES = 4 << 20  # of all of them together
KNOWN = {"messages", "max_tokens", "temperature", "seed", "stop", "model"}


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked.

    messages: (role, content). max_tokens: of the answer. temperature, seed: None leaves the choice to the model. stop:
    strings that end the answer. model: None for the first there is. sample: of a rollout, which of several answers.
    """

    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    model: str | None = None
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question.

    finish: "stop", "length", "refusal" and the like; without an answer "budget", "refused", "malformed" or
    "unavailable", and `error` is a sentence. tokens, usd: what it cost.
    """

    text: str
    finish: str
    model: str
    tokens: int = 0
    usd: float = 0.0
    error: str = ""


class Generator(Protocol):
    """The models as one run sees them."""

    @property
    def models(self) -> Sequence[JSON]:
        """What improvers are told about them."""

    def generate(self, questions: Sequence[Question]) -> list[Reply]:
        """Returns one reply per question, in order; the same question gets a new answer whenever it is asked.

        Raises:
          BadInput: a question that no model takes.
          RungError: no model answers at all; the run can be resumed.
        """

    def roll_out(self, questions: Sequence[Question]) -> list[Reply]:
        """Returns one reply per question of an evaluator; the same question and sample is paid for once in a run.

        Raises:
          BadInput, RungError: as for `generate`.
          BudgetExhausted: what is left does not cover them.
        """


class Models(Protocol):
    """Makes a generator for every run."""

    @property
    def identity(self) -> str:
        """Everything about the models that decides what a run finds."""

    def __call__(self, budget: Budget, run: Run) -> Generator:
        """Returns the models for one run: charged to its budget, written into its record, answered from it first."""


def questions(documents: Any) -> list[Question]:  # noqa: ANN401 - hostile JSON, checked here
    """Returns what was asked, from its JSON form.

    Raises:
      BadInput: it is no list of questions, or too much.
    """
    if type(documents) is not list or len(documents) > MOST_QUESTIONS:
        raise BadInput(f"a list of at most {MOST_QUESTIONS} questions is expected")
    if len(wire.canonical(documents)) > MOST_BYTES:
        raise BadInput(f"the questions of one message hold at most {MOST_BYTES >> 20} MB together")
    return [_question(document, f"question {number}") for number, document in enumerate(documents, start=1)]


def _question(document: Any, where: str) -> Question:  # noqa: ANN401 - as above
    if type(document) is not dict or not document.keys() <= KNOWN:
        raise BadInput(f"{where} must be an object of {', '.join(sorted(KNOWN))}")
    messages, stop = document.get("messages"), document.get("stop") or []
    if type(messages) is not list or not all(_texts(each, "role", "content") for each in messages):
        raise BadInput(f'{where} needs messages: a list of {{"role": text, "content": text}}')
    if type(stop) is not list or len(stop) > MOST_QUESTIONS or not all(type(each) is str for each in stop):
        raise BadInput(f"{where}: stop is a list of a few texts")
    for name, kinds in (
        ("max_tokens", (int,)),
        ("temperature", (int, float, type(None))),
        ("seed", (int, type(None))),
        ("model", (str, type(None))),
    ):
        if type(document.get(name)) not in kinds:
            raise BadInput(f"{where}: {name} is {document.get(name)!r}"[:200])
    return Question(
        tuple((each["role"], each["content"]) for each in messages),
        document["max_tokens"],
        document.get("temperature"),
        document.get("seed"),
        tuple(stop),
        document.get("model"),
    )


def _texts(value: object, *names: str) -> bool:
    return type(value) is dict and value.keys() == set(names) and all(type(each) is str for each in value.values())

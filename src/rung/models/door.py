"""The models as the kernel holds them: its questions become prompts of the broker, and answers become replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung import wire
from rung.errors import BadInput
from rung.kernel import codec
from rung.kernel.models import Reply
from rung.models.abreast import abreast
from rung.models.client import Client
from rung.models.errors import Malformed, Refused, Unavailable
from rung.models.names import Address, read_name
from rung.models.port import Completion, Message, Prompt
from rung.models.replay import ANSWER, OUTAGE, REQUEST, Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.kernel.budget import Allowance, Budget
    from rung.kernel.models import Question
    from rung.kernel.run import Run
    from rung.models.abreast import Together
    from rung.models.broker import Broker
    from rung.models.client import Outcome
    from rung.models.prices import Prices
    from rung.wire import JSON


@dataclass(frozen=True, slots=True)
class Proposer:
    """A model that improvers may ask. weight: its share before anything was learned about it."""

    name: str
    weight: float = 1.0


class Door:
    """Makes the models of each run out of one broker.

    proposers: whom improvers may ask, the first by default. rollouts: whom evaluators ask. together: how several
    questions are asked at once.
    """

    def __init__(
        self, broker: Broker, *, proposers: tuple[Proposer, ...], rollouts: str, together: Together = abreast
    ) -> None:
        self._broker, self._proposers, self._rollouts = broker, proposers, rollouts
        self._together = together
        self._told: list[JSON] = [_told(proposer, broker) for proposer in proposers]

    @property
    def identity(self) -> str:
        """Everything about the models that decides what a run finds and what it pays, as JSON; `door_of` reads it."""
        rollouts: JSON = {"name": self._rollouts, "usd_per_million": _price(self._broker, self._rollouts)}
        return wire.canonical({"proposers": self._told, "rollouts": rollouts}).decode()

    @property
    def endpoints(self) -> dict[str, str]:
        """Every model that may be asked -> "host:port" of where it is, "" for one on this machine."""
        names = dict.fromkeys([*(each.name for each in self._proposers), self._rollouts])
        return {name: _endpoint(name) for name in names}

    def refuse_uncapped(self, allowance: Allowance) -> None:
        """Does nothing when the spending of every model will end.

        Raises:
          BadInput: which one would not, and what to do.
        """
        for name in dict.fromkeys([*(each.name for each in self._proposers), self._rollouts]):
            self._broker.refuse_uncapped(name, allowance)

    def __call__(self, budget: Budget, run: Run) -> RunModels:
        """Returns the models for one run: charged to its budget, written into its record, answered from it first."""
        events = run.ledger.read(run=run.id, types=(REQUEST, ANSWER, OUTAGE))
        known = Answers(((event.type, event.body) for event in events), blob=run.ledger.get)
        charged = _Charged(run, budget)
        client = Client(self._broker, budget=budget, recorder=charged, known=known, together=self._together)
        names = tuple(proposer.name for proposer in self._proposers)
        return RunModels(client, self._broker.prices, told=self._told, names=names, rollouts=self._rollouts)


class RunModels:
    """The models as one run sees them."""

    def __init__(
        self, client: Client, prices: Prices, *, told: list[JSON], names: tuple[str, ...], rollouts: str
    ) -> None:
        self.models: Sequence[JSON] = told
        self._client, self._prices, self._names, self._rollouts = client, prices, names, rollouts

    def generate(self, questions: Sequence[Question]) -> list[Reply]:
        """Returns one reply per question, in order; the same question gets a new answer whenever it is asked.

        Raises:
          BadInput: a question that no model takes.
          ModelError: no model answers at all, or one reports what it cannot have used.
        """
        prompts = [prompt_of(question, self._proposer(question)) for question in questions]
        outcomes = self._client.complete_all(prompts)
        return [self._reply(prompt, outcome) for prompt, outcome in zip(prompts, outcomes, strict=True)]

    def roll_out(self, questions: Sequence[Question]) -> list[Reply]:
        """Returns one reply per question of an evaluator; the same question and sample is paid for once in a run.

        Raises:
          BadInput, ModelError: as for `generate`.
          BudgetExhausted: what is left does not cover them.
        """
        prompts = [prompt_of(question, question.model or self._rollouts) for question in questions]
        outcomes = self._client.samples(prompts, [question.sample for question in questions])
        for outcome in outcomes:
            if not isinstance(outcome, Completion | Refused | Malformed):
                raise outcome  # the fault is not the program's, so it must not be its score
        return [self._reply(prompt, outcome) for prompt, outcome in zip(prompts, outcomes, strict=True)]

    def _reply(self, prompt: Prompt, outcome: Outcome) -> Reply:
        if isinstance(outcome, Completion):
            charge = self._prices.true(prompt, outcome) or self._prices.worst(prompt)
            return Reply(outcome.text, outcome.finish_reason, prompt.model, charge.tokens, charge.usd)
        return Reply("", _finish(outcome), prompt.model, error=str(outcome))

    def _proposer(self, question: Question) -> str:
        name = self._names[0] if question.model is None else question.model
        if name not in self._names:
            raise BadInput(f"no model {name[:80]!r} was given to this run; there is {', '.join(self._names)}")
        return name


class _Charged:
    """Writes down with every answer what the run has spent by then, so that a later sitting begins with it."""

    def __init__(self, run: Run, budget: Budget) -> None:
        self._run, self._budget = run, budget

    def record(self, event_type: str, body: dict[str, JSON], *, blobs: tuple[bytes, ...] = ()) -> None:
        """Appends an event of the run."""
        spent: dict[str, JSON] = {"spent": codec.cost_to_json(self._budget.spent)} if event_type == ANSWER else {}
        self._run.record(event_type, {**body, **spent}, blobs=blobs)


def _told(proposer: Proposer, broker: Broker) -> JSON:
    price = _price(broker, proposer.name)
    return {"name": proposer.name, "weight": proposer.weight, "usd_per_million": price}


def _endpoint(name: str) -> str:
    found = read_name(name)
    return found.endpoint if isinstance(found, Address) and not found.loopback else ""


def _price(broker: Broker, name: str) -> JSON:
    price = broker.prices.models.get(name)
    return None if price is None else [float(price.prompt), float(price.completion)]


def prompt_of(question: Question, model: str) -> Prompt:
    """Returns a question as a prompt to a model.

    Raises:
      BadInput: no model takes it.
    """
    messages = tuple(Message(role, content) for role, content in question.messages)
    return Prompt(model, messages, question.max_tokens, question.temperature, question.seed, question.stop)


def _finish(outcome: Outcome) -> str:
    kinds = ((Refused, "refused"), (Malformed, "malformed"), (Unavailable, "unavailable"))
    return next((name for kind, name in kinds if isinstance(outcome, kind)), "budget")

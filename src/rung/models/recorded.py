"""What evaluators were answered in a run, for scoring its programs again: nobody is asked, nothing is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import BadInput
from rung.kernel.models import Reply
from rung.models.door import prompt_of
from rung.models.errors import ModelError, NotRecorded
from rung.models.port import Call, Completion
from rung.models.replay import ANSWER, OUTAGE, REQUEST, Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.kernel.ledger.port import Ledger
    from rung.kernel.models import Question
    from rung.models.port import Prompt
    from rung.wire import JSON


class RecordedModels:
    """The models of a run that is over, as its evaluator may ask them again.

    identity: what the run's start says of its models.
    """

    def __init__(self, ledger: Ledger, run: str, *, identity: str) -> None:
        """Raises BadInput when the identity cannot be read."""
        events = ledger.read(run=run, types=(REQUEST, ANSWER, OUTAGE))
        self._answers = Answers(((event.type, event.body) for event in events), blob=ledger.get)
        try:
            document: Any = wire.parse(identity.encode())
            self._rollouts = str(document["rollouts"]["name"])
        except (wire.WireError, KeyError, TypeError) as error:
            raise BadInput(f"what run {run} says of its models cannot be read ({error}): it was damaged") from error
        self.models: Sequence[JSON] = ()

    def generate(self, questions: Sequence[Question]) -> list[Reply]:
        """Returns nothing: no improver is at work when a program is scored again.

        Raises:
          BadInput: always.
        """
        raise BadInput(f"{len(questions)} questions of an improver were asked of a record")

    def roll_out(self, questions: Sequence[Question]) -> list[Reply]:
        """Returns the recorded answers.

        Raises:
          NotRecorded: a question was not asked in the run.
          ModelError: there was no answer then.
        """
        return [self._reply(prompt_of(each, each.model or self._rollouts), each.sample) for each in questions]

    def _reply(self, prompt: Prompt, sample: int) -> Reply:
        attempt, request = 0, prompt.request
        outcome = self._answers.outcome(Call(prompt, request, sample, attempt))
        while isinstance(outcome, ModelError):
            attempt += 1
            last = outcome
            outcome = self._answers.outcome(Call(prompt, request, sample, attempt)) or last
            if outcome is last:
                raise last
        if not isinstance(outcome, Completion):
            raise NotRecorded(f"the run holds no answer of {prompt.model!r} to what is asked now: it was never asked")
        return Reply(outcome.text, outcome.finish_reason, prompt.model, outcome.tokens or 0)

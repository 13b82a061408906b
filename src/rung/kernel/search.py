"""One run from the inside: attempts are scored on train, the kernel alone selects on validation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rung.errors import BadInput, BudgetExhausted, Status
from rung.kernel import codec
from rung.kernel.archive import Archive
from rung.kernel.pool import Job
from rung.kernel.scope import Bounds, violation
from rung.records import Candidate, Case, Cost, Evaluation, Incumbent, Program, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rung.kernel.budget import Budget
    from rung.kernel.models import Generator
    from rung.kernel.pool import Executor
    from rung.kernel.run import Run
    from rung.kernel.scoring import Scored
    from rung.wire import JSON

PARTIALS_KEPT = 1000
MOST_WORK = 1e15  # in one declaration; a sum of more would lose units
AT_ONCE = 4  # evaluations between two looks at the budget


@dataclass(frozen=True, slots=True)
class Proposal:
    """A child an improver wants judged, already a program."""

    program: Program
    parents: tuple[str, ...]
    operator: str


# The number of an attempt, what was proposed, how it did, and why it was killed (None: it was not).
Row = tuple[int, Proposal, Evaluation, str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the improver learns of one proposal; `incumbent` is the only bit that validation gives away."""

    program_id: str
    evaluation: Evaluation
    incumbent: bool


class Search:
    """Judges proposals, in the order they come, within the attempts and the budget."""

    def __init__(  # noqa: PLR0913 - keyword-only
        self,
        task: Task,
        *,
        run: Run,
        train: tuple[Case, ...],
        validation: tuple[Case, ...],
        executor: Executor,
        rescorer: Callable[[], Executor],
        budget: Budget,
        attempts: int,
        models: Generator | None = None,
        bounds: Bounds = Bounds(),
    ) -> None:
        self.task, self.run, self.budget, self.models = task, run, budget, models
        self.train, self._validation = train, validation
        self._executor, self._make_rescorer = executor, rescorer
        self._rescorer: Executor | None = None
        self._attempts, self._used, self._number = attempts, 0, 0
        self._partial: dict[str, Evaluation] = {}
        self._same = [case.input for case in train] == [case.input for case in validation]
        if self._same:  # the same cases by name too: the evaluator's randomness on a case follows from it
            self._validation = train
        self.archive, self._bounds = Archive(), bounds
        self._incumbent: Incumbent | None = None
        self._train_bar = 0.0

    @property
    def incumbent(self) -> Incumbent:
        """The best program so far by validation."""
        assert self._incumbent is not None  # noqa: S101 - set by begin, the first call there is
        return self._incumbent

    @property
    def attempts_left(self) -> int:
        """How many more programs may be tried."""
        return self._attempts - self._used

    def program(self, program_id: str) -> Program:
        """Returns a program of this run from its stored bytes."""
        return codec.program_from_bytes(self.run.ledger.get(program_id))

    def charge_thinking(self, cpu_seconds: float) -> None:
        """Charges CPU time of the improver itself."""
        self.budget.charge(Cost(cpu_seconds=cpu_seconds))

    def log(self, measures: dict[str, JSON]) -> None:
        """Records what the improver says about itself and charges the work it declares; a replay does neither again."""
        if not self.run.relogged():
            work = measures.get("work")
            if isinstance(work, int | float) and work is not True and 0 <= work < MOST_WORK:
                self.budget.charge(Cost(work=float(work)))
            self.run.record("log", {"measures": measures, "spent": codec.cost_to_json(self.budget.spent)})

    def begin(self) -> Evaluation:
        """Returns the seed program's evaluation on train, having made it the first incumbent when it is valid."""
        answer = self._judge([Proposal(self.task.program, (), "seed")], len(self.train))[0]
        if answer.evaluation.status is Status.OK and not self._challenge(0, self.task.program, answer.evaluation):
            raise BadInput(
                f"the program of task {self.task.name!r} passes its train cases, but on validation it fails or scores "
                "differently when it is run again: mend it, or say exact=False if its scores are measurements"
            )
        return answer.evaluation

    def evaluate(self, proposals: Sequence[Proposal], cases: int | None = None) -> list[Answer]:
        """Returns one answer per proposal, each having cost one attempt.

        Raises:
          BudgetExhausted: attempts or budget did not last for all of them (what they lasted for is recorded), or
            nothing better can exist.
        """
        self.budget.check()
        if self.task.bound is not None and self.incumbent.value >= self.task.bound:
            raise BudgetExhausted("the proven bound is reached: nothing can be better")
        wanted = len(self.train) if cases is None else max(1, min(cases, len(self.train)))
        affordable = self._affordable(proposals)
        answers = self._judge(affordable, wanted)
        if len(affordable) < len(proposals):
            raise BudgetExhausted("attempts used up")
        return answers

    def _affordable(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        taken: list[Proposal] = []
        free = set(self._partial)  # the rest of what was begun is part of its attempt, once
        for proposal in proposals:
            if proposal.program.id in free:
                free.discard(proposal.program.id)
            else:
                if self._used >= self._attempts:
                    break
                self._used += 1
            taken.append(proposal)
        return taken

    def _judge(self, proposals: list[Proposal], wanted: int) -> list[Answer]:
        first = self._number
        self._number += len(proposals)
        evaluations = self._evaluations(first, proposals, wanted)
        chosen: set[int] = set()
        order = sorted(evaluations, key=lambda index: (-(evaluations[index].value or 0.0), index))
        for index in order:
            evaluation = evaluations[index]
            if self._may_challenge(first + index, evaluation):
                won = self._challenge(first + index, proposals[index].program, evaluation)
                chosen |= {index} if won else set()
        if len(evaluations) < len(proposals):
            self.budget.check()  # it ran out in the middle; what was done is recorded and has had its chance
        return [
            Answer(proposal.program.id, evaluations[index], index in chosen) for index, proposal in enumerate(proposals)
        ]

    def _complete(self, evaluation: Evaluation) -> bool:
        return evaluation.status is Status.OK and len(evaluation.scores) == len(self.train)

    def _may_challenge(self, number: int, evaluation: Evaluation) -> bool:
        better = evaluation.value is not None and evaluation.value > self._train_bar
        return number > 0 and self._complete(evaluation) and better

    def _evaluations(self, first: int, proposals: list[Proposal], wanted: int) -> dict[int, Evaluation]:
        """Returns the evaluations by index in `proposals`: all of them, or those before the budget was used up."""
        done: dict[int, Evaluation] = {}
        jobs: list[tuple[int, Evaluation | None, Job]] = []
        for index, proposal in enumerate(proposals):
            number, program = first + index, proposal.program
            if (body := self.run.recall("evaluation", number, program=program.id)) is not None:
                done[index] = codec.evaluation_from_json(body["evaluation"])
                self._remember(number, proposal, done[index], denied=body["denied"])
            elif (refusal := self._refusal(proposal)) is not None:
                done[index] = Evaluation(Status.INVALID, feedback=(refusal,), cost=Cost(evaluations=1))
                self._record([(number, proposal, done[index], None)])
            elif (begun := self._partial.get(program.id)) is not None and len(begun.scores) >= wanted:
                done[index] = begun  # what is asked for is known already
            else:
                jobs.append((index, begun, Job(program, self.train[len(begun.scores) if begun else 0 : wanted])))
        step = AT_ONCE if self.budget.limited else len(jobs)
        while jobs and not (done and self.budget.exhausted()):
            now, jobs = jobs[:step], jobs[step:]
            for group in self._executor.finished([job for _, _, job in now]):
                rows: list[Row] = []
                for position, scored in group:
                    index, begun, _ = now[position]
                    done[index] = _joined(begun, scored.evaluation)
                    rows.append((first + index, proposals[index], done[index], scored.denied))
                    self.budget.charge(scored.evaluation.cost)
                self._record(rows)
        return done

    def _refusal(self, proposal: Proposal) -> str | None:
        if any(self.archive.quarantined(each) for each in (proposal.program.id, *proposal.parents)):
            return "the lineage is in quarantine: an ancestor made a system call that no honest program needs"
        seed, child = self.task.program, proposal.program
        return violation(seed, child, self.task.editable) or self._bounds.refuse(seed, child)

    def _record(self, rows: Sequence[Row]) -> None:
        """Records what finished together in one commit."""
        spent = codec.cost_to_json(self.budget.spent)
        bodies = []
        for number, proposal, evaluation, denied in rows:
            parents: list[JSON] = list(proposal.parents)
            body: dict[str, JSON] = {
                "number": number,
                "program": proposal.program.id,
                "parents": parents,
                "operator": proposal.operator,
                "evaluation": codec.evaluation_to_json(evaluation),
                "denied": denied,
                "spent": spent,
                "blobs": [proposal.program.id],
            }
            bodies.append((body, (codec.program_bytes(proposal.program),)))
        self.run.record_all("evaluation", bodies)
        for number, proposal, evaluation, denied in rows:
            self._remember(number, proposal, evaluation, denied=denied)

    def _remember(self, number: int, proposal: Proposal, evaluation: Evaluation, *, denied: str | None) -> None:
        program_id = proposal.program.id
        if evaluation.status is Status.OK and not self._complete(evaluation):
            self._partial[program_id] = evaluation
            if len(self._partial) > PARTIALS_KEPT:
                del self._partial[next(iter(self._partial))]
            evaluation = replace(evaluation, value=None)  # a mean over fewer cases compares with nothing
        else:
            self._partial.pop(program_id, None)
        generation = 1 + max((self.archive.generation(parent) for parent in proposal.parents), default=-1)
        candidate = Candidate(number, program_id, evaluation, proposal.parents, proposal.operator, generation)
        self.archive.add(candidate, denied=denied is not None)

    def _challenge(self, number: int, program: Program, on_train: Evaluation) -> bool:
        """Returns whether the program became the incumbent, having scored it on validation and on a second backend.

        A challenge is dear, so the next challenger must be better on train than this one, whether it won or lost; a
        program whose scores do not stand up when it is run again moves nothing.
        """
        on_train_value = on_train.value or 0.0
        on_validation = on_train if self._same else self._score("validation", number, program, self._executor)
        if on_validation.status is not Status.OK or on_validation.value is None:
            return False
        if self._incumbent is not None and on_validation.value <= self._incumbent.value:
            self._train_bar = on_train_value
            return False
        value = self._confirmed(number, program, on_validation)
        if value is None or (self._incumbent is not None and value <= self._incumbent.value):
            return False
        self._incumbent, self._train_bar = Incumbent(program, value), on_train_value
        if self.run.recall("incumbent", number, program=program.id) is None:
            body: dict[str, JSON] = {
                "number": number,
                "program": program.id,
                "value": value,
                "train": on_train.value,
                "spent": codec.cost_to_json(self.budget.spent),
            }
            self.run.record("incumbent", body)
        return True

    def _confirmed(self, number: int, program: Program, claimed: Evaluation) -> float | None:
        """Returns the value that a second backend, from the stored bytes, agrees to; None when it does not."""
        stored = self.program(program.id)
        if self._rescorer is None:
            self._rescorer = self._make_rescorer()
        again = self._score("rescore", number, stored, self._rescorer)
        if again.status is not Status.OK or again.value is None or claimed.value is None:
            return None
        if self.task.exact:
            return claimed.value if again.scores == claimed.scores else None
        return min(claimed.value, again.value)

    def _score(self, kind: str, number: int, program: Program, executor: Executor) -> Evaluation:
        body: Any = self.run.recall(kind, number, program=program.id)
        if body is not None:
            return codec.evaluation_from_json(body["evaluation"])
        scored: Scored = next(iter(executor.score_all([Job(program, self._validation)])))[1]
        self.budget.charge(scored.evaluation.cost)
        self.run.record(
            kind,
            {
                "number": number,
                "program": program.id,
                "evaluation": codec.evaluation_to_json(scored.evaluation),
                "spent": codec.cost_to_json(self.budget.spent),
            },
        )
        return scored.evaluation

    def score_all(self, jobs: Sequence[Job]) -> Iterator[tuple[int, Scored]]:
        """Yields (index of the job, its result), recording nothing: for the gate at the end of a run."""
        return self._executor.score_all(jobs)

    def close(self) -> None:
        """Ends the executors."""
        self._executor.close()
        if self._rescorer is not None:
            self._rescorer.close()


def _joined(begun: Evaluation | None, rest: Evaluation) -> Evaluation:
    if begun is None:
        return rest
    scores = begun.scores + rest.scores
    value = math.fsum(scores) / len(scores) if rest.status is Status.OK else None
    return replace(
        rest,
        scores=scores,
        value=value,
        measures={**begun.measures, **rest.measures},
        feedback=(begun.feedback + rest.feedback)[:20],
        cost=begun.cost + rest.cost,
    )

"""What an evaluator holds instead of the program: a way to run it and measure it, never the program itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rung import wire
from rung.errors import BadInput, ProgramFailed, Status
from rung.kernel.draw import derive
from rung.kernel.models import questions
from rung.records import Cost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rung.kernel.models import Generator
    from rung.kernel.sandbox.port import Ending, Sandbox, Session
    from rung.records import Limits, Outcome, Program, Task
    from rung.wire import JSON

WALLS = 2  # all the waiting for one program may be this many times as long as for one answer
TIMED_ORDER = ("subject", "seed", "seed", "subject")


@dataclass(frozen=True, slots=True)
class Measured:
    """One input timed against the task's seed program in the same breath.

    cpu_seconds, seed_cpu_seconds: the least of the runs, of whole fresh processes, measured by the kernel.
    """

    output: JSON
    cpu_seconds: float
    seed_output: JSON
    seed_cpu_seconds: float


class Subject:
    """A program with the one process it runs in; the process starts at the first question and serves all of them."""

    def __init__(self, program: Program, limits: Limits, sandbox: Sandbox) -> None:
        self.program, self.limits, self.sandbox = program, limits, sandbox
        self.cost = Cost()
        self.denied: str | None = None
        self.outputs: list[JSON] = []
        self.rolled = Cost()
        self._session: Session | None = None
        self._waited = 0.0

    def ask(self, question: dict[str, JSON]) -> JSON:
        """Returns the answer to {"input": x} or {"inputs": [...]}.

        Raises:
          ProgramFailed: the program raised, died, was too slow or answered nonsense.
        """
        if self._session is None:
            self._session = self.sandbox.open(self.program, self.limits)
        wall, before = self.limits.wall_seconds, self._session.waited
        try:
            self._session.send(question)
            answer = self._session.receive(seconds=max(0.0, min(wall, WALLS * wall - self._waited)))
            self._waited += self._session.waited - before
        except ProgramFailed:
            self.close()  # an evaluator that tolerates this asks a fresh process next
            raise
        return checked_answer(answer, question)

    @contextmanager
    def fresh(self) -> Iterator[Subject]:
        """Yields the same program in a process of its own, whose cost is added here at the end."""
        other = Subject(self.program, self.limits, self.sandbox)
        self.close()
        try:
            yield other
        finally:
            other.close()
            self.cost += other.cost
            self.denied = self.denied or other.denied

    def close(self) -> Ending | None:
        """Ends the process, if there is one, and returns how it ended."""
        if self._session is None:
            return None
        ending = self._session.close()
        self._session = None
        self.cost += Cost(cpu_seconds=ending.cpu_seconds)
        self.denied = self.denied or ending.denied
        return ending


def checked_answer(answer: JSON, question: dict[str, JSON]) -> JSON:
    """Returns the output in an answer, which must have exactly the agreed form.

    Raises:
      ProgramFailed: ERROR when the program raised, INVALID when the answer is malformed.
    """
    wanted = "outputs" if "inputs" in question else "output"
    try:
        if type(answer) is dict and "error" in answer:
            error = wire.fields(
                wire.fields(answer, required={"error": dict})["error"],
                required={"type": str, "message": str},
                optional={"line": object},
            )
            line = f" (line {error['line']})" if type(error.get("line")) is int else ""
            raise ProgramFailed(Status.ERROR, f"{str(error['type'])[:80]}: {str(error['message'])[:300]}{line}")
        output = wire.fields(answer, required={wanted: object})[wanted]
        if wanted == "output":
            return output
        inputs = question["inputs"]
        if type(output) is list and type(inputs) is list and len(output) == len(inputs):
            return output
        raise wire.WireError("as many outputs as inputs were expected")
    except wire.WireError as error:
        raise ProgramFailed(Status.INVALID, f"the answer is malformed: {error}") from error


class Trial:
    """One case's view of the program under evaluation.

    rng: randomness for the evaluator, the same for every program on this case.
    """

    def __init__(
        self,
        subject: Subject,
        seed_program: Program,
        *,
        seed: int,
        improve: Callable[[Task, Program, int], Outcome] | None = None,
        models: Generator | None = None,
    ) -> None:
        self._subject, self._seed_program, self._seed = subject, seed_program, seed
        self._improve, self._models = improve, models
        self.rng = random.Random(seed)  # noqa: S311 - drawn from the run's keyed hash
        self.notes: list[str] = []
        self.measures: dict[str, float] = {}

    @property
    def cost(self) -> Cost:
        """What the program has used in processes that ended."""
        return self._subject.cost

    def run(self, value: JSON) -> JSON:
        """Returns what the program's entry returns for one input.

        Raises:
          ProgramFailed: it raised, died, was too slow or returned what JSON cannot carry.
        """
        output = self._subject.ask({"input": value})
        self._subject.outputs.append(output)
        return output

    def run_many(self, values: Sequence[JSON]) -> list[JSON]:
        """Returns what the entry returns for each input, asked in one message.

        Raises:
          ProgramFailed: as for `run`.
        """
        outputs = self._subject.ask({"inputs": list(values)})
        assert isinstance(outputs, list)  # noqa: S101 - checked_answer made sure; this tells the type checker
        self._subject.outputs.append(outputs)
        return outputs

    def measure(self, value: JSON) -> Measured:
        """Returns the output and the CPU time beside the seed program's, each in fresh processes, A B B A.

        Raises:
          ProgramFailed: as for `run`.
        """
        subject = self._subject
        seed = Subject(self._seed_program, subject.limits, subject.sandbox)
        times: dict[str, list[float]] = {"subject": [], "seed": []}
        outputs: dict[str, JSON] = {}
        for name in TIMED_ORDER:
            with (subject if name == "subject" else seed).fresh() as one:
                outputs[name] = one.ask({"input": value})
                ending = one.close()
            times[name].append(ending.cpu_seconds if ending else 0.0)
        subject.cost += seed.cost
        subject.outputs.append(outputs["subject"])
        return Measured(outputs["subject"], min(times["subject"]), outputs["seed"], min(times["seed"]))

    def improve(self, task: Task) -> Outcome:
        """Returns what the program finds as the improver of another task, in a run inside this one.

        Raises:
          BadInput: this trial was not made by a kernel that can; evaluators of improvers need `workers=1`.
        """
        if self._improve is None:
            raise BadInput(f"task {task.name!r} cannot be improved from here: improve improvers with one worker")
        return self._improve(task, self._subject.program, derive(self._seed, "inner", task.name))

    def generate(self, messages: JSON, *, max_tokens: int, temperature: float = 0.0, sample: int = 0) -> str:
        """Returns what the task's model answers to [{"role", "content"}]; a text alone is one message of the user.

        The same messages and sample are asked and paid for once in a run, whichever program made them.

        Raises:
          BadInput: the run has no model, or more than one worker.
          BudgetExhausted: the tokens or the money that are left do not cover it.
          ProgramFailed: INVALID, these are no messages, or the model does not take them.
        """
        return self.generate_many([messages], max_tokens=max_tokens, temperature=temperature, sample=sample)[0]

    def generate_many(
        self, conversations: Sequence[JSON], *, max_tokens: int, temperature: float = 0.0, sample: int = 0
    ) -> list[str]:
        """Returns one answer per list of messages; they are asked side by side.

        Raises:
          BadInput, BudgetExhausted, ProgramFailed: as for `generate`.
        """
        if self._models is None:
            raise BadInput("this task asks a model: name one with --task-model or --model, and use one worker")
        documents = [
            {
                "messages": [{"role": "user", "content": each}] if isinstance(each, str) else each,
                "max_tokens": max_tokens,
                "temperature": temperature,
            }
            for each in conversations
        ]
        try:
            asked = [replace(each, sample=sample) for each in questions(documents)]
            replies = self._models.roll_out(asked)
        except BadInput as error:
            raise ProgramFailed(Status.INVALID, f"the model cannot be asked this: {error}") from error
        if failed := [reply for reply in replies if reply.error]:
            raise ProgramFailed(Status.INVALID, f"the model gave no answer: {failed[0].error}")
        for reply in replies:
            self._subject.rolled += Cost(tokens=reply.tokens, usd=reply.usd)
        return [reply.text for reply in replies]

    def note(self, sentence: str) -> None:
        """Adds a sentence of feedback; the improver sees it for train cases only."""
        self.notes.append(sentence[:1000])

    def describe(self, **measures: float) -> None:
        """Records behaviour descriptors of the program on this case."""
        self.measures.update({name: float(value) for name, value in measures.items()})

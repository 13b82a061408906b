"""What is said for an agent, and what is known from the answers: attempts, the best program, and when it is over.

All that is known follows from what was asked and answered, so a talk that is repeated from the record knows the same.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from rung.agents.attempt import WELL
from rung.agents.checkout import SHOWN_TRIALS, Trial
from rung.agents.recorded import OPERATOR, Log
from rung.errors import BadInput, ProgramFailed, Status
from rung.wire import JSON, files_to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.agents.attempt import Result
    from rung.agents.recorded import Step
    from rung.records import Program

PRINTED: Final = 150  # characters of a text that goes into a log entry, whose whole size the host limits

# What is asked, what it is answered, what is said at the end.
Asking = Generator[dict[str, JSON], Mapping[str, Any], JSON]
Part = Generator[dict[str, JSON], Mapping[str, Any], None]


@dataclass(slots=True)
class Talk:
    """The talk about one agent with the host.

    start: the task's program. best: what the next attempt starts from. most: proposals that may be judged. bound: a
    proven limit of the value, or None. idle: attempts in a row without a proposal. used: proposals that were judged.
    tried: program id -> the attempt that proposed it.
    """

    start: Program
    best: Trial
    most: int
    bound: float | None
    trials: list[Trial] = field(default_factory=list)
    number: int = 0
    idle: int = 0
    used: int = 0
    tried: dict[str, int] = field(default_factory=dict)

    def attempts(
        self,
        run: Callable[[], Result],
        *,
        recorded: Iterator[Step],
        keep: Callable[[Program], object],
        most_idle: int,
    ) -> Asking:
        """Asks what is on record again, then runs the agent until it has nothing more to propose.

        run: makes one attempt from what is known. keep: stores a program before it is judged.

        Raises:
          ProgramFailed: the agent never proposed anything, and its last attempt did not end well.
        """
        self.tried[self.start.id] = 0
        for step in recorded:
            if isinstance(step, Log):
                yield from self._log(step.measures)
            else:
                yield from self._propose(step.program, step.parent, step.operator)
        while self.idle < most_idle:
            if self._is_over():
                # The host says why when it is asked once more; an agent is not paid for that.
                yield from self._propose(self.start, self.start, OPERATOR)
                return {"stopped": "nothing better can exist"}
            result = run()
            measures = _measures(self.number + 1, result)
            base = self.best.program or self.start
            program = None
            try:
                program = self._new(base.edit(result.changed)) if result.changed else None
            except BadInput as error:
                measures["refused"] = str(error)[:300]
            if program is not None:
                keep(program)  # what was paid for is on record before it is judged
                measures |= {"program": program.id, "parent": base.id}
            yield from self._log(measures)
            if program is not None:
                yield from self._propose(program, base, OPERATOR)
        last = self.trials[-1].ended if self.trials else ""
        if self.used == 0 and last != WELL:
            raise ProgramFailed(Status.ERROR, f"{self.idle} attempts in a row proposed nothing; the last: {last}")
        return {"stopped": f"{self.idle} attempts in a row proposed nothing; the last: {last}"}

    def _is_over(self) -> bool:
        value = self.best.value
        return self.used >= self.most or (self.bound is not None and value is not None and value >= self.bound)

    def _new(self, program: Program) -> Program:
        """Returns the program, when it was not tried before.

        Raises:
          BadInput: it was.
        """
        if program.id in self.tried:
            raise BadInput(f"it is the program of attempt {self.tried[program.id]} again")
        return program

    def _log(self, measures: dict[str, JSON]) -> Part:
        yield {"kind": "log", "measures": measures}
        refused = f", and its proposal was refused: {measures['refused']}" if "refused" in measures else ""
        if "agent" in measures:
            self.number, self.idle = self.number + 1, self.idle + 1
            self._remember(Trial(self.number, f"{measures['agent']}{refused}"))
        elif self.trials:
            self.trials[-1] = replace(self.trials[-1], ended=self.trials[-1].ended + refused)

    def _propose(self, program: Program, parent: Program, operator: str) -> Part:
        changed = {name: text for name, text in program.files.items() if parent.files.get(name) != text}
        files: dict[str, JSON] = {**files_to_json(changed), **dict.fromkeys(parent.files.keys() - program.files.keys())}
        child: JSON = {"files": files, "parent": parent.id, "operator": operator, "parents": []}
        answer = yield {"kind": "evaluate", "children": [child]}
        if "results" not in answer:
            yield from self._log({"attempt": self.number, "refused": str(answer.get("refused", "no reason"))[:300]})
            return
        result = answer["results"][0]
        self.used, self.idle = self.used + 1, 0
        self.tried[program.id] = self.number
        before = self.trials.pop() if self.trials else Trial(self.number, "")
        trial = replace(
            before,
            program=program,
            status=result["status"],
            value=result["value"],
            feedback=tuple(result["feedback"]),
        )
        self._remember(trial)
        if result["incumbent"]:
            self.best = trial

    def _remember(self, trial: Trial) -> None:
        self.trials = [*self.trials[-SHOWN_TRIALS:], trial]


def _measures(number: int, result: Result) -> dict[str, JSON]:
    return {
        "attempt": number,
        "agent": result.sentence[:300],
        "changed": len(result.changed),
        "left_out": "; ".join(result.left_out)[:PRINTED],
        "printed": result.tail[-PRINTED:],
        "box": result.box,
        "cpu_seconds": round(result.cpu_seconds, 3),
        "seconds": round(result.seconds, 3),
    }

"""The trusted side of the wall: reads what an improver asks, judges it, and answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import BadInput, BudgetExhausted, ProgramFailed, Status
from rung.kernel.search import Answer, Proposal
from rung.kernel.trial import checked_answer

if TYPE_CHECKING:
    from rung.kernel.sandbox.port import Session
    from rung.kernel.search import Search
    from rung.records import Evaluation, Program, Task
    from rung.wire import JSON

MAX_CHILDREN = 1000
MAX_CANDIDATES = 200
MAX_LOG_BYTES = 4096
DAY = 86_400.0


def brief(task: Task, improver: Program, *, search: Search, begun: Evaluation, seed: int) -> dict[str, JSON]:
    """Returns what the improver is told; of the cases, only the inputs of train."""
    return {
        "goal": task.goal,
        "program": {
            "id": task.program.id,
            "files": wire.files_to_json(task.program.files),
            "entry": task.program.entry,
        },
        "value": begun.value,
        "feedback": list(begun.feedback),
        "editable": None if task.editable is None else list(task.editable),
        "cases": [case.input for case in search.train],
        "public": task.public,
        "bound": task.bound,
        "attempts": search.attempts_left,
        "seed": seed,
        "improver": {"files": wire.files_to_json(improver.files), "entry": improver.entry},
    }


class Host:
    """Serves one improver until it returns, fails, or nothing is left to spend.

    The CPU time of the improver is charged as it comes in; while a run is replayed it was paid for already.
    """

    def __init__(self, search: Search, session: Session) -> None:
        self._search, self._session = search, session
        self._charged = 0.0

    def serve(self, document: dict[str, JSON]) -> str:
        """Returns why the search ended, in words, after the improver was called with the brief.

        Raises:
          ProgramFailed: the improver crashed, hung or broke the protocol.
        """
        self._session.send({"input": document})
        try:
            while True:
                message = self._receive()
                if type(message) is dict and "ask" in message:
                    answer = self._answer(wire.fields(message, required={"ask": dict})["ask"])
                    self._session.send({"answer": answer})
                    continue
                checked_answer(message, {"input": None})
                return "the improver ended"
        except wire.WireError as error:
            raise ProgramFailed(Status.INVALID, f"it broke the protocol: {error}") from error
        except BudgetExhausted as reason:
            return str(reason)

    def _receive(self) -> JSON:
        left = self._search.budget.left()
        unpaid = None if self._search.run.replaying else left.cpu_seconds
        try:
            message = self._session.receive(
                seconds=DAY if left.seconds is None else left.seconds + 1.0, cpu_seconds=unpaid
            )
        except ProgramFailed:
            self._charge()
            self._search.budget.check()  # what looks like a crash may be the operating system ending it at the limit
            raise
        self._charge()
        self._search.budget.check()
        return message

    def _charge(self) -> None:
        now = self._session.cpu_seconds()
        if not self._search.run.replaying:
            self._search.charge_thinking(now - self._charged)
        self._charged = now

    def _answer(self, ask: Any) -> dict[str, JSON]:  # noqa: ANN401 - hostile JSON, checked below
        kind = ask.get("kind")
        if kind == "evaluate":
            return self._evaluate(ask)
        if kind == "candidates":
            count = wire.fields(ask, required={"kind": str, "count": int})["count"]
            assert isinstance(count, int)  # noqa: S101 - checked on the line above; this tells the type checker
            began = time.thread_time()
            rows = self._candidates(max(0, min(count, MAX_CANDIDATES)))
            if not self._search.run.replaying:  # asking for nothing but answers is not free
                self._search.charge_thinking(time.thread_time() - began)
            return {"candidates": rows}
        if kind == "log":
            measures = wire.fields(ask, required={"kind": str, "measures": dict})["measures"]
            if len(wire.canonical(measures)) > MAX_LOG_BYTES:
                return {"refused": f"a log entry holds at most {MAX_LOG_BYTES} bytes"}
            self._search.log(measures)
            return {}
        raise wire.WireError(f"it asked for {str(kind)[:60]!r}, which no host offers")

    def _evaluate(self, ask: JSON) -> dict[str, JSON]:
        request = wire.fields(ask, required={"kind": str, "children": list}, optional={"cases": int})
        children, cases = request["children"], request.get("cases")
        assert isinstance(children, list)  # noqa: S101 - checked on the line above
        if len(children) > MAX_CHILDREN:
            return {"refused": f"at most {MAX_CHILDREN} children at once"}
        proposals = []
        for child in children:
            try:
                proposals.append(self._proposal(child))
            except BadInput as error:
                return {"refused": str(error)}
        answers = self._search.evaluate(proposals, cases if isinstance(cases, int) else None)
        return {"results": [_result(answer) for answer in answers]}

    def _proposal(self, child: JSON) -> Proposal:
        document: Any = wire.fields(child, required={"files": dict, "parent": str, "operator": str, "parents": list})
        parents = tuple(dict.fromkeys([document["parent"], *document["parents"]]))
        for parent in parents:
            if not isinstance(parent, str) or parent not in self._search.archive:
                raise BadInput(f"no program {str(parent)[:80]!r} was tried in this run; name a parent the host knows")
        removed: dict[str, str | bytes | None] = {
            name: None for name, text in document["files"].items() if text is None
        }
        changed = wire.files_from_json({k: v for k, v in document["files"].items() if v is not None})
        program = self._search.program(parents[0]).edit({**changed, **removed})
        return Proposal(program, parents, document["operator"][:80])

    def _candidates(self, count: int) -> list[JSON]:
        return [
            {
                "id": candidate.program_id,
                "value": candidate.evaluation.value,
                "operator": candidate.operator,
                "files": wire.files_to_json(self._search.program(candidate.program_id).files),
            }
            for candidate in self._search.archive.best(count)
        ]


def _result(answer: Answer) -> JSON:
    evaluation = answer.evaluation
    return {
        "id": answer.program_id,
        "status": str(evaluation.status),
        "scores": list(evaluation.scores),
        "value": evaluation.value,
        "feedback": list(evaluation.feedback),
        "measures": dict(evaluation.measures),
        "incumbent": answer.incumbent,
    }

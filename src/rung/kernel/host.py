"""The trusted side of the wall: reads what an improver asks, judges it, and answers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import BadInput, BudgetExhausted, ProgramFailed, Status
from rung.kernel.models import Reply, questions
from rung.kernel.search import Answer, Proposal
from rung.kernel.trial import checked_answer

if TYPE_CHECKING:
    from rung.kernel.sandbox.port import Session
    from rung.kernel.search import Search
    from rung.records import Evaluation, Program, Task
    from rung.wire import JSON

MAX_CHILDREN = 1000
MAX_PARENTS = 100
MAX_PROGRAM_BYTES = 1 << 20  # or twice the seed program, if that is more
MAX_MESSAGE_BYTES = 64 << 20  # of all programs one message makes
MAX_LOGS = 10_000
MAX_IDLE = 10_000  # messages in a row that propose nothing
READING_SECONDS = 60.0
PROGRAM_ID = re.compile("[0-9a-f]{64}")
MAX_CANDIDATES = 200
MAX_LOG_BYTES = 4096
SAID = 200  # characters of why an improver ended
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
        "extra": dict(task.extra),
        "models": [] if search.models is None else list(search.models.models),
    }


class Host:
    """Serves one improver until it returns, fails, or nothing is left to spend.

    The CPU time of the improver is charged as it comes in; while a run is replayed it was paid for already.
    """

    def __init__(self, search: Search, session: Session) -> None:
        self._search, self._session = search, session
        self._charged = 0.0
        self._logs = self._idle = 0
        seed = search.task.program
        self._most_bytes = max(MAX_PROGRAM_BYTES, 2 * _size(seed))

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
                    self._send({"answer": answer})
                    continue
                return _ending(checked_answer(message, {"input": None}))
        except wire.WireError as error:
            raise ProgramFailed(Status.INVALID, f"it broke the protocol: {error}") from error
        except BudgetExhausted as reason:
            return str(reason)

    def _send(self, document: JSON) -> None:
        left = self._search.budget.left().seconds
        try:
            self._session.send(document, seconds=min(READING_SECONDS, READING_SECONDS if left is None else left + 1.0))
        except ProgramFailed:
            self._charge()
            self._search.budget.check()
            raise

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
        began = time.thread_time()
        answer = self._answer_unmetered(ask)
        if "results" in answer:
            self._idle = 0 if answer["results"] else self._idle + 1
        else:
            self._idle += 1
            if not self._search.run.replaying:  # asking for nothing but answers is not free
                self._search.charge_thinking(time.thread_time() - began)
        if self._idle > MAX_IDLE:
            raise ProgramFailed(Status.INVALID, f"it asked {MAX_IDLE:,} things in a row and proposed nothing")
        return answer

    def _answer_unmetered(self, ask: Any) -> dict[str, JSON]:  # noqa: ANN401 - as above
        kind = ask.get("kind")
        if kind == "evaluate":
            return self._evaluate(ask)
        if kind == "generate":
            return self._generate(ask)
        if kind == "candidates":
            count = wire.fields(ask, required={"kind": str, "count": int})["count"]
            assert isinstance(count, int)  # noqa: S101 - checked on the line above; this tells the type checker
            return {"candidates": self._candidates(max(0, min(count, MAX_CANDIDATES)))}
        if kind == "log":
            measures = wire.fields(ask, required={"kind": str, "measures": dict})["measures"]
            assert isinstance(measures, dict)  # noqa: S101 - checked on the line above; this tells the type checker
            self._logs += 1
            if len(wire.canonical(measures)) > MAX_LOG_BYTES or self._logs > MAX_LOGS:
                return {"refused": f"a log entry holds at most {MAX_LOG_BYTES} bytes, a run {MAX_LOGS:,} entries"}
            self._search.log(measures)
            return {}
        raise wire.WireError(f"it asked for {str(kind)[:60]!r}, which no host offers")

    def _evaluate(self, ask: JSON) -> dict[str, JSON]:
        request = wire.fields(ask, required={"kind": str, "children": list}, optional={"cases": int})
        children, cases = request["children"], request.get("cases")
        assert isinstance(children, list)  # noqa: S101 - checked on the line above
        if len(children) > MAX_CHILDREN:
            return {"refused": f"at most {MAX_CHILDREN} children at once"}
        proposals: list[Proposal] = []
        parents: dict[str, Program] = {}
        weight = 0
        for child in children:
            try:
                proposals.append(self._proposal(child, parents))
            except BadInput as error:
                return {"refused": str(error)}
            weight += _size(proposals[-1].program)
            if weight > MAX_MESSAGE_BYTES:
                return {"refused": f"the children of one message hold at most {MAX_MESSAGE_BYTES >> 20} MB together"}
        answers = self._search.evaluate(proposals, cases if isinstance(cases, int) else None)
        return {"results": [_result(answer) for answer in answers]}

    def _generate(self, ask: JSON) -> dict[str, JSON]:
        document = wire.fields(ask, required={"kind": str, "prompts": list})
        if self._search.models is None:
            return {"refused": "no model was given to this run; brief.models is empty then"}
        if self._search.attempts_left <= 0:
            raise BudgetExhausted("attempts used up")  # an answer could no longer become a program: do not pay for it
        try:
            asked = questions(document["prompts"])
            return {"replies": [_reply(each) for each in self._search.models.generate(asked)]}
        except BadInput as error:
            return {"refused": str(error)}

    def _proposal(self, child: JSON, loaded: dict[str, Program]) -> Proposal:
        """Returns a child as a program. loaded: parents that the same message named before."""
        document: Any = wire.fields(child, required={"files": dict, "parent": str, "operator": str, "parents": list})
        named = [document["parent"], *document["parents"]]
        for parent in named[: MAX_PARENTS + 1]:
            known = type(parent) is str and PROGRAM_ID.fullmatch(parent) and parent in self._search.archive
            if not known or len(named) > MAX_PARENTS:
                raise BadInput(f"no program {str(parent)[:80]!r} was tried in this run; name a parent the host knows")
        parents = tuple(dict.fromkeys(named))
        if parents[0] not in loaded:
            loaded[parents[0]] = self._search.program(parents[0])
        removed: dict[str, str | bytes | None] = {
            name: None for name, text in document["files"].items() if text is None
        }
        changed = wire.files_from_json({k: v for k, v in document["files"].items() if v is not None})
        program = loaded[parents[0]].edit({**changed, **removed})
        if _size(program) > self._most_bytes:
            raise BadInput(f"a program of this task holds at most {self._most_bytes:,} bytes")
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


def _ending(output: JSON) -> str:
    said = output.get("stopped") if type(output) is dict else None
    return f"the improver ended: {said[:SAID]}" if type(said) is str else "the improver ended"


def _size(program: Program) -> int:
    return sum(len(name) + len(content) for name, content in program.files.items())


def _reply(reply: Reply) -> JSON:
    return {
        "text": reply.text,
        "finish": reply.finish,
        "model": reply.model,
        "tokens": reply.tokens,
        "usd": reply.usd,
        "error": reply.error,
    }


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

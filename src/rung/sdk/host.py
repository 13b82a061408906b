"""What an improver holds: the brief it was given and the host it may ask. Standard library only.

This file is shipped into the sandbox as text. It grants nothing: every request is judged again on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Stop(BaseException):
    """The budget or the attempts are used up, or a person said stop: return what there is, now.

    Not an Exception on purpose, so that an improver's own `except Exception` does not swallow it.
    """


@dataclass(frozen=True)
class Child:
    """A proposal: files that replace those of a parent.

    files: name -> text; None removes the file. parent: id of a program the host knows. operator: what made it.
    """

    files: dict
    parent: str
    operator: str = ""
    parents: tuple = ()


@dataclass(frozen=True)
class Result:
    """How a proposal did on train; status is "ok", "invalid", "error", "timeout" or "exhausted"; value only when ok.

    incumbent: True when it became the incumbent (the only bit validation gives away).
    """

    id: str
    status: str
    value: float | None
    scores: tuple
    feedback: tuple
    measures: dict
    incumbent: bool


@dataclass(frozen=True)
class Answer:
    """What a model said to one prompt.

    finish: "stop", "length" (max_tokens cut it), "refusal" (text is the reason) or what else its endpoint says; where
    there is no answer "budget", "refused", "malformed" or "unavailable", and `error` says why. tokens, usd: its cost.
    """

    text: str
    finish: str
    model: str
    tokens: int
    usd: float
    error: str


@dataclass(frozen=True)
class Brief:
    """What an improver is told.

    goal: in words. program: {"id", "files", "entry"} of the seed program, value, feedback: of it on train.
    editable: file patterns. cases: the train inputs. public: source text with the public objective, or None.
    bound: the proven limit of the value or None. attempts: how many evaluations there are.
    seed: for the improver's own randomness. improver: {"files", "entry"}, its own source.
    models: those it may ask: {"name", "weight", "usd_per_million": [prompt, answer] or None}; none without a model.
    """

    goal: str
    program: dict
    value: float
    feedback: tuple
    editable: tuple | None
    cases: tuple
    public: str | None
    bound: float | None
    attempts: int
    seed: int
    improver: dict
    extra: dict = field(default_factory=dict)
    models: tuple = ()


class Host:
    """What an improver may ask for; each call is one message over the wall."""

    def __init__(self, send, receive):
        self._send, self._receive = send, receive

    def _ask(self, document):
        self._send({"ask": document})
        answer = self._receive()["answer"]
        if "stop" in answer:
            raise Stop(answer["stop"])
        if "refused" in answer:
            raise ValueError(answer["refused"])
        return answer

    def evaluate(self, children, *, cases=None):
        """Returns one Result per child, in order; each is one attempt.

        cases: how many of the train cases to use, from the first on (None: all; a child can only become the incumbent
        when all were used).

        Raises:
          Stop: no attempt or no budget is left.
          ValueError: a child names an unknown parent, or is no program.
        """
        documents = [
            {"files": child.files, "parent": child.parent, "operator": child.operator, "parents": list(child.parents)}
            for child in children
        ]
        request = {"kind": "evaluate", "children": documents}
        if cases is not None:
            request["cases"] = cases
        answer = self._ask(request)
        return [
            Result(
                r["id"],
                r["status"],
                r["value"],
                tuple(r["scores"]),
                tuple(r["feedback"]),
                r["measures"],
                r["incumbent"],
            )
            for r in answer["results"]
        ]

    def generate(self, prompts):
        """Returns one Answer per prompt, in order; they are asked side by side, and each costs tokens and money.

        prompts: [{"messages": [{"role", "content"}], "max_tokens", and if wanted "temperature", "seed", "stop",
        "model"}]; the first model of the brief is asked unless one is named. Asked again, a prompt gets a new answer.

        Raises:
          Stop: the search was ended.
          ValueError: there is no model, or a prompt is none.
        """
        replies = self._ask({"kind": "generate", "prompts": prompts})["replies"]
        return [Answer(**reply) for reply in replies]

    def candidates(self, count=10):
        """Returns the best candidates so far, best on train first: [{"id", "value", "operator", "files"}]."""
        return self._ask({"kind": "candidates", "count": count})["candidates"]

    def log(self, **measures):
        """Records numbers or short texts for people who watch.

        What an arm earned is written as "NAME.share", "NAME.cost" and "NAME.earned".
        """
        self._ask({"kind": "log", "measures": measures})


def run(function, document, send, receive):
    """Returns what the improver's entry returns when it is called with its brief and its host."""
    document = dict(document)
    for name in ("editable", "cases", "feedback", "models"):
        if document[name] is not None:
            document[name] = tuple(document[name])
    try:
        return function(Brief(**document), Host(send, receive))
    except Stop as stop:
        return {"stopped": str(stop)}

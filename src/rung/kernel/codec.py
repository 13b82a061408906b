"""Records as JSON documents and back, for the ledger and for pipes between the kernel's own processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import Status
from rung.records import Case, Cost, Evaluation, Program

if TYPE_CHECKING:
    from rung.wire import JSON


def program_bytes(program: Program) -> bytes:
    """Returns the stored form of a program; its SHA-256 is the program's id."""
    return wire.canonical({"entry": program.entry, "files": wire.files_to_json(program.files)})


def program_from_bytes(data: bytes) -> Program:
    """Returns the program that was stored.

    Raises:
      WireError: the bytes are no stored program.
    """
    document = wire.fields(wire.parse(data), required={"entry": str, "files": dict})
    return Program(wire.files_from_json(document["files"]), str(document["entry"]))


def cost_to_json(cost: Cost) -> dict[str, JSON]:
    """Returns a cost as an object."""
    return {
        "evaluations": cost.evaluations,
        "cpu_seconds": round(cost.cpu_seconds, 6),
        "seconds": round(cost.seconds, 6),
        "tokens": cost.tokens,
        "usd": cost.usd,
        **({"work": cost.work} if cost.work else {}),
    }


def cost_from_json(document: Any) -> Cost:  # noqa: ANN401 - our own canonical document
    """Returns the cost that was written."""
    return Cost(**document)


def evaluation_to_json(evaluation: Evaluation) -> dict[str, JSON]:
    """Returns an evaluation as an object."""
    return {
        "status": str(evaluation.status),
        "scores": list(evaluation.scores),
        "value": evaluation.value,
        "measures": dict(evaluation.measures),
        "feedback": list(evaluation.feedback),
        "cost": cost_to_json(evaluation.cost),
        "sandbox": evaluation.sandbox,
    }


def evaluation_from_json(document: Any) -> Evaluation:  # noqa: ANN401 - our own canonical document
    """Returns the evaluation that was written."""
    return Evaluation(
        Status(document["status"]),
        tuple(document["scores"]),
        document["value"],
        document["measures"],
        tuple(document["feedback"]),
        cost_from_json(document["cost"]),
        document["sandbox"],
    )


def cases_to_json(cases: tuple[Case, ...]) -> list[JSON]:
    """Returns cases as a list of objects."""
    return [{"id": case.id, "input": case.input} for case in cases]


def cases_from_json(document: Any) -> tuple[Case, ...]:  # noqa: ANN401 - our own canonical document
    """Returns the cases that were written."""
    return tuple(Case(case["id"], case["input"]) for case in document)

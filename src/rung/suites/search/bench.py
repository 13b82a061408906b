"""`rung bench search`: a policy evolves on some tables, the gate decides on another, and references are beside it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.authoring import find_improver
from rung.errors import BadInput
from rung.kernel.draw import derive
from rung.kernel.gate import Pair, Rules, Verdict, decide
from rung.kernel.identity import Request
from rung.suites.search.box import Box
from rung.suites.search.compare import Field, Played, arm_document, gain_document
from rung.suites.search.tables import load
from rung.suites.search.tasks import BUDGETS, REFERENCES, ROLES, Roles, policy, policy_task
from rung.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rung.kernel.kernel import Kernel
    from rung.records import Outcome, Program, Task
    from rung.suites.search.tables import Table
    from rung.wire import JSON

# Most of a policy's quality is in its constants: the improver that ships, with other shares for its arms, and with
# larger first steps, since scores are noisy.
SHARES = {"constants": 3.0, "edits": 0.7, "recombine": 0.2, "rewrite": 0.0, "fresh": 0.0}
STEPS = ("arms/constants.py", "SIGMA = 0.25\n", "SIGMA = 0.6\n")
EVOLVED, START = "evolved", "start"
RULE = "the evolved policy is better than an arm where the 95 % interval of the paired score lies above 0"


@dataclass(frozen=True, slots=True)
class Effort:
    """What a bench costs; a fixed plan, so that it can be registered.

    epochs: runs of the improver, each on fresh seeds and from where the one before ended. attempts: policies tried in
    each. times: searches of the largest budget per table and case. budgets: measurements of a
    search. most: fresh searches for the gate's one decision. seeds: of the comparison.
    """

    epochs: int = 8
    attempts: int = 150
    times: int = 2
    budgets: tuple[int, ...] = BUDGETS
    most: int = 1000
    seeds: int = 200


@dataclass(frozen=True, slots=True)
class Evolved:
    """What the improver came to. start: the policy that ships. outcomes: of the epochs. verdict: None: no proposal."""

    start: Program
    outcomes: tuple[Outcome, ...]
    verdict: Verdict | None

    @property
    def successor(self) -> Program:
        """What was proposed to the gate."""
        return self.outcomes[-1].incumbent.program

    @property
    def in_force(self) -> Program:
        """Who is in force after the gate's decision."""
        return self.successor if self.verdict is not None and self.verdict.admitted else self.start


def improver() -> Program:
    """Returns the improver that ships, changed in two lines for programs that are mostly constants.

    Raises:
      BadInput: it no longer has those lines.
    """
    seed = find_improver("seed")
    file, before, after = STEPS
    weights: Any = wire.parse(str(seed.files["weights.json"]).encode())
    constants = str(seed.files[file])
    if not (SHARES.keys() <= weights["shares"].keys() and constants.count(before) == 1):
        raise BadInput("the seed improver has other arms than the search suite knows: mend SHARES and STEPS there")
    weights["shares"] = {**weights["shares"], **SHARES}
    return seed.edit({"weights.json": wire.canonical(weights).decode(), file: constants.replace(before, after)})


def bench_search(
    kernel: Kernel,
    *,
    cache: Path,
    effort: Effort = Effort(),
    seed: int | None = None,
    roles: Roles = ROLES,
    tables: Mapping[str, Table] | None = None,
    observe: Callable[[str], None] = lambda _: None,
) -> dict[str, JSON]:
    """Returns the comparison of the evolved policy with its start and the references, as one JSON document.

    cache: folder for the converted tables. seed: of everything (None: drawn, or that of an unfinished bench of the same
    plan, which goes on where it was). roles: which table serves what. tables: in place of the installed ones.
    observe: is told, in words, what happened; again when it happened earlier.

    Raises:
      BadInput: the tables are not installed, or the effort is none.
      RungError: see errors.py; what is recorded stays, and the same call goes on from there.
    """
    if min(effort.epochs, effort.attempts, effort.times, effort.most, effort.seeds, *effort.budgets) < 1:
        raise BadInput(f"every part of the effort must be at least 1, not {effort}")
    names = (*roles.train, roles.gate)
    boxes = {name: Box(tables[name] if tables is not None else load(name, cache=cache)) for name in names}
    rules = Rules(most=effort.most, plan=1)
    request = _request(boxes, effort=effort, roles=roles, rules=rules)
    run, seed = _register(kernel, request, seed=seed)
    observe(f"registered as {run}, seed {seed}")
    with kernel.kept():
        evolved = _evolve(kernel, boxes, effort=effort, roles=roles, rules=rules, run=run, seed=seed, observe=observe)
        in_force = evolved.in_force
        key = derive(seed, "comparison", in_force.id)  # after the commit of what is compared
        others = {name: policy(name) for name in REFERENCES}
        others |= {START: evolved.start} if in_force.id != evolved.start.id else {}
        field = Field(kernel, boxes[roles.gate], evolved.outcomes[-1], effort.budgets, effort.seeds, key)
        own, theirs = field.compare(in_force, others, observe=observe)
    document: dict[str, JSON] = {**request, "run": run, "seed": str(seed), "key": f"{key:016x}"}
    document |= _results({EVOLVED: own, **theirs}, evolved, key=key)
    _once(kernel, run, "search_end", {"in_force": in_force.id})
    return document


def _request(boxes: Mapping[str, Box], *, effort: Effort, roles: Roles, rules: Rules) -> dict[str, JSON]:
    programs: dict[str, JSON] = {name: policy(name).id for name in ("policy", *REFERENCES)}
    plan: dict[str, JSON] = {"effort": _plain(asdict(effort)), "rules": _plain(asdict(rules))}
    return {
        "suite": "search",
        "plan": plan,
        "train": list(roles.train),
        "gate": roles.gate,
        "sealed": list(roles.sealed),
        "tables": {name: box.source for name, box in boxes.items()},
        "programs": programs,
        "improver": improver().id,
        "rule": RULE,
        "version": VERSION,
    }


def _plain(record: dict[str, Any]) -> dict[str, JSON]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}


def _register(kernel: Kernel, request: dict[str, JSON], *, seed: int | None) -> tuple[str, int]:
    """Returns run and seed of this plan: those of an unfinished bench, or new ones, recorded before anything runs."""
    events = list(kernel.ledger.read(types=("search_start", "search_end")))
    ended = {event.run for event in events if event.type == "search_end"}
    for event in events:
        body: Any = event.body
        if event.type == "search_start" and {**body, "seed": ""} == {**request, "seed": ""}:
            known = int(body["seed"])
            if known == seed or (seed is None and event.run not in ended):
                return event.run, known
    seed = secrets.randbits(63) if seed is None else seed
    body = {**request, "seed": str(seed)}
    run = hashlib.sha256(wire.canonical(body)).hexdigest()[:12]
    kernel.ledger.append("search_start", body, run=run)
    return run, seed


def _once(kernel: Kernel, run: str, event_type: str, body: dict[str, JSON]) -> None:
    if next(iter(kernel.ledger.read(run=run, types=(event_type,))), None) is None:
        kernel.ledger.append(event_type, body, run=run)


def _evolve(
    kernel: Kernel,
    boxes: Mapping[str, Box],
    *,
    effort: Effort,
    roles: Roles,
    rules: Rules,
    run: str,
    seed: int,
    observe: Callable[[str], None],
) -> Evolved:
    """Returns what the epochs found, one after the other, and what the gate says of the last against the first."""
    start = current = policy()
    outcomes: list[Outcome] = []
    for number in range(1, effort.epochs + 1):
        task = policy_task(
            boxes,
            train=roles.train,
            gate=roles.gate,
            start=current,
            epoch=number,
            times=effort.times,
            budgets=effort.budgets,
        )
        request = Request(seed=derive(seed, "epoch", str(number)), attempts=effort.attempts)
        outcomes.append(kernel.improve(task, improver(), request, parent=run))
        current = outcomes[-1].incumbent.program
        values = f"{outcomes[-1].start.value:.3f} -> {outcomes[-1].incumbent.value:.3f}"
        observe(f"epoch {number} of {effort.epochs}: validation {values}")
    whole = replace(outcomes[-1], start=replace(outcomes[0].start, program=start))
    verdict = None if current.id == start.id else _gate(kernel, task, whole, rules=rules, run=run)
    observe("nothing better was found" if verdict is None else _words(verdict))
    return Evolved(start, tuple(outcomes), verdict)


def _gate(kernel: Kernel, task: Task, whole: Outcome, *, rules: Rules, run: str) -> Verdict:
    """Returns the verdict on fresh searches on the gate's table, from the record where it was given already."""
    for event in kernel.ledger.read(run=run, types=("search_verdict",)):
        body: Any = event.body
        return Verdict(**body["verdict"])
    pairs = (Pair(new, old) for old, new in kernel.pairs(task, whole, count=rules.most))
    verdict = decide(pairs, rules=rules, test=1, admitted=0)
    kernel.ledger.append(
        "search_verdict", {"run": whole.run, "program": whole.incumbent.program.id, "verdict": asdict(verdict)}, run=run
    )
    return verdict


def _words(verdict: Verdict) -> str:
    said = "adopted" if verdict.admitted else "refused"
    return f"{said} after {verdict.cases} fresh searches, mean gain {verdict.gain:+.3f}: {verdict.reason}"


def _results(played: dict[str, dict[int, Played]], evolved: Evolved, *, key: int) -> dict[str, JSON]:
    arms: dict[str, JSON] = {
        name: {str(budget): arm_document(one, key=key) for budget, one in found.items()}
        for name, found in played.items()
    }
    gains: dict[str, JSON] = {
        f"{EVOLVED}-{name}": {
            str(budget): gain_document(played[EVOLVED][budget], one, key=key) for budget, one in found.items()
        }
        for name, found in played.items()
        if name != EVOLVED
    }
    verdict = evolved.verdict
    proposal: dict[str, JSON] = {
        "program": evolved.successor.id,
        "diff": evolved.start.diff(evolved.successor),
        "runs": [outcome.run for outcome in evolved.outcomes],
        "validation": [[outcome.start.value, outcome.incumbent.value] for outcome in evolved.outcomes],
        "verdict": None if verdict is None else asdict(verdict),
    }
    adopted: list[JSON] = [proposal] if verdict is not None and verdict.admitted else []
    return {
        "arms": arms,
        "gains": gains,
        "verdicts": [proposal["verdict"]] if verdict is not None else [],
        "proposal": proposal,
        "adopted": adopted,
        "policy": str(evolved.in_force.files["policy.py"]),
        "cpu_seconds": sum(outcome.spent.cpu_seconds for outcome in evolved.outcomes),
        "sentence": sentence(gains, adopted=bool(adopted)),
    }


def sentence(gains: Mapping[str, Any], *, adopted: bool) -> str:
    """Returns what was and was not shown, in one sentence. gains: of the document."""
    subject = "The adopted policy" if adopted else "No policy was adopted; the one it started from"
    found: dict[str, list[str]] = {"is better than": [], "is worse than": [], "cannot be told from": []}
    for name in REFERENCES:
        for budget, gain in gains[f"{EVOLVED}-{name}"].items():
            low, high = gain["score"]["low"], gain["score"]["high"]
            verdict = "is better than" if low > 0 else "is worse than" if high < 0 else "cannot be told from"
            found[verdict].append(f"{name.replace('_', ' ')} at {budget}")
    parts = [f"{verdict} {', '.join(names)}" for verdict, names in found.items() if names]
    return f"{subject} {'; '.join(parts)} (measurements; paired score, 95 % intervals)."

"""The two verbs: evaluate a program, improve a program."""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rung import wire
from rung.errors import BadInput, BudgetExhausted, IntegrityAlarm, ProgramFailed, Status
from rung.kernel import codec
from rung.kernel.budget import Allowance, Budget
from rung.kernel.draw import RESAMPLES, derive, draw_cases, paired_gain
from rung.kernel.host import Host, brief
from rung.kernel.identity import Request, allowance_to_json, run_key
from rung.kernel.pool import Inline, Job, Pool
from rung.kernel.run import Run
from rung.kernel.sandbox.choice import open_sandbox
from rung.kernel.scope import Bounds
from rung.kernel.search import Search
from rung.kernel.shared import Places, Shared, preloads
from rung.records import Cost, Fresh, Incumbent, Interval, Limits, Outcome
from rung.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.kernel.ledger.port import Event, Ledger
    from rung.kernel.models import Generator, Models
    from rung.kernel.pool import Executor
    from rung.kernel.sandbox.port import Session
    from rung.kernel.scoring import Scored
    from rung.records import Case, Evaluation, Program, Split, Task
    from rung.wire import JSON

UNLIMITED_CPU = 1e6
ASIDE = 4  # of what the seed program's rollouts cost per case: two programs, and the second may be longer


def _ignore(_event: Event) -> None:
    """Observes nothing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a kernel runs things.

    sandbox: a backend's name, or "auto" for the strongest that passes its self-test. workers: processes that score.
    improver_memory_mb, improver_output_bytes: of the one process an improver has.
    """

    sandbox: str = "auto"
    workers: int = 1
    improver_memory_mb: int = 1024
    improver_output_bytes: int = 8 << 20


class Kernel:
    """Judges programs; everything it decides is in the ledger.

    observe: called with every event of a run, recorded now or earlier.
    sdk: text of the improver's side of the wall. models: whom improvers and evaluators may ask.
    agents: opens the session of an improver that is a command (improver, limits, run), None for any other.
    bounds: what a charter says of all its runs.
    clock: wall seconds as budgets count them.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        sdk: str,
        settings: Settings = Settings(),
        observe: Callable[[Event], None] = _ignore,
        models: Models | None = None,
        agents: Callable[[Program, Limits, str], Session | None] | None = None,
        bounds: Bounds = Bounds(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger, self.settings, self._bounds = ledger, settings, bounds
        self._sdk, self._observe, self._models, self._agents = sdk, observe, models, agents
        self._clock = clock
        self._kept: Shared | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps sandboxes open over many calls; to start one costs more than many evaluations."""
        with closing(Shared(self.settings.sandbox)) as shared:
            self._kept = shared
            try:
                yield
            finally:
                self._kept = None

    @contextmanager
    def _shared(self) -> Iterator[Shared]:
        if self._kept is not None:
            yield self._kept
            return
        with closing(Shared(self.settings.sandbox)) as shared:
            yield shared

    def evaluate(
        self, task: Task, program: Program, *, split: str, seed: int = 0, allowance: Allowance = Allowance()
    ) -> Scored:
        """Returns how the program does on "train" or "validation"; recorded as a run of its own.

        allowance: its tokens and money, if the evaluator asks a model.

        Raises:
          BadInput: another split; held-out cases are for gates.
        """
        if split not in {"train", "validation"}:
            raise BadInput(f"programs are evaluated on train or validation, not on {split!r}")
        cases = self._cases(task.train if split == "train" else task.validation, name=split, seed=seed)
        run = hashlib.sha256(wire.canonical([task.name, program.id, seed, secrets.token_hex(8)])).hexdigest()[:12]
        with self._shared() as shared:
            models = self._generator(Budget(allowance, clock=self._clock), run)
            executor = Inline(task, lambda: shared.first(task.program, program), seed=seed, models=models)
            scored = next(iter(executor.score_all([Job(program, cases)])))[1]
        body: dict[str, JSON] = {
            "task": task.name,
            "split": split,
            "program": program.id,
            "evaluation": codec.evaluation_to_json(scored.evaluation),
            "blobs": [program.id],
        }
        self.ledger.append("evaluate", body, run=run, blobs=(codec.program_bytes(program),))
        return scored

    def improve(
        self,
        task: Task,
        improver: Program,
        request: Request = Request(),
        *,
        budget: Budget | None = None,
        parent: str | None = None,
        kept: bool = True,
    ) -> Outcome:
        """Returns what the improver found within the attempts and the allowance; resumes when the run is on record.

        parent: the run that this one is a part of. kept: False when what is found is only looked at, never built on: a
        second backend then has nothing to confirm.

        Raises:
          BadInput: the task's seed program fails its own train cases.
          EvaluatorFailed, IntegrityAlarm, SandboxBroken, LedgerError: see errors.py; the run can be resumed.
        """
        request = replace(request, bounds=self._bounds)
        if self._models is not None:
            request = replace(request, models=self._models.identity)
        if request.seed is None:
            request = replace(request, seed=self.unfinished_seed(task, improver, request))
        with self._shared() as shared:
            whole = budget or Budget(Allowance(), clock=self._clock)
            places = shared.outside if kept else shared.inside
            return self._improve(task, improver, request, shared=shared, places=places, budget=whole, parent=parent)

    def _improve(
        self,
        task: Task,
        improver: Program,
        request: Request,
        *,
        shared: Shared,
        places: Places,
        budget: Budget,
        parent: str | None = None,
    ) -> Outcome:
        seed = request.seed or 0
        run = self._open_run(task, improver, request, places=places, parent=parent)
        if run.end is not None:
            budget.charge(codec.cost_from_json(run.end["spent"]))  # of a run inside another one that was interrupted
            return _outcome(run, task, improver)
        whole = budget.child(request.allowance)
        whole.carry(run.spent_before)
        search = self._search(task, run, request, shared=shared, places=places, budget=whole)
        try:
            begun = search.begin()
            if begun.status is not Status.OK or begun.value is None:
                reason = begun.feedback[0] if begun.feedback else "no reason was given"
                raise BadInput(f"the program of task {task.name!r} fails before anything was changed: {reason}")
            search.budget.put_aside(_last_rollouts(task, begun))
            stop = self._converse(task, improver, search, places=places, begun=begun, seed=seed)
            self._finish(task, search, seed=seed, stop=stop)
        except IntegrityAlarm as alarm:
            run.record("alarm", {"message": str(alarm)})
            raise
        finally:
            search.close()
        return _outcome(run, task, improver)

    def _open_run(self, task: Task, improver: Program, request: Request, *, places: Places, parent: str | None) -> Run:
        key = run_key(task, improver, request, parent=parent and f"{parent} {places.name}")
        run = Run(self.ledger, key, parent=parent, observe=self._observe)
        if run.start is None:
            sandbox = places.first(task.program)
            body: dict[str, JSON] = {
                "task": task.name,
                "reference": request.reference or task.name,
                "key": run_key(task, improver, replace(request, seed=None)),
                "goal": task.goal,
                "unit": task.unit,
                "bound": task.bound,
                "improver": improver.id,
                "program": task.program.id,
                "seed": str(request.seed),
                "attempts": task.attempts if request.attempts is None else request.attempts,
                "allowance": allowance_to_json(request.allowance),
                "version": VERSION,
                **({"models": request.models} if request.models else {}),
                **({"charter": request.bounds.charter} if request.bounds.charter else {}),
                "sandbox": sandbox.name,
                "layers": list(sandbox.layers),
                "blobs": [task.program.id, improver.id],
            }
            run.record("run_start", body, blobs=(codec.program_bytes(task.program), codec.program_bytes(improver)))
        return run

    def unfinished_seed(self, task: Task, improver: Program, request: Request) -> int:
        """Returns the seed of an unfinished run of the very same request, or a new random one."""
        key = run_key(task, improver, request)
        seeds: dict[str, int] = {}
        for event in self.ledger.read(types=("run_start", "run_end")):
            body: Any = event.body
            if event.type == "run_end":
                seeds.pop(event.run, None)
            elif body["key"] == key:
                seeds[event.run] = int(body["seed"])
        return next(iter(seeds.values()), secrets.randbits(63))

    def _generator(self, budget: Budget, run: Run | str) -> Generator | None:
        if self._models is None:
            return None
        if isinstance(run, str):
            run = Run(self.ledger, run, parent=None, observe=self._observe)
        return self._models(budget, run)

    def _search(
        self, task: Task, run: Run, request: Request, *, shared: Shared, places: Places, budget: Budget
    ) -> Search:
        seed, workers, name = request.seed or 0, self.settings.workers, self.settings.sandbox
        nested = places.name != "outside"
        deeper = places if nested else shared.inside
        inside = self._inside(shared, deeper, request.bounds, limits=task.limits, budget=budget, parent=run.id)
        confirming = places if nested else shared.confirming
        again = self._inside(shared, confirming, request.bounds, limits=task.limits, budget=budget, parent=run.id)
        models = self._generator(budget, run)
        executor: Executor = (
            Inline(task, lambda: places.first(task.program), seed=seed, improve=inside, models=models)
            if workers == 1 or nested
            else Pool(task, lambda: open_sandbox(name, preload=preloads(task.program)), seed=seed, workers=workers)
        )
        return Search(
            task,
            run=run,
            train=self._cases(task.train, name="train", seed=seed),
            validation=self._cases(task.validation, name="validation", seed=seed),
            executor=executor,
            rescorer=lambda: Inline(task, lambda: places.second(task.program), seed=seed, improve=again, models=models),
            budget=budget,
            models=models,
            attempts=task.attempts if request.attempts is None else request.attempts,
            bounds=request.bounds,
        )

    def _inside(
        self, shared: Shared, places: Places, bounds: Bounds, *, limits: Limits, budget: Budget, parent: str
    ) -> Callable[[Task, Program, int], Outcome]:
        """Returns how a run inside another one is made: its own slice of the ledger, the outer run's budget.

        limits: of the task whose program the improver is; its CPU and wall seconds are what one inner run may take.
        """

        def improve(task: Task, improver: Program, seed: int) -> Outcome:
            allowance = Allowance(cpu_seconds=limits.cpu_seconds, seconds=limits.wall_seconds)
            ask = Request(seed=seed, allowance=allowance, bounds=bounds.inside(task.name))
            return self._improve(task, improver, ask, shared=shared, places=places, budget=budget, parent=parent)

        return improve

    def pairs(
        self, task: Task, outcome: Outcome, *, count: int, budget: Budget | None = None
    ) -> Iterator[tuple[float, float]]:
        """Yields (start, incumbent) scores of an outcome on fresh cases, drawn one by one after its hash is on record.

        A program that fails on a case gets 0, the least there is: scores of a gate lie in [0, 1].

        Raises:
          RungError: see `improve`.
        """
        incumbent = outcome.incumbent.program
        self.ledger.append("commit", {"program": incumbent.id, "for": "gate"}, run=outcome.run)
        cases = draw_cases(Fresh(count), name="gate", seed=outcome.seed, after=incumbent.id)
        whole = budget or Budget(Allowance(), clock=self._clock)
        with self._shared() as shared:
            limits, deep = task.limits, self._bounds
            inside = self._inside(shared, shared.inside, deep, limits=limits, budget=whole, parent=outcome.run)
            models = self._generator(whole, outcome.run)
            executor = Inline(
                task, lambda: shared.first(task.program), seed=outcome.seed, improve=inside, models=models
            )
            for case in cases:
                jobs = [Job(program, (case,)) for program in (outcome.start.program, incumbent)]
                old, new = (scored.evaluation for _, scored in executor.score_all(jobs))
                whole.charge(old.cost + new.cost)
                body: JSON = {"case": case.id, "start": old.value, "incumbent": new.value}
                self.ledger.append("pair", body, run=outcome.run)
                yield old.value or 0.0, new.value or 0.0

    def _converse(
        self, task: Task, improver: Program, search: Search, *, places: Places, begun: Evaluation, seed: int
    ) -> str:
        left, replayed = search.budget.left(), search.run.spent_before.cpu_seconds
        limits = Limits(
            cpu_seconds=UNLIMITED_CPU if left.cpu_seconds is None else left.cpu_seconds + replayed + 1.0,
            wall_seconds=UNLIMITED_CPU,
            memory_mb=self.settings.improver_memory_mb,
            output_bytes=self.settings.improver_output_bytes,
        )
        session = None if self._agents is None else self._agents(improver, limits, search.run.id)
        session = session or places.first(improver).open(improver, limits, sdk=self._sdk)
        try:
            document = brief(task, improver, search=search, begun=begun, seed=derive(seed, "improver"))
            return Host(search, session).serve(document)
        except ProgramFailed as failure:
            return f"the improver failed: {failure}"
        finally:
            session.close()

    def _finish(self, task: Task, search: Search, *, seed: int, stop: str) -> None:
        incumbent = search.incumbent
        search.run.record("commit", {"program": incumbent.program.id})
        search.budget.put_aside(Cost())
        cases = draw_cases(task.held_out, name="held_out", seed=seed, after=incumbent.program.id)
        interval = None
        if incumbent.program.id == task.program.id:
            interval = Interval(len(cases), 0.0, 0.0, 0.0)
        else:
            try:
                interval = self._held_out(task, search, cases, seed=seed)
            except BudgetExhausted as reason:
                stop = f"{stop}; the held-out cases could not be paid for: {reason}"
        gain: JSON = None
        if interval is not None:
            gain = {"n": interval.n, "mean": interval.mean, "low": interval.low, "high": interval.high}
        body: dict[str, JSON] = {
            "stop_reason": stop,
            "program": incumbent.program.id,
            "value": incumbent.value,
            "held_out": gain,
            "spent": codec.cost_to_json(search.budget.spent),
        }
        search.run.record("run_end", body)

    def _held_out(self, task: Task, search: Search, cases: tuple[Case, ...], *, seed: int) -> Interval | None:
        results: dict[int, Scored] = dict(
            search.score_all([Job(task.program, cases), Job(search.incumbent.program, cases)])
        )
        pair = [results[0].evaluation, results[1].evaluation]
        for evaluation in pair:
            search.budget.charge(evaluation.cost)
        search.run.record("held_out", {"evaluations": [codec.evaluation_to_json(evaluation) for evaluation in pair]})
        if any(evaluation.status is not Status.OK for evaluation in pair):
            return None
        resamples = RESAMPLES if search.run.parent is None else RESAMPLES // 10  # of a part, only the mean is used
        return paired_gain(pair[0].scores, pair[1].scores, seed=seed, resamples=resamples)

    def _cases(self, split: Split, *, name: str, seed: int) -> tuple[Case, ...]:
        return draw_cases(split, name=name, seed=seed, after="")


def _last_rollouts(task: Task, begun: Evaluation) -> Cost:
    """Returns what the held-out cases may cost in tokens and money, by what the train cases did."""
    count = task.held_out.count if isinstance(task.held_out, Fresh) else len(task.held_out)
    share = ASIDE * count / max(1, len(begun.scores))
    tokens, usd = begun.measures.get("tokens", 0.0), begun.measures.get("usd", 0.0)
    return Cost(tokens=round(share * tokens), usd=share * usd)


def _outcome(run: Run, task: Task, improver: Program) -> Outcome:
    end, held_out = run.end, run.end["held_out"]
    return Outcome(
        run=run.id,
        task=task.name,
        improver=improver.id,
        seed=int(run.start["seed"]),
        start=Incumbent(task.program, run.first_value),
        incumbent=Incumbent(codec.program_from_bytes(run.ledger.get(end["program"])), end["value"]),
        held_out=None if held_out is None else Interval(**held_out),
        spent=codec.cost_from_json(end["spent"]),
        stop_reason=end["stop_reason"],
        sandbox=run.start["sandbox"],
        rescored_by=run.rescored_by,
        scores=() if held_out is None or run.held_out is None else tuple(run.held_out[1]["scores"]),
    )

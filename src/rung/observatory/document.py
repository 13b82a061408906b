"""The document of a comparison, for programs: what `bench --json` prints."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from rung.arms.records import ARMS, ArmResult
from rung.observatory import checks, gains, gate_rates, progress, sentence, shape, transfer
from rung.observatory.bootstrap import Rng
from rung.observatory.closure import Decision, shares
from rung.observatory.pairing import Results, by_seed
from rung.records import Interval

if TYPE_CHECKING:
    from rung.wire import JSON

MISSING = {
    "ratios.*": "no seed has figures of both arms, the second may be 0, or the stream has no end and so no share",
    "metrics.over_puzzles.*": "no two puzzles with a known grade were met by both arms",
    "metrics.break_even": "fewer than two seeds have a figure of what a solved puzzle costs both arms",
    "metrics.out_of_domain_loss": "no seed has figures of SELF and of the seed improver on another world",
    "metrics.claimed_over_redrawn": "no effect was drawn twice, or the redrawn ones do not sum to more than 0",
    "metrics.false_accepts": "no null edit went through the gate",
    "metrics.returns.*": "no seed has three generations in which something was solved",
}


def document(
    results: Results,
    *,
    registration: Mapping[str, JSON],
    closure: Sequence[Decision],
    primary: str = "held_out",
    null_edits: Sequence[Mapping[str, object]] = (),
    diffs: Mapping[str, str] | None = None,
    shared: bool = True,
    seed: int = 0,
) -> dict[str, JSON]:
    """Returns the document; it holds plain JSON, null where there is no figure, and why under "missing".

    results: arm -> one result per seed. registration: as recorded before the first evaluation. primary: the registered
    measure. null_edits: bodies of the events of that type. diffs: id of an adopted program -> its diff to the one
    before. shared: whether the world has structure to learn; else the sentence is one on harm. seed: of the bootstrap.

    Raises:
      BadInput: the results contradict themselves; see `gains.gain`.
    """
    rngs = _rngs(seed)
    found = gains.gains(results, rng=rngs("gains"), primary=primary)
    loss = transfer.out_of_domain_loss(results, rng=rngs("loss"))
    ratios = {
        f"self/{rival}": gains.ratio(results, ("self", rival), rng=rngs(f"ratio {rival}")) if _finite(results) else None
        for rival in ("frozen", "control")
    }
    said = sentence.sentence(found, loss=loss, stream=ratios["self/frozen"])
    accepts, claims = gate_rates.false_accepts(null_edits), progress.claimed_over_redrawn(results, rng=rngs("claims"))
    body = {
        "registration": registration,
        "primary": primary,
        "sentence": said if shared else sentence.null_sentence(found),
        "checks": checks.checks(found, loss=loss, accepts=accepts, claims=claims, shared=shared),
        "arms": {arm: [_result(result) for result in by_seed(results, arm).values()] for arm in _ran(results)},
        "gains": {name: _interval(comparison.gain) for name, comparison in found.items()},
        "ratios": ratios,
        "adopted": [row for arm in _ran(results) for row in _adopted(results, arm, diffs or {})],
        "verdicts": [row for arm in _ran(results) for row in _verdicts(results, arm)],
        "closure": {"decisions": list(closure), "shares": shares(closure)},
        "metrics": {
            **_metrics(results, rngs),
            "comparisons": found,
            "out_of_domain_loss": loss,
            "false_accepts": accepts,
            "claimed_over_redrawn": claims,
        },
    }
    missing: list[str] = []
    made = {name: _plain(value, name, missing) for name, value in body.items()}
    return {**made, "missing": list(missing)}


def _metrics(results: Results, rngs: Callable[[str], Rng]) -> dict[str, object]:
    ran = _ran(results)
    climbing = [arm for arm in ran if any(result.steps for result in results[arm])]
    return {
        "measures": {
            measure: gains.gains(results, rng=rngs(measure), primary=measure)
            for measure in ("held_out", "moved", *(["stream"] if _finite(results) else []))
        },
        "grades": {
            measure: {
                "-".join(arms): gains.by_grade(results, arms, rng=rngs(f"grades {measure}"), measure=measure)
                for arms in (("self", "control"), ("self", "frozen"))
            }
            for measure in ("held_out", *(["stream"] if _finite(results) else []))
        },
        "over_puzzles": {
            "-".join(arms): gains.over_puzzles(results, arms, rng=rngs("puzzles"))
            for arms in (("self", "control"), ("self", "frozen"))
        },
        "transfer": transfer.transfer(results, rng=rngs("transfer")),
        "improvement_at_cost": {
            arm: progress.improvement_at_cost(results, arm, rng=rngs(f"cost {arm}")) for arm in climbing
        },
        "break_even": progress.break_even(results, rng=rngs("break even")),
        "friction": {arm: progress.friction(results, rng=rngs(f"friction {arm}"), arm=arm) for arm in climbing},
        "clades": {arm: progress.clades(results, arm=arm) for arm in climbing if arm != "frozen"},
        "returns": {
            arm: shape.returns([shape.output(result) for result in results[arm]], rng=rngs(f"returns {arm}"))
            for arm in climbing
        },
        "shape": {
            arm: shape.takeoff([shape.odds(result) for result in results[arm]], rng=rngs(f"shape {arm}"))
            for arm in climbing
        },
        "gate": {arm: gate_rates.verdicts(results[arm]) for arm in climbing if arm != "frozen"},
    }


def _rngs(seed: int) -> Callable[[str], Rng]:
    """Returns a generator by name, so that one figure does not depend on which others were asked for."""
    return lambda name: np.random.default_rng([seed, zlib.crc32(name.encode())])


def _ran(results: Results) -> list[str]:
    return [arm for arm in ARMS if results.get(arm)]


def _finite(results: Results) -> bool:
    """Returns whether the stream ends; of an endless one an arm solves the more the later it stops."""
    return any(result.stream for group in results.values() for result in group)


def _interval(interval: Interval) -> dict[str, object]:
    return {"n": interval.n, "mean": interval.mean, "low": interval.low, "high": interval.high}


def _share(values: Sequence[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _result(result: ArmResult) -> dict[str, object]:
    return {
        "seed": result.seed,
        "run": result.run,
        "improver": result.improver,
        "held_out": _share(result.held_out),
        "moved": _share(result.moved),
        "ood": _share(result.out_of_domain),
        "stream": _share(list(result.stream.values())),
        "solved": result.solved,
        "cost": {"work": result.work, "cpu_seconds": result.cpu_seconds},
        "curve": [[point.work, point.held_out] for point in result.curve],
        "generations": len(result.steps),
    }


def _adopted(results: Results, arm: str, diffs: Mapping[str, str]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for result in by_seed(results, arm).values():
        undone = {step.undone or "": step.number for step in result.steps}
        for number, step in enumerate(result.steps):
            if step.proposal is None or not progress.adopted(step):
                continue
            later = [each.stage for each in result.steps[number:] if each.in_force == step.proposal]
            rows.append(
                {
                    "arm": arm,
                    "seed": result.seed,
                    "generation": step.number,
                    "program": step.proposal,
                    "stage": later[-1] if later else step.stage,
                    "undone": undone.get(step.proposal),
                    "gate": step.verdict,
                    "claimed": step.claimed,
                    "redrawn": step.redrawn,
                    "bytes": step.bytes,
                    "diff": diffs.get(step.proposal),
                }
            )
    return rows


def _verdicts(results: Results, arm: str) -> list[dict[str, object]]:
    return [
        {"arm": arm, "seed": result.seed, "generation": step.number, "program": step.proposal, **asdict(step.verdict)}
        for result in by_seed(results, arm).values()
        for step in result.steps
        if step.verdict is not None
    ]


def _plain(value: object, path: str, missing: list[str]) -> JSON:
    """Returns it as JSON; a figure that is not finite, or a metric that is not there, is null and named as missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        reason = next((why for pattern, why in MISSING.items() if fnmatchcase(path, pattern)), "")
        reason = reason if value is None else "the figure is not finite"
        missing.extend([f"{path}: {reason}"] if reason else [])
        return None
    if isinstance(value, bool | int | float | str):
        return float(value) if isinstance(value, float) else value
    if is_dataclass(value) and not isinstance(value, type):
        return _plain({name: getattr(value, name) for name in value.__dataclass_fields__}, path, missing)
    if isinstance(value, Mapping):
        return {str(name): _plain(item, f"{path}.{name}", missing) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item, f"{path}.{number}", missing) for number, item in enumerate(value)]
    raise TypeError(f"{path} holds a {type(value).__name__}, which no JSON document can carry")

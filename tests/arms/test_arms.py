"""Every arm does what its name says, within its work, and decides in the order that makes the decision honest."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.arms import toy
from tests.arms.conftest import Whole
from tests.helpers import bodies, kernel

from rung.arms.records import ARMS
from rung.arms.registration import register, request_of
from rung.errors import BadInput
from rung.kernel import codec
from rung.kernel.draw import derive
from rung.kernel.ledger.verify import verify_chain

SLACK = toy.WORK * (2 * toy.PLAN.canary + toy.PLAN.practice)  # the block that was begun, and the canary beside it
SEED = toy.improver().id


def test_self_climbs_where_nothing_else_does(whole: Whole) -> None:
    """What it learned lets it learn more: it ends above every arm that may not compound."""
    held = {arm: sum(result.held_out) for arm, result in whole.results.items()}
    assert held["self"] > held["control"] > held["frozen"]
    assert held["self"] == len(whole.results["self"].names)
    verdicts = [step.verdict for step in whole.results["self"].steps if step.verdict]
    assert sum(verdict.admitted for verdict in verdicts) >= 2
    assert [point.held_out for point in whole.results["self"].curve] == sorted(
        point.held_out for point in whole.results["self"].curve
    )


def test_what_was_learned_is_in_the_source_of_the_improver(whole: Whole) -> None:
    """An adopted successor differs from its predecessor in its library, and the ledger has the bytes."""
    files = codec.program_from_bytes(whole.kernel.ledger.get(whole.results["self"].improver)).files
    assert files["library.json"] != "[]"
    assert {name: text for name, text in files.items() if name != "library.json"} == {
        name: text for name, text in toy.improver().files.items() if name != "library.json"
    }


def test_frozen_never_changes(whole: Whole) -> None:
    """It practises like the others, proposes nothing and asks no gate."""
    frozen = whole.results["frozen"]
    assert frozen.improver == SEED
    assert {(step.solver, step.in_force, step.stage) for step in frozen.steps} == {(SEED, SEED, "seed")}
    assert not whole.events("frozen", "commit", "verdict", "pairs", "adopted")
    assert not any(step.gate_work for step in frozen.steps)


def test_the_seed_improver_does_controls_practice(whole: Whole) -> None:
    """It learns and is judged as SELF is, but what it learned never feeds its own practice."""
    control = whole.results["control"]
    assert {step.solver for step in control.steps} == {SEED}
    assert control.improver != SEED
    adopted = next(step for step in control.steps if step.in_force != SEED)
    assert adopted.verdict is not None
    assert adopted.verdict.admitted


def test_no_meta_spends_nothing_before_the_sealed_puzzles(whole: Whole) -> None:
    """All its work may act there, and it acts."""
    still = whole.results["no-meta"]
    assert (still.work, still.steps, still.improver) == (0.0, (), SEED)
    assert sum(still.moved) > sum(still.held_out)
    assert still.held_out == whole.results["frozen"].held_out


def test_sham_makes_as_many_edits_without_evidence(whole: Whole) -> None:
    """Its lessons are as many, and none is one that SELF had; it is charged what SELF spent."""
    sham, climbed = whole.results["sham"], whole.results["self"]
    adopted = whole.bodies("self", "adopted")
    runs = {event.run: event for event in whole.kernel.ledger.read(types=("run_start",))}
    learned = {
        event.run for event in runs.values() if isinstance(event.body, dict) and event.body["task"] == "toy/learn"
    }
    assert sham.improver != SEED
    assert sham.work == climbed.work
    edits = whole.bodies("sham", "commit", "verdict", "pairs")
    assert edits == []
    true = {lesson["source"] for body in adopted for lesson in body["solutions"]}
    library = codec.program_from_bytes(whole.kernel.ledger.get(sham.improver)).files["library.json"]
    assert not {int(text) // 10 for text in true} & set(json.loads(library))
    assert len(learned) >= len(adopted) + 1


def test_random_evidence_does_not_pass_the_gate(whole: Whole) -> None:
    """What was learned from noise is proposed, judged and refused."""
    verdicts = whole.bodies("random", "verdict")
    assert verdicts
    assert not any(body["admitted"] for body in verdicts)
    assert whole.results["random"].improver == SEED


def test_null_edits_are_counted(whole: Whole) -> None:
    """The A/A arm says how many it tried and how many passed, on differences that SELF's gate saw."""
    tally = whole.bodies("aa", "null_edits")[0]
    assert tally["flipped"] == 125
    assert 0 <= tally["flipped_admitted"] <= 0.3 * 125  # alpha is 0.2 here
    assert (tally["copied"], tally["copied_admitted"], tally["alpha"]) == (1, 0, 0.2)
    assert whole.results["aa"].improver == SEED


def test_budgets_are_equal(whole: Whole) -> None:
    """No arm spends more than the plan gives it, but for the block that it had begun; those that climb use it."""
    for arm, result in whole.results.items():
        assert result.work <= toy.PLAN.work + SLACK, arm
        assert all(before.work <= after.work for before, after in pairwise(result.steps)), arm
    for arm in ("self", "control", "random", "sham"):
        assert whole.results[arm].work >= 0.5 * toy.PLAN.work


def test_an_adopted_improver_is_a_canary_before_it_is_main(whole: Whole) -> None:
    """It is watched for as many generations as the plan says."""
    stages = [step.stage for step in whole.results["self"].steps]
    last = max(at for at, step in enumerate(whole.results["self"].steps) if step.verdict and step.verdict.admitted)
    assert stages[last : last + 3] == ["canary", "canary", "main"]
    assert "seed" not in stages[stages.index("canary") :]


def test_the_effect_is_estimated_again_on_fresh_puzzles(whole: Whole) -> None:
    """Twice, for calibration; only of what was adopted."""
    for step in whole.results["self"].steps:
        admitted = step.verdict is not None and step.verdict.admitted
        assert (step.claimed is not None) == (step.redrawn is not None) == admitted


def test_the_commit_precedes_the_pairs_and_the_pairs_the_verdict(whole: Whole) -> None:
    """For every decision: who is judged is fixed first, then puzzles are drawn, then it is decided, then adopted."""
    order: list[str] = []
    program = ""
    for event_type, body in whole.events("self", "commit", "pairs", "verdict", "adopted"):
        if event_type == "commit":
            program = body["program"]
        assert body["program"] == program
        order.append(event_type)
    text = " ".join(order)
    assert text.startswith("commit pairs")
    assert "commit commit" not in text
    assert "commit verdict" not in text
    assert "pairs adopted" not in text


def test_nobody_met_the_gates_puzzles_before_the_commit(whole: Whole) -> None:
    """The blocks that a successor was judged on came into being after its hash was in the ledger."""
    ledger = whole.kernel.ledger
    commits: dict[str, Any] = {}
    for commit in ledger.read(run=whole.results["self"].run, types=("commit",)):
        body: Any = commit.body
        commits.setdefault(body["program"], commit)
    assert len(commits) >= 2
    for program, commit in commits.items():
        judged = [
            event
            for event in ledger.read(types=("run_start",))
            if isinstance(event.body, dict)
            and event.body["improver"] == program
            and "/stream " in str(event.body["task"])
        ]
        assert judged
        assert min(event.seq for event in judged) > commit.seq


def test_other_successors_meet_other_puzzles() -> None:
    """What the gate draws depends on whom it judges, and on the secret."""
    world = toy.Clusters(1)

    def digests(*labels: str) -> list[Any]:
        block = world.block(0, 8, salt=derive(1, *labels), solved=frozenset())
        assert block is not None
        return [case.input for case in block.task.held_out] if isinstance(block.task.held_out, tuple) else []

    first = digests("gate", "1", "a" * 64, "0")
    assert first == digests("gate", "1", "a" * 64, "0")
    assert first != digests("gate", "1", "b" * 64, "0")


def test_the_salt_of_a_draw_names_the_successor(whole: Whole) -> None:
    """No two decisions drew the same block, although both arms stood at the same place of the same stream."""
    starts = [event.body for event in whole.kernel.ledger.read(types=("run_start",))]
    judged = {
        (body["improver"], body["task"])
        for body in starts
        if isinstance(body, dict) and "/stream " in str(body["task"])
    }

    def blocks(arm: str) -> set[Any]:
        programs = {body["program"] for body in whole.bodies(arm, "commit")}
        return {task for improver, task in judged if improver in programs}

    assert blocks("random")
    assert blocks("self")
    assert not blocks("random") & blocks("self")


def test_the_registration_comes_first(whole: Whole) -> None:
    """What is compared, by which rule and from which key is in the ledger before anything was evaluated."""
    first = next(iter(whole.kernel.ledger.read()))
    assert first.type == "registration"
    body: Any = first.body
    assert (body["suite"], body["arms"], body["key"], body["improver"]) == ("toy", list(ARMS), "abc", SEED)
    assert body["plan"]["rules"]["alpha"] == 0.2
    assert first.run == next(e.parent_run for e in whole.kernel.ledger.read(types=("arm_start",)))


def test_whatever_decides_what_it_means_makes_another_registration(tmp_path: Path) -> None:
    """Another plan, arms, seeds, improver or key: another comparison; the same again: the same one."""
    k = kernel(tmp_path / "w")

    def registered(**changes: Any) -> str:
        on = toy.suite(**changes.pop("plan", {}))
        asked: dict[str, Any] = {"variant": "", "arms": ("self",), "seeds": 1, **changes}
        key, program = asked.pop("key", "1"), asked.pop("program", toy.improver())
        return register(k.ledger, request_of(on, program, **asked), key=key).id

    ids = [
        registered(),
        registered(plan={"work": 5.0}),
        registered(plan={"rules": replace(toy.PLAN.rules, alpha=0.01)}),
        registered(arms=("self", "frozen")),
        registered(seeds=2),
        registered(program=toy.improver(more="")),
        registered(key="2"),
    ]
    assert len(set(ids)) == len(ids)
    assert registered() == ids[0]
    assert len(bodies(k, "registration")) == len(ids)
    with pytest.raises(BadInput, match="no arm"):
        registered(arms=("selfish",))
    with pytest.raises(BadInput, match="name self"):
        registered(arms=("frozen", "sham"))
    with pytest.raises(BadInput, match="digits 0-9 and a-f"):
        registered(key="xyz")


def test_the_key_decides_the_worlds_and_a_drawn_one_is_kept_until_the_end(tmp_path: Path) -> None:
    """Without a key one is drawn; the same request goes on with it, and after its end a new one is drawn."""
    k = kernel(tmp_path / "w")
    request = request_of(toy.SUITE, toy.improver(), variant="", arms=("no-meta",), seeds=1)
    first = register(k.ledger, request)
    assert register(k.ledger, request) == first
    assert len(first.key) == 32
    k.ledger.append("bench_end", {"seeds": 1}, run=first.id)
    second = register(k.ledger, request)
    assert (second.key != first.key, second.id != first.id) == (True, True)
    assert register(k.ledger, request, key=first.key) == first
    worlds = [derive(int(each.key, 16), "world", "0") for each in (first, second)]
    assert toy.Clusters(worlds[0]).held_out().task.held_out != toy.Clusters(worlds[1]).held_out().task.held_out


def test_patience_ends_an_arm_that_adopts_nothing(tmp_path: Path) -> None:
    """After its part of the work without an adoption it stops, and the rest acts on the sealed puzzles."""
    never = toy.improver(
        "from honest import practise\n\n\ndef improve(brief, host):\n"
        "    if 'improver.py' not in brief.program['files']:\n        practise(brief, host)\n"
    )
    on = toy.suite(work=16_000.0, patience=0.25)
    _, results = toy.run(tmp_path / "w", program=never, on=on)
    climbed = results["self"]
    assert 4_000 <= climbed.work < 4_000 + SLACK
    assert not any(step.verdict for step in climbed.steps)
    assert sum(climbed.moved) > sum(climbed.held_out)


def test_the_chain_stands(whole: Whole) -> None:
    """After all of it."""
    assert verify_chain(whole.workspace / "ledger.sqlite").problems == ()

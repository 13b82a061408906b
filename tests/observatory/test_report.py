"""What people and programs are shown: the sentence, the picture, the figure, the document."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.observatory.made import SEED, bits, climb, result, seeds, step

from rung.arms.records import ArmResult, Point
from rung.errors import BadInput
from rung.observatory.checks import checks
from rung.observatory.closure import Facts, closure
from rung.observatory.curves import Band, bands
from rung.observatory.document import document
from rung.observatory.figure import figure
from rung.observatory.gains import Comparison, gains
from rung.observatory.gate_rates import FalseAccepts
from rung.observatory.picture import picture, sparkline
from rung.observatory.sentence import null_sentence, sentence
from rung.observatory.transfer import out_of_domain_loss
from rung.observatory.words import amount, short, signed
from rung.records import Interval

SVG = "{http://www.w3.org/2000/svg}"


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def compared(first: str, second: str, low: float, high: float, *, n: int = 12) -> Comparison:
    gain = Interval(n, (low + high) / 2, low, high)
    measures = ("held_out", "moved" if second == "no-meta" else "held_out")
    return Comparison((first, second), measures, gain, 0.5, 0.4, gain.mean, 9, 0, 3, 0.01, ())


def shown(**limits: tuple[float, float]) -> dict[str, Comparison]:
    """Returns gains by name, "self_no_meta" for "self-no-meta", with an interval each."""
    found = {}
    for key, (low, high) in limits.items():
        first, second = key.split("_", 1)
        found[key.replace("_", "-")] = compared(first, second.removesuffix("_moved").replace("_", "-"), low, high)
    return found


def arms(count: int = 8) -> dict[str, list[ArmResult]]:
    """Returns a comparison in which SELF gains .4 over FROZEN and .2 over CONTROL."""
    grades = {str(number): number for number in range(10)}

    def fields(solved: int, *programs: str) -> dict[str, Any]:
        curve = (Point(0, 0.0, 0.3), Point(1, 300.0, (3 + solved) / 20), Point(4, 1000.0, solved / 10))
        steps = climb(*programs)
        return {"held_out": bits(solved, 10), "curve": curve, "steps": steps, "grades": grades, "names": tuple(grades)}

    still = {
        "held_out": bits(3, 10),
        "moved": bits(4, 10),
        "names": tuple(grades),
        "curve": (Point(0, 0.0, 0.3),),
        "solved": 0,
    }
    return {
        "self": seeds("self", count, lambda seed: fields(7, f"a{seed}", "", f"b{seed}", "")),
        "control": seeds("control", count, lambda seed: fields(5, f"c{seed}", "", "", "")),
        "frozen": seeds("frozen", count, lambda _: fields(3, "", "", "", "")),
        "no-meta": seeds("no-meta", count, lambda _: still),
    }


def made(results: Mapping[str, Sequence[ArmResult]], **more: Any) -> dict[str, Any]:
    facts = Facts("ladder", "reg", "landlock")
    rows = closure(results.get("self", ()), facts)
    return document(results, registration={"id": "reg", "alpha": 0.05}, closure=rows, **more)


def test_the_sentence_claims_what_is_shown() -> None:
    text = sentence(shown(self_frozen=(0.31, 0.45), self_control=(-0.01, 0.05)))
    assert text == (
        "Learning is shown: SELF solves +.38 [.31, .45] more of the held-out puzzles than FROZEN; "
        "recursion is not shown: SELF - CONTROL +.02 [-.01, .05] over 12 seeds includes 0."
    )
    both = sentence(shown(self_frozen=(0.3, 0.5), self_control=(0.2, 0.4)))
    assert "recursion is shown: SELF solves +.30 [.20, .40] more" in both
    worse = sentence(shown(self_frozen=(-0.3, -0.1), self_control=(0.2, 0.4)))
    assert worse.startswith("Learning is not shown: SELF solves less than FROZEN, SELF - FROZEN -.20")


def test_the_sentence_says_what_speaks_against() -> None:
    found = shown(
        self_frozen=(0.3, 0.5),
        self_control=(0.2, 0.4),
        self_no_meta_moved=(-0.1, 0.1),
        self_late=(-0.1, 0.1),
        sham_frozen=(0.1, 0.2),
        random_frozen=(0.1, 0.3),
    )
    text = sentence(found, loss=compared("frozen", "self", 0.05, 0.15))
    assert "; but the same work spent on longer search may do as well" in text
    assert "what the seed solves with all of the work, may do as well (SELF - LATE" in text
    assert "edits without evidence help too (SHAM - FROZEN" in text
    assert "random edits that pass the gate help too" in text
    assert ".10 [.05, .15] of what the seed improver solves in another world is lost." in text
    assert "does better" in sentence(shown(self_no_meta_moved=(-0.3, -0.1)))


def test_the_sentence_may_count_the_stream() -> None:
    text = sentence(shown(self_frozen=(0.3, 0.5)), stream=Interval(10, 1.25, 1.1, 1.4))
    assert text.endswith("; of the stream SELF solves 1.25 [1.10, 1.40] times what FROZEN solves.")
    assert "stream" not in sentence(shown(self_frozen=(0.3, 0.5)), stream=Interval(5, 1.25, 1.1, 1.4))


def test_the_pass_rule_is_checked_criterion_by_criterion() -> None:
    found = shown(self_frozen=(0.3, 0.5), self_control=(-0.1, 0.3), sham_frozen=(-0.1, 0.1))
    accepts = FalseAccepts(2000, 10, 0.05, Interval(2000, 0.005, 0.002, 0.009), holds=True)
    loss = compared("frozen", "self", 0.05, 0.15)
    rows = checks(found, loss=loss, accepts=accepts, claims=Interval(9, 1.2, 1.0, 1.4))
    assert [row.met for row in rows] == [True, False, True, False, True, False]
    assert rows[0].figure == "+.40 [.30, .50], n = 12"
    assert [row.met for row in checks({})] == [None] * 6
    few = checks({"self-frozen": compared("self", "frozen", 0.3, 0.5, n=5)})
    assert (few[0].met, few[0].figure) == (None, "+.40 [.30, .50], n = 5")


@pytest.mark.parametrize(("low", "high", "met"), [(-0.1, 0.1, True), (0.1, 0.2, True), (-0.2, -0.1, False)])
def test_a_null_world_is_passed_by_doing_no_harm(low: float, high: float, met: bool) -> None:  # noqa: FBT001
    rows = checks(shown(self_no_meta=(low, high)), shared=False)
    assert rows[0].criterion == "SELF - NO-META includes 0 or lies above"
    assert rows[0].met is met
    assert not any("CONTROL" in row.criterion for row in rows)


def test_one_seed_is_shown_without_limits() -> None:
    one = arms(1)
    text = sentence(gains(one, rng=rng()), loss=out_of_domain_loss(one, rng=rng()))
    assert text == (
        "Learning is not shown: SELF - FROZEN +.40 comes from one seed, and 6 are needed; "
        "recursion is not shown: SELF - CONTROL +.20 comes from one seed, and 6 are needed."
    )
    drawn = bands(one, rng=rng())
    assert "[" not in "".join(picture(drawn, unit="nodes")[-4:])
    assert "; one seed<" in figure(drawn, title="", caption="", unit="nodes")


@pytest.mark.parametrize("most", [0.3, 7.0, 10.0, 1999.0, 2e6, 8.1e8])
def test_the_axis_has_round_marks(most: float) -> None:
    flat = Band("self", 9, (0.0, most), (0.1, 0.2), (0.1, 0.1), (0.1, 0.3), "", climbs=True, moved=False)
    tree = ET.fromstring(figure([flat], title="", caption="", unit=""))  # noqa: S314 - our own text
    marks = [node.text or "" for node in tree.iter(f"{SVG}text") if node.attrib.get("text-anchor") == "middle"]
    ticks = [mark for mark in marks if mark[:1].isdigit()]
    assert 4 <= len(ticks) <= 10
    assert all(len(mark.strip("kMG.0").replace(".", "")) <= 2 for mark in ticks)


@pytest.mark.parametrize("n", [1, 5])
def test_too_few_seeds_show_nothing(n: int) -> None:
    found = {"self-frozen": compared("self", "frozen", 0.4, 0.6, n=n)}
    text = sentence(found)
    assert text.startswith("Learning is not shown")
    assert ("one seed" if n == 1 else "5 seeds") in text
    assert "recursion was not measured: CONTROL did not run" in text
    assert null_sentence(found).startswith("Nothing is shown by")


def test_a_null_world_is_about_harm() -> None:
    assert "neither wins nor hurts itself" in null_sentence(shown(self_no_meta=(-0.1, 0.1)))
    assert "hurts itself" in null_sentence(shown(self_no_meta=(-0.2, -0.1)))
    assert "so something is" in null_sentence(shown(self_frozen=(0.1, 0.2)))
    assert null_sentence({}).startswith("Nothing is said of harm")


def test_figures_are_written_short() -> None:
    assert [short(value) for value in (0.384, -0.012, 0.0, -0.0, 1.0, 0.003, -0.003, 12.5)] == [
        ".38",
        "-.01",
        ".00",
        ".00",
        "1.00",
        ".003",
        "-.003",
        "12.50",
    ]
    assert signed(Interval(9, 0.1, -0.05, 0.25)) == "+.10 [-.05, .25]"
    assert signed(Interval(9, -0.1, -0.2, 0.05)) == "-.10 [-.20, .05]"
    assert [amount(value) for value in (0, 940, 1200, 2e6, 3.5e9)] == ["0", "940", "1.2k", "2M", "3.5G"]


def test_a_picture_has_one_line_per_arm() -> None:
    drawn = bands(arms(), rng=rng())
    lines = picture(drawn, unit="nodes", width=40, height=8)
    assert [line.split()[1] for line in lines[-4:]] == ["SELF", "CONTROL", "FROZEN", "NO-META"]
    assert "all its work on these" in lines[-1]
    assert any("●" in line for line in lines[:8])
    assert max(map(len, lines)) <= 80
    rows = [number for number, line in enumerate(lines[:8]) if "●" in line]
    assert rows[0] < min(number for number, line in enumerate(lines[:8]) if "▲" in line)
    assert picture([], unit="nodes") == ["no arm has a curve"]
    assert sparkline((0.0, 0.5, 1.0), top=1.0, width=3) == "▁▅█"


def test_a_figure_is_well_formed_and_names_what_it_shows() -> None:
    drawn = bands(arms(), rng=rng())
    caption = "SELF < CONTROL & nobody else; " + "a long caption that has to be broken " * 5
    text = figure(drawn, title="ladder <1>", caption=caption, unit="nodes")
    tree = ET.fromstring(text)  # noqa: S314 - our own text
    words = " ".join(node.text or "" for node in tree.iter(f"{SVG}text"))
    for expected in ("ladder <1>", "SELF", "CONTROL", "FROZEN", "NO-META moved", "nodes", "95 %", "n = 8", "held-out"):
        assert expected in words
    assert len(list(tree.iter(f"{SVG}polyline"))) == 3
    assert len(list(tree.iter(f"{SVG}polygon"))) == 3
    for line in tree.iter(f"{SVG}polyline"):
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        assert all(0 <= x <= 760 and 0 <= y <= 460 for x, y in points)
    lowest = max(float(node.attrib["y"]) for node in tree.iter(f"{SVG}text"))
    assert lowest < float(tree.attrib["height"])
    assert figure(drawn, title="", caption="", unit="") == figure(drawn, title="", caption="", unit="")


def test_a_figure_of_nothing_says_so() -> None:
    assert "no arm has a curve" in figure([], title="empty", caption="", unit="nodes")
    flat = Band("self", 1, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), "", climbs=True, moved=False)
    assert "nan" not in figure([flat], title="", caption="", unit="").lower()


def test_the_document_is_plain_json() -> None:
    found = made(arms(), diffs={"a0": "--- a\n+++ b\n"})
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert set(found["arms"]) == {"self", "control", "frozen", "no-meta"}
    first = found["arms"]["self"][0]
    assert (first["seed"], first["run"], first["held_out"], first["ood"]) == (0, "self-0", 0.7, 0.4)
    assert first["cost"] == {"work": 1000.0, "cpu_seconds": 2.0}
    assert first["curve"] == [[0.0, 0.3], [300.0, 0.5], [1000.0, 0.7]]
    assert first["stream"] is None
    assert (found["arms"]["no-meta"][0]["held_out"], found["arms"]["no-meta"][0]["moved"]) == (0.3, 0.4)
    gain = found["gains"]["self-control"]
    assert set(gain) == {"n", "mean", "low", "high"}
    assert (gain["n"], gain["mean"]) == (8, pytest.approx(0.2))
    assert gain["low"] > 0
    assert found["sentence"].startswith("Learning is shown")
    assert found["ratios"] == {"self/frozen": None, "self/control": None}
    assert "the stream has no end" in next(line for line in found["missing"] if line.startswith("ratios.self/frozen"))


def test_a_finite_stream_has_a_ratio() -> None:
    solved = {"self": 9, "control": 7, "frozen": 6, "no-meta": 0}
    results = {
        arm: [replace(one, stream={str(name): int(name < solved[arm]) for name in range(10)}) for one in group]
        for arm, group in arms().items()
    }
    found = made(results, primary="stream")
    assert found["ratios"]["self/frozen"]["mean"] == pytest.approx(1.5)
    assert found["gains"]["self-frozen"]["mean"] == pytest.approx(0.3)
    assert found["gains"]["self-no-meta"]["mean"] == pytest.approx(0.7 - 0.3)
    assert "more of the stream than FROZEN" in found["sentence"]
    assert "of the stream SELF solves 1.50 [" in found["sentence"]


def test_the_document_holds_every_adoption_and_verdict() -> None:
    found = made(arms(2), diffs={"a0": "--- a\n+++ b\n"})
    adopted = [row for row in found["adopted"] if row["arm"] == "self" and row["seed"] == 0]
    assert [(row["generation"], row["program"], row["diff"]) for row in adopted] == [
        (1, "a0", "--- a\n+++ b\n"),
        (3, "b0", None),
    ]
    assert [row["undone"] for row in adopted] == [None, None]
    assert adopted[0]["claimed"]["mean"] == 0.2
    assert adopted[0]["redrawn"]["mean"] == 0.25
    assert len(found["verdicts"]) == 2 * (4 + 4 + 4)
    assert found["metrics"]["claimed_over_redrawn"]["mean"] == pytest.approx(0.8)
    assert {row["taken_by"] for row in found["closure"]["decisions"]} == {"person", "kernel", "program"}
    assert found["closure"]["shares"]["proposal"] == {"program": 1.0}


def test_an_adoption_that_was_undone_says_when() -> None:
    one = result("self", 0, steps=(*climb("a"), step(2, SEED, undone="a")))
    (row,) = made({"self": [one]})["adopted"]
    assert (row["program"], row["stage"], row["undone"]) == ("a", "canary", 2)


def test_what_is_not_there_is_null_with_a_reason() -> None:
    found = made({"self": arms(3)["self"]})
    assert found["gains"] == {}
    assert found["ratios"] == {"self/frozen": None, "self/control": None}
    for name in ("ratios.self/frozen", "metrics.break_even", "metrics.out_of_domain_loss", "metrics.false_accepts"):
        assert sum(line.startswith(f"{name}: ") for line in found["missing"]) == 1
    assert found["metrics"]["shape"]["self"]["answer"] == "cannot tell"
    empty = made({})
    assert empty["arms"] == {}
    assert "was not measured" in empty["sentence"]


def test_a_cost_that_is_not_finite_is_named() -> None:
    found = made({"self": [result("self", 0, cpu_seconds=float("inf"))]})
    assert found["arms"]["self"][0]["cost"]["cpu_seconds"] is None
    assert "arms.self.0.cost.cpu_seconds: the figure is not finite" in found["missing"]


def test_results_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(BadInput, match="two results for seed 0"):
        made({"self": [result("self", 0), result("self", 0)], "control": [result("control", 0)]})


def test_an_arm_more_changes_no_other_figure() -> None:
    some, more = arms(), {**arms(), "sham": seeds("sham", 8, lambda _: {"names": tuple(map(str, range(10)))})}
    few, many = made(some), made(more)
    assert few["ratios"] == many["ratios"]
    assert few["gains"] == {name: many["gains"][name] for name in few["gains"]}
    assert "self-sham" in many["gains"]


def test_the_whole_way_from_results_to_the_sentence() -> None:
    results = arms()
    found = gains(results, rng=rng())
    text = sentence(found, loss=out_of_domain_loss(results, rng=rng()))
    assert text.startswith("Learning is shown: SELF solves +.40 [")
    assert "recursion is shown: SELF solves +.20 [" in text
    assert made(results, shared=False)["sentence"].startswith("SELF")

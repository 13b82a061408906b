"""The model arm of the seed improver against a host that answers from a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rung
from rung.sdk import host as sdk

SEED = Path(rung.__file__).parent / "improvers" / "seed"
RULE = "def rule(x):\n    y = x + 1.0\n    return y * 2.0\n"
MODELS = ({"name": "local:small", "weight": 1.0, "usd_per_million": None},)
EDIT = "<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"


def score(files: dict[str, str]) -> float:
    """Returns how near a rule is to x -> x * x."""
    space: dict[str, Any] = {}
    exec(files["rule.py"], space)
    return -float(sum(abs(space["rule"](x) - x * x) for x in range(1, 6)))


@pytest.fixture
def briefed(make_brief: Any) -> Callable[..., sdk.Brief]:
    own = {path.relative_to(SEED).as_posix(): path.read_text() for path in SEED.rglob("*.*") if path.suffix != ".pyc"}

    def make(files: dict[str, str] | None = None, **changes: Any) -> sdk.Brief:
        values = {"improver_files": own, "models": MODELS, "value": -25.0, **changes}
        files_of_improver = values.pop("improver_files")
        brief: sdk.Brief = make_brief({"rule.py": RULE} if files is None else files, **values)
        return replace(brief, improver={"files": files_of_improver, "entry": "improver.py:improve"})

    return make


@pytest.fixture
def modelled(fake_host: Any) -> type[Any]:
    class Host(fake_host):  # type: ignore[misc]
        """Answers by a function of the prompt and of how many were asked before."""

        def __init__(self, brief: sdk.Brief, attempts: int, answer: Callable[[dict[str, Any], int], Any]) -> None:
            super().__init__(brief, score, attempts)
            self.answer, self.operators = answer, list[str]()
            self.prompts, self.logs = list[dict[str, Any]](), list[dict[str, Any]]()

        def generate(self, prompts: list[dict[str, Any]]) -> list[sdk.Answer]:
            assert 0 < len(prompts) <= 64
            found = []
            for prompt in prompts:
                given = self.answer(prompt, len(self.prompts))
                self.prompts.append(prompt)
                found.append(given if isinstance(given, sdk.Answer) else answer(given))
            return found

        def evaluate(self, children: list[sdk.Child], *, cases: int | None = None) -> list[sdk.Result]:
            self.operators += [child.operator for child in children]
            results: list[sdk.Result] = super().evaluate(children, cases=cases)
            return results

        def log(self, **measures: Any) -> None:
            self.logs.append(measures)

    return Host


def answer(text: str, **more: Any) -> sdk.Answer:
    values = {"finish": "stop", "model": "local:small", "tokens": 5, "usd": 0.0, "error": "", **more}
    return sdk.Answer(text=text, **values)


def asked_for(prompt: dict[str, Any]) -> str:
    return str(prompt["messages"][-1]["content"])


def run(improver: Any, brief: sdk.Brief, host: Any) -> Any:
    try:
        return improver.improve(brief, host)
    except sdk.Stop as stop:
        return {"stopped": str(stop)}


def test_nothing_changes_without_a_model(
    module_of: Any, briefed: Any, fake_host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    improver = module_of("seed", "improver")
    sequences = []
    for arms in (improver.ARMS, {name: arm for name, arm in improver.ARMS.items() if name != "model"}):
        monkeypatch.setattr(improver, "ARMS", arms)
        brief = briefed(models=(), seed=7)
        host = fake_host(brief, score, 150)
        run(improver, brief, host)
        sequences.append(host.asked)
    assert len(sequences[0]) == 150
    assert sequences[0] == sequences[1]


def test_a_brief_of_an_older_host_has_no_models(module_of: Any, briefed: Any) -> None:
    model = module_of("seed", "arms.model")
    brief = briefed()
    older = type("Older", (), {name: getattr(brief, name) for name in ("improver", "program", "editable", "seed")})()
    assert not model.Model(older, 1).fits()


def test_what_a_model_finds_is_kept_and_its_share_is_reported(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")
    texts = [
        EDIT.format("    return y * 2.0", "    return x * x"),
        "```python\ndef rule(x):\n    return x ** 3 - x\n```",
        "no idea",
    ]
    brief = briefed(seed=3)
    host = modelled(brief, 120, lambda _, number: texts[number % 3])
    run(improver, brief, host)
    assert max(host.values) == 0.0
    assert any(name.startswith("model:") for name in host.operators)
    last = {key: value for entry in host.logs for key, value in entry.items()}
    assert last["model.cost"] > 10
    assert last["model.earned"] > 0
    assert 0 < last["model.share"] < 1
    assert last["model.asked"] == last["model.usable"] + last["model.unusable"]
    assert last["model.usable"] > last["model.same"] > 0
    assert all(isinstance(value, (int, float)) for value in last.values())


def test_the_same_seed_and_answers_give_the_same_run(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")
    runs = []
    for seed in (5, 5, 6):
        brief = briefed(seed=seed)
        host = modelled(brief, 100, lambda _, number: f"```python\ndef rule(x):\n    return x * {number % 9}\n```")
        run(improver, brief, host)
        runs.append((host.prompts, host.asked))
    assert runs[0] == runs[1] != runs[2]


def test_prompts_show_what_is_known_and_nothing_is_left_to_fill_in(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")
    brief = briefed(
        seed=2,
        goal="Come close to {{program}}.",
        cases=({"n": 41},),
        bound=0.0,
        public='def problem(i):\n    """Returns the secret of it."""\n',
    )
    scripts = [
        EDIT.format("    return y * 2.0", "    return undefined_name"),
        EDIT.format("    return y * 2.0", "    return y * 3.0"),
        EDIT.format("    return z * 2.0", "    return q\n    return r"),
        "```python\ndef rule(x):\n    return x * x - 1\n```",
        "def rule(",
        EDIT.format("    return y * 2.0", "    return -y * 30.0"),
    ]
    host = modelled(brief, 400, lambda _, number: scripts[number % 6])
    run(improver, brief, host)
    texts = [asked_for(prompt) for prompt in host.prompts]
    first = texts[0]
    assert "Come close to {{program}}." in first
    assert "def rule(x):\n    ...\n" in first
    assert any("```python\ndef rule(x):\n    y = " in text for text in texts)
    assert '{"n": 41}' in first
    assert any("No score can be above 0." in text for text in texts)
    assert "- problem: Returns the secret of it." in first
    assert "A better method beats" in first
    assert not any("{{" in text.replace("{{program}}", "") for text in texts)
    assert any("undefined_name" in text and "This program fails" in text for text in texts)
    assert any("cannot be used: block 1: its SEARCH part is not in the file" in text for text in texts)
    assert any("Two programs for it" in text for text in texts)
    hints = [text.rpartition("Try this: ")[2] for text in texts if "Try this: " in text]
    assert len(texts) > len(hints) > len(set(hints)) > 5
    assert any("What other programs changed" in text for text in texts)
    assert any("do not repeat:" in text and "\n- scored" in text for text in texts)
    assert all(prompt["messages"][0]["role"] == "system" for prompt in host.prompts)
    assert all(len(json.dumps(prompt)) < 40_000 for prompt in host.prompts)


def test_used_up_money_retires_the_arm_and_the_search_goes_on(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")
    brief = briefed()
    poor = answer("", finish="budget", tokens=0, error="the tokens are used up")
    host = modelled(brief, 150, lambda *_: poor)
    run(improver, brief, host)
    assert host.left == 0
    assert 1 < len(host.prompts) < 16
    assert [entry["model.earned"] for entry in host.logs if "model.earned" in entry][-1] == 0.0


@pytest.mark.parametrize("finish", ["refused", "malformed", "unavailable"])
def test_a_model_that_never_answers_is_left_alone(module_of: Any, briefed: Any, modelled: Any, finish: str) -> None:
    improver = module_of("seed", "improver")
    brief = briefed({"rule.py": RULE + "# a longer one\n" * 300})
    host = modelled(brief, 200, lambda *_: answer("", finish=finish, tokens=0, error="no"))
    run(improver, brief, host)
    assert host.left == 0
    assert len(host.prompts) <= 4 * 6


def test_a_host_that_refuses_to_ask_is_no_crash(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")

    class Host(modelled):  # type: ignore[misc]
        def generate(self, prompts: list[Any]) -> Any:
            del prompts
            raise ValueError("question 1: too large")

    brief = briefed()
    host = Host(brief, 60, lambda *_: "")
    run(improver, brief, host)
    assert host.left == 0


def test_money_counts_like_the_cpu_time_it_buys(module_of: Any, briefed: Any, modelled: Any) -> None:
    model = module_of("seed", "arms.model")
    pool = module_of("seed", "arms.pool")
    costs = []
    for priced, spent in (([1.0, 2.0], 0.002), ([1.0, 2.0], 0.004), (None, 0.0)):
        brief = briefed(models=({"name": "m", "weight": 1.0, "usd_per_million": priced},), attempts=10**6)
        arm = model.Model(brief, 1)
        arm.join(pool.Pool(brief))
        arm.meet(modelled(brief, 10, lambda *_, usd=spent: answer("nothing", tokens=1000, usd=usd)))
        arm.step()
        costs.append(arm.work)
    rates = arm.settings
    assert costs[1] == pytest.approx(2 * costs[0], rel=0.01)
    assert costs[0] == pytest.approx(6 * 0.002 / rates["usd_per_cpu_second"] * 100, rel=0.01)
    assert costs[2] == pytest.approx(6 * 1000 * rates["cpu_seconds_per_token"] * 100, rel=0.01)


def test_a_cheaper_model_that_earns_as_much_is_asked_more(module_of: Any) -> None:
    bandit = module_of("seed", "model.bandit").Bandit(
        [("dear", 1.0), ("cheap", 1.0)], [("diff", 1.0), ("rewrite", 0.5)]
    )
    for _ in range(200):
        cell = bandit.choose(["diff", "rewrite"])
        bandit.pay(cell, 10.0 if cell.model == "dear" else 1.0)
        cell.credit += 0.5
    uses = {(cell.model, cell.kind): cell.uses for cell in bandit.cells}
    assert uses["cheap", "diff"] > 5 * uses["dear", "diff"]
    assert uses["cheap", "diff"] > uses["cheap", "rewrite"] > 0
    assert min(uses.values()) > 0
    bandit.retire("cheap")
    assert {cell.model for cell in bandit.cells} == {"dear"}


def test_novelty(module_of: Any) -> None:
    novelty = module_of("seed", "model.novelty").Novelty({"rule.py": RULE})
    novelty.remember({"rule.py": RULE})
    parent = {"rule.py": RULE}
    same = 'def rule(value: float) -> float:\n    """Doubles."""\n    z = value + 1.0  # more\n    return (z * 2.0)\n'
    assert not novelty.admits({"rule.py": same}, parent)
    body = "".join(f"    a{k} = x * {k}.5 - {k}\n" for k in range(40))
    large = f"def rule(x):\n{body}    return a3 + a7\n"
    assert novelty.admits({"rule.py": large}, parent)
    assert not novelty.admits({"rule.py": large.replace("return a3", "return a4")}, parent)
    assert novelty.admits({"rule.py": RULE.replace("* 2.0", "* x")}, parent)
    assert novelty.admits({"rule.py": RULE.replace("+ 1.0", "- x")}, parent)
    assert (novelty.same, novelty.near) == (1, 1)


def test_alike_children_wait_until_one_of_them_was_tried(module_of: Any) -> None:
    parent = {"rule.py": RULE}
    novelty = module_of("seed", "model.novelty").Novelty(parent)
    loop = "def rule(x):\n    t = 0\n    for k in range(x):\n        t += {}\n    return t\n"
    children = [
        {"rule.py": "def rule(x):\n    return sorted([x])[0]\n"},
        *({"rule.py": loop.format(term)} for term in ("x", "k", "1")),
    ]
    assert novelty.groups(children, parent) == [[1, 2, 3], [0]]


def test_of_children_that_behave_alike_one_goes_on(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver, model = module_of("seed", "improver"), module_of("seed", "arms.model")
    brief = briefed(cases=(1, 2, 3, 4))
    pool = module_of("seed", "arms.pool").Pool(brief)
    arm = model.Model(brief, 1)
    first = [sdk.Result(str(k), "ok", v, (v,), ("f",), {}, incumbent=False) for k, v in enumerate((2.0, 2.0, 3.0))]
    assert arm.narrow([0, 1, 2], first) == [0, 2]
    assert arm.tally["alike"] == 1
    assert improver.race.__kwdefaults__ == {"narrow": None}
    del pool, modelled


def test_numbers_of_a_models_structure_are_tuned(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")
    brief = briefed(seed=1)
    found = "```python\ndef rule(x):\n    return x * x * 1.7 - 0.4\n```"
    host = modelled(brief, 300, lambda *_: found)
    run(improver, brief, host)
    assert "constants" in host.operators[host.operators.index("model:anew") :]
    assert max(host.values) > -2.0


def test_a_program_of_prompts_is_the_models_alone(module_of: Any, briefed: Any, modelled: Any) -> None:
    improver = module_of("seed", "improver")
    files = {"rule.py": RULE, "prompt.md": "Say yes.\n"}
    brief = briefed(files, editable=("*.md",), seed=4)
    texts = ["prompt.md\n" + EDIT.format("Say yes.", f"Say {word}.") for word in ("no", "maybe", "no")]
    host = modelled(brief, 40, lambda _, number: texts[number % 3])
    host.score = lambda given: float(len(given["prompt.md"]))
    run(improver, brief, host)
    assert {given["prompt.md"] for given in host.asked} >= {"Say no.\n", "Say maybe.\n"}
    assert all(given["rule.py"] == RULE for given in host.asked)
    assert "Say maybe." in asked_for(host.prompts[-1])


def test_a_child_of_another_arm_keeps_the_texts_of_its_parent(module_of: Any, briefed: Any) -> None:
    model, pool = module_of("seed", "arms.model"), module_of("seed", "arms.pool")
    brief = briefed({"rule.py": RULE, "prompt.md": "a\n"})
    arm = model.Model(brief, 1)
    arm.join(pool.Pool(brief))
    arm.questions.memory.texts["p"] = {"prompt.md": "b\n"}
    arm.watch(pool.Member("c", 1.0, (), {"rule.py": RULE + "#\n"}, "edits"), "p")
    assert arm.questions.view(pool.Member("c", 1.0, (), {"rule.py": RULE}))["prompt.md"] == "b\n"


def test_an_improver_gets_its_notes_rewritten(module_of: Any, briefed: Any, modelled: Any) -> None:
    model, pool = module_of("seed", "arms.model"), module_of("seed", "arms.pool")
    files = {"improver.py": "def improve(brief, host):\n    return None\n", "notes.md": "- old\n"}
    program = {"id": "0" * 64, "files": files, "entry": "improver.py:improve"}
    brief = replace(briefed(files), program=program, feedback=("- a\n+ b",), extra={"solutions": ["s1"]})
    arm = model.Model(brief, 1)
    arm.join(pool.Pool(brief))
    host = modelled(brief, 10, lambda *_: "```\n- new lesson\n```")
    arm.meet(host)
    assert "reflect" in arm.questions.kinds()
    arm.bandit.cells = [cell for cell in arm.bandit.cells if cell.kind == "reflect"]
    children = arm.step()
    assert [child.files for child in children] == [{"notes.md": "- new lesson\n"}]
    assert "- old" in asked_for(host.prompts[0])
    assert "+ b" in asked_for(host.prompts[0])
    assert "s1" in asked_for(host.prompts[0])


@pytest.mark.parametrize(
    "path", ["notes.md", "hints.md", *sorted(f"prompts/{path.name}" for path in (SEED / "prompts").iterdir())]
)
def test_no_prompt_names_a_task(path: str) -> None:
    text = (SEED / path).read_text().lower()
    names = (
        "circle",
        "pack",
        "cap set",
        "capset",
        "sorting",
        "erdos",
        "overlap",
        "weibull",
        "bin ",
        "gradient",
        "network",
    )
    assert not [name for name in names if name in text]
    assert len(text) < 1500


def test_differences_are_short_and_take_no_time(module_of: Any) -> None:
    context = module_of("seed", "model.context")
    many = [f"line {k * 7919 % 97}" for k in range(4000)]
    first, second = {"a.py": "\n".join(many)}, {"a.py": "\n".join(["new", *many[::-1], "line 0"])}
    assert len(context.difference(first, second)) < 1300
    assert context.difference({"a.py": "x\ny\nz\n"}, {"a.py": "x\nw\nz\n"}) == "-y\n+w"
    assert context.summary({"a.py": "x\n"}, {"a.py": "x\n  w\nv\n"}) == "w; v"


def test_members_that_behave_differently_are_shown(module_of: Any) -> None:
    context, member = module_of("seed", "model.context"), module_of("seed", "arms.pool").Member
    best = member("a", 3.0, (1.0, 5.0), {})
    members = [
        best,
        member("b", 2.9, (1.0, 4.8), {}),
        member("c", 2.0, (4.0, 0.0), {}),
        member("d", 1.0, (1.0, 1.0), {}),
    ]
    assert [one.id for one in context.diverse(members, best, 2)] == ["c", "d"]
    assert context.diverse([best], best, 2) == []


def test_bodies_are_left_out_and_the_rest_stays(module_of: Any) -> None:
    hollowed = module_of("seed", "model.context").hollowed
    head, tail = 'K = 1\n\n\ndef f(x):\n    """Says."""\n', "def h(x): return 2\n"
    text = f"{head}    y = x\n    return y\n\n\ndef g(x):\n    return K\n\n\n{tail}"
    assert hollowed(text) == f"{head}    ...\n\n\ndef g(x):\n    ...\n\n\n{tail}"
    assert hollowed("K = 1\n") is None
    assert hollowed("def (") is None

"""Approvals from the command line: who signs where, what is done at once, and every bad word in one sentence."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cryptography")

from tests.helpers import improver
from tests.oversight.people import DEFAULT, RULES, charter, law_text

from rung.cli.app import main
from rung.cli.carry_out import promotion_action
from rung.cli.stages import promote_result
from rung.errors import BadInput
from rung.kernel.ledger.sqlite import open_ledger
from rung.kernel.ledger.verify import verify_chain
from rung.oversight import keys
from rung.oversight.errors import NotApproved
from rung.oversight.permit import permit
from rung.oversight.standing import adopt
from rung.promotion import in_force, promote

Run = Callable[..., tuple[int, str, str]]
LAW = DEFAULT[: DEFAULT.index("# Sentences that must hold")] + DEFAULT[DEFAULT.index("# Metrics that may not") :]
SEED, FIRST, SECOND = (improver(f"def improve(brief, host):\n    return {n}\n") for n in range(3))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in an empty project; it never shows a traceback."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


@pytest.fixture
def project(run: Run, tmp_path: Path) -> Path:
    """A project under a charter with ada and bert, whose keys lie beside it; a promotion waits."""
    public = {}
    for name in ("ada", "bert", "mallory"):
        code, out, _ = run("key", "new", tmp_path / f"{name}.key", "--json")
        assert code == 0
        public[name] = json.loads(out)["public"]
    text = law_text({name: public[name] for name in ("ada", "bert")}, rules=RULES, default=LAW)
    Path("charter.toml").write_text(text)
    with closing(open_ledger(Path(".rung"))) as ledger:
        adopt(ledger, charter(text), now=0.0)
        for program, stage in ((SEED, "seed"), (FIRST, "canary")):
            promote(ledger, "it", program, stage=stage, by="kernel", run="r", reason="tried")
    return tmp_path


def wait_for_promotion(program: Any = FIRST) -> str:
    """Asks for a promotion to main as `rung ascend` does; returns the action."""
    action = promotion_action("it", program.id, run="r", reason="better")
    with closing(open_ledger(Path(".rung"))) as ledger, pytest.raises(NotApproved):
        permit(ledger, action, now=0.0)
    return action.hash


def test_from_waiting_to_done(run: Run, project: Path) -> None:
    action = wait_for_promotion()
    code, out, _ = run("approve", "list")
    assert (code, action[:8] in out, "waiting" in out, "1 of ada" in out) == (0, True, True, True)
    shown = json.loads(run("approve", "show", action[:8], "--json")[1])
    assert (shown["kind"], shown["details"]["improver"], shown["status"]) == ("promote", "it", "waiting")
    code, out, err = run(
        "approve", "sign", action[:8], "--key", project / "ada.key", "--verdict", "approve", "--reason", "read it"
    )
    assert (code, err) == (0, "")
    assert f"it is now {FIRST.id[:8]} (main)" in out
    steps = json.loads(run("stages", "it", "--json")[1])
    assert steps[-1]["stage"] == "main"
    assert steps[-1]["reason"] == "better; approved by ada"
    assert "nothing waits for a person" in run("approve", "list")[1]
    assert json.loads(run("approve", "list", "--all", "--json")[1])[0]["status"] == "used"
    assert not verify_chain(Path(".rung/ledger.sqlite")).problems


@pytest.mark.parametrize(
    ("verdict", "words"),
    [("reject", "it will not be done"), ("terminate", "`rung stop`"), ("escalate", "still needs 2")],
)
def test_other_verdicts_do_nothing(run: Run, project: Path, verdict: str, words: str) -> None:
    action = wait_for_promotion()
    signed = ("approve", "sign", action[:8], "--key", project / "ada.key", "--reason", "no")
    code, out, _ = run(*signed, "--verdict", verdict)
    assert (code, words in out) == (0, True), out
    assert json.loads(run("stages", "it", "--json")[1])[-1]["stage"] == "canary"


def test_signed_on_a_machine_that_has_no_workspace(
    run: Run, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = wait_for_promotion()
    shown = tmp_path / "action.json"
    shown.write_text(run("approve", "show", action[:8], "--json")[1])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    key = ("--key", project / "ada.key", "--verdict", "approve", "--reason", "read it")
    code, out, err = run("approve", "sign", shown, *key)
    assert (code, err) == (0, "")
    assert list(Path.cwd().iterdir()) == []
    (tmp_path / "signed.json").write_text(out)
    monkeypatch.chdir(tmp_path / "project")
    code, out, _ = run("approve", "add", tmp_path / "signed.json")
    assert (code, "(main)" in out) == (0, True)
    code, _, err = run("approve", "add", tmp_path / "signed.json")
    assert (code, "rung: this very approval is in the ledger already" in err) == (2, True)


def test_what_is_wrong_is_one_sentence(run: Run, project: Path) -> None:
    action = wait_for_promotion()[:8]
    key, yes = ("--key", project / "ada.key"), ("--verdict", "approve", "--reason", "ok")
    (project / "signed.json").write_text('{"statement": 1}')
    (project / "broken.json").write_text("{")
    inside = Path(".rung/ada.key")
    inside.write_bytes((project / "ada.key").read_bytes())
    open_file = project / "open.key"
    open_file.write_bytes((project / "ada.key").read_bytes())
    open_file.chmod(0o644)
    text = project / "text.key"
    text.write_text("no key")
    text.chmod(0o600)
    for words, arguments in {
        "no approver's of the charter": ("sign", action, "--key", project / "mallory.key", *yes),
        "bert may not approve a promote: ada may": ("sign", action, "--key", project / "bert.key", *yes),
        "no action that was asked for begins with '0000'": ("sign", "0000", *key, *yes),
        "no action that was asked for begins with 'ab'": ("show", "ab"),
        "--expires is a time such as 30m, 2h or 1d, not 'soon'": ("sign", action, *key, *yes, "--expires", "soon"),
        "more than 24 hours": ("sign", action, *key, *yes, "--expires", "2d"),
        "a verdict has a reason": ("sign", action, *key, "--verdict", "approve", "--reason", " "),
        "--set is NAME=VALUE, not 'x'": ("sign", action, *key, *yes, "--set", "x"),
        "modifying verdict changes details": ("sign", action, *key, *yes, "--set", "stage=canary"),
        "does not belong into the workspace": ("sign", action, "--key", inside, *yes),
        "others can read the key": ("sign", action, "--key", open_file, *yes),
        "is no private key that `rung key new` wrote": ("sign", action, "--key", text, *yes),
        "the key missing.key cannot be read": ("sign", action, "--key", "missing.key", *yes),
        "is not what `rung approve show ACTION --json` prints": ("sign", project / "broken.json", *key, *yes),
        "this is no signed approval": ("add", project / "signed.json"),
        "nothing.json cannot be read": ("add", "nothing.json"),
    }.items():
        code, out, err = run("approve", *arguments)
        assert (code, out) == (2, ""), (words, out, err)
        assert err.startswith("rung: "), err
        assert words in err, (words, err)
    assert json.loads(run("stages", "it", "--json")[1])[-1]["stage"] == "canary"


def test_a_script_of_ones_own_asks_waits_and_goes_ahead_once(run: Run, project: Path) -> None:
    asked = ("approve", "ask", "raise_budget", "--subject", "project=abc", "--detail", "usd=250")
    action = json.loads(run(*asked, "--json")[1])["action"]
    assert json.loads(run(*asked, "--json")[1])["request"] == json.loads(run(*asked, "--json")[1])["request"]
    code, _, err = run("approve", "use", action)
    assert (code, "waits for ada and bert" in err) == (1, True)
    for person in ("ada", "bert"):
        signed = ("--key", project / f"{person}.key", "--verdict", "approve", "--reason", "ok")
        code, out, _ = run("approve", "sign", action, *signed)
        assert code == 0
    assert "give the command that asked for it again" in out
    code, out, _ = run("approve", "use", action)
    assert (code, "go ahead, approved by ada and bert" in out) == (0, True)
    assert run("approve", "use", action)[0] == 1
    for words, arguments in {
        "nothing to ask for by hand": ("promote", "--subject", "a=b"),
        "--subject is NAME=VALUE, not 'x'": ("delete", "--subject", "x"),
        "has no rule that lets anybody approve it": ("deploy", "--subject", "a=b"),
    }.items():
        code, _, err = run("approve", "ask", *arguments)
        assert (code > 0, words in err) == (True, True), err


def test_the_way_back_is_free_and_the_way_forward_is_not(run: Run, project: Path) -> None:
    with closing(open_ledger(Path(".rung"))) as ledger:
        promote(ledger, "it", SECOND, stage="canary", by="kernel", run="r2", reason="tried")
    assert run("rollback", "it", "0")[0] == 0
    code, _, err = run("rollback", "it", "2", "--reason", "after all")
    assert (code, "waits for ada: rung approve sign" in err) == (1, True)
    with closing(open_ledger(Path(".rung"))) as ledger:
        assert in_force(ledger, "it").id == SEED.id
    action = json.loads(run("approve", "list", "--json")[1])[0]["action"]
    signed = ("approve", "sign", action, "--key", project / "ada.key", "--verdict", "approve", "--reason", "ok")
    assert run(*signed)[0] == 0
    with closing(open_ledger(Path(".rung"))) as ledger:
        assert in_force(ledger, "it").id == SECOND.id


def test_what_ascend_found_stays_at_canary_until_it_is_signed(run: Run, project: Path) -> None:
    admitted = SimpleNamespace(admitted=True, reason="it won")
    step = SimpleNamespace(solver=SEED.id, proposal=FIRST.id, verdict=admitted, stage="main")
    result = SimpleNamespace(run="climb", steps=[step], improver=FIRST.id)
    compared: Any = SimpleNamespace(results={"self": [result]}, suite=SimpleNamespace(improver="mine"))
    promoted = promote_result(compared, workspace=Path(".rung"))
    assert promoted is not None
    assert promoted["stage"] == "canary"
    waiting = json.loads(run("approve", "list", "--json")[1])
    assert [each["details"]["improver"] for each in waiting] == ["mine"]
    again = promote_result(compared, workspace=Path(".rung"))
    assert again == promoted
    signed = ("--key", project / "ada.key", "--verdict", "approve", "--reason", "ok")
    assert run("approve", "sign", waiting[0]["action"], *signed)[0] == 0
    assert json.loads(run("stages", "mine", "--json")[1])[-1]["stage"] == "main"


def test_a_changed_charter_waits_and_comes_into_force_when_it_is_signed(run: Run, project: Path) -> None:
    wider = Path("charter.toml").read_text().replace("depth = 1", "depth = 3")
    Path("charter.toml").write_text(wider)
    task = Path("t.py")
    task.write_text(
        "import rung\n@rung.task(goal='?', program='p.py', entry='p.py:f', train=range(2), validation=range(2), "
        "held_out=range(2, 4))\ndef near(case, trial):\n    return trial.run(2)\n"
    )
    Path("p.py").write_text("def f(x):\n    return 1.0\n")
    asked = ("improve", "t.py", "--attempts", 2, "--seed", 1, "--improver", "random", "--quiet")
    code, _, err = run(*asked)
    assert (code, "is another one: change_charter" in err) == (1, True), err
    assert "waits for ada or bert" in err
    code, out, _ = run("charter", "diff", "standing", "charter.toml")
    assert (code, "! wider" in out, "scope.depth" in out) == (0, True, True)
    action = json.loads(run("approve", "list", "--json")[1])[0]["action"]
    signed = ("approve", "sign", action, "--key", project / "bert.key", "--verdict", "approve", "--reason", "ok")
    code, out, _ = run(*signed)
    assert (code, f"charter {charter(wider).hash[:8]} is in force" in out) == (0, True)
    assert run(*asked)[0] == 0
    assert "it is in force" in run("charter", "check")[1]


def test_a_key_file_is_for_its_owner_alone(run: Run, project: Path) -> None:
    assert stat.S_IMODE((project / "ada.key").stat().st_mode) == 0o600
    code, _, err = run("key", "new", project / "ada.key")
    assert (code, "never written over" in err) == (2, True)
    for inside in (".rung/x.key", ".rung/deep/x.key", "../project/.rung/x.key"):
        code, _, err = run("key", "new", inside)
        assert (code, "does not belong into the workspace" in err) == (2, True)
    Path("link").symlink_to(Path(".rung").resolve())
    assert run("key", "new", "link/x.key")[0] == 2
    Path("dangling").symlink_to(Path(".rung/y.key"))
    assert run("key", "new", "dangling")[0] == 2
    code, _, err = run("key", "new", "no/such/folder.key")
    assert (code, "cannot be written" in err) == (2, True)
    code, out, _ = run("key", "show", project / "ada.key")
    assert (code, out.startswith("ed25519:")) == (0, True)
    assert sorted(path.name for path in Path(".rung").iterdir() if "key" in path.name) == []


def test_a_key_of_another_kind_and_one_with_a_password(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    locked, plain = forms.BestAvailableEncryption(b"secret"), forms.NoEncryption()
    made: list[tuple[Any, Any]] = [(X25519PrivateKey.generate(), plain), (Ed25519PrivateKey.generate(), locked)]
    for number, (key, lock) in enumerate(made):
        path = tmp_path / f"{number}.key"
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(file, key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, lock))
        os.close(file)
        with pytest.raises(BadInput, match=r"key of another kind|is no private key"):
            keys.read_key(path, workspace=tmp_path / "w")


def test_without_the_package_it_is_said_what_to_install(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    wait_for_promotion()
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    code, _, err = run("key", "new", project / "new.key")
    assert (code, "pip install 'rung[oversight]'" in err) == (2, True)
    assert run("approve", "list")[0] == 0  # nothing was signed, so nothing need be verified


def test_the_charter_commands(run: Run) -> None:
    code, out, _ = run("charter", "init")
    assert (code, "wrote charter.toml" in out) == (0, True)
    assert run("charter", "init")[0] == 2
    assert run("charter", "init", "no/folder.toml")[0] == 2
    code, out, _ = run("charter", "check")
    assert (code, "none is in force yet" in out, "promote is denied whoever signs" in out) == (0, True, True)
    checked = json.loads(run("charter", "check", "--json")[1])
    assert (checked["charter"], checked["faults"]) == (charter(DEFAULT).hash, [])
    Path("b.toml").write_text(DEFAULT.replace("depth = 1", "dept = 1").replace("margin = 0.01", "margin = nan"))
    code, out, err = run("charter", "check", "b.toml")
    assert (code, "b.toml has 3 faults" in err) == (2, True)
    assert out.splitlines()[1].split()[:2] == ["14", "scope.depth"]
    code, out, err = run("charter", "check", "b.toml", "--json")
    assert (code, len(json.loads(out)["faults"])) == (2, 3)
    Path("c.toml").write_text(DEFAULT.replace("depth = 1", "depth = 0"))
    assert "nothing became wider" in run("charter", "diff", "charter.toml", "c.toml")[1]
    changed = json.loads(run("charter", "diff", "c.toml", "charter.toml", "--json")[1])
    assert (changed["wider"], changed["changes"][0]["place"]) == (1, "scope.depth")
    assert "both are charter" in run("charter", "diff", "c.toml", "c.toml")[1]
    assert run("charter", "diff", "standing", "c.toml")[0] == 2
    assert run("charter", "diff", "none.toml", "c.toml")[0] == 2
    assert run("approve", "list")[0] == 2  # there is no ledger
    with closing(open_ledger(Path(".rung"))):
        pass
    assert "no charter is in force" in run("approve", "list")[1]
    assert run("charter", "diff", "abcd", "c.toml")[0] == 2
    assert run("approve", "show", "abcd")[0] == 2

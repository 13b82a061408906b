"""A charter is read strictly: what is wrong is said with line and key, all of it at once, and nothing is run."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oversight.people import DEFAULT, charter

from rung import wire
from rung.errors import BadInput
from rung.oversight.charter import ACTIONS, CHECKS
from rung.oversight.charter_diff import Way, charter_diff
from rung.oversight.charter_lines import Lines
from rung.oversight.charter_read import MOST_BYTES, charter_of, check_charter, check_text, read_charter

KEYS = tuple(f"ed25519:{letter * 43}=" for letter in "AE")
PEOPLE = f"""
[[approvers]]
name = "ada"
keys = ["{KEYS[0]}"]

[[approvers]]
name = "bert"
keys = ["{KEYS[1]}"]
"""
RULE = '\n[[rules]]\naction = "promote"\nby = ["ada"]\n'
TRIGGER = """
[[triggers]]
name = "nightly"
on = "time"
at = "03:30"
task = "binpack"
attempts = 100
cpu_seconds = 60
"""
FULL = DEFAULT + PEOPLE + RULE + TRIGGER


def faults(text: str) -> list[str]:
    """Returns what is wrong with a text, each with its line and place in front."""
    made, found = check_text(text.encode())
    assert (made is None) == bool(found)
    return [f"{fault.line} {fault.place}: {fault.sentence}" for fault in found]


def line_of(text: str, part: str) -> int:
    """Returns the line of the only place where a part of the text begins."""
    assert text.count(part) == 1, part
    return text[: text.index(part)].count("\n") + 1


def test_the_charter_that_init_writes_is_valid_and_careful() -> None:
    made = charter(DEFAULT)
    assert not any((made.scope.models, made.scope.endpoints, made.approvers, made.rules))
    assert (made.scope.usd, made.scope.tokens) == (0.0, 0)
    assert set(made.approvals.irreversible) == set(ACTIONS)
    assert not {"os", "subprocess", "socket", "ctypes", "importlib", "pathlib"} & set(made.scope.imports)


def test_the_hash_is_of_what_is_said_not_of_how_it_is_written() -> None:
    made = charter(DEFAULT)
    assert made.hash == "e28e2212f6d6ef620e4eb84ae6abaee93db32255357074d76bc16a5f9131347a"
    bare = re.sub(r"(?m)(^|\s+)#.*$", "", DEFAULT)
    tables = bare.split("\n\n")
    for text in (
        bare,
        DEFAULT.replace("\n", "\r\n"),
        DEFAULT.replace('"array", "ast"', '"ast", "array"'),
        DEFAULT.replace("usd = 0.0", "usd = 0").replace("cpu_seconds = 3600.0", "cpu_seconds = 36e2"),
        DEFAULT.replace("at_least = 0.0", "at_least = -0.0"),
        "\n\n".join([tables[0], *reversed(tables[1:])]),
    ):
        assert charter(text).hash == made.hash
    assert charter(DEFAULT.replace("depth = 1", "depth = 2")).hash != made.hash


def test_the_stored_form_reads_back_as_the_same_charter() -> None:
    made = charter(FULL)
    document: Any = wire.parse(made.canonical())
    assert charter_of(document) == (made, [])


BAD = {
    "an unknown key": ("depth = 1", "dept = 1", "scope.dept", r"unknown key 'dept' \(did you mean 'depth'\?\)"),
    "an unknown table": ("[goal]", "[gaol]", "gaol", r"unknown key 'gaol' \(did you mean 'goal'\?\)"),
    "a threshold without owner": ('owner = "the owner of this workspace"\naction = "review"', 'action = "review"',
                                  "thresholds[1].owner", "owner is missing"),
    "an empty owner": ('owner = "the owner of this workspace"\naction = "review"', 'owner = " "\naction = "review"',
                       "thresholds[1].owner", "an empty text says nothing"),
    "a critical threshold that only tells": ('above = 6.0\nowner = "the owner of this workspace"\naction = "halt"',
                       'above = 6.0\nowner = "x"\naction = "notify"', "thresholds[3].action", "threshold halts"),
    "an alert after the fact": ('"gain_ratio"\nabove = 2.0', '"gain_ratio"\nabove = 7.0', "thresholds[1].above",
                                "no sooner than"),
    "no limit": ("above = 6.0\n", "", "thresholds[3].name", "has one limit"),
    "two limits": ("above = 6.0\n", "above = 6.0\nbelow = 1.0\n", "thresholds[3].name", "has one limit"),
    "an unknown measurement": ('measurement = "jump"', 'measurement = "jumps"', "thresholds[3].measurement",
                               r"did you mean 'jump'\?"),
    "an unknown check": ('check = "held_out_measured"', 'check = "held_out"', "principles[1].check", "is none of"),
    "two checks": ('check = "held_out_measured"', 'check = "held_out_measured"\nquestion = "?"', "principles[1].name",
                   "has one check"),
    "no check": ('check = "held_out_measured"\n', "", "principles[1].name", "has one check"),
    "not a number": ("margin = 0.01", "margin = nan", "protected[1].margin", "a finite number of at least 0"),
    "infinity": ("margin = 0.01", "margin = 1e999", "protected[1].margin", "a finite number"),
    "below nothing": ("margin = 0.01", "margin = -0.01", "protected[1].margin", "at least 0"),
    "a word for a number": ("margin = 0.01", 'margin = "little"', "protected[1].margin", "a number was expected"),
    "a truth for a number": ("tokens = 0", "tokens = true", "scope.tokens", "a whole number was expected, not true"),
    "a broken number": ("tokens = 0", "tokens = 0.5", "scope.tokens", "a whole number was expected, not a number"),
    "a date": ("tokens = 0", "tokens = 2026-01-01", "scope.tokens", "not a date"),
    "too deep": ("depth = 1", "depth = 99", "scope.depth", "from 0 to 16"),
    "money without models": ("usd = 0.0", "usd = 3.0", "scope.usd", "usd are what models cost"),
    "models without tokens": ("models = []", 'models = ["m"]', "scope.tokens", "0 tokens be spent"),
    "nothing to change": ('files = ["*"]', "files = []", "scope.files", "nothing can be made better"),
    "a file outside": ('files = ["*"]', 'files = ["../x.py"]', "scope.files", "leaves the program"),
    "a wildcard import": ('"array", "ast"', '"*"', "scope.imports", "is no module"),
    "a wildcard endpoint": ("endpoints = []", 'endpoints = ["*.example.com"]', "scope.endpoints", "is no endpoint"),
    "an address": ("endpoints = []", 'endpoints = ["https://example.com/v1"]', "scope.endpoints", "is no endpoint"),
    "a port too high": ("endpoints = []", 'endpoints = ["example.com:70000"]', "scope.endpoints", "is no endpoint"),
    "twice": ('"array", "ast"', '"array", "array"', "scope.imports", "stands there twice"),
    "an unknown action": ('irreversible = ["promote", ', 'irreversible = ["promot", ', "approvals.irreversible",
                          r"did you mean 'promote'\?"),
    "a rule for nothing": ('irreversible = ["promote", ', "irreversible = [", "rules[1].action", "needs no approval"),
    "a stranger": ('\nby = ["ada"]', '\nby = ["eve"]', "rules[1].by", "'eve' is no approver"),
    "two of one": ('\nby = ["ada"]', '\nby = ["ada"]\npersons = 2', "rules[1].by", "fewer are named"),
    "two above of one": ('\nby = ["ada"]', '\nby = ["ada"]\nmeasure = "usd"\ntwo_persons_above = 1', "rules[1].by",
                         "fewer"),
    "above what": ('\nby = ["ada"]', '\nby = ["ada"]\ntwo_persons_above = 1', "rules[1].action", "belong together"),
    "nobody": ('\nby = ["ada"]', "\nby = []", "rules[1].by", "name at least one approver"),
    "one key for two": (KEYS[1], KEYS[0], "approvers[2].keys", "ada has the same key"),
    "a short key": (KEYS[1], "ed25519:AAAA", "approvers[2].keys", "is no public key"),
    "a private key": (KEYS[1], "-----BEGIN PRIVATE KEY-----", "approvers[2].keys", "this is a private key"),
    "no key": (f'keys = ["{KEYS[1]}"]', "keys = []", "approvers[2].keys", "needs a public key"),
    "a trigger without an end": ("attempts = 100\n", "", "triggers[1].attempts", "attempts is missing"),
    "a trigger over the cap": ("cpu_seconds = 60", "cpu_seconds = 1e6", "triggers[1].cpu_seconds", "3600 CPU seconds"),
    "a trigger of two kinds": ('at = "03:30"', 'at = "03:30"\nport = 8000', "triggers[1].port", "has no port"),
    "a trigger of none": ('at = "03:30"', "", "triggers[1].on", "needs every_hours or at, not both"),
    "no time of day": ('at = "03:30"', 'at = "25:00"', "triggers[1].at", "is no time of day"),
    "two of one name": ('name = "confirmed"', 'name = "measured"', "principles[2].name", "there are two with the name"),
    "one bracket": ("[[protected]]", "[protected]", "protected", "with two brackets"),
    "another version": ("version = 1", "version = 2", "version", "reads charters of version 1"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_with_its_key_and_line(old: str, new: str, place: str, words: str) -> None:
    assert FULL.count(old) == 1, old
    found = faults(FULL.replace(old, new))
    matching = [each for each in found if re.search(words, each)]
    assert matching, found
    line, where = matching[0].split(":")[0].split(" ")
    assert where == place
    text = FULL.replace(old, new).splitlines()
    begins = {place.rpartition(".")[2], f"[{place.rpartition('.')[2]}]", "[[", "["}
    assert any(text[int(line) - 1].startswith(word) for word in begins), (line, text[int(line) - 1])


def test_all_faults_are_said_at_once_in_the_order_of_their_lines() -> None:
    text = FULL.replace("depth = 1", "dept = 1").replace("margin = 0.01", "margin = nan").replace("03:30", "3")
    found = faults(text)
    assert [int(each.split(" ")[0]) for each in found] == sorted(int(each.split(" ")[0]) for each in found)
    assert len(found) == 4  # depth is missing as well
    assert f"{line_of(text, 'margin = nan')} protected[1].margin" in "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = 1\nversion = 2\n", "not TOML"),
        ("[goal\n", "line 1"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "1" * 5000, "not TOML"),
        ('a = "\\ud800"', "not TOML"),
        ("a\0 = 1", "not TOML"),
        ("", "goal is missing"),
        ("x" * (MOST_BYTES + 1), "at most 65,536 bytes"),
    ],
)
def test_what_is_no_charter_at_all(text: str, words: str) -> None:
    assert words in " ".join(faults(text))


def test_a_line_is_counted_over_texts_and_lists_of_many_lines() -> None:
    text = 'a = """\n[b]\nc = 1\n"""\n\nd = [\n  1,\n  2,\n]\n# e = 1\n[b]\nc = 2\n[[f]]\ng = 1\n[[f]]\ng = 2\n'
    lines = Lines(text)
    places = (("a",), ("d",), ("b",), ("b", "c"), ("f", 0, "g"), ("f", 1), ("f", 1, "g"), ("f", 1, "none"), ("no",))
    assert [lines.of(place) for place in places] == [1, 6, 11, 12, 14, 15, 16, 15, 1]


def test_a_file_is_named_and_so_is_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be read .*rung charter init"):
        check_charter(tmp_path / "none.toml")
    with pytest.raises(BadInput, match="cannot be read"):
        check_charter(tmp_path)
    (tmp_path / "bad.toml").write_text(DEFAULT.replace("depth = 1", "dept = 1"))
    with pytest.raises(BadInput, match=r"bad\.toml, line 14: scope\.depth: .*and 1 more: `rung charter check"):
        read_charter(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b"version = 1\n# \xe4\n")
    with pytest.raises(BadInput, match=r"line 2.*not UTF-8"):
        read_charter(tmp_path / "latin.toml")


def test_a_charter_is_never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a text says, nothing of it reaches an interpreter."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    evil = "__import__('os').system('touch /tmp/owned')"
    text = FULL.replace("Make the program better at its task without making anything else worse.", evil)
    text = text.replace('"array", "ast"', f'"{evil}"').replace('check = "held_out_measured"', f'check = "{evil}"')
    for name in ("eval", "exec", "compile", "__import__"):
        monkeypatch.setattr(builtins, name, never)
    made, found = check_text(text.encode())
    monkeypatch.undo()
    assert made is None
    assert {fault.place for fault in found} == {"scope.imports", "principles[1].check"}


TOML = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
PLACES = st.sampled_from([
    ("goal",), ("scope",), ("scope", "files"), ("scope", "tokens"), ("thresholds", 0), ("thresholds", 1, "above"),
    ("approvals", "irreversible"), ("approvers", 0, "keys"), ("rules", 0, "by"), ("triggers", 0, "on"), ("principles",),
    ("protected", 0, "margin"), ("version",), ("approvers",), ("rules", 0), ("triggers", 0, "port"), ("scope", "new"),
])  # fmt: skip


@given(place=PLACES, value=TOML)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_anywhere_is_a_charter_or_a_fault(place: tuple[Any, ...], value: Any) -> None:
    document: Any = wire.parse(charter(FULL).canonical())
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    made, found = charter_of(document)
    assert (made is None) == bool(found)
    if made is not None:
        assert charter_of(made.document()) == (made, [])
    assert all(fault.sentence and fault.place for fault in found)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_lines_left_out_doubled_or_broken_are_a_charter_or_faults_with_lines(data: st.DataObject) -> None:
    lines = FULL.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = data.draw(
            st.sampled_from([[], [lines[at]] * 2, [lines[at][: len(lines[at]) // 2]], [lines[at] + "x"]])
        )
    made, found = check_text("\n".join(lines).encode())
    assert (made is None) == bool(found)
    assert all(0 <= fault.line <= len(lines) + 1 for fault in found)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_in_words(raw: bytes) -> None:
    made, found = check_text(raw)
    assert made is None
    assert found


WIDER = (
    ('files = ["*"]', 'files = ["*", "more/*"]'), ("endpoints = []", 'endpoints = ["example.com"]'),
    ("cpu_seconds = 3600.0", "cpu_seconds = 7200.0"), ("depth = 1", "depth = 2"),
    ("generations_per_day = 8", "generations_per_day = 9"), ("at_least = 0.0", "at_least = -1.0"),
    ("margin = 0.01", "margin = 0.02"), ("above = 6.0", "above = 9.0"),
    ('"array", "ast"', '"array", "ast", "os"'),
    ('irreversible = ["promote", "deploy"', 'irreversible = ["promote"'),
    ("longest_hours = 24.0", "longest_hours = 48"),
    ("stale_after_events = 10000", "stale_after_events = 20000"), ('\nby = ["ada"]', '\nby = ["ada", "bert"]'),
    (f'keys = ["{KEYS[0]}"]', f'keys = ["{KEYS[0]}", "ed25519:{"I" * 43}="]'), ("attempts = 100", "attempts = 200"),
    ('level = "critical"\nmeasurement = "jump"', 'level = "alert"\nmeasurement = "jump"'),
    ('workspace"\naction = "review"', 'workspace"\naction = "notify"'),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new"), WIDER)
def test_what_lets_more_happen_is_wider_and_the_way_back_narrower(old: str, new: str) -> None:
    assert FULL.count(old) == 1, old
    before, after = charter(FULL), charter(FULL.replace(old, new))
    assert [change.way for change in charter_diff(before, after)] == [Way.WIDER]
    assert [change.way for change in charter_diff(after, before)] == [Way.NARROWER]


def test_tables_that_come_and_go() -> None:
    small, whole = charter(DEFAULT), charter(FULL)
    assert {(change.place, change.way) for change in charter_diff(small, whole)} == {
        ("approvers.ada", Way.WIDER),
        ("approvers.bert", Way.WIDER),
        ("rules.promote", Way.WIDER),
        ("triggers.nightly", Way.WIDER),
    }
    unwatched = charter(re.sub(r"(?s)\[\[protected\]\].*?\n\n", "", DEFAULT))
    assert [(change.place, change.way) for change in charter_diff(small, unwatched)] == [
        ("protected.out_of_domain", Way.WIDER)
    ]
    assert charter_diff(small, small) == []


def test_every_difference_of_two_charters_is_named() -> None:
    """No field is forgotten: what changes the hash changes the difference."""
    for old, new in WIDER:
        changed = charter(FULL.replace(old, new))
        assert bool(charter_diff(charter(FULL), changed)) == (changed.hash != charter(FULL).hash)
    for key, value in (("statement", "x"), ("success", "x"), ("measure", "value")):
        text = re.sub(rf'(?m)^{key} = ".*?"', f'{key} = "{value}"', FULL, count=1)
        assert [change.way for change in charter_diff(charter(FULL), charter(text))] == [Way.OTHER]


def test_every_named_check_can_be_made() -> None:
    from rung.oversight.principles import _CHECKS

    assert set(_CHECKS) == set(CHECKS)

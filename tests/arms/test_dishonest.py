"""Improvers that look where they should not, hide what they spend, or forge what is judged: nothing comes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.arms import toy
from tests.arms.acting import HONEST, HONESTLY, LESSONS, LYING, acting, block, tried
from tests.helpers import bodies, logged

from rung.arms import learn as learning
from rung.arms import practice
from rung.arms.learn import learn
from rung.arms.practice import Field, claim, solve
from rung.suites.suite import effort

# Reads what is none of its business.

SPY = """
def spy(brief, host):
    found, walked = [], 0
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if name not in ("proc", "sys", "lib", "lib64", "usr")]
        found += [name for name in files if "sqlite" in name or name.startswith("left-here")]
        walked += len(files) + 1
        if walked > 20000:
            break
    others = 0
    try:
        shown = os.listdir("/proc")
    except OSError:
        shown = [str(number) for number in range(2000)]
    for name in shown:
        if name.isdigit() and int(name) not in (os.getpid(), os.getppid(), 1):
            try:
                others += b"python" in open(f"/proc/{name}/cmdline", "rb").read()
            except OSError:
                pass
    opened = 0
    for number in range(3, 64):
        try:
            os.lseek(number, 0, 0)
            opened += os.read(number, 16).startswith(b"SQLite")
        except OSError:
            pass
    left = 0
    here = os.path.dirname(os.path.abspath(__file__))
    paths = {os.path.realpath(os.path.join(f, "left-here")) for f in ("/tmp", "/dev/shm", "/var/tmp", ".", here)}
    for path in paths:
        left += os.path.exists(path)
        try:
            with open(path, "w") as file:
                file.write(json.dumps(list(brief.cases))[:500])
        except OSError:
            pass
    left += os.environ.get("LEFT_HERE") is not None
    os.environ["LEFT_HERE"] = "1"
    known = host.candidates(200)
    own = {brief.program["id"]}
    host.log(ledgers=len(found), others=others, opened=opened, left=left, foreign=len({c["id"] for c in known} - own))


"""
NOTHING = {"ledgers": 0, "others": 0, "opened": 0, "left": 0, "foreign": 0}


def test_a_spy_finds_nothing(field: Callable[..., Field]) -> None:
    """No ledger, no other process, no open file, no candidate of another run, nothing it left behind itself.

    On every backend that an improver runs on: in practice, in learning, and where a second backend confirms it.
    """
    place = field()
    spy = acting(f"spy(brief, host)\n{HONESTLY}", learning_too="spy(brief, host)\nreturn learn(brief, host)", more=SPY)
    assert tried(place, HONEST).names
    for salt in (3, 4):
        assert solve(place, block(place, salt=salt), spy).names
    assert learn(place, spy, LESSONS, generation=1, screened=True).successor is not None
    seen = [{name: entry[name] for name in NOTHING} for entry in logged(place.kernel) if "ledgers" in entry]
    assert len(seen) >= 6
    assert all(entry == NOTHING for entry in seen), seen
    runs = {event.run: event.body for event in place.kernel.ledger.read(types=("run_start",))}
    backends = {
        str(body["sandbox"])
        for event in place.kernel.ledger.read(types=("log",))
        if isinstance(body := runs[event.run], dict)
    }
    assert len(backends) == 2


# Spends what it does not declare.


@pytest.mark.parametrize(
    "declared",
    ["-5", "-1e12", "True", "'a lot'", "None", "1e300", "10**30", "[1]", "{'work': 1}", "0"],
)
def test_a_declaration_that_is_none_is_worth_nothing(declared: str, field: Callable[..., Field]) -> None:
    """It takes nothing off the bill, and what was answered costs what the answers say it took."""
    place = field()
    honest = tried(place, HONEST)
    liar = tried(place, acting(HONESTLY.replace("(brief, host)", f"(brief, Lying(host, {declared}))"), more=LYING))
    assert liar.scores == honest.scores
    solved = [score for score in liar.scores if score > 0]
    least = sum(claim(score, toy.WORK) for score in solved) + 20 * (len(liar.scores) - len(solved))
    assert least <= liar.work <= honest.work


@pytest.mark.parametrize("declared", ["float('nan')", "float('inf')", "b'1'"])
def test_what_is_no_json_never_leaves_the_sandbox(declared: str, field: Callable[..., Field]) -> None:
    """Its own side of the wall fails, and the block is lost and paid for."""
    place = field()
    result = tried(place, acting(f"host.log(work={declared})\n{HONESTLY}"))
    assert not result.names
    assert result.work == 8 * toy.WORK


def test_more_than_was_allowed_is_refused(field: Callable[..., Field]) -> None:
    """What was found with it does not count, and no more is charged than the block may cost."""
    result = tried(field(), acting(f"host.log(work=10**9)\n{HONESTLY}"))
    assert "were allowed" in result.refused
    assert not any(result.scores)
    assert result.work == 8 * toy.WORK


def test_hidden_cpu_time_is_refused(field: Callable[..., Field]) -> None:
    """CPU time that the declared work does not explain."""
    place = field(cpu_seconds_per_work=1e-4)
    assert not tried(place, HONEST).refused
    burning = "began = time.process_time()\nwhile time.process_time() - began < 1.0:\n    pass\n"
    result = tried(place, acting(burning + HONESTLY))
    assert "unmetered work" in result.refused
    assert not any(result.scores)
    assert result.work == 8 * toy.WORK


def test_children_are_metered_too(field: Callable[..., Field]) -> None:
    """Work that a forked child does is found in the CPU time, or the fork is refused."""
    forking = """
try:
    child = os.fork()
except OSError:
    child = -1
if child == 0:
    began = time.process_time()
    while time.process_time() - began < 1.2:
        pass
    os._exit(0)
if child > 0:
    os.waitpid(child, 0)
host.log(forked=child > 0)
return practise(brief, host)"""
    place = field(cpu_seconds_per_work=1e-4)
    result = tried(place, acting(forking))
    entries = [entry["forked"] for entry in logged(place.kernel) if "forked" in entry]
    assert result.refused or not result.names or entries == [False]


def test_a_search_without_end_is_ended(field: Callable[..., Field]) -> None:
    """By the CPU time that its whole work may take, and its block is paid for."""
    result = tried(field(), acting("while True:\n    pass"))
    assert not result.names
    assert result.work == 8 * toy.WORK
    assert result.cpu_seconds < 3.0


@pytest.mark.parametrize("how", ["time.sleep(3600)", "host._receive()", "os.kill(os.getpid(), 19)"])
def test_one_that_waits_is_ended(how: str, field: Callable[..., Field], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock, which is generous beside the CPU time that is allowed."""
    monkeypatch.setattr(practice, "WAIT_SECONDS", 1.0)
    monkeypatch.setattr(practice, "SLOW", 0.0)
    result = tried(field(), acting(how))
    assert not result.names
    assert result.work == 8 * toy.WORK


def test_learning_is_metered_and_ends(field: Callable[..., Field], monkeypatch: pytest.MonkeyPatch) -> None:
    """A learner that never comes back is ended, one that declares a fortune is charged at most the arm's whole work."""
    monkeypatch.setattr(learning, "LEARNING_CPU_SECONDS", 1.0)
    endless = acting(HONESTLY, learning_too="while True:\n    pass")
    proposed = learn(field("a", cpu_seconds_per_work=1e-6), endless, LESSONS, generation=1, screened=True)
    assert proposed.successor is None
    assert proposed.cpu_seconds < 6.0
    assert proposed.work > 0
    boasting = acting(HONESTLY, learning_too="host.log(work=9e14)\nreturn learn(brief, host)")
    assert learn(field("b"), boasting, LESSONS, generation=1, screened=True).work == toy.PLAN.work
    monkeypatch.setattr(learning, "WAIT_SECONDS", 3.0)
    monkeypatch.setattr(learning, "SLOW", 0.0)
    sleeping = acting(HONESTLY, learning_too="time.sleep(3600)")
    assert learn(field("c"), sleeping, LESSONS, generation=1, screened=True).successor is None


# Edits what the gate sees.

FORGED = {
    "a score beside the answer": "answers = {name: {**a, 'score': 1.0} for name, a in answers.items()}",
    "a score for an answer": "answers = {name: 1.0 for name in answers}",
    "true for a number": "answers = {name: {'value': True, 'work': True} for name in answers}",
    "less than no work": "answers = {name: {**a, 'work': -1} for name, a in answers.items()}",
    "half a unit of work": "answers = {name: {**a, 'work': 0.5} for name, a in answers.items()}",
}
PROPOSING = """
answers = {{}}
class Kept:
    log = staticmethod(host.log)
    def evaluate(self, children):
        answers.update(json.loads(children[0].files['answers.json']))
practise(brief, Kept())
{change}
host.evaluate([Child({files}, brief.program['id'], 'forged')])"""
ANSWERED = "{'answers.json': json.dumps(answers)}"


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_answer_earns_nothing(change: str, field: Callable[..., Field]) -> None:
    result = tried(field(), acting(PROPOSING.format(change=change, files=ANSWERED)))
    assert not any(result.scores)


def test_the_harness_of_this_table_scores_when_it_is_honest(field: Callable[..., Field]) -> None:
    """Else the table above would prove nothing."""
    place = field()
    assert tried(place, acting(PROPOSING.format(change="", files=ANSWERED))).scores == tried(place, HONEST).scores


def test_claiming_less_work_than_was_declared_is_refused(field: Callable[..., Field]) -> None:
    """A better score for the same search would pass any gate; the answers and the bill must agree."""
    change = "answers = {name: {**a, 'work': 1} for name, a in answers.items()}"
    result = tried(field(), acting(PROPOSING.format(change=change, files=ANSWERED)))
    assert "answers claim" in result.refused
    assert not any(result.scores)


@pytest.mark.parametrize("work", [20, 21, 77, 199, 200])
def test_a_score_says_what_work_it_stands_for(work: int) -> None:
    assert claim(effort(work, 200), 200) == pytest.approx(work)
    assert claim(0.0, 200) == 200


FILES = {
    "the program that answers": "{'answers.py': 'def answer(q):\\n    return None\\n'}",
    "a file beside it": "{'answers.json': '{}', 'evaluate.py': 'x = 1\\n'}",
    "a file above it": "{'../task.py': 'x = 1\\n'}",
    "an absolute file": "{'/work/task.py': 'x = 1\\n'}",
    "no JSON": "{'answers.json': '{'}",
    "a deep document": "{'answers.json': '[' * 200000}",
    "a long number": "{'answers.json': '{\"c0\": {\"value\": ' + '9' * 9000 + ', \"work\": 1}}'}",
    "a list": "{'answers.json': '[]'}",
    "removed": "{'answers.json': None}",
    "many children": "{'answers.json': '{}'}, brief.program['id'])] * 5000 + [Child({}",
}


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_other_files_than_the_answers_earn_nothing(files: str, field: Callable[..., Field]) -> None:
    result = tried(field(), acting(f"host.evaluate([Child({files}, brief.program['id'], 'forged')])"))
    assert not any(result.scores)


MESSAGES = {
    "another split": "{'kind': 'evaluate', 'children': [], 'split': 'held_out'}",
    "results of its own": "{'kind': 'evaluate', 'children': [], 'results': [{'value': 1.0}]}",
    "another host's words": "{'kind': 'verdict', 'admitted': True}",
    "more than measures": "{'kind': 'log', 'measures': {}, 'spent': {'work': 0}}",
    "an event": "{'kind': 'record', 'type': 'verdict', 'body': {'admitted': True}}",
    "nothing": "None",
}


@pytest.mark.parametrize("ask", MESSAGES.values(), ids=MESSAGES)
def test_no_message_reaches_behind_the_wall(ask: str, field: Callable[..., Field]) -> None:
    """It breaks the protocol and loses its block; nothing that it spelled is on record."""
    place = field()
    result = tried(place, acting(f"host._send({{'ask': {ask}}})\nhost._receive()\n{HONESTLY}"))
    assert not result.names
    assert not list(place.kernel.ledger.read(types=("verdict", "record", "pairs", "commit"), run="bench"))
    assert result.work == 8 * toy.WORK


def test_what_it_logs_is_talk(field: Callable[..., Field]) -> None:
    """A verdict or a bill of its own stands where talk stands, and nobody decides by it."""
    place = field()
    talk = "host.log(verdict='admitted', admitted=True, spent={'work': 0}, scores=[1.0], work=0)\n"
    result = tried(place, acting(talk + HONESTLY))
    assert result.work == tried(place, HONEST).work
    entries = bodies(place.kernel, "log")
    assert entries[0].keys() == {"measures", "spent"}
    assert entries[0]["measures"]["verdict"] == "admitted"
    assert not bodies(place.kernel, "verdict")


def test_a_solution_without_end_is_cut(field: Callable[..., Field], monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that would fill the memory of those who learn from it."""
    monkeypatch.setattr(practice, "LONGEST", 1)
    assert {len(text) for text in tried(field(), HONEST).texts} == {1}

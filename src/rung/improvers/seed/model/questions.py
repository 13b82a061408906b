"""What a model is asked: one function per kind of question, each of which needs something to ask about."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from model.apply import scope_of
from model.context import block, clipped, difference, diverse, hollowed, number, shown, statements, told
from model.prompts import prompts_of, rendered

NOTES = "notes.md"
HINTS = "hints.md"
IMPROVER = "improver.py"
REPAIRS = 2  # how often a program and its repairs may be repaired
LETTERS_PER_TOKEN = 3
SPARE_TOKENS = 300
BEST = 12  # members of which inspirations are chosen
LIKELY_BEST = 0.65  # how often the best is what is changed
MANY = ("diff", "rewrite", "anew", "crossover")  # of these, several samples are taken
HINTED = 3  # of so many samples, all but one carry a hint
LIKELY_HOME = 0.5  # how often, of several files, the entry's is in the middle
MAX_ANSWER_SHOWN = 6000
MAX_EVIDENCE = 4000


@dataclass(frozen=True)
class Question:
    """One question. parent: the member that the answer changes; files: its files, or those of the program to mend.

    home: the file in the middle. parents: ids of all programs it shows. repairs: how many repairs went before.
    """

    kind: str
    messages: tuple
    parent: object
    files: dict
    home: str
    max_tokens: int
    parents: tuple = ()
    repairs: int = 0


@dataclass
class Memory:
    """What the arm remembers beside the pool. texts: the files of a program that are no Python, by its id."""

    texts: dict = field(default_factory=dict)
    failures: deque = field(default_factory=lambda: deque(maxlen=5))
    evidence: deque = field(default_factory=lambda: deque(maxlen=8))
    broken: deque = field(default_factory=lambda: deque(maxlen=3))
    unusable: deque = field(default_factory=lambda: deque(maxlen=2))


class Questions:
    """Makes questions from the brief, the pool and the memory; `room` is how much of a program a prompt holds."""

    def __init__(self, brief, settings, rng):
        own = brief.improver["files"]
        self.brief, self.rng, self.settings = brief, rng, settings
        self.prompts = prompts_of(own)
        self.scope = scope_of(brief)
        self.names = [name for name in sorted(self.scope.files) if self.scope.allows(name)]
        notes, hints = own.get(NOTES, ""), own.get(HINTS, "")
        self.hints = [line[2:] for line in str(hints).splitlines() if line.startswith("- ")]
        self.told = told(brief, notes if isinstance(notes, str) else "")
        self.room, self.memory, self.pool = settings["room"], Memory(), None

    def kinds(self):
        """Returns the kinds of question that can be asked now."""
        found = [kind for kind in ("diff", "rewrite") if kind in self.prompts]
        if "anew" in self.prompts and hollowed(self.scope.files[self.scope.home]):
            found.append("anew")
        if "crossover" in self.prompts and len({member.value for member in self.pool.members}) > 1:
            found.append("crossover")
        if "repair" in self.prompts and self.memory.broken:
            found.append("repair")
        if "mend" in self.prompts and self.memory.unusable:
            found.append("mend")
        if "reflect" in self.prompts and NOTES in self.names and IMPROVER in self.scope.files:
            found.append("reflect")
        return found

    def make(self, kind):
        """Returns a question of a kind."""
        return getattr(self, "_" + kind)()

    def sampled(self, question, count):
        """Returns the messages of several samples: the question as it is, and with another hint each time."""
        found = []
        for k in range(count):
            turns = list(question.messages)
            if k % HINTED and self.hints and "hint" in self.prompts and question.kind in MANY:
                hint = rendered(self.prompts["hint"], {"hint": self.rng.choice(self.hints)})
                turns[-1] = {**turns[-1], "content": f"{turns[-1]['content']}\n{hint}"}
            found.append(turns)
        return found

    def view(self, member):
        """Returns all text files of a member."""
        return {**self.scope.files, **self.memory.texts.get(member.id, {}), **member.files}

    def _diff(self):
        parent = self._parent()
        files = self.view(parent)
        home = self._home(files)
        lines = statements(files[home])
        about = {**self._about(parent, files), "line": self.rng.choice(lines) if lines else "a line"}
        return self._asked("diff", parent, files, home, self.settings["max_tokens"], **about)

    def _anew(self):
        parent, home = self.pool.best, self.scope.home
        files = self.view(parent)
        hollow = block(home, hollowed(files[home]) or files[home])
        return self._asked("anew", parent, files, home, self._length(files[home]), hollow=hollow)

    def _rewrite(self):
        parent = self._parent()
        files = self.view(parent)
        home = self._home(files, most=self.room)
        return self._asked("rewrite", parent, files, home, self._length(files[home]), **self._about(parent, files))

    def _crossover(self):
        first = self.pool.best
        second = self.rng.choice(diverse(self.pool.members[:BEST], first, 3))
        files, other = self.view(first), self.view(second)
        home = next((name for name in self.names if files.get(name) != other.get(name)), self._home(files))
        values = {"value": number(first.value), "other_value": number(second.value)}
        values["other"] = difference(files, other, self.room // 3)
        question = self._asked("crossover", first, files, home, self._length(files[home]), **values)
        return Question(**{**_fields(question), "parents": (first.id, second.id)})

    def _repair(self):
        parent, files, home, error, repairs = self.memory.broken.pop()
        home = home if home in files else self._home(files)
        question = self._asked("repair", parent, files, home, self._length(files[home]), error=clipped(error, 600))
        return Question(**{**_fields(question), "repairs": repairs + 1})

    def _mend(self):
        question, answer, reason = self.memory.unusable.pop()
        said = rendered(self.prompts["mend"], {**self.told, "error": clipped(reason, 1200)})
        turns = (
            {
                "role": "assistant",
                "content": clipped(answer.encode("utf-8", "replace").decode(), MAX_ANSWER_SHOWN) or ".",
            },
            {"role": "user", "content": said},
        )
        messages = (*question.messages, *turns)
        return Question(**{**_fields(question), "kind": "mend", "messages": messages, "repairs": question.repairs + 1})

    def _reflect(self):
        parent = self.pool.best
        files = self.view(parent)
        heard = [*map(str, self.brief.feedback), *self.memory.evidence]
        heard += [str(each) for each in list(self.brief.extra.get("solutions", ()))[-5:]]
        values = {"notes": files[NOTES], "evidence": clipped("\n".join(heard), MAX_EVIDENCE)}
        return self._asked("reflect", parent, files, NOTES, self.settings["max_tokens"], **values)

    def _about(self, parent, files):
        """Returns what is worth knowing when a program is changed: its value, others' changes, failures."""
        others = diverse(self.pool.members[:BEST], parent, self.settings["inspirations"])
        shown_others = [
            f"{number(other.value)}:\n{difference(files, self.view(other))}"
            for other in others
            if other is not self.pool.seed
        ]
        return {"value": number(parent.value), "inspirations": "\n\n".join(shown_others)}

    def _asked(self, kind, parent, files, home, max_tokens, **values):
        program = shown(files, self.names, home, self.room)
        failures = "\n".join(f"- {line}" for line in self.memory.failures)
        values = {**self.told, "program": program, "path": home, "failures": failures, **values}
        content = rendered(self.prompts[kind], values)
        messages = [{"role": "user", "content": content}]
        if "system" in self.prompts:
            messages.insert(0, {"role": "system", "content": self.prompts["system"].strip()})
        return Question(kind, tuple(messages), parent, files, home, max_tokens, (parent.id,))

    def _parent(self):
        if self.rng.random() < LIKELY_BEST:
            return self.pool.best
        return self.rng.choice([self.pool.best, *diverse(self.pool.members[:BEST], self.pool.best, 3)])

    def _home(self, files, most=None):
        """Returns the file in the middle: often the entry's, of many files any that is not too long."""
        names = [name for name in self.names if name in files and (most is None or len(files[name]) <= most)]
        home = self.scope.home
        if not names or (home in names and (len(names) == 1 or self.rng.random() < LIKELY_HOME)):
            return home
        return self.rng.choice(names)

    def _length(self, text):
        """Returns how many tokens a file may take when it is written anew."""
        spare = SPARE_TOKENS + self.settings["max_tokens"] // 2
        return min(self.settings["most_tokens"], spare + len(text) // LETTERS_PER_TOKEN)


def _fields(question):
    return {name: getattr(question, name) for name in question.__dataclass_fields__}

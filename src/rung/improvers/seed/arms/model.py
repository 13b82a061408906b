"""A language model as an arm: it is asked for edits, and what it answers is filtered before an evaluation is paid for.

Many samples per question, few evaluations: what cannot be used is refused in a sentence, what was tried before is left
out, and of what changes about the same, one goes first. Which model gets which kind of question follows from what each
earned per cost. Money and tokens are converted to the arms' unit by rates in `weights.json`.
"""

from __future__ import annotations

import json
import random

from model.apply import child_files
from model.bandit import Bandit
from model.context import number, summary
from model.fences import Rejected
from model.novelty import Novelty
from model.questions import MANY, REPAIRS, Questions
from rung_host import Child

PER_SECOND = 100.0  # cost units of a CPU second
READING = 0.2  # cost units of an answer: parsing, matching, comparing
DUMB = 4  # batches in a row without one answer, then a model is asked no more
LEAST_ROOM = 1500
SMALLER = 0.6  # of the room when no model takes a prompt
RECORD, BETTER, VALID = 1.0, 0.3, 0.1  # what a child earns its question
BROKEN = ("error", "invalid", "timeout", "exhausted")
MAX_OPERATOR = 80
WHOLE = ("rewrite", "anew", "crossover", "repair")  # answered by one code block
BLOCK_END = "\n```\n"  # small models go on after it and say the same again; large ones may take no stop


class Proposal:
    """A child that waits for its evaluation, with the question it answers."""

    def __init__(self, question, cell, files, changed):
        self.question, self.cell, self.files, self.changed = question, cell, files, changed
        self.group = None


class Model:
    """The arm: one batch of answers per step, or what is left of the last one."""

    def __init__(self, brief, seed):
        self.settings = json.loads(brief.improver["files"]["weights.json"]).get("model", {})
        self.rng, self.brief = random.Random(seed), brief
        self.models = tuple(getattr(brief, "models", ()) or ())
        self.work, self.pool, self.host = 0.0, None, None
        self.waiting, self.reserve, self.alike = [], [], set()
        self.samples, self.silent = {}, {}
        self.tally = dict.fromkeys(("asked", "usable", "unusable", "refused", "alike", "tokens", "usd"), 0.0)
        if self.models and self.settings:
            self.questions = Questions(brief, self.settings, self.rng)
            self.novelty = Novelty(self.questions.scope.files)
            weights = [(model["name"], float(model["weight"])) for model in self.models]
            self.bandit = Bandit(weights, list(self.settings["asks"].items()))
            self.samples = {name: int(self.settings["samples"]) for name, _ in weights}
            self.unpriced = {model["name"] for model in self.models if not any(model["usd_per_million"] or ())}

    def join(self, pool):
        """Gives the arm the pool it shares with the others."""
        self.pool = pool
        if self.models and self.settings:
            self.questions.pool = pool
            self.novelty.remember(self.questions.view(pool.seed))

    def meet(self, host):
        """Gives the arm the host it asks for answers."""
        self.host = host

    def fits(self):
        """Returns whether there is a model, something to ask, and something to edit."""
        return bool(self.models and self.settings and self.questions.names and self.questions.kinds())

    def step(self):
        """Returns children made of answers."""
        self.work = 0.0
        self.waiting, self.alike = [], set()
        if not self.reserve:
            self.reserve = self._grouped(self._ask())
        self._submit()
        return [self._child(proposal) for proposal in self.waiting]

    def learn(self, results):
        """Keeps what was valid, remembers what failed and why, and credits the question."""
        best = self.pool.best.value
        for k, (proposal, result) in enumerate(zip(self.waiting, results, strict=True)):
            member = self.pool.add(self._python(proposal.files), result, self._operator(proposal))
            self._credit(proposal, result, member, best)
            if member is None and k not in self.alike:
                self._failed(proposal, result)
            if result.status in BROKEN:  # what changes about the same will fail in the same way
                self.tally["alike"] += sum(other.group == proposal.group for other in self.reserve)
                self.reserve = [other for other in self.reserve if other.group != proposal.group]

    def watch(self, member, parent):
        """Takes a success of another arm."""
        if parent in self.questions.memory.texts:
            self.questions.memory.texts[member.id] = self.questions.memory.texts[parent]
        self.novelty.remember(self.questions.view(member))

    def narrow(self, going, results):
        """Returns which children go on after their first case: of those that behave alike, the first."""
        seen, kept = set(), []
        for k in going:
            result = results[k]
            key = repr((result.scores, result.feedback, sorted(result.measures.items())))
            if key not in seen:
                kept.append(k)
            seen.add(key)
        self.alike = set(going) - set(kept)
        self.tally["alike"] += len(self.alike)
        return kept

    def counts(self):
        """Returns numbers for people: what was asked, what could be used, what the filters saved."""
        found = {**self.tally, "same": self.novelty.same, "near": self.novelty.near}
        return {f"model.{name}": round(value, 6) for name, value in found.items()}

    def _ask(self):
        """Returns the proposals in one batch of answers."""
        cell = self.bandit.choose(self.questions.kinds())
        if cell is None:
            return []
        question = self.questions.make(cell.kind)
        count = self.samples[cell.model] if cell.kind in MANY else 2
        heat, whole = self.settings["temperatures"], cell.kind in WHOLE
        prompts = [
            {
                "messages": messages,
                "max_tokens": question.max_tokens,
                "temperature": heat[k % len(heat)],
                "seed": None,
                "stop": [BLOCK_END] if whole and cell.model in self.unpriced else [],
                "model": cell.model,
            }
            for k, messages in enumerate(self.questions.sampled(question, min(count, self.samples[cell.model])))
        ]
        try:
            answers = self.host.generate(prompts)
        except ValueError:  # the host does not take this question
            self.tally["refused"] += len(prompts)
            self._retire(cell.model)
            return []
        cost = self._cost(cell, answers)
        self.bandit.pay(cell, cost)
        self.work += cost
        self._notice(cell, answers)
        return [found for answer in answers if (found := self._proposal(answer, question, cell)) is not None]

    def _cost(self, cell, answers):
        """Returns what the answers cost in units of 10 ms CPU, against what a run of so many attempts costs."""
        usd, tokens = sum(answer.usd for answer in answers), sum(answer.tokens for answer in answers)
        self.tally["asked"] += len(answers)
        self.tally["usd"] += usd
        self.tally["tokens"] += tokens
        seconds = usd / self.settings["usd_per_cpu_second"]
        if cell.model in self.unpriced:
            seconds += tokens * self.settings["cpu_seconds_per_token"]
        dearest = self.settings["dearest"] * self.brief.attempts
        return READING * len(answers) + min(PER_SECOND * seconds, dearest)

    def _notice(self, cell, answers):
        """Takes what the errors say: ask for less at once, show less, or ask this model no more."""
        name = cell.model
        self.tally["refused"] += sum(bool(answer.error) or answer.finish == "refusal" for answer in answers)
        self.silent[name] = 0 if any(not answer.error for answer in answers) else self.silent.get(name, 0) + 1
        if any(answer.error and answer.finish == "budget" for answer in answers):
            if self.samples[name] == 1:
                self._retire(name)
            self.samples[name] = max(1, self.samples[name] // 2)
        elif self.silent[name] >= DUMB:
            self._retire(name)
        elif self.silent[name]:
            self.questions.room = max(LEAST_ROOM, int(self.questions.room * SMALLER))

    def _retire(self, name):
        self.bandit.retire(name)

    def _proposal(self, answer, question, cell):
        """Returns what an answer proposes, or None."""
        if answer.error or answer.finish == "refusal":
            return None
        cut = answer.finish == "length"
        try:
            changed = child_files(answer.text, question.files, self.questions.scope, home=question.home, cut=cut)
        except Rejected as reason:
            self.tally["unusable"] += 1
            if question.repairs < REPAIRS and question.kind != "mend":
                self.questions.memory.unusable.append((question, answer.text, str(reason)))
            return None
        self.tally["usable"] += 1
        files = {**question.files, **changed}
        parent = self.questions.view(question.parent)
        changed = {name: text for name, text in files.items() if text != parent.get(name)}
        if not changed or not self.novelty.admits(files, parent) or not self._claim(files):
            return None
        return Proposal(question, cell, files, changed)

    def _claim(self, files):
        """Returns whether the files are new to all arms."""
        seed = self.questions.scope.files
        other = {name: text for name, text in self._texts(files).items() if text != seed.get(name)}
        return self.pool.claim({**self._python(files), **other})

    def _python(self, files):
        """Returns the files that the other arms may edit."""
        seed = self.questions.scope.files
        return {
            name: text
            for name, text in files.items()
            if name in self.pool.names or (name.endswith(".py") and text != seed.get(name))
        }

    def _texts(self, files):
        python = self._python(files)
        return {name: text for name, text in files.items() if name not in python and self.questions.scope.allows(name)}

    def _grouped(self, proposals):
        """Returns proposals in the order in which they are tried: one of each group first, the largest group first."""
        if not proposals:
            return []
        groups = self.novelty.groups(
            [one.files for one in proposals], self.questions.view(proposals[0].question.parent)
        )
        for number_, group in enumerate(groups):
            for k in group:
                proposals[k].group = number_
        order = [(place, number_, k) for number_, group in enumerate(groups) for place, k in enumerate(group)]
        return [proposals[k] for _, _, k in sorted(order)]

    def _submit(self):
        most = int(self.settings["submit"])
        self.waiting, self.reserve = self.reserve[:most], self.reserve[most:]
        self.work += READING * len(self.waiting)

    def _child(self, proposal):
        parents = proposal.question.parents
        return Child(proposal.changed, proposal.question.parent.id, self._operator(proposal), parents)

    def _operator(self, proposal):
        kind = proposal.question.kind
        name = f"model:{kind}" if len(self.models) == 1 else f"model:{kind} {proposal.cell.model}"
        return name[:MAX_OPERATOR]

    def _credit(self, proposal, result, member, best):
        cell, memory = proposal.cell, self.questions.memory
        if member is None:
            return
        before = proposal.question.parent.value
        cell.credit += RECORD if member.value > best else BETTER if member.value > before else VALID
        if texts := self._texts(proposal.files):
            memory.texts[member.id] = texts
        what = summary(self.questions.view(proposal.question.parent), proposal.files)
        if member.value <= before:
            memory.failures.append(f"scored {number(member.value)}: {what}")
        memory.evidence.append(f"{number(member.value)} after {what} {' '.join(map(str, result.feedback))[:300]}")

    def _failed(self, proposal, result):
        question, memory = proposal.question, self.questions.memory
        what = summary(self.questions.view(question.parent), proposal.files)
        if result.status not in BROKEN:
            memory.failures.append(f"no better on the first case: {what}")
            return
        error = " ".join(map(str, result.feedback))[:1500] or result.status
        memory.failures.append(f"{result.status} ({error[:120]}): {what}")
        if question.repairs < REPAIRS:
            error = f"{result.status}: {error}"
            memory.broken.append((question.parent, proposal.files, question.home, error, question.repairs))

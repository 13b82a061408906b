"""What the arms share: every program that was evaluated in full, the best of them, and what was tried before."""

from __future__ import annotations

from dataclasses import dataclass

from arms.source import compiles, editable_files, fingerprint

KEPT = 60
MAX_DONORS = 200


@dataclass
class Member:
    """An evaluated program. files: the editable ones; operator: what made it."""

    id: str
    value: float
    scores: tuple
    files: dict
    operator: str = ""


class Pool:
    """The best programs of a run, and the fingerprints of all that were proposed."""

    def __init__(self, brief):
        program = brief.program
        self.all_files = dict(program["files"])
        self.names = editable_files(self.all_files, brief.editable)
        files = {name: self.all_files[name] for name in self.names}
        self.seed = Member(program["id"], brief.value, (), files, "seed")
        self.members = [self.seed]
        self._tried = {fingerprint(files)}

    @property
    def best(self):
        """The best member on train; the earliest of equals."""
        return self.members[0]

    def claim(self, files):
        """Returns whether the files are new and compile; if so they count as tried from now on."""
        if not all(compiles(text) for name, text in files.items() if name.endswith(".py")):
            return False
        key = fingerprint(files)
        if key in self._tried:
            return False
        self._tried.add(key)
        return True

    def add(self, files, result, operator):
        """Returns the member made from a full, valid result; None when there is none to keep."""
        if result.status != "ok" or result.value is None:
            return None
        member = Member(result.id, result.value, tuple(result.scores), files, operator)
        if all(member.id != other.id for other in self.members):
            self.members.append(member)
            self.members.sort(key=lambda one: -one.value)
            del self.members[KEPT:]
        return member

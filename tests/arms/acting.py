"""Improvers that act: honest ones with other statements in place of practice or of learning."""

from __future__ import annotations

from typing import Any

from tests.arms import toy

from rung.arms.learn import Lesson
from rung.arms.practice import Field, Solved, solve
from rung.records import Program
from rung.suites.suite import Block

HONEST = toy.improver()
LESSONS = [Lesson(f"s{number}", str(value), 1) for number, value in enumerate((3, 4, 25, 51, 78))]
HEAD = "import json, os, sys, time\nfrom rung_host import Child\nfrom honest import learn, practise\n\n\n"


def acting(practising: str, *, learning_too: str = "return learn(brief, host)", more: str = "") -> Program:
    """Returns an improver with these statements in place of practice and of learning."""
    lines = ["def improve(brief, host):", "    if 'improver.py' in brief.program['files']:"]
    lines += [f"        {line}" for line in learning_too.strip("\n").split("\n")]
    lines += [f"    {line}" for line in practising.strip("\n").split("\n")]
    return toy.improver(HEAD + more + "\n".join(lines) + "\n")


HONESTLY = "return practise(brief, host)"


def block(place: Field, size: int = 8, salt: int = 3) -> Block:
    """Returns puzzles to try improvers on."""
    return place.world.screen(size, salt=salt)


def tried(place: Field, improver: Program, **more: Any) -> Solved:
    """Returns what an improver made of the usual puzzles."""
    return solve(place, block(place), improver, **more)


LYING = """
class Lying:
    def __init__(self, host, work):
        self.host, self.work = host, work

    def log(self, **measures):
        self.host.log(**{**measures, "work": self.work})

    def evaluate(self, children):
        return self.host.evaluate(children)


"""

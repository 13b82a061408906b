"""Which functions are learned from and which are gated on; closed under prerequisites, so that no chain is cut."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rung.suites.induction.catalogue import FUNCTIONS, grade, prerequisites

OUT_OF_DOMAIN = "string"


@dataclass(frozen=True, slots=True)
class Splits:
    """Names of functions, disjoint. stream: in the order in which they are met; held_out: none is a prerequisite."""

    stream: tuple[str, ...]
    held_out: tuple[str, ...]
    out_of_domain: tuple[str, ...]


def splits(seed: int, *, held_out: int = 100, stream: int | None = None) -> Splits:
    """Returns the splits of a seed.

    held_out: how many functions, spread over all grades, from those that nothing else in the domain is built from.
    stream: how many functions at most (None: all that are left); what held-out functions are built from comes first.

    Raises:
      ValueError: there are not that many functions, or the stream cannot hold the prerequisites.
    """
    rng = random.Random(f"splits {seed}")  # noqa: S311 - seeded, no secrets
    domain = [name for name, entry in FUNCTIONS.items() if entry.family != OUT_OF_DOMAIN]
    needed = frozenset().union(*(prerequisites(name) for name in domain))
    tops = sorted((name for name in domain if name not in needed), key=lambda name: (grade(name), name))
    if not 0 < held_out <= len(tops):
        raise ValueError(f"held_out must be 1..{len(tops)}, not {held_out}")
    held = {rng.choice(tops[len(tops) * i // held_out : len(tops) * (i + 1) // held_out]) for i in range(held_out)}
    outside = _some(rng, [name for name in FUNCTIONS if name not in domain], held_out)
    below = frozenset().union(*(prerequisites(name) for name in held))
    others = [name for name in domain if name not in held and name not in below]
    rng.shuffle(others)
    chosen = set(below)
    for name in others:
        more = {name, *prerequisites(name)} - chosen
        if stream is None or len(chosen) + len(more) <= stream:
            chosen |= more
    if stream is not None and len(below) > stream:
        raise ValueError(f"the stream must hold at least the {len(below)} prerequisites of the held-out functions")
    order = sorted(chosen)
    rng.shuffle(order)
    return Splits(tuple(order), tuple(sorted(held)), tuple(outside))


def _some(rng: random.Random, names: list[str], count: int) -> list[str]:
    return sorted(rng.sample(names, min(count, len(names))))

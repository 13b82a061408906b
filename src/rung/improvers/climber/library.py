"""Learns tokens: the library that spells known solutions shortest, made anew from all of them each time.

A token stays only while its uses pay for it, single operations included: the seed grammar beside the library spells
everything. Where many puzzles are noise, a library of what recurs beyond chance predicts better, often at a smaller
share of the nodes. Libraries are made without the newest solutions; how well they predict those decides.
"""

import math
from collections import Counter
from operator import add

from grammar import SEED, Grammar, Portfolio
from respelling import respelled

PRICES = (1.0, 0.25)
SHARES = (0.6, 0.85)
USES = 2
SAVING = 0.05
FEWEST = 4
CHANCE = 4.0
ROUNDS = 2
LOOKS = 24
AT_ONCE = 8
END = "\n"


def proposal(present, older, newest, *, screened):
    """Returns (a library or None, work), work in units of about the CPU time of one node of search.

    screened: None unless it saves SAVING nats of log-nodes for each of the newest solutions.
    """
    if min(len(newest), len(older) // 2) >= FEWEST:
        choice, work = predicted(present, older, newest, least=SAVING * len(newest) if screened else -math.inf)
    else:
        choice, work = None if screened else (compressed, PRICES[0], SHARES[0]), 0
    if choice is None:
        return None, work
    make, price, share = choice
    tokens, spent = make(older + newest, price)
    return {"seed_share": share, "tokens": tokens} if tokens else None, work + spent


def predicted(present, older, newest, *, least):
    """Returns ((how a library is made, price, share) or None, work): the best of the first way that saves enough."""
    before = Portfolio(present)
    now, work = sum(map(before.log_nodes, newest)), 2 * len(newest)
    best, choice = least, None
    for make, prices in ((compressed, PRICES), (recurring, PRICES[1:])):
        for price in prices:
            tokens, spent = make(older, price)
            work += spent + 6 * len(newest)
            for share in SHARES if tokens else ():
                trial = Portfolio({"seed_share": share, "tokens": tokens})
                saved = now - sum(map(trial.log_nodes, newest))
                if saved > best:
                    best, choice = saved, (make, price, share)
        if choice is not None:
            break
    return choice, work


def compressed(programs, price):
    """Returns ({token: weight}, work): pairs of tokens are joined while the description gets shorter, then respelled.

    price: of a new token, in units of twice the log of how many there are.
    """
    text, marks, spelled, work = END.join(programs), {}, {}, 0  # a joined token is one character of the text
    while True:
        counts = Counter(text)
        del counts[END]
        work += len(text) // 3 + 10 * LOOKS
        touched = set()
        for _, pair in sorted(gains(text, counts, marks, spelled, price=price), reverse=True)[:AT_ONCE]:
            if touched.isdisjoint(pair):
                token = "".join(spelled.get(mark, mark) for mark in pair)
                mark = marks.setdefault(token, chr(0xE000 + len(marks)))
                spelled[mark] = token
                text = text.replace(pair, mark)
                touched.update(pair, mark)
        if not touched:
            tokens = {spelled.get(m, m): 0.5 + count for m, count in counts.most_common() if count >= USES}
            tokens, spent = respelled(Counter(programs), tokens, price, least=USES)
            return tokens, work + spent


def gains(text, counts, marks, spelled, *, price):
    """Yields (nats that everything gets shorter by, pair) for pairs that are worth joining."""
    total, cost = counts.total(), price * 2 * math.log(len(counts) + 1)
    for pair, seen in Counter(map(add, text, text[1:])).most_common(LOOKS):
        if seen < 2 or END in pair:
            continue
        first, second = pair
        times = text.count(pair) if first == second else seen
        joined = marks.get(spelled.get(first, first) + spelled.get(second, second))
        after = {first: counts[first] - times}
        after[second] = after.get(second, counts[second]) - times
        known = counts[joined] if joined else 0
        saved = entropy(total) - entropy(total - times) + entropy(known + times) - entropy(known)
        saved += sum(map(entropy, after.values())) - sum(entropy(counts[mark]) for mark in after)
        saved -= 0.0 if joined else cost
        if saved > 0:
            yield saved, pair


def entropy(count):
    """Returns count * log(count), 0 for none."""
    return count * math.log(count) if count > 0 else 0.0


def recurring(programs, price):
    """Returns as `compressed` does, of the solutions that recur beyond chance or are spelled by what does."""
    counts, lengths = Counter(programs), Counter(map(len, programs))
    expected = {length: count / len(SEED.prices) ** length for length, count in lengths.items()}
    chosen = [p for p in programs if counts[p] > 1 and surprise(counts[p], expected[len(p)]) > CHANCE]
    tokens, work = {}, 0
    for _ in range(ROUNDS):
        if not chosen:
            break
        tokens, spent = compressed(chosen, price)
        work += spent + 6 * len(counts)
        if not tokens:
            break
        grammar = Grammar(tokens)
        cheaper = {p for p in counts if grammar.log_nodes(p) < SEED.log_nodes(p)}
        chosen = [p for p in programs if p in cheaper]
    return tokens, work


def surprise(count, expected):
    """Returns the log-likelihood ratio of a count against a Poisson count with this mean."""
    return count * math.log(count / expected) - count + expected

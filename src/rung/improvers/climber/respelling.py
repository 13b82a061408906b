"""Looks at a library again as a whole: every program chooses its tokens anew, and tokens that no longer pay leave.

Joining tokens goes pair by pair and never looks back, so that a pair that was frequent across the border of two parts
stays in the way of the parts.
"""

import math
from collections import Counter

from grammar import SEED

LONGEST = 8
TIMES = 2
OPERATIONS = dict.fromkeys(SEED.prices, 0.5)
WORK_PER_OPERATION = 2
WORK_PER_TOKEN = 20


def respelled(programs, tokens, price, *, least):
    """Returns ({token: weight}, work): tokens and recurring whole programs, as far as the cheapest spelling uses them.

    programs: {program: how often}. price: of a token, in units of twice the log of how many there are. least: uses
    that a token must have.
    """
    whole = {program: times for program, times in programs.items() if times >= least and 1 < len(program) <= LONGEST}
    weights, work = {**OPERATIONS, **whole, **tokens}, 0
    for _ in range(TIMES):
        prices, counts = priced(weights), Counter()
        for program, times in programs.items():
            for token in spelling(program, prices):
                counts[token] += times
        weights = {**OPERATIONS, **{token: 0.5 + times for token, times in counts.items() if times >= least}}
        work += WORK_PER_OPERATION * sum(map(len, programs)) + WORK_PER_TOKEN * len(weights)
        prune(weights, price)
    kept = sorted(weights.items(), key=lambda item: item[1], reverse=True)
    return {token: weight for token, weight in kept if weight > least}, work


def prune(weights, price):
    """Takes each token out of {token: weight} that costs more than it makes the spellings shorter, the least first."""
    prices = priced(weights)
    for token in sorted((token for token in weights if len(token) > 1), key=lambda token: weights[token] * len(token)):
        times, own = weights[token] - 0.5, prices.pop(token)
        parts = spelling(token, prices)
        longer = sum(map(prices.__getitem__, parts)) - own
        if longer * times >= price * 2 * math.log(len(weights) + 1):
            prices[token] = own
            continue
        del weights[token]
        for part in parts:
            weights[part] += times
        prices = priced(weights)


def priced(weights):
    """Returns {token: minus the log of its share of the weight}."""
    total = sum(weights.values())
    return {token: math.log(total / weight) for token, weight in weights.items()}


def spelling(program, prices):
    """Returns the tokens of the cheapest spelling; every single operation has to be among the tokens."""
    lengths = sorted(set(map(len, prices)))
    best, last = [0.0], [""]
    for end in range(1, len(program) + 1):
        least, chosen = math.inf, ""
        for length in lengths:
            if length > end:
                break
            token = program[end - length : end]
            if token in prices and best[end - length] + prices[token] < least:
                least, chosen = best[end - length] + prices[token], token
        best.append(least)
        last.append(chosen)
    tokens, end = [], len(program)
    while end:
        tokens.append(last[end])
        end -= len(last[end])
    return tokens[::-1]

"""What programs are spelled with: tokens, each a row of operations; a token's price is minus the log of its weight.

Six operations on numbers modulo 10007 are known. A token applies its operations from left to right.
"""

import math

MODULUS = 10007
OPERATIONS = {
    "i": lambda v: (v + 1) % MODULUS,
    "d": lambda v: 2 * v % MODULUS,
    "s": lambda v: v * v % MODULUS,
    "n": lambda v: -v % MODULUS,
    "t": lambda v: (3 * v + 1) % MODULUS,
    "x": lambda v: (v ^ 5) % MODULUS,
}


class Grammar:
    """Tokens by price, the cheapest first. weights: {token: how often it is used, more or less}."""

    def __init__(self, weights):
        total = sum(weights.values())
        self.prices = dict(sorted(((k, -math.log(w / total)) for k, w in weights.items()), key=lambda item: item[1]))
        self.lengths = sorted({len(token) for token in self.prices})
        self.known = {}

    def log_nodes(self, program):
        """Returns about the log of the nodes until a search finds it: the cheapest spelling, and the branching."""
        if program not in self.known:
            best, price = [0.0], self.prices.get
            for end in range(1, len(program) + 1):
                spelled = [best[end - n] + price(program[end - n : end], math.inf) for n in self.lengths if n <= end]
                best.append(min(spelled, default=math.inf))
            self.known[program] = best[-1] + math.log(len(self.prices))
        return self.known[program]

    def moves(self, tables):
        """Returns [(token, price, value table)]; tables: {operations: value table}, which grows."""
        return [(token, price, table(token, tables)) for token, price in self.prices.items()]


def table(token, tables):
    """Returns the value of a token for each number; what its beginning gives is known or remembered."""
    if token not in tables:
        if len(token) == 1:
            tables[token] = list(map(OPERATIONS[token], range(MODULUS)))
        else:
            last = table(token[-1], tables)
            tables[token] = list(map(last.__getitem__, table(token[:-1], tables)))
    return tables[token]


SEED = Grammar(dict.fromkeys(OPERATIONS, 1.0))


class Portfolio:
    """The seed grammar and, where there is one, the library's, with the seed's share of the nodes of every puzzle.

    What was learned can cost at most the factor 1 / share: nothing is forgotten.
    """

    def __init__(self, library):
        self.learned = Grammar(library["tokens"]) if library.get("tokens") else None
        self.share = library["seed_share"] if self.learned else 1.0

    def log_nodes(self, program):
        """Returns about the log of the nodes that the two need between them to find a program."""
        seed = SEED.log_nodes(program) - math.log(self.share)
        if self.learned is None:
            return seed
        return min(seed, self.learned.log_nodes(program) - math.log(1 - self.share))

"""Which arm gets the next slice: what each earned per unit cost over the recent blocks, never less than a floor."""

from __future__ import annotations

BLOCK = 120.0  # cost units between two changes of the shares
MEMORY = 0.6  # what a block remembers of the one before
PRIOR = 0.5  # the weight of the starting shares


class Shares:
    """Shares of the cost per arm; the arm that is furthest behind its share goes next."""

    def __init__(self, start, *, floor):
        total = sum(start.values())
        self.start = {name: share / total for name, share in start.items()}
        self.floor = {name: min(floor, share) for name, share in self.start.items()}
        self.shares = dict(self.start)
        self.cost = dict.fromkeys(start, 0.0)
        self.recent = dict.fromkeys(start, 0.0)
        self.earned = dict.fromkeys(start, 0.0)
        self.total_earned = dict.fromkeys(start, 0.0)
        self.behind = dict.fromkeys(start, 0.0)
        self.block, self.best, self.due = 0.0, None, False

    def choose(self):
        """Returns the name of the arm that is furthest behind its share."""
        return max(self.behind, key=lambda name: (self.behind[name], self.shares[name]))

    def pay(self, name, cost, best):
        """Charges a slice to an arm and credits it with what the best value gained; a slice of no cost was idle."""
        if cost <= 0.0:
            self.behind[name] = min(self.behind.values()) - 1.0  # what it did not need goes to the others
            return
        self.cost[name] += cost
        self.recent[name] += cost
        for other, share in self.shares.items():
            self.behind[other] += share * cost
        self.behind[name] -= cost
        if self.best is not None and best > self.best:
            self.earned[name] += best - self.best
            self.total_earned[name] += best - self.best
        self.best = best if self.best is None else max(best, self.best)
        self.block += cost
        if self.block >= BLOCK:
            self._move()

    def report(self):
        """Returns numbers for people after every block, else None: share, cost and earnings of each arm."""
        if not self.due:
            return None
        self.due = False
        return self.numbers()

    def numbers(self):
        """Returns share, cost and earnings of each arm."""
        numbers = {"best": self.best}
        for name in self.shares:
            numbers[f"{name}.share"] = round(self.shares[name], 3)
            numbers[f"{name}.cost"] = round(self.cost[name], 1)
            numbers[f"{name}.earned"] = self.total_earned[name]
        return numbers

    def _move(self):
        rates = {name: self.earned[name] / max(self.recent[name], 1.0) for name in self.start}
        total = sum(rates.values())
        free = 1.0 - sum(self.floor.values())
        for name, start in self.start.items():
            wish = start if total <= 0.0 else PRIOR * start + (1.0 - PRIOR) * rates[name] / total
            self.shares[name] = self.floor[name] + free * wish
            self.earned[name] *= MEMORY
            self.recent[name] *= MEMORY
        self.block, self.due = 0.0, True

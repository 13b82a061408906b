"""Finds a program from three examples: uniform-cost enumeration in one grammar, or in two that take turns.

A node is one token applied to one state; the work of a puzzle is its nodes.
"""

from heapq import heappop, heappush

TURN = 60


class Search:
    """An enumeration that can be continued; programs that do the same to all examples are one state."""

    def __init__(self, moves, start, target):
        self.moves, self.target = moves, target
        self.seen, self.heap = {start: 0.0}, [(0.0, 0, start, "")]
        self.used, self.program = 0, None

    def run(self, limit):
        """Goes on up to `limit` nodes in all, or until a program is found."""
        seen, heap, target, moves, used = self.seen, self.heap, self.target, self.moves, self.used
        width, infinity = len(moves), float("inf")
        while heap and used + width <= limit:
            cost, _, state, program = heappop(heap)
            if cost > seen[state]:
                continue
            a, b, c = state
            for token, price, values in moves:
                used += 1
                new, total = (values[a], values[b], values[c]), cost + price
                if new == target:
                    self.used, self.program = used, program + token
                    return
                if total < seen.get(new, infinity):
                    seen[new] = total
                    heappush(heap, (total, used, new, program + token))
        self.used = used


def attempt(examples, seed, learned, *, share, cap):
    """Returns (program or None, nodes spent), at most `cap` nodes.

    examples: three [input, output]. seed, learned: moves of the two grammars, the second may be None. share: of the
    seed's; whoever is behind it goes on.
    """
    start, target = zip(*examples, strict=True)
    kept = cap if learned is None else int(share * cap)
    plans = [(Search(seed, start, target), share, kept)]
    if learned is not None:
        plans.append((Search(learned, start, target), 1 - share, cap - kept))
    going = plans[::-1]
    while going:
        plan = min(going, key=lambda one: one[0].used / one[1])
        search, part, limit = plan
        before = search.used
        search.run(min(limit, before + max(len(search.moves), int(TURN * part))) if learned else limit)
        if search.program is not None:
            return search.program, sum(one[0].used for one in plans)
        if search.used == before or not learned:
            going.remove(plan)
    return None, sum(one[0].used for one in plans)

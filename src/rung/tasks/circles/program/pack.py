"""Circles in the unit square, on a grid."""


def pack(task):
    """Returns [x, y, radius] for each of task["n"] equal circles that do not overlap."""
    n = task["n"]
    side = 1
    while side * side < n:
        side += 1
    radius = 0.499 / side
    cells = [(row, column) for row in range(side) for column in range(side)]
    return [[(column + 0.5) / side, (row + 0.5) / side, radius] for row, column in cells[:n]]

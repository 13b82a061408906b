"""A sorting network: bubble sort, every pass written out."""


def network(task):
    """Returns comparators [i, j], i < j, for task["wires"] wires; each puts the smaller value on wire i."""
    wires = task["wires"]
    return [[j, j + 1] for i in range(wires) for j in range(wires - 1 - i)]

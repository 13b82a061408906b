"""The rule to make better: which open bin should take the next item."""

import numpy as np


def priority(item: int, bins: np.ndarray) -> np.ndarray:
    """Returns one priority per bin; the item goes to the first bin of the highest priority.

    item: the size to place now. bins: the room left in every bin that the item fits in, untouched bins included.
    """
    return -(bins - item)

"""The formula, which is right and may not be changed."""

import math

from constants import BETA, NOMINAL_OHM


def read(measurement):
    """Returns degrees Celsius."""
    inverse = 1 / 298.15 + math.log(measurement["ohm"] / NOMINAL_OHM) / BETA
    return 1 / inverse - 273.15

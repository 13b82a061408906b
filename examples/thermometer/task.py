"""A program of several files, of which one may be edited: the constants of a thermistor's reading.

rung improve examples/thermometer --attempts 300
"""

import math
import random

import rung


def resistance(celsius):
    """The truth, which the program is not shown: an NTC thermistor of 10 kOhm at 25 degrees."""
    kelvin = celsius + 273.15
    return 10_000 * math.exp(3950 * (1 / kelvin - 1 / 298.15))


@rung.task(
    goal="Read temperatures from a thermistor as exactly as possible; only the constants may change.",
    program="program",
    entry="reading.py:read",
    train=range(10),
    validation=range(10, 20),
    held_out=rung.fresh(20),
    editable=("constants.py",),
    unit="degrees of error, negated",
)
def thermometer(case, trial):
    """Minus the mean error over 20 temperatures, in degrees."""
    temperatures = [random.Random(case.input).uniform(-20, 80) for _ in range(20)]
    answers = trial.run_many([{"ohm": resistance(celsius)} for celsius in temperatures])
    if not all(type(answer) is float and math.isfinite(answer) for answer in answers):
        raise rung.Invalid("a temperature is a finite float")
    errors = [min(1000.0, abs(answer - celsius)) for answer, celsius in zip(answers, temperatures, strict=True)]
    return -sum(errors) / len(errors)

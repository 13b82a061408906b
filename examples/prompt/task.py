"""A prompt is a program, too: `rung improve examples/prompt --model NAME --max-tokens 200000`."""

import datetime
import random

import rung

MONTHS = "January February March April May June July August September October November December".split()
SENTENCES = (
    "The invoice was sent on {date} and paid a week later.",
    "Anna moved to Lisbon; that was {date}, I believe.",
    "Your parcel leaves us on {date}.",
    "Born {date}, she never liked the sea.",
)


def sentence(number: int) -> tuple[str, str]:
    """Returns a sentence with a date in it, and the date as a computer writes it."""
    rng = random.Random(number)
    day = datetime.date(1950, 1, 1) + datetime.timedelta(days=rng.randrange(30_000))
    month = MONTHS[day.month - 1]
    written = rng.choice(
        [f"{month} {day.day}, {day.year}", f"{day.day} {month} {day.year}", f"the {day.day} of {month}, {day.year}"]
    )
    return rng.choice(SENTENCES).format(date=written), day.isoformat()


@rung.task(
    goal="A prompt that makes the model answer with the date in the text, as YYYY-MM-DD and nothing else.",
    program="program/",
    entry="ask.py:ask",
    editable=("prompt.md",),
    train=range(16),
    validation=range(100, 132),
    held_out=rung.fresh(60),
    attempts=20,
    unit="share of dates read",
)
def dates(case, trial):
    """One point for the date exactly, half a point when it is in the answer together with other words."""
    text, wanted = sentence(case.input)
    answer = trial.generate(trial.run(text), max_tokens=40).strip()
    if answer == wanted:
        return 1.0
    trial.note(f"the text was {text!r}; the answer should be {wanted!r}, and was {answer[:120]!r}")
    return 0.5 if wanted in answer else 0.0

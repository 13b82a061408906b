"""A prompt and the code around it, for a recorded run: a model is to shout a word, and to be asked in few words."""

import rung


@rung.task(
    goal="A question that makes the model shout the word and nothing else; the shorter the question, the better.",
    program="program",
    entry="ask.py:ask",
    train=["rope", "step"],
    validation=["rung", "wall"],
    held_out=["tower", "stair", "hill"],
    attempts=30,
    unit="share of capitals",
)
def shout(case, trial):
    messages = trial.run(case.input)
    answer = trial.generate(messages, max_tokens=8)
    loud = sum(letter.isupper() for letter in answer) / max(1, len(answer))
    if case.input not in answer.lower():
        raise rung.Invalid(f"the answer is {answer!r}, the word was {case.input!r}")
    trial.note(f"{case.input}: {answer}")
    return loud - len(messages[0]["content"]) / 1000

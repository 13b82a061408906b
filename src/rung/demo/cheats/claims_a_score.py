"""returns a score of 99 instead of an answer"""


def cheat(_task):
    return {"score": 99.0, "value": 99.0, "status": "ok", "answer": 99.0}

"""makes its circles a billionth too large, which rounding would forgive"""


def cheat(task):
    from honest import answer

    return [[x, y, radius * 0.5 / 0.499 + 1e-9] for x, y, radius in answer(task)]

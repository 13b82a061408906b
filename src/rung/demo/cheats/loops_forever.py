"""never answers"""


def cheat(_task):
    while True:
        pass

"""leaves a process behind that goes on when it has answered"""

import os


def cheat(task):
    from honest import answer

    if os.fork() == 0:
        os._exit(0)
    return answer(task)

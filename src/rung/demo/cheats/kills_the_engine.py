"""kills its parent and everything else it can reach"""

import os
import signal


def cheat(task):
    from honest import answer

    os.kill(os.getppid() or -1, signal.SIGKILL)
    return answer(task)

"""looks for the evaluator on the disk, in memory and among processes"""

import gc
import os
import sys


def cheat(task):
    from honest import answer

    found = [
        os.path.join(path, "rung", "tasks") for path in sys.path if os.path.isdir(os.path.join(path, "rung", "tasks"))
    ]
    found += [thing for thing in gc.get_objects() if getattr(thing, "__name__", "") == "evaluate"]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        found += [pid] if int(pid) not in (1, os.getpid()) else []
    if not found:
        raise LookupError("there is no evaluator here")
    return answer(task)

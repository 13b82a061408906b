"""looks for the evaluator on the disk, in memory and among processes"""

import gc
import os
import sys


def cheat(task):
    from honest import answer

    found = [path for path in sys.path if os.path.isdir(os.path.join(path, "rung", "tasks"))]
    found += [thing for thing in gc.get_objects() if getattr(thing, "__name__", "") == "evaluate"]
    try:
        found += [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
    except OSError:
        pass
    if not found:
        raise LookupError("no evaluator anywhere")
    return answer(task)

"""Programs that try to win without doing the work; each defines solve(x) and should get nothing for it.

The honest answer is 3 * x + 1. Bombs are bounded, so that a sandbox that fails does not take the machine along.
"""

from __future__ import annotations

HONEST = "def solve(x):\n    return 3 * x + 1\n"

_PRELUDE = "import os, sys, ctypes, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def _solve(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    return f"{_PRELUDE}def solve(x):\n{lines}"


def _answer(raw: str) -> str:
    """A program that writes bytes of its own to the result channel and leaves."""
    return _solve(f"os.write(3, {raw})\nos._exit(0)")


FORGERIES = {
    "constant": _solve("return 0"),
    "echo": _solve("return x"),
    "nothing": _solve("return None"),
    "empty object": _solve("return {}"),
    "claims a score": _solve("return {'score': 1.0, 'value': 1.0, 'status': 'ok'}"),
    "object that equals everything": _solve("class E:\n  __eq__ = lambda s, o: True\nreturn E()"),
    "int that equals everything": _solve("class I(int):\n  __eq__ = lambda s, o: True\nreturn I(0)"),
    "float that compares well": _solve(
        "class F(float):\n  __eq__ = lambda s, o: True\n  __gt__ = lambda s, o: True\n  __hash__ = None\nreturn F(0)"
    ),
    "float for int": _solve("return float(3 * x + 1)"),
    "true for one": _solve("return True"),
    "string of the answer": _solve("return str(3 * x + 1)"),
    "prints success and leaves": _solve("print('PASS 1.0')\nos._exit(0)"),
    "exit code 0": _solve("sys.exit(0)"),
    "os._exit at import": "import os\nos._exit(0)\n",
    "raises at import": "raise RuntimeError('no')\n",
    "no such function": "def other(x):\n    return 1\n",
    "syntax error": "def solve(x:\n",
    "patched excepthook": _solve("sys.excepthook = lambda *a: None\nraise AssertionError"),
    "claims an extra field": _answer("""b'{"output": 0, "score": 1.0}\\n'"""),
    "answers twice": _answer("""b'{"output": 0}{"output": 0}\\n'"""),
    "answers ahead": _answer("""b'{"output": 0}\\n' * 50"""),
    "NaN": _answer("b'{\"output\": NaN}\\n'"),
    "1e999": _answer("b'{\"output\": 1e999}\\n'"),
    "duplicate key": _answer("""b'{"output": 0, "output": 1}\\n'"""),
    "deep JSON": _answer("b'[' * 500000 + b'\\n'"),
    "long number": _answer("b'{\"output\": ' + b'9' * 100000 + b'}\\n'"),
    "lone surrogate": _answer("""b'{"output": "\\\\ud800"}\\n'"""),
    "pickle": _solve(
        "import pickle\nclass E:\n  def __reduce__(s): return (print, ('OWNED',))\n"
        "os.write(3, pickle.dumps(E()) + b'\\n')\nos._exit(0)"
    ),
    "asks like an improver": _answer("""b'{"ask": {"kind": "evaluate", "children": []}}\\n'"""),
    "names the held-out split": _answer("""b'{"ask": {"kind": "evaluate", "split": "held_out"}}\\n'"""),
    "closes the channel": _solve("os.close(3)\nreturn 0"),
    "patched json": _solve("import json\njson.dumps = lambda *a, **k: '{\"output\": 1}'\nreturn 0"),
    "walks the stack for the answer": _solve(
        "import gc\nf = sys._getframe()\nwhile f:\n"
        "  for k, v in list(f.f_locals.items()) + list(f.f_globals.items()):\n"
        "    if 'expect' in k or 'answer' in k.lower(): return v\n  f = f.f_back\n"
        "return [o for o in gc.get_objects() if isinstance(o, dict) and 'expected' in o][0]['expected']"
    ),
}

REACHES = {
    "reads the evaluator": _solve("return open({evaluator!r}).read()"),
    "rewrites the evaluator": _solve("open({evaluator!r}, 'w').write('hacked')\nreturn 0"),
    "reads the canary file": _solve("return open({canary!r}).read()"),
    "lists the canary folder": _solve("return os.listdir(os.path.dirname({canary!r}))"),
    "writes beside the canary": _solve("open(os.path.dirname({canary!r}) + '/x', 'w').write('x')\nreturn 0"),
    "reads the environment": _solve("return [v for v in os.environ.values() if 'canary' in v][0]"),
    "reads the parent's environment": _solve("return open('/proc/%d/environ' % os.getppid()).read()"),
    "reads process 1": _solve("return open('/proc/1/environ').read()"),
    "connects to loopback": _solve("import socket\ns = socket.create_connection(('127.0.0.1', {port}), 1)\nreturn 0"),
    "opens a socket": _solve("import socket\nsocket.socket()\nreturn 0"),
    "abstract unix socket": _solve("import socket\nsocket.socket(socket.AF_UNIX).bind('\\0rung')\nreturn 0"),
    "executes a shell": _solve("os.execv('/bin/sh', ['sh', '-c', 'true'])"),
    "forks": _solve("return os.fork()"),
    "subprocess": _solve("import subprocess\nreturn subprocess.run([sys.executable, '-c', '']).returncode"),
    "fork bomb, bounded": _solve(
        "n = 0\nfor i in range(50):\n  pid = os.fork()\n  if pid == 0: time.sleep(2); os._exit(0)\n  n += 1\nreturn n"
    ),
    "daemon": _solve("if os.fork() == 0:\n  os.setsid()\n  time.sleep(3)\n  os._exit(0)\nreturn 0"),
    "kills its parent": _solve("os.kill(os.getppid(), 9)\ntime.sleep(0.2)\nreturn 0"),
    "kills everything": _solve("os.kill(-1, 9)\ntime.sleep(0.2)\nreturn 0"),
    "ptrace": _solve("r = libc.ptrace(16, 1, 0, 0)\nif r < 0: raise OSError\nreturn 0"),
    "new namespace": _solve("r = libc.unshare(0x10000000)\nif r < 0: raise OSError\nreturn 0"),
    "bpf": _solve("r = libc.syscall(321, 0, 0, 0)\nif r < 0: raise OSError\nreturn 0"),
    "io_uring": _solve("r = libc.syscall(425, 8, 0)\nif r < 0: raise OSError\nreturn 0"),
    "becomes root": _solve("os.setuid(0)\nreturn 0"),
    "raises its limits": _solve("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nreturn 0"),
    "memfd executable": _solve("fd = os.memfd_create('x')\nreturn fd"),
    "shared memory": _solve("r = libc.shmget(0, 4096, 0o1600)\nif r < 0: raise OSError\nreturn 0"),
    "tampers with numpy on disk": _solve("import numpy\nopen(numpy.__file__, 'a').write('x')\nreturn 0"),
    "device node": _solve("os.mknod('n', 0o20600, os.makedev(1, 3))\nreturn 0"),
    "mounts": _solve("r = libc.mount(b'none', b'/', b'tmpfs', 0, 0)\nif r < 0: raise OSError\nreturn 0"),
}

BOMBS = {
    "endless loop": _solve("while True: pass"),
    "endless loop at import": "while True: pass\n",
    "sleeps for ever": _solve("time.sleep(1000)"),
    "ignores signals": _solve(
        "import signal\nfor s in range(1, 30):\n  try: signal.signal(s, signal.SIG_IGN)\n"
        "  except (OSError, ValueError): pass\n"
        "while True: pass"
    ),
    "10 GB": _solve("x = bytearray(10 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1\nreturn 0"),
    "memory in steps": _solve("x = []\nfor i in range(640): x.append(bytearray(1 << 24))\nreturn 0"),
    "shared mapping": _solve(
        "import mmap\nm = mmap.mmap(-1, 4 << 30)\nfor i in range(0, 4 << 30, 4096): m[i] = 1\nreturn 0"
    ),
    "result flood": _solve("for i in range(4096): os.write(3, b'x' * 65536)\nreturn 0"),
    "huge output": _solve("return 'x' * (64 << 20)"),
    "stdout flood": _solve("for i in range(2000): os.write(1, b'x' * 65536)\nreturn 0"),
    "disk bomb": _solve(
        "for i in range(64):\n  with open('f%d' % i, 'wb') as f:\n"
        "    for j in range(16): f.write(b'x' * (1 << 20))\nreturn 0"
    ),
    "inode bomb": _solve("for i in range(20000): open('i%d' % i, 'w').close()\nreturn 0"),
    "unbounded recursion": _solve("sys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nreturn f()"),
    "crash": _solve("ctypes.string_at(0)"),
    "threads": _solve(
        "import threading\nfor i in range(5000): threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
        "return 0"
    ),
    "half an answer": _solve("os.write(3, b'{\"output\": ')\ntime.sleep(1000)"),
    "no newline": _solve("os.write(3, b'{\"output\": 1}')\ntime.sleep(1000)"),
}

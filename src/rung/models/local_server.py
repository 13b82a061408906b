"""The process that a local model runs in: it serves on the loopback interface and ends with its parent.

It is started as a file, by local.py, with an environment that holds no keys. The settings come through a pipe because
everybody can read the arguments of a process. It ends when the pipe is closed, which the kernel of the operating
system does when the engine ends, however it ends, and when it has become somebody else's child.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
from typing import Any

LOOK_SECONDS = 1.0  # between two looks at who the parent is: a pipe can outlive the engine in a process it forked


def main() -> None:
    """Serves until the parent is gone."""
    parent, answer = os.getppid(), os.dup(1)
    os.dup2(2, 1)  # whatever the library prints, it is no answer
    settings = json.loads(sys.stdin.buffer.readline())
    xllamacpp = importlib.import_module("xllamacpp")
    server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), settings))
    os.write(answer, server.listening_address.encode() + b"\n")
    while os.getppid() == parent:
        ready, _, _ = select.select([0], [], [], LOOK_SECONDS)
        if ready and not os.read(0, 4096):
            break
    os._exit(0)  # its threads may be in the middle of an answer that nobody waits for


def _parameters(parameters: Any, settings: dict[str, Any]) -> Any:  # noqa: ANN401 - of a library without types
    parameters.model.path, parameters.model_alias = settings["path"], {settings["alias"]}
    parameters.hostnames, parameters.port, parameters.api_keys = ["127.0.0.1"], 0, [settings["key"]]
    parameters.n_ctx, parameters.n_parallel = settings["context"], 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.cache_prompt, parameters.cache_ram_mib = settings["cache"], 0
    parameters.ui, parameters.endpoint_slots, parameters.offline, parameters.verbosity = False, False, True, 1
    return parameters


if __name__ == "__main__":
    main()

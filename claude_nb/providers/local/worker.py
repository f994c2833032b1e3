"""The process that runs one model: llama.cpp and its server on the loopback address. engine.py starts it.

It is a process of its own, because llama.cpp ends its process on some damaged files, takes over Ctrl-C, and writes to
the standard streams. It imports nothing of this package, and is the only file that imports the library.

One line of JSON comes in: the path of the file, the key that the server asks for, and where to import from. One line
goes out: the address, or what went wrong. When the input ends, because its parent has ended, it ends too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Load a model and serve it until the input ends."""
    settings = json.loads(sys.stdin.readline())
    answer = os.fdopen(os.dup(1), "w", encoding="ascii")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.path[:] = settings["path"]
    os.environ["GGML_NO_BACKTRACE"] = "1"  # an abort of the library would start a debugger
    try:
        server = _server(settings)
        said = {"address": server.listening_address}
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent tells the user
        said = {"error": f"{type(error).__name__}: {error}"}
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the library has set its own
    answer.write(json.dumps(said) + "\n")
    answer.flush()
    if "address" in said:
        threading.Event().wait()


def _server(settings: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["file"]
    params.model_alias = [settings["label"]]
    params.n_ctx = settings["context"]
    # Its threads wait for each other at each layer of the model: where all cores are busy, as with other people on the
    # same machine, a thread for each core makes a reply twenty times slower than half as many.
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = max(1, (os.cpu_count() or 2) // 2)
        cpu.poll = 0
    params.n_parallel = 1  # replies that are computed together would differ from those computed alone
    params.hostnames = ["127.0.0.1"]
    params.api_keys = [settings["key"]]
    params.cors_origins = ""
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.cache_ram_mib = 0
    params.verbosity = -1
    return xllamacpp.Server(params)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()

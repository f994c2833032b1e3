"""Measure many short calls: a thousand replies of 50 ms, 32 at once, against the ideal and beside bare httpx.

python -m bench.rate          # five rows, three rounds, one minute; also part of `make bench`
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.sweeps.api import sweep
from tests.helpers.rates import RateServer

CALLS, AT_ONCE, LATENCY_S = 1000, 32, 0.05
REFUSALS = {"full_every": 20, "cut_every": 50}
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


class Run(NamedTuple):
    """One thousand replies: the calls (refused ones too), the seconds, and the processor seconds they took."""

    calls: int
    seconds: float
    cpu_s: float


def measured(rounds: int = 3) -> dict[str, Any]:
    """Return seconds, share of the ideal and processor time of a call: medians of alternating rounds."""
    runs: dict[str, list[Run]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            runs[name].append(way())
    ways = {
        name: {
            "seconds": statistics.median(run.seconds for run in found),
            "calls": found[0].calls,
            "share_of_ideal": statistics.median(run.calls * LATENCY_S / AT_ONCE / run.seconds for run in found),
            "cpu_ms_per_call": statistics.median(run.cpu_s / run.calls * 1000 for run in found),
        }
        for name, found in runs.items()
    }
    return {"calls": CALLS, "at_once": AT_ONCE, "latency_s": LATENCY_S, "ways": ways}


def measured_apart(rounds: int) -> dict[str, Any]:
    """Return the same from a separate process, because what other benchmarks left in memory costs time."""
    command = [sys.executable, "-m", "bench.rate", "--json", str(rounds)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def a_sweep(*, history: bool, refusals: bool) -> Run:
    """Measure sweep() from its call to its return."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"CLAUDE_NB_HISTORY": str(Path(folder, "history.db")) if history else "off"}
        with RateServer(latency_s=LATENCY_S, **(REFUSALS if refusals else {})) as server:
            where = {"provider": "openai-compatible", "model": "m", "base_url": server.url, "n": 1, "show": False}
            session = Session(credentials=Credentials(environ))
            sweep("first", session=session, **where)  # imports, and the history file
            before = server.report()["calls"]
            prompts = [f"prompt {i}" for i in range(CALLS)]
            with timed() as clocks:
                result = sweep(prompts, session=session, concurrency=AT_ONCE, max_calls=CALLS, **where)
            report = server.report()
    if len(result) != CALLS or report["at_once"] > AT_ONCE:
        raise RuntimeError(f"{len(result)} replies, {report['at_once']} at once")
    return Run(report["calls"] - before, *clocks)


def bare() -> Run:
    """Measure httpx alone: a transport and a kept connection for each thread; replies are discarded."""
    left = iter(range(CALLS))

    def work() -> None:
        with httpx.HTTPTransport(verify=trusted) as transport:
            for _ in left:  # the interpreter's lock gives each number to one thread only
                request = httpx.Request("POST", f"{server.url}/chat/completions", json=BODY)
                with contextlib.closing(transport.handle_request(request)) as response:
                    response.read()

    trusted = httpx.create_ssl_context()
    with RateServer(latency_s=LATENCY_S) as server, timed() as clocks:
        threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return Run(CALLS, *clocks)


@contextlib.contextmanager
def timed() -> Iterator[list[float]]:
    """Yield a list that holds the seconds and processor seconds of the block after it ended."""
    clocks: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    yield clocks
    clocks += [time.perf_counter() - began, time.process_time() - cpu]


WAYS: dict[str, Callable[[], Run]] = {
    "bare httpx": bare,
    "history off": partial(a_sweep, history=False, refusals=False),
    "history off, every 20th refused": partial(a_sweep, history=False, refusals=True),
    "history on": partial(a_sweep, history=True, refusals=False),
    "history on, every 20th refused": partial(a_sweep, history=True, refusals=True),
}


def main() -> None:
    if sys.argv[1:2] == ["--json"]:
        print(json.dumps(measured(int(sys.argv[2]))))
        return
    found = measured()
    print(f"{CALLS} replies of {LATENCY_S * 1000:.0f} ms, {AT_ONCE} at once; load average {os.getloadavg()[0]:.1f}")
    for name, way in found["ways"].items():
        print(
            f"{name:32} {way['seconds']:5.2f} s  {way['calls'] / way['seconds']:4.0f} calls/s  "
            f"{way['share_of_ideal']:4.0%} of the ideal  {way['cpu_ms_per_call']:.2f} ms of processor time a call"
        )


if __name__ == "__main__":
    sys.exit(main())

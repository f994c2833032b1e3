"""Many short calls at once: a thousand replies of 50 ms, 32 at a time, against what is possible at all.

python -m bench.rate          # four rows, half a minute; also part of `make bench`
"""

from __future__ import annotations

import heapq
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from claude_nb.credentials import Credentials
from claude_nb.explore import sweep
from claude_nb.session import Session
from tests.rates import RateServer

CALLS, AT_ONCE, LATENCY_S = 1000, 32, 0.05
FULL_EVERY, CUT_EVERY = 20, 50
WAIT_S = 0.4375  # between two tries, on average


def measured() -> dict[str, Any]:
    """Seconds, share of the ideal and processor time of a call: with and without a history, and refusals."""
    ways = {}
    for history in ("off", "on"):
        for refusals in (False, True):
            name = f"history {history}" + (", every 20th refused" if refusals else "")
            ways[name] = _one(history == "on", refusals)
    return {"calls": CALLS, "at_once": AT_ONCE, "latency_s": LATENCY_S, "ways": ways}


def least_s(refusals: bool) -> float:
    """The time that a client takes which itself needs none: each call its latency, each refused one its wait, too."""
    slots = [0.0] * AT_ONCE  # when each is free
    again: list[float] = []  # when refused calls may be tried again
    left, number, end = CALLS, 0, 0.0
    while left or again:
        now = heapq.heappop(slots)
        if again and (again[0] <= now or not left):
            now = max(now, heapq.heappop(again))
        else:
            left -= 1
        number += 1
        end = max(end, now + LATENCY_S)
        heapq.heappush(slots, now + LATENCY_S)
        if refusals and number % FULL_EVERY == 0:
            heapq.heappush(again, now + LATENCY_S + WAIT_S)
    return end


def _one(history: bool, refusals: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        environ = {"CLAUDE_NB_HISTORY": str(Path(folder, "history.db")) if history else "off"}
        options = {"full_every": FULL_EVERY, "cut_every": CUT_EVERY} if refusals else {}
        with RateServer(latency_s=LATENCY_S, **options) as server:
            where = {"provider": "openai-compatible", "model": "m", "base_url": server.url, "n": 1, "show": False}
            session = Session(credentials=Credentials(environ))
            sweep("first", session=session, **where)  # imports, and the history file
            before = server.report()["calls"]
            began, cpu = time.perf_counter(), time.process_time()
            prompts = [f"prompt {i}" for i in range(CALLS)]
            result = sweep(prompts, session=session, concurrency=AT_ONCE, max_calls=CALLS, **where)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            report = server.report()
    if len(result) != CALLS or report["at_once"] > AT_ONCE:
        raise RuntimeError(f"{len(result)} replies, {report['at_once']} at once")
    calls = report["calls"] - before
    return {
        "seconds": seconds,
        "calls": calls,
        "share_of_ideal": calls * LATENCY_S / AT_ONCE / seconds,
        "share_of_possible": least_s(refusals) / seconds,
        "cpu_ms_per_call": cpu / calls * 1000,
    }


def main() -> None:
    found = measured()
    print(f"{CALLS} replies of {LATENCY_S * 1000:.0f} ms, {AT_ONCE} at once; load average {os.getloadavg()[0]:.1f}")
    for name, way in found["ways"].items():
        print(
            f"{name:36} {way['seconds']:5.2f} s  {way['calls'] / way['seconds']:4.0f} calls/s  "
            f"{way['share_of_ideal']:4.0%} of the ideal  {way['share_of_possible']:4.0%} of what its waits allow  "
            f"{way['cpu_ms_per_call']:.2f} ms of processor time a call"
        )


if __name__ == "__main__":
    sys.exit(main())

"""Measure one tool in its own kernel."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO, Any, cast

import httpx

from bench import venvs
from bench.kernel import Cell, Kernel
from bench.server import FIRST, LAST, Order
from bench.tools import Tool

# Ten seconds of tokens of four characters, at the pace of a fast model.
TOKENS = Order(4_000, 4, 100)
# Pieces of 20 characters, as Claude streams them, fast enough to reach 200 kB.
LENGTHS = tuple(Order(length, 20, 500) for length in (2_000, 20_000, 200_000))
SHORT = Order(200, 20, 0)
ENDLESS = Order(100_000, 4, 100)
LONGEST_S = 120.0
LOAD = """\
import sys as _sys, time as _time
_before = _time.perf_counter(), _time.process_time(), set(_sys.modules)
{}
_load = _time.perf_counter() - _before[0], _time.process_time() - _before[1], sorted(set(_sys.modules) - _before[2])"""


class Server:
    """The loopback server in its own process, so that it takes no time from this one."""

    def __enter__(self) -> Server:
        self._process = subprocess.Popen([sys.executable, "-m", "bench.server"], stdout=subprocess.PIPE, text=True)
        self._output = cast("IO[str]", self._process.stdout)
        self.url = f"http://127.0.0.1:{self._output.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._output.close()

    def log(self) -> list[dict[str, Any]]:
        """Return the requests since the last call, oldest first."""
        return cast("list[dict[str, Any]]", httpx.get(f"{self.url}/log").json())


@dataclass
class Bench:
    """One tool in one fresh kernel."""

    tool: Tool
    kernel: Kernel
    server: Server

    def load(self) -> dict[str, Any]:
        """Import and set up, then ask for a short reply; return the times and what was imported."""
        self.kernel.run("pass")
        cell = self.kernel.run(LOAD.format(self.tool.filled(self.tool.setup, self.server.url)))
        if cell.error:
            raise RuntimeError(cell.error)
        wall, cpu, modules = self.kernel.value("_load")
        first = self._ask(SHORT)
        if cell.error:
            raise RuntimeError(cell.error)
        seen = first.seen.get(FIRST)
        return {
            "load_s": wall,
            "load_cpu_s": cpu,
            "modules": len(modules),
            "packages_loaded": sorted({name.split(".")[0] for name in modules}),
            "cold_first_s": seen and seen - first.sent_s,
            "cold_reply_cpu_s": first.cpu_s,
        }

    def stream(self, order: Order) -> dict[str, Any]:
        """Measure one reply, from the first byte to the idle kernel."""
        self.server.log()
        cell = self._ask(order)
        entries = [entry for entry in self.server.log() if entry["first_s"]]
        began, ended = (entries[-1]["first_s"], entries[-1]["last_s"]) if entries else (cell.sent_s, cell.idle_s)
        seen = cell.seen.get(FIRST)
        return {
            "order": str(order),
            "length": order.length,
            # A tool without a server counts its own tokens and takes its own time.
            "pieces": order.pieces if self.tool.serves else self.kernel.value("reply.usage.output_tokens"),
            "seconds": (ended or cell.idle_s) - began,
            "requests": len(entries),
            "messages": cell.count,
            "kinds": dict(cell.messages),
            "bytes": cell.size,
            "cpu_s": cell.cpu_s,
            "first_s": seen and seen - began,
            "whole_shown": LAST in cell.seen,
            "after_s": cell.idle_s - ended if ended else None,
            "bytes_per_s": most_per_s(cell.sizes, ended),
            "error": cell.error,
            "timed_out": cell.timed_out,
        }

    def interrupt(self) -> dict[str, Any]:
        """Interrupt an endless reply one second after its first word (or two seconds after the request)."""
        self.server.log()

        def late(cell: Cell) -> bool:
            return time.monotonic() > min(cell.seen.get(FIRST, float("inf")) + 1, cell.sent_s + 2)

        cell = self._ask(ENDLESS, until=late)
        at = cell.seen["interrupt"]
        kept = self.kernel.value(f"len({self.tool.kept})")
        after = self._ask(SHORT)
        log = self.server.log()
        gone = next((entry["gone_s"] for entry in log if entry["gone_s"]), None)
        return {
            "idle_s": cell.idle_s - at,
            "error_bytes": cell.error_bytes,
            "error": cell.error,
            "text_on_screen": FIRST in cell.seen and cell.seen[FIRST] <= cell.idle_s,
            "kept_chars": kept,
            "server_told_s": gone and gone - at,
            "next_cell_works": after.error is None and FIRST in after.seen,
            "next_cell_requests": len(log) - 1,
        }

    def _ask(self, order: Order, **how: Any) -> Cell:
        if self.tool.before:
            self.kernel.run(self.tool.before)
        code = self.tool.filled(self.tool.ask, self.server.url, f"Write {order}")
        return self.kernel.run(code, look_for=(FIRST, LAST), timeout=LONGEST_S, **how)


def most_per_s(sizes: list[tuple[float, int]], until: float | None) -> float:
    """Return the most bytes a second in any 5 s of the stream (or in all of it, if it is shorter)."""
    streamed = [(at, size) for at, size in sizes if until is None or at <= until]
    if not streamed:
        return 0.0
    span = min(5.0, max(0.5, streamed[-1][0] - streamed[0][0]))
    worst, total, first = 0.0, 0, 0
    for at, size in streamed:
        total += size
        while streamed[first][0] <= at - span:
            total -= streamed[first][1]
            first += 1
        worst = max(worst, total / span)
    return worst


def one_round(tool: Tool, server: Server, *, lengths: tuple[Order, ...], interrupt: bool) -> dict[str, Any]:
    """Measure everything about a tool in a fresh kernel."""
    env = {name: tool.filled(value, server.url) for name, value in tool.env.items()}
    with Kernel(venvs.python_of(tool.package), env) as kernel:
        bench = Bench(tool, kernel, server)
        found: dict[str, Any] = {"load": bench.load()}
        bench.stream(SHORT)
        found["tokens"] = bench.stream(TOKENS)
        found["memory_mb"] = kernel.rss() / 1e6
        if tool.serves:
            found["lengths"] = [bench.stream(order) for order in lengths]
        if interrupt:
            found["interrupt"] = bench.interrupt()
        return found

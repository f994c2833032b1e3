"""Progress bar for many replies: tqdm if it is installed, otherwise a line that rewrites itself."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any, Protocol, TextIO

from claude_nb.render.rate import Rate


class Bar(Protocol):
    """A progress bar. money: the cost so far, as text."""

    def show(self, done: int, money: str) -> None: ...
    def close(self) -> None: ...


def bar(total: int, done: int = 0) -> Bar:
    """Return a bar for `total` replies, of which `done` exist already."""
    try:
        tqdm = import_module("tqdm.auto").tqdm
    except ImportError:
        return ProgressLine(total, done)
    return _Tqdm(tqdm(total=total, initial=done, unit=" replies", dynamic_ncols=True))


class _Tqdm:
    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._money = ""

    def show(self, done: int, money: str) -> None:
        if money != self._money:
            self._money = money
            self._inner.set_postfix_str(money, refresh=False)
        self._inner.update(done - self._inner.n)

    def close(self) -> None:
        self._inner.close()


class ProgressLine:
    """ "12 of 120 replies · 3.1 a second · $0.01 · 35 s left", at most ten times a second."""

    def __init__(self, total: int, done: int = 0, out: TextIO | None = None) -> None:
        self._total, self._first, self._done = total, done, done
        self._out = out or sys.stderr
        self._began = time.monotonic()
        self._rate = Rate(shortest_s=0.1)
        self._width = 0
        self._money = ""

    def show(self, done: int, money: str) -> None:
        self._done, self._money = done, money
        now = time.monotonic()
        if not self._rate.wait_s(now):
            self._rate.drawn(now)
            self._write()

    def close(self) -> None:
        self._write("\n")

    def _write(self, end: str = "") -> None:
        seconds = time.monotonic() - self._began
        rate = (self._done - self._first) / seconds if seconds > 0 else 0.0
        parts = [f"{self._done:,} of {self._total:,} replies", f"{rate:.1f} a second", self._money]
        if rate and self._done < self._total:
            parts.append(f"{(self._total - self._done) / rate:.0f} s left")
        line = " · ".join(filter(None, parts))
        self._out.write(f"\r{line:<{self._width}}{end}")
        self._out.flush()
        self._width = len(line)

"""How an answer reaches its reader from another thread, with the clocks that end a silence."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from claude_nb.errors import ClaudeError, NetworkError

AHEAD = 64  # pieces that may wait for the reader, of at most 64 KiB each


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Longest waits, in seconds; none of them limits a reply that keeps coming.

    connect_s   until the connection stands
    silence_s   without a single byte
    progress_s  with bytes, but none that say anything (comments and pings only)
    """

    connect_s: float = 10.0
    silence_s: float = 90.0
    progress_s: float = 120.0


class Unreached(NetworkError):
    """No answer has begun, so another try repeats nothing. Never leaves wire.py."""


class Head(NamedTuple):
    """Status and headers, their names in lower case."""

    status: int
    headers: dict[str, str]


Item = Head | bytes | ClaudeError


class ByteStream(ABC):
    """One request as its reader sees it. take() gives a Head, raw pieces, then b"" or raises what went wrong."""

    def __init__(self, host: str, timeouts: Timeouts) -> None:
        self.host = host
        self.timeouts = timeouts
        self.connecting = True
        self.closed = False
        self._news_at = time.monotonic()
        self._unblock: Callable[[], None] | None = None

    @abstractmethod
    def take(self) -> Head | bytes:
        """The next item. Raises what went wrong, and NetworkError when closed or silent for too long."""

    def news(self, *, connecting: bool) -> None:
        """A sign of life: the clocks start again."""
        self._news_at = time.monotonic()
        self.connecting = self.connecting and connecting

    def on_close(self, unblock: Callable[[], None]) -> None:
        """What wakes whoever is blocked in a read; replaces the one before."""
        self._unblock = unblock
        if self.closed:
            unblock()

    def close(self) -> None:
        """End it, from any thread, any number of times."""
        self.closed = True
        if unblock := self._unblock:
            unblock()

    def finish(self) -> None:
        """Close it, the reply being whole."""
        self.close()

    def _limit_s(self) -> float:
        return self.timeouts.connect_s if self.connecting else self.timeouts.silence_s

    def _silent(self) -> NetworkError:
        limit = self._limit_s()
        if self.connecting:
            return Unreached(f"no connection to {self.host} within {limit:g} s; check the address and the network")
        return NetworkError(f"{self.host} was silent for {limit:g} s; run it again, or allow more with --timeout")


class ThreadedStream(ByteStream):
    """From a network thread of its own to the reader, which so can leave at any moment."""

    def __init__(self, host: str, timeouts: Timeouts) -> None:
        super().__init__(host, timeouts)
        self._ready = threading.Condition()
        self._items: deque[Item] = deque()

    def put(self, item: Item) -> bool:
        """Hand over, waiting while the reader is behind; False: nobody reads any more."""
        with self._ready:
            while len(self._items) >= AHEAD and not self.closed:
                self._ready.wait()
            self._items.append(item)
            self._ready.notify_all()
        self.news(connecting=False)
        return not self.closed

    def close(self) -> None:
        with self._ready:
            self.closed = True
            self._ready.notify_all()
        super().close()

    def take(self) -> Head | bytes:
        began = time.monotonic()
        with self._ready:
            while not self._items and not self.closed:
                left = max(began, self._news_at) + self._limit_s() - time.monotonic()
                if left <= 0:
                    raise self._silent()
                self._ready.wait(min(left, 0.25))  # in slices: Windows does not interrupt a wait
            if self.closed:
                raise NetworkError("the reply was stopped")
            item = self._items.popleft()
            self._ready.notify_all()
        if isinstance(item, ClaudeError):
            raise item
        return item

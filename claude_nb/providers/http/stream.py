"""The bytes of a response on their way to the reader, with time-outs."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from claude_nb.errors import ClaudeError, NetworkError

MAX_PENDING = 64  # pieces that may wait for the reader, of at most 64 KiB each


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The longest waits, in seconds. None of them limits a reply that keeps arriving.

    connect_s   until the connection is made
    silence_s   without a single byte
    progress_s  with comments and pings only
    """

    connect_s: float = 10.0
    silence_s: float = 90.0
    progress_s: float = 120.0


class Unreached(NetworkError):
    """No response has begun, so a retry repeats nothing.

    client.py converts it to a NetworkError.
    """


class Head(NamedTuple):
    """The status and the headers of a response, with names in lower case."""

    status: int
    headers: dict[str, str]


Item = Head | bytes | ClaudeError


class ByteStream(ABC):
    """The response to a request: a Head, pieces of the body, b"" or an error."""

    def __init__(self, host: str, timeouts: Timeouts) -> None:
        self.host = host
        self.peer = host  # whom we connect to; a proxy at first, if there is one
        self.timeouts = timeouts
        self.connecting = True
        self.closed = False
        self._news_at = time.monotonic()
        self._unblock: Callable[[], None] | None = None

    @abstractmethod
    def take(self) -> Head | bytes:
        """Return the next item.

        Raises the error, or NetworkError if closed or silent for too long.
        """

    def news(self, *, connecting: bool) -> None:
        """Restart the time-outs, because the server has shown a sign of life."""
        self._news_at = time.monotonic()
        self.connecting = self.connecting and connecting

    def on_close(self, unblock: Callable[[], None]) -> None:
        """Set the function that unblocks a pending read. Replaces the previous one."""
        self._unblock = unblock
        if self.closed:
            unblock()

    def close(self) -> None:
        """End the response, from any thread, any number of times."""
        self.closed = True
        if unblock := self._unblock:
            unblock()

    def finish(self) -> None:
        """Close a response whose reply is complete."""
        self.close()

    def _limit_s(self) -> float:
        return self.timeouts.connect_s if self.connecting else self.timeouts.silence_s

    def _silence_error(self) -> NetworkError:
        limit = self._limit_s()
        if self.connecting:
            return Unreached(f"no connection to {self.peer} within {limit:g} s; check the address and the network")
        return NetworkError(f"{self.host} was silent for {limit:g} s; run it again, or allow more with --timeout")


class ThreadedStream(ByteStream):
    """A response that a network thread reads. Its reader can leave at any time."""

    def __init__(self, host: str, timeouts: Timeouts) -> None:
        super().__init__(host, timeouts)
        self._ready = threading.Condition()
        self._items: deque[Item] = deque()

    def put(self, item: Item) -> bool:
        """Pass an item to the reader, and wait while it is behind.

        Returns False if nobody reads any more.
        """
        with self._ready:
            while len(self._items) >= MAX_PENDING and not self.closed:
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
        started_at = time.monotonic()
        with self._ready:
            while not self._items and not self.closed:
                left = max(started_at, self._news_at) + self._limit_s() - time.monotonic()
                if left <= 0:
                    raise self._silence_error()
                self._ready.wait(min(left, 0.25))  # in slices, because Windows does not interrupt a wait
            if self.closed:
                raise NetworkError("the reply was stopped")
            item = self._items.popleft()
            self._ready.notify_all()
        if isinstance(item, ClaudeError):
            raise item
        return item

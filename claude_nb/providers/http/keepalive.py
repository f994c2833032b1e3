"""Keep-alive connections for threads that make many calls, such as those of a sweep.

Such a thread reads the socket itself. That saves a second thread for each call, and a handshake for each but the first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from claude_nb.errors import ClaudeError, NetworkError
from claude_nb.providers.http.heartbeat import HEARTBEAT
from claude_nb.providers.http.stream import ByteStream, Head, Item, Timeouts

if TYPE_CHECKING:
    import httpx

AFTER_END_S = 1.0  # for the server to end its response after a complete reply
AFTER_END_PIECES = 64


@dataclass
class Kept:
    """The connection of a thread to one server.

    transport  owns the connection; transport.py creates it at the first call
    unblock    ends a read that blocks the thread; None: there was no connection yet
    ends       False: this server does not end its responses, so each call needs a new connection
    """

    transport: httpx.HTTPTransport | None = None
    unblock: Callable[[], None] | None = None
    ends: bool = True

    def close(self) -> None:
        """Close the connection. The next call opens a new one."""
        transport, self.transport, self.unblock = self.transport, None, None
        if transport:
            transport.close()


class KeptConnections:
    """The connections of one thread. A stop may leave the thread behind while it is blocked.

    most  number of servers to which a connection is kept
    """

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._kept: dict[tuple[str, str], Kept] = {}

    def to(self, url: str) -> Kept:
        """Return the connection for an address; all addresses of a server share one."""
        parts = urlsplit(url)
        kept = self._kept.setdefault((parts.scheme, parts.netloc), Kept())
        if kept.transport is None:
            others = [other for other in self._kept.values() if other.transport]
            for other in others[: max(0, len(others) + 1 - self._most)]:
                other.close()
        return kept

    def close(self) -> None:
        """Close the connections."""
        connections, self._kept = self._kept, {}
        for kept in connections.values():
            kept.close()


class BlockingStream(ByteStream):
    """A response that its own thread reads. Closing the socket ends a read; the heartbeat checks the time-outs.

    During a name look-up or a handshake there is no socket yet, so a stop does not wait for the thread.
    """

    def __init__(self, host: str, timeouts: Timeouts, kept: Kept) -> None:
        super().__init__(host, timeouts)
        self.source: Generator[Item, None, None] | None = None
        self.kept = kept
        self._unblock = kept.unblock
        self._reader = threading.get_ident()
        self._reading = self._ended = False
        self._late: NetworkError | None = None
        HEARTBEAT.join(self)

    def on_close(self, unblock: Callable[[], None]) -> None:
        self.kept.unblock = unblock
        super().on_close(unblock)

    def take(self) -> Head | bytes:
        if self.closed or self.source is None:
            raise NetworkError("the reply was stopped")
        self._news_at = time.monotonic()
        self._reading = True
        item = next(self.source)
        self._reading = False
        self._ended = not isinstance(item, Head | bytes) or not item
        if self.closed:
            raise self._late or NetworkError("the reply was stopped")
        if isinstance(item, ClaudeError):
            raise item
        return item

    def beat(self) -> None:
        """End the read after too long a silence. The heartbeat calls this."""
        if self._reading and not self.closed and time.monotonic() - self._news_at > self._limit_s():
            self._late = self._silence_error()
            self.close()

    def finish(self) -> None:
        """Read the response to its end, so that the next call can use the connection."""
        if self.kept.ends and not self._ended:
            self.timeouts = Timeouts(AFTER_END_S, AFTER_END_S, AFTER_END_S)
            with suppress(ClaudeError):
                for _ in range(AFTER_END_PIECES):
                    if not self.take():
                        break
            self.kept.ends = self._ended and self._late is None
        self.close()

    def close(self) -> None:
        HEARTBEAT.leave(self)
        if threading.get_ident() != self._reader:
            super().close()
            return
        self.closed = True
        self._unblock = None  # the next call may have the connection
        if source := self.source:
            self.source = None
            source.close()  # this closes the connection unless the response was read to its end

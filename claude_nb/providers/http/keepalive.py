"""For threads that make many calls, as those of a sweep: each waits for the network itself, and keeps its connections.

That saves a second thread with its hand-over, and a handshake, for each call but the first.
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
from claude_nb.heartbeat import HEARTBEAT
from claude_nb.providers.http.stream import ByteStream, Head, Item, Timeouts

if TYPE_CHECKING:
    import httpx

AFTER_END_S = 1.0  # what a server gets to end its answer in when the reply is whole
AFTER_END_PIECES = 64


@dataclass
class Kept:
    """The connection of a lane to one server.

    transport  what it belongs to; network.py makes it at the first call
    unblock    wakes the thread of the lane when that is blocked in a read; None: no connection was made yet
    ends       False: this server does not end its answers, so each call takes a new connection
    """

    transport: httpx.HTTPTransport | None = None
    unblock: Callable[[], None] | None = None
    ends: bool = True

    def close(self) -> None:
        """The next call makes a new one."""
        transport, self.transport, self.unblock = self.transport, None, None
        if transport:
            transport.close()


class KeptConnections:
    """What the calls of one thread go through, one after the other. Its thread may be left behind by a stop.

    most    connections that are kept, to as many servers
    """

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._kept: dict[tuple[str, str], Kept] = {}

    def to(self, url: str) -> Kept:
        """The connection for that address, shared by all addresses of one server."""
        parts = urlsplit(url)
        kept = self._kept.setdefault((parts.scheme, parts.netloc), Kept())
        if kept.transport is None:
            others = [one for one in self._kept.values() if one.transport]
            for one in others[: max(0, len(others) + 1 - self._most)]:
                one.close()
        return kept

    def close(self) -> None:
        """Close the connections."""
        kept, self._kept = self._kept, {}
        for one in kept.values():
            one.close()


class BlockingStream(ByteStream):
    """One call on a lane. A closed socket ends its reads, and the pulse keeps the clocks.

    While a name is looked up or a connection made there is no socket yet, so whoever stops such a thread does not
    wait for it.
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
        """Called by the pulse: a silence that is too long ends the read."""
        if self._reading and not self.closed and time.monotonic() - self._news_at > self._limit_s():
            self._late = self._silence_error()
            self.close()

    def finish(self) -> None:
        """The connection is free for the next call once the answer has been read to its very end."""
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
            source.close()  # which closes the connection, if its answer has not been read to the end

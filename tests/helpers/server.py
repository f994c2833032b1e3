"""A loopback HTTP server that does what it is told, also the wrong things: stalls, resets, truncated bodies.

A *scenario* is a list of steps, run for each request in turn (the last one again for all that follow):

    server = Server([Status(529), Status(200, sse("data: [DONE]"))])
    server = Server([[Send(HEAD), Wait(), Reset()]])
    server = Server(lambda request: answer(200, request.json))

``server.requests`` holds what arrived; ``server.gone`` is set when a client went away in the middle of a scenario.
``server.connections`` counts them.
"""

from __future__ import annotations

import json
import math
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import responses
from typing import Any

Headers = dict[str, str]
KEPT = b"connection: keep-alive"


@dataclass(frozen=True)
class Send:
    """Put these bytes on the line, all at once or *by* so many; *pause_s* after each piece."""

    data: bytes
    by: int | None = None
    pause_s: float = 0.0


@dataclass(frozen=True)
class Wait:
    """Do nothing until the event is set or the client leaves: a client that waits for more never comes back."""

    until: threading.Event | None = None
    at_most_s: float = math.inf


@dataclass(frozen=True)
class Repeat:
    """Send the same bytes until the client leaves."""

    data: bytes
    pause_s: float = 0.0


@dataclass(frozen=True)
class Reset:
    """End the connection with a RST."""


Step = Send | Wait | Repeat | Reset
Scenario = Sequence[Step]


def head(status: int = 200, headers: Headers | None = None, content_type: str = "text/event-stream") -> bytes:
    """A response head without a length: the body ends with the connection. {"connection": "keep-alive"} keeps it."""
    given = {"content-type": content_type, "connection": "close", **(headers or {})}
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Status')}", *(f"{n}: {v}" for n, v in given.items() if v)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer(
    status: int, body: bytes | dict[str, Any] = b"", headers: Headers | None = None, content_type: str = ""
) -> Scenario:
    """A whole answer with its length."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = content_type or ("application/json" if isinstance(body, dict) else "text/plain")
    return [Send(head(status, {"content-length": str(len(data)), **(headers or {})}, kind) + data)]


def stream(body: bytes, *, by: int | None = None, headers: Headers | None = None) -> Scenario:
    """A streamed answer, chunked as servers do; *by* cuts it into pieces of so many bytes."""
    pieces = [body] if by is None else [body[i : i + by] for i in range(0, len(body), by)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return [Send(head(200, {"transfer-encoding": "chunked", **(headers or {})})), Send(framed + b"0\r\n\r\n", by=by)]


@dataclass
class Recorded:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """Serves on a free port of 127.0.0.1 from the start of the ``with`` block to its end."""

    scenarios: Sequence[Scenario] | Callable[[Recorded], Scenario]
    requests: list[Recorded] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    connections: int = 0

    def __enter__(self) -> Server:
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def url(self) -> str:
        """http://127.0.0.1:PORT/v1"""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(60)  # a client on a busy machine may pause for long
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while request := self._next_request(connection):
                    self.requests.append(request)
                    scenario = self._scenario(request)
                    self.arrived.set()
                    for step in scenario:
                        self._do(connection, step)
                    if not any(isinstance(step, Send) and KEPT in step.data for step in scenario):
                        return
            except OSError:
                self.gone.set()

    def _next_request(self, connection: socket.socket) -> Recorded | None:
        """None: the client has left, or the test is over while a kept connection waits for its next request."""
        while connection.fileno() >= 0 and not self._closing.is_set():
            if select.select([connection], [], [], 0.05)[0]:
                return _read_request(connection)
        return None

    def _scenario(self, request: Recorded) -> Scenario:
        if not isinstance(self.scenarios, Sequence):
            return self.scenarios(request)
        return self.scenarios[min(len(self.requests), len(self.scenarios)) - 1]

    def _do(self, connection: socket.socket, step: Step) -> None:
        if isinstance(step, Send):
            size = step.by or len(step.data) or 1
            for start in range(0, len(step.data), size):
                connection.sendall(step.data[start : start + size])
                self._pause(connection, step.pause_s)
        elif isinstance(step, Repeat):
            while not self._closing.is_set():
                connection.sendall(step.data)
                self._pause(connection, step.pause_s)
        elif isinstance(step, Wait):
            end = time.monotonic() + step.at_most_s
            while time.monotonic() < end and not (step.until and step.until.is_set()):
                self._pause(connection, 0.02)
        else:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    def _pause(self, connection: socket.socket, seconds: float) -> None:
        """Wait, but notice at once when the client leaves or the test is over."""
        if seconds and select.select([connection], [], [], seconds)[0] and not connection.recv(1):
            raise ConnectionResetError
        if self._closing.is_set():
            raise ConnectionResetError


def _read_request(connection: socket.socket) -> Recorded | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return None
        data += piece
    start, _, body = data.partition(b"\r\n\r\n")
    first, *lines = start.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    method, path, _ = first.split(" ", 2)
    return Recorded(method, path, headers, body)

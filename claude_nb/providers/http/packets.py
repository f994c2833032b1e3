"""A request leaves in one piece: httpx writes its head and its body apart, which are two packets and two system calls.

Under many threads each such call also hands the interpreter to another one, and waits to get it back.
httpcore is what httpx itself is made of: httpx brings it along, and says which version fits.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

MOST_HELD = 64 * 1024  # bytes; a larger body goes out by itself


class Packets(httpcore.SyncBackend):
    """Makes the connections of httpcore, the engine of httpx."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    """Holds what is written until an answer is read, which is always what comes next."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._held = b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if len(self._held) + len(buffer) <= MOST_HELD:
            self._held += buffer
            return
        self._send(timeout)
        self._stream.write(buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with contextlib.suppress(httpcore.WriteError):  # who refuses a request early may have answered it
            self._send(timeout)
        return self._stream.read(max_bytes, timeout)

    def _send(self, timeout: float | None) -> None:
        held, self._held = self._held, b""
        self._stream.write(held, timeout)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

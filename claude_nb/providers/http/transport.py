"""The only user of httpx: one request goes out, and what comes back is handed over piece by piece.

It runs on a short-lived thread of its own. So a stop or Ctrl-C acts at once in every phase (also while a name is looked
up, and on Windows, where a blocked read cannot be interrupted), httpx is never left half-way by an exception, and no
frame of it, with the key in a header, is part of a traceback. A sweep, whose threads may be left behind, saves the
second thread and most connections: see lane.py.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from claude_nb.errors import ClaudeError, ConfigError, NetworkError, StreamCut
from claude_nb.providers.http.keepalive import BlockingStream, KeptConnections
from claude_nb.providers.http.stream import ByteStream, Head, Item, ThreadedStream, Timeouts, Unreached
from claude_nb.providers.keys import Key, RedactedLogs

NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # on, for 0 seconds
PROXY_VARIABLES = tuple(f"{name}_proxy" for name in ("http", "https", "all", "no"))
PROXY_KEPT_S = 1.0
KEPT_S = 4.0  # an idle connection; many servers close theirs after 5 s
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
# At DEBUG they write down all headers of an answer, and a server may echo the key there.
LOGS = RedactedLogs("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """One request, for each of its tries. lane: of the thread that asks, if it waits for the network itself."""

    method: str
    url: str
    content: bytes | None
    headers: Mapping[str, str]
    key: Key | None
    timeouts: Timeouts
    transport: httpx.BaseTransport | None = None
    lane: KeptConnections | None = None


def line_for(sent: OutgoingRequest, host: str) -> ByteStream:
    """What its answer will arrive through; nothing is sent yet."""
    return (
        BlockingStream(host, sent.timeouts, sent.lane.to(sent.url))
        if sent.lane
        else ThreadedStream(host, sent.timeouts)
    )


def begin(sent: OutgoingRequest, line: ByteStream) -> None:
    """Send it. Whatever happens then, also what goes wrong, arrives through the line."""
    if isinstance(line, BlockingStream):
        line.source = _exchange(sent, line)
    elif isinstance(line, ThreadedStream):
        threading.Thread(target=_fill, args=(sent, line), name="claude_nb reply", daemon=True).start()


def _fill(sent: OutgoingRequest, pipe: ThreadedStream) -> None:
    with contextlib.closing(_exchange(sent, pipe)) as items:
        for item in items:
            if not pipe.put(item):
                break


def _exchange(sent: OutgoingRequest, line: ByteStream) -> Generator[Item, None, None]:
    """Everything that httpx does, happens here: the Head, the pieces, then b"" or what went wrong."""
    end: ClaudeError | bytes = b""
    answered = False
    LOGS.use(sent.key)
    try:
        # Without a Client around it, a transport follows no redirect and keeps no cookie, and takes half the time.
        transport = sent.transport or _transport_for(sent.url, line)
        # The reader keeps the time; these limits only end a thread that nobody waits for.
        limits = httpx.Timeout(sent.timeouts.silence_s + 5, connect=sent.timeouts.connect_s)
        more = {"timeout": limits.as_dict(), "trace": _tracer(line)}
        request = httpx.Request(
            sent.method, _address(sent.url), content=sent.content, headers=sent.headers, extensions=more
        )
        if sent.key:  # at the last moment, so that no request that is only prepared holds it
            request.headers["Authorization"] = f"Bearer {sent.key.reveal()}"
        with contextlib.closing(transport.handle_request(request)) as response:
            answered = True
            yield Head(response.status_code, {name.lower(): text for name, text in response.headers.items()})
            yield from filter(None, cast("httpx.SyncByteStream", response.stream))
    except Exception as error:  # noqa: BLE001 - nothing of httpx may get out; see the top of this file
        end = _explained(error, line.host, answered=answered)
    yield end


_address = lru_cache(maxsize=16)(httpx.URL)


def _proxy_for(url: str) -> str | None:
    """The proxy that environment or system name for an address; what they say may change at any time."""
    environ = tuple(os.environ.get(name) or os.environ.get(name.upper()) for name in PROXY_VARIABLES)
    return _proxy_at(url, environ, int(time.monotonic() / PROXY_KEPT_S))


@lru_cache(maxsize=16)
def _proxy_at(url: str, environ: tuple[str | None, ...], moment: int) -> str | None:  # noqa: ARG001 - the cache's key
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _transport_for(url: str, line: ByteStream) -> httpx.HTTPTransport:
    kept = line.kept if isinstance(line, BlockingStream) else None
    if kept and kept.transport:
        return kept.transport
    proxy, certificates = _proxy_for(url), tuple(map(os.environ.get, CERTIFICATES))
    if kept is None:
        return _transport(os.getpid(), proxy, certificates)
    kept.transport = _new_transport(proxy, certificates, keep=1)
    return kept.transport


# A fork must not share it.
@lru_cache(maxsize=4)
def _transport(pid: int, proxy: str | None, certificates: tuple[str | None, ...]) -> httpx.HTTPTransport:  # noqa: ARG001
    # Each reply has a connection of its own, never a shared or kept one, so that a stop can shut down its socket
    # in any phase without touching another reply. Those on a lane come one after the other.
    return _new_transport(proxy, certificates, keep=0)


def _new_transport(proxy: str | None, certificates: tuple[str | None, ...], *, keep: int) -> httpx.HTTPTransport:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=keep, keepalive_expiry=KEPT_S)
    return httpx.HTTPTransport(verify=_trusted(certificates), limits=limits, proxy=proxy)


# Reading the certificates takes long; those that are named after a failure count at once.
@lru_cache(maxsize=4)
def _trusted(certificates: tuple[str | None, ...]) -> ssl.SSLContext:  # noqa: ARG001 - the cache's key
    return httpx.create_ssl_context()


def _tracer(line: ByteStream) -> Callable[[str, Mapping[str, Any]], None]:
    """httpcore tells each of its steps to this function; two of them hand out the socket."""

    def trace(name: str, info: Mapping[str, Any]) -> None:
        line.news(connecting=not name.endswith("send_request_headers.started"))
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            line.on_close(lambda: _shut(connection))

    return trace


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The connection ends with a reset. Without it, a server whose sending has filled our buffer is not told that
        # nobody reads any more: after a shutdown the kernel reports no new room, and the server waits for some.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        # The plain method: that of a TLS socket would take its TLS layer away under a running read.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


NOT_SENT = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ImportError, ValueError)
NO_LINE = (httpx.ConnectTimeout, httpx.ConnectError)
CAUSES: tuple[tuple[tuple[type[BaseException], ...], type[ClaudeError], str], ...] = (
    (
        (ssl.SSLCertVerificationError,),
        NetworkError,
        "the certificate of {} is not trusted; set SSL_CERT_FILE to yours",
    ),
    ((FileNotFoundError,), ConfigError, "nothing was sent to {}: SSL_CERT_FILE names no file; correct or unset it"),
    ((socket.gaierror,), Unreached, "the name of {} was not found; check the base URL and the network"),
    ((ConnectionRefusedError,), Unreached, "nothing answers at {}; is the server running, is the port right?"),
    ((httpx.ProxyError,), NetworkError, "the proxy lets nothing through to {}; check HTTPS_PROXY and NO_PROXY"),
    (NOT_SENT, ConfigError, "no request to {} can be made; check base URL and proxy settings for stray characters"),
    (NO_LINE, Unreached, "no connection to {}; check the address and the network"),
    ((httpx.TimeoutException,), NetworkError, "{} was silent for too long; allow more with --timeout"),
)


def _explained(error: Exception, host: str, *, answered: bool) -> ClaudeError:
    """An exception of httpx as one of ours. Its own text is never used: it may hold a header."""
    if answered:
        return StreamCut(f"the connection to {host} broke in the middle of the reply; run it again")
    chain: list[BaseException] = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) and len(chain) < 10:
        chain.append(inner)
    for kinds, kind, text in CAUSES:
        if any(isinstance(link, kinds) for link in chain):
            return kind(text.format(host))
    return Unreached(f"{host} closed the connection without an answer; run it again")

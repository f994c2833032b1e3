"""Send a request and pass on the response in pieces: the only user of httpx.

It runs on a short-lived thread of its own. So a stop or Ctrl-C acts at once in every phase, even while a name is looked
up, and on Windows, where a blocked read cannot be interrupted. No exception leaves httpx half-way through its work, and
no frame of it, with the key in a header, is part of a traceback. A sweep needs no second thread; see keepalive.py.
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

Url = httpx.URL
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # on, for 0 seconds
PROXY_VARIABLES = tuple(f"{name}_proxy" for name in ("http", "https", "all", "no"))
PROXY_CACHE_S = 1.0
KEEPALIVE_S = 4.0  # for an idle connection; many servers close theirs after 5 s
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
# At DEBUG they log all headers of a response, in which a server may echo the key.
LOGS = RedactedLogs("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """One request, the same for each of its tries.

    connections  of the calling thread, which then reads the socket itself; None: read it in a thread
    connect_to   the IP address to connect to; None: look the host's name up
    """

    method: str
    url: str
    content: bytes | None
    headers: Mapping[str, str]
    key: Key | None
    timeouts: Timeouts
    transport: httpx.BaseTransport | None = None
    connections: KeptConnections | None = None
    connect_to: str | None = None


def parse_url(text: str, base: Url | None = None) -> Url:
    """Parse an address, which may be relative to a base.

    Raises ValueError if it is malformed.
    """
    try:
        return base.join(text) if base else Url(text)
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from None


def stream_for(request: OutgoingRequest, host: str) -> ByteStream:
    """Return the stream that the response will arrive through. Nothing is sent yet."""
    if request.connections:
        return BlockingStream(host, request.timeouts, request.connections.to(request.url))
    return ThreadedStream(host, request.timeouts)


def begin(request: OutgoingRequest, stream: ByteStream) -> None:
    """Send the request.

    Whatever happens next, errors included, arrives through the stream.
    """
    if isinstance(stream, BlockingStream):
        stream.source = _exchange(request, stream)
    elif isinstance(stream, ThreadedStream):
        threading.Thread(target=_fill, args=(request, stream), name="claude_nb reply", daemon=True).start()


def _fill(request: OutgoingRequest, stream: ThreadedStream) -> None:
    with contextlib.closing(_exchange(request, stream)) as items:
        for item in items:
            if not stream.put(item):
                break


def _exchange(request: OutgoingRequest, stream: ByteStream) -> Generator[Item, None, None]:
    """Do everything that needs httpx.

    Yields the Head, pieces of the body, then b"" or an error.
    """
    end: ClaudeError | bytes = b""
    answered = False
    LOGS.use(request.key)
    try:
        # Without a Client around it, a transport follows no redirect, keeps no cookie, and takes half the time.
        transport = request.transport or _transport_for(request.url, stream)
        outgoing = _prepared(request, stream)
        with contextlib.closing(transport.handle_request(outgoing)) as response:
            answered = True
            yield Head(response.status_code, {name.lower(): text for name, text in response.headers.items()})
            yield from filter(None, cast("httpx.SyncByteStream", response.stream))
    except Exception as error:  # noqa: BLE001 - nothing of httpx may get out; see the top of this file
        end = _explained(error, stream.host, answered=answered)
    yield end


def _prepared(request: OutgoingRequest, stream: ByteStream) -> httpx.Request:
    url, headers = _parsed(request.url), dict(request.headers)
    # The stream has the real time-outs. These only end a thread whose reader has gone.
    limits = httpx.Timeout(request.timeouts.silence_s + 5, connect=request.timeouts.connect_s)
    extensions: dict[str, Any] = {"timeout": limits.as_dict(), "trace": _tracer(stream)}
    if request.connect_to:
        headers["Host"] = url.netloc.decode()
        extensions["sni_hostname"] = url.raw_host.decode()  # the certificate has to be that of the name
        url = url.copy_with(host=request.connect_to)
    outgoing = httpx.Request(request.method, url, content=request.content, headers=headers, extensions=extensions)
    if request.key:  # only now, so that a request which is not sent does not hold the key
        outgoing.headers["Authorization"] = f"Bearer {request.key.reveal()}"
    return outgoing


_parsed = lru_cache(maxsize=16)(Url)


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment or the system sets for an address.

    Both may change at any time.
    """
    environ = tuple(os.environ.get(name) or os.environ.get(name.upper()) for name in PROXY_VARIABLES)
    return _proxy_at(url, environ, int(time.monotonic() / PROXY_CACHE_S))


@lru_cache(maxsize=16)
def _proxy_at(url: str, environ: tuple[str | None, ...], moment: int) -> str | None:  # noqa: ARG001 - the cache's key
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _transport_for(url: str, stream: ByteStream) -> httpx.HTTPTransport:
    kept = stream.kept if isinstance(stream, BlockingStream) else None
    if kept and kept.transport:
        return kept.transport
    proxy, certificates = proxy_for(url), tuple(map(os.environ.get, CERTIFICATES))
    if kept is None:
        return _transport(os.getpid(), proxy, certificates)
    kept.transport = _new_transport(proxy, certificates, keep=1)
    return kept.transport


# The process id is part of the cache's key, because a fork must not share the transport.
@lru_cache(maxsize=4)
def _transport(pid: int, proxy: str | None, certificates: tuple[str | None, ...]) -> httpx.HTTPTransport:  # noqa: ARG001
    # Each reply has a connection of its own. So a stop can shut down its socket in any phase without touching another
    # reply. The calls of a thread with kept connections come one after the other.
    return _new_transport(proxy, certificates, keep=0)


def _new_transport(proxy: str | None, certificates: tuple[str | None, ...], *, keep: int) -> httpx.HTTPTransport:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=keep, keepalive_expiry=KEEPALIVE_S)
    return httpx.HTTPTransport(verify=_trusted(certificates), limits=limits, proxy=proxy)


# Reading the certificates takes long. The variables are part of the cache's key, so a correction counts at once.
@lru_cache(maxsize=4)
def _trusted(certificates: tuple[str | None, ...]) -> ssl.SSLContext:  # noqa: ARG001 - the cache's key
    return httpx.create_ssl_context()


def _tracer(stream: ByteStream) -> Callable[[str, Mapping[str, Any]], None]:
    """Return the function that httpcore calls at each of its steps.

    Two of these steps give access to the socket.
    """

    def trace(name: str, info: Mapping[str, Any]) -> None:
        stream.news(connecting=not name.endswith("send_request_headers.started"))
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            stream.on_close(lambda: _shut(connection))

    return trace


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # End the connection with a reset. After a plain shutdown, a server that has filled our buffer would wait for
        # room in it, because the kernel does not tell it that nobody reads.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        # The method of the plain socket: that of a TLS socket would remove its TLS layer during a read.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


NOT_SENT = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ImportError, ValueError)
NOT_CONNECTED = (httpx.ConnectTimeout, httpx.ConnectError)
CAUSES: tuple[tuple[tuple[type[BaseException], ...], type[ClaudeError], str], ...] = (
    ((ssl.SSLCertVerificationError,), NetworkError, "the certificate of {} is not trusted; set SSL_CERT_FILE to yours"),
    ((FileNotFoundError,), ConfigError, "nothing was sent to {}: SSL_CERT_FILE names no file; correct or unset it"),
    ((socket.gaierror,), Unreached, "the name of {} was not found; check the address and the network"),
    ((ConnectionRefusedError,), Unreached, "nothing answers at {}; check the port, and that the server is running"),
    ((httpx.ProxyError,), NetworkError, "the proxy lets nothing through to {}; check HTTPS_PROXY and NO_PROXY"),
    (NOT_SENT, ConfigError, "no request to {} can be made; check the base URL and HTTPS_PROXY for stray characters"),
    (NOT_CONNECTED, Unreached, "no connection to {}; check the address and the network"),
    ((httpx.TimeoutException,), NetworkError, "{} was silent for too long; allow more with --timeout"),
)


def _explained(error: Exception, host: str, *, answered: bool) -> ClaudeError:
    """Convert an exception of httpx.

    Its own text is never used, because it may hold a header.
    """
    if answered:
        return StreamCut(f"the connection to {host} broke in the middle of the reply; run it again")
    chain: list[BaseException] = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) and len(chain) < 10:
        chain.append(inner)
    for exceptions, kind, text in CAUSES:
        if any(isinstance(link, exceptions) for link in chain):
            return kind(text.format(host))
    return Unreached(f"{host} closed the connection without an answer; run it again")

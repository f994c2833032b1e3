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
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import httpx

from claude_nb.errors import ClaudeError, ConfigError, NetworkError, StreamCut
from claude_nb.providers.http import proxies
from claude_nb.providers.http.keepalive import BlockingStream, KeptConnections
from claude_nb.providers.http.proxies import Proxy, proxy_for
from claude_nb.providers.http.stream import ByteStream, Head, Item, ThreadedStream, Timeouts, Unreached
from claude_nb.providers.keys import Key, RedactedLogs

Url = httpx.URL
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # on, for 0 seconds
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
    headers: Mapping[str, str | Key]
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
    proxy: Proxy | None = None
    try:
        proxy = proxy_for(request.url)
        if proxy:
            stream.peer = str(proxy)
            if _parsed(request.url).scheme == "http":  # the proxy itself answers when the server does not
                stream.host = f"{stream.host} (through {proxy})"
        # Without a Client around it, a transport follows no redirect, keeps no cookie, and takes half the time.
        transport = request.transport or _transport_for(proxy, stream)
        outgoing = _prepared(request, stream)
        with contextlib.closing(transport.handle_request(outgoing)) as response:
            if proxy and response.status_code == 407:
                raise proxies.login_needed(proxy)
            answered = True
            yield Head(response.status_code, {name.lower(): text for name, text in response.headers.items()})
            yield from filter(None, cast("httpx.SyncByteStream", response.stream))
    except ClaudeError as error:
        end = error.with_traceback(None)
    except Exception as error:  # noqa: BLE001 - nothing of httpx may get out; see the top of this file
        end = _explained(error, stream, proxy, answered=answered)
    yield end


def _prepared(request: OutgoingRequest, stream: ByteStream) -> httpx.Request:
    url = _parsed(request.url)
    headers = {name: text for name, text in request.headers.items() if isinstance(text, str)}
    # The stream has the real time-outs. These only end a thread whose reader has gone.
    limits = httpx.Timeout(request.timeouts.silence_s + 5, connect=request.timeouts.connect_s)
    extensions: dict[str, Any] = {"timeout": limits.as_dict(), "trace": _tracer(stream)}
    # Not every system knows that each name below "localhost" is this machine. Others may know where it leads.
    connect_to = request.connect_to or ("localhost" if url.host.rstrip(".").endswith(".localhost") else None)
    if connect_to:
        headers["Host"] = url.netloc.decode()
        extensions["sni_hostname"] = url.raw_host.decode()  # the certificate has to be that of the name
        url = url.copy_with(host=connect_to)
    outgoing = httpx.Request(request.method, url, content=request.content, headers=headers, extensions=extensions)
    # Only now, so that a request which is not sent does not hold the key.
    secrets = {name: secret.reveal() for name, secret in request.headers.items() if isinstance(secret, Key)}
    key = request.key
    # A header of the user's own may name the key itself, which is then sent there only.
    if key and key.reveal() not in [secret.rpartition(" ")[2] for secret in secrets.values()]:
        secrets[key.header] = key.sent()
    outgoing.headers.update(secrets)
    return outgoing


_parsed = lru_cache(maxsize=16)(Url)


def _transport_for(proxy: Proxy | None, stream: ByteStream) -> httpx.HTTPTransport:
    kept = stream.kept if isinstance(stream, BlockingStream) else None
    if kept and kept.transport:
        return kept.transport
    certificates = tuple(map(os.environ.get, CERTIFICATES))
    if kept is None:
        return _transport(os.getpid(), proxy, certificates)
    kept.transport = _new_transport(proxy, certificates, keep=1)
    return kept.transport


# The process id is part of the cache's key, because a fork must not share the transport.
@lru_cache(maxsize=4)
def _transport(pid: int, proxy: Proxy | None, certificates: tuple[str | None, ...]) -> httpx.HTTPTransport:  # noqa: ARG001
    # Each reply has a connection of its own. So a stop can shut down its socket in any phase without touching another
    # reply. The calls of a thread with kept connections come one after the other.
    return _new_transport(proxy, certificates, keep=0)


def _new_transport(proxy: Proxy | None, certificates: tuple[str | None, ...], *, keep: int) -> httpx.HTTPTransport:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=keep, keepalive_expiry=KEEPALIVE_S)
    trusted = _trusted(certificates)
    via = proxy and httpx.Proxy(proxy.url, auth=proxy.login, ssl_context=trusted if proxy.kind == "https" else None)
    return httpx.HTTPTransport(verify=trusted, limits=limits, proxy=via)


# Reading the certificates takes long. The variables are part of the cache's key, so a correction counts at once.
@lru_cache(maxsize=4)
def _trusted(certificates: tuple[str | None, ...]) -> ssl.SSLContext:  # noqa: ARG001 - the cache's key
    return httpx.create_ssl_context()


def _tracer(stream: ByteStream) -> Callable[[str, Mapping[str, Any]], None]:
    """Return the function that httpcore calls at each of its steps.

    Two of these steps give access to the socket, and two show that a proxy has let us through.
    """

    def trace(name: str, info: Mapping[str, Any]) -> None:
        sends = name.endswith("send_request_headers.started") and info["request"].method != b"CONNECT"
        stream.news(connecting=not sends)
        if sends or name in ("proxy.start_tls.started", "socks.start_tls.started"):
            stream.peer = stream.host
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
    (NOT_SENT, ConfigError, "no request to {} can be made; check the base URL for stray characters"),
    (NOT_CONNECTED, Unreached, "no connection to {}; check the address and the network"),
    ((httpx.TimeoutException,), NetworkError, "{} was silent for too long; allow more with --timeout"),
)


def _explained(error: Exception, stream: ByteStream, proxy: Proxy | None, *, answered: bool) -> ClaudeError:
    """Convert an exception of httpx.

    Its own text is never shown, because it may hold a header.
    """
    host = stream.host
    if answered:
        return StreamCut(f"the connection to {host} broke in the middle of the reply; run it again")
    chain: list[BaseException] = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) and len(chain) < 10:
        chain.append(inner)
    if proxy and stream.peer != host:
        return _proxy_error(chain, proxy, host)
    for exceptions, kind, text in CAUSES:
        if any(isinstance(link, exceptions) for link in chain):
            return kind(text.format(host))
    return Unreached(f"{host} closed the connection without an answer; run it again")


PROXY_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "the certificate of {} is not trusted"),
    (ssl.SSLError, "{} does not answer with TLS"),
    (socket.gaierror, "the name of {} was not found"),
    (ConnectionRefusedError, "nothing answers at {}"),
    (httpx.RemoteProtocolError, "{} does not answer like a proxy of that kind"),
    (httpx.TransportError, "no connection to {}"),
)


def _proxy_error(chain: list[BaseException], proxy: Proxy, host: str) -> ClaudeError:
    """Return the error for a proxy that did not let the request through."""
    for link in chain:
        if isinstance(link, httpx.ProxyError):
            return proxies.refused(proxy, host, str(link))
    found = (text for kind, text in PROXY_CAUSES if any(isinstance(link, kind) for link in chain))
    return Unreached(f"{next(found, '{} cannot be used').format(proxy)}; {proxy.advice(host)}")

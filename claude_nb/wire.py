"""The only user of httpx: send a request, retry before the first byte, tell whatever goes wrong in one line.

Each request runs on a short-lived thread of its own that hands over what arrives. So a stop or Ctrl-C acts at
once in every phase (also while a name is looked up, and on Windows, where a blocked read cannot be interrupted),
httpx is never left half-way by an exception, and no frame of it, with the key in a header, is part of a traceback.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from claude_nb import __version__, addresses
from claude_nb.errors import ApiError, ClaudeError, ConfigError, NetworkError, Overloaded, PromptError, StreamCut
from claude_nb.keys import Key, RedactedLogs
from claude_nb.pipe import Head, Pipe, Timeouts, Unreached
from claude_nb.response import Response
from claude_nb.stop import Stop
from claude_nb.values import Chunk

__all__ = ["Response", "Timeouts", "connect", "get_json"]

RETRIES = 2
LONGEST_WAIT_S = 60.0
NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # on, for 0 seconds
DEFAULT_TIMEOUTS = Timeouts()
# At DEBUG they write down all headers of an answer, and a server may echo the key there.
LOGS = RedactedLogs("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


def connect(
    url: str,
    body: Mapping[str, Any],
    *,
    key: Key | None,
    stop: Stop,
    headers: Mapping[str, str] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    allow_http: bool = False,
    client: httpx.Client | None = None,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> Generator[Chunk, None, Response]:
    """POST the body as JSON: ``response = yield from connect(...)``. Yields a notice while it waits to try again.

    allow_http  send unencrypted to another machine too
    chance      numbers from 0 to 1, for the jitter of the waits

    Raises ApiError for an answer with an error status, NetworkError without an answer or when stopped,
    ConfigError for an address that is not allowed.
    """
    sent = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json", **(headers or {})}
    call = _Call("POST", url, _json(body), sent, key, stop, timeouts, allow_http, client, clock)
    return (yield from _answer(call, chance))


def get_json(
    url: str,
    *,
    key: Key | None = None,
    stop: Stop | None = None,
    headers: Mapping[str, str] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    allow_http: bool = False,
    client: httpx.Client | None = None,
) -> dict[str, Any]:
    """GET a JSON object, by the same rules: get_json("https://api.example.com/v1/models")."""
    sent = {"Accept": "application/json", **(headers or {})}
    call = _Call("GET", url, None, sent, key, stop or Stop(), timeouts, allow_http, client, time.monotonic)
    return _object(_answer(call, random.random))


def post_json(
    url: str,
    body: Mapping[str, Any],
    *,
    key: Key | None,
    headers: Mapping[str, str] | None = None,
    allow_http: bool = False,
) -> dict[str, Any]:
    """POST the body, and the JSON object that answers it; waits for another try without a notice."""
    return _object(connect(url, body, key=key, stop=Stop(), headers=headers, allow_http=allow_http))


def _object(steps: Generator[Chunk, None, Response]) -> dict[str, Any]:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            response: Response = end.value
            break
    with response:
        return response.json()


@dataclass(frozen=True, slots=True)
class _Call:
    """All that one call needs, for each of its tries."""

    method: str
    url: str
    content: bytes | None
    headers: dict[str, str]
    key: Key | None
    stop: Stop
    timeouts: Timeouts
    allow_http: bool
    client: httpx.Client | None
    clock: Callable[[], float]


def _answer(call: _Call, chance: Callable[[], float]) -> Generator[Chunk, None, Response]:
    addresses.check(call.url, call.key, allow_http=call.allow_http)
    call.headers["Accept-Encoding"] = "identity"  # unpacked text arrives word by word
    call.headers["User-Agent"] = f"claude-nb/{__version__}"
    call.headers["X-Client-Request-Id"] = uuid.uuid4().hex
    for attempt in range(RETRIES + 1):
        answer = _try_once(call)
        if isinstance(answer, Response):
            return answer
        error, hint = answer
        wait_s = None if attempt == RETRIES or call.stop.is_set() else _wait_s(error, hint, attempt, chance)
        if wait_s is None:
            raise NetworkError(str(error)) if isinstance(error, Unreached) else error
        yield from _count_down(error, wait_s, attempt, call.stop)
    raise AssertionError("the last attempt returns or raises")


def _try_once(call: _Call) -> Response | tuple[ClaudeError, str]:
    """An open Response, or the error and what x-should-retry says about it."""
    pipe = Pipe(urlsplit(call.url).netloc, call.timeouts)
    kept = False
    try:
        with call.stop.unblocking(pipe.close):
            threading.Thread(target=_send, args=(call, pipe), name="claude_nb reply", daemon=True).start()
            response = Response(pipe, call.stop, call.key, call.clock)
            kept = response.status < 300
            return response if kept else (response.error(), response.headers.get("x-should-retry", ""))
    except (Unreached, StreamCut) as error:
        found: ClaudeError = error
    finally:
        if not kept:
            pipe.close()
    return found, ""


def _send(call: _Call, pipe: Pipe) -> None:
    """The network thread of one request: everything that httpx does, happens here."""
    end: ClaudeError | bytes = b""
    answered = False
    LOGS.use(call.key)
    try:
        client = call.client or _client(os.getpid(), tuple(sorted(getproxies().items())))
        # The reader keeps the time; these limits only end a thread that nobody waits for.
        limits = httpx.Timeout(call.timeouts.silence_s + 5, connect=call.timeouts.connect_s)
        request = client.build_request(
            call.method,
            call.url,
            content=call.content,
            headers=call.headers,
            timeout=limits,
            extensions={"trace": _tracer(pipe)},
        )
        auth = _Bearer(call.key) if call.key else None
        response = client.send(request, auth=auth, stream=True, follow_redirects=False)
        with contextlib.closing(response):
            answered = True
            pipe.put(Head(response.status_code, {name.lower(): text for name, text in response.headers.items()}))
            # Without a size: with one, text would be held back until that many bytes are there.
            for piece in response.iter_raw():
                if piece and not pipe.put(piece):
                    break
    except Exception as error:  # noqa: BLE001 - nothing of httpx may get out; see the top of this file
        end = _explained(error, pipe.host, answered=answered)
    pipe.put(end)


@lru_cache(maxsize=4)
def _client(pid: int, proxies: tuple[tuple[str, str], ...]) -> httpx.Client:  # noqa: ARG001 - both are the cache's key
    """One client for each process (a fork must not share it) and set of proxies."""
    # Each reply has a connection of its own, never a shared or kept one, so that a stop can shut down its socket
    # in any phase without touching another reply. No cookie is kept: it would go to every port of its host.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.Client(follow_redirects=False, limits=limits, cookies=no_cookies)


class _Bearer(httpx.Auth):
    """Adds the key at the last moment, so that no request that is only prepared holds it."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def _tracer(pipe: Pipe) -> Callable[[str, Mapping[str, Any]], None]:
    """httpcore tells each of its steps to this function; two of them hand out the socket."""

    def trace(name: str, info: Mapping[str, Any]) -> None:
        pipe.news(connecting=not name.endswith("send_request_headers.started"))
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            connection = info["return_value"].get_extra_info("socket")
            pipe.on_close(lambda: _shut(connection))

    return trace


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The connection ends with a reset. Without it, a server whose sending has filled our buffer is not told that
        # nobody reads any more: after a shutdown the kernel reports no new room, and the server waits for some.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        # The plain method: that of a TLS socket would take its TLS layer away under a running read.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _wait_s(error: ClaudeError, hint: str, attempt: int, chance: Callable[[], float]) -> float | None:
    """Seconds to wait before the next try, 0.4 to 8 unless the server asks for more; None: no other try."""
    asked = error.retry_after_s if isinstance(error, ApiError) else None
    worth_it = isinstance(error, (Overloaded, Unreached, StreamCut))
    if hint == "false" or not (worth_it or hint == "true") or (asked or 0) > LONGEST_WAIT_S:
        return None
    return asked or min(0.5 * 2**attempt, 8.0) * (1 - 0.25 * chance())


def _count_down(error: ClaudeError, wait_s: float, attempt: int, stop: Stop) -> Iterator[Chunk]:
    """A notice about once a second: "overloaded, trying again in 2 s (1 of 2)"."""
    status = error.status if isinstance(error, ApiError) else None
    reason = {None: "no connection", 429: "too many requests", 503: "overloaded", 529: "overloaded"}.get(
        status, f"server error {status}"
    )
    left = wait_s
    while left > 0:
        notice = f"{reason}, trying again in {math.ceil(left)} s ({attempt + 1} of {RETRIES})"
        yield Chunk(notice=notice, wait_s=left)
        if stop.wait(min(1.0, left)):
            raise NetworkError("the reply was stopped")
        left -= 1.0
    # Whoever runs many requests at once may hold this one back here, before it is sent again.
    yield Chunk(notice="", wait_s=0.0)


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        # In ASCII, so that half a surrogate pair, which UTF-8 cannot write, is sent as an escape.
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    raise PromptError("this request cannot be written as JSON; give numbers and texts only")


NOT_SENT = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, ImportError, ValueError)
NO_LINE = (httpx.ConnectTimeout, httpx.ConnectError)
CAUSES: tuple[tuple[tuple[type[BaseException], ...], type[ClaudeError], str], ...] = (
    (
        (ssl.SSLCertVerificationError,),
        NetworkError,
        "the certificate of {} is not trusted; set SSL_CERT_FILE to yours",
    ),
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

"""Ask a server: check where the request and the key go, try again before the first byte, tell what goes wrong."""

from __future__ import annotations

import json
import math
import os
import random
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from claude_nb import __version__
from claude_nb.errors import ApiError, ClaudeError, NetworkError, Overloaded, PromptError, StreamCut
from claude_nb.providers.http import transport as network
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.providers.http.response import Response
from claude_nb.providers.http.stream import Timeouts, Unreached
from claude_nb.providers.http.transport import OutgoingRequest
from claude_nb.providers.keys import Key, check_destination
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk

if TYPE_CHECKING:
    import httpx

__all__ = ["Response", "Timeouts", "connect", "get_json"]

RETRIES = 2
LONGEST_WAIT_S = 60.0
DEFAULT_TIMEOUTS = Timeouts()
_numbers = count(1)


def connect(
    url: str,
    body: Mapping[str, Any],
    *,
    key: Key | None,
    stop: Stop,
    headers: Mapping[str, str] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    allow_http: bool = False,
    transport: httpx.BaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
    connections: KeptConnections | None = None,
    retries: int = RETRIES,
) -> Generator[Chunk, None, Response]:
    """POST the body as JSON: ``response = yield from connect(...)``. Yields a notice while it waits to try again.

    allow_http  send unencrypted to another machine too
    chance      numbers from 0 to 1, for the jitter of the waits
    retries     how many more tries a refused or lost request gets; 0: the caller retries, see ClaudeError.retry_in_s
    connections  of the calling thread, which makes many calls and reads the socket itself; see keepalive.py

    Raises ApiError for an answer with an error status, NetworkError without an answer or when stopped,
    ConfigError for an address that is not allowed.
    """
    given = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json", **(headers or {})}
    sent = OutgoingRequest("POST", url, _json(body), given | _own_headers(), key, timeouts, transport, connections)
    return (yield from _answer(sent, stop, chance, clock, retries, allow_http=allow_http))


def get_json(
    url: str,
    *,
    key: Key | None = None,
    stop: Stop | None = None,
    headers: Mapping[str, str] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    allow_http: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> dict[str, Any]:
    """GET a JSON object, by the same rules: get_json("https://api.example.com/v1/models")."""
    given = {"Accept": "application/json", **(headers or {})}
    sent = OutgoingRequest("GET", url, None, given | _own_headers(), key, timeouts, transport)
    return _object(_answer(sent, stop or Stop(), random.random, time.monotonic, RETRIES, allow_http=allow_http))


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


def _answer(
    sent: OutgoingRequest,
    stop: Stop,
    chance: Callable[[], float],
    clock: Callable[[], float],
    retries: int,
    *,
    allow_http: bool,
) -> Generator[Chunk, None, Response]:
    check_destination(sent.url, sent.key, allow_http=allow_http)
    for attempt in range(retries + 1):
        answer = _try_once(sent, stop, clock)
        if isinstance(answer, Response):
            return answer
        error, hint = answer
        wait_s = _wait_s(error, hint, attempt, chance)
        if wait_s is None or attempt == retries or stop.is_set():
            error = NetworkError(str(error)) if isinstance(error, Unreached) else error
            error.retry_in_s = wait_s
            raise error
        yield from _count_down(error, wait_s, f"{attempt + 1} of {retries}", stop)
    raise AssertionError("the last attempt returns or raises")


def _own_headers() -> dict[str, str]:
    """Those of every request."""
    return {
        "Accept-Encoding": "identity",  # unpacked text arrives word by word
        "User-Agent": f"claude-nb/{__version__}",
        "X-Client-Request-Id": f"{_process_id(os.getpid())}{next(_numbers):012x}",
    }


@lru_cache(maxsize=1)
def _process_id(pid: int) -> str:  # noqa: ARG001 - the cache's key: a fork gets one of its own
    return uuid.uuid4().hex[:20]


def _try_once(sent: OutgoingRequest, stop: Stop, clock: Callable[[], float]) -> Response | tuple[ClaudeError, str]:
    """An open Response, or the error and what x-should-retry says about it."""
    line = network.stream_for(sent, urlsplit(sent.url).netloc)
    kept = False
    try:
        with stop.unblocking(line.close):
            network.begin(sent, line)
            response = Response(line, stop, sent.key, clock)
            kept = response.status < 300
            return response if kept else (response.error(), response.headers.get("x-should-retry", ""))
    except (Unreached, StreamCut) as error:
        found: ClaudeError = error
    finally:
        if not kept:
            line.close()
    return found, ""


def _wait_s(error: ClaudeError, hint: str, attempt: int, chance: Callable[[], float]) -> float | None:
    """Seconds to wait before the next try, 0.4 to 8 unless the server asks for more; None: no other try."""
    asked = error.retry_after_s if isinstance(error, ApiError) else None
    worth_it = isinstance(error, (Overloaded, Unreached, StreamCut))
    if hint == "false" or not (worth_it or hint == "true") or (asked or 0) > LONGEST_WAIT_S:
        return None
    return asked or min(0.5 * 2**attempt, 8.0) * (1 - 0.25 * chance())


def _count_down(error: ClaudeError, wait_s: float, try_of: str, stop: Stop) -> Iterator[Chunk]:
    """A notice about once a second: "overloaded, trying again in 2 s (1 of 2)"."""
    status = error.status if isinstance(error, ApiError) else None
    reason = {None: "no connection", 429: "too many requests", 503: "overloaded", 529: "overloaded"}.get(
        status, f"server error {status}"
    )
    left = wait_s
    while left > 0 and not stop.is_set():
        yield Chunk(notice=f"{reason}, trying again in {math.ceil(left)} s ({try_of})")
        step = min(1.0, left)
        stop.wait(step)
        left -= step
    if stop.is_set():
        raise NetworkError("the reply was stopped")
    yield Chunk(notice="")


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        # In ASCII, so that half a surrogate pair, which UTF-8 cannot write, is sent as an escape.
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    raise PromptError("this request cannot be written as JSON; give numbers and texts only")

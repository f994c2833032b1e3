"""Send requests, with retries before the first byte and with typed errors."""

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
from typing import Any
from urllib.parse import urlsplit

from claude_nb import __version__
from claude_nb.errors import ApiError, ClaudeError, NetworkError, Overloaded, PromptError, StreamCut
from claude_nb.providers.http import transport
from claude_nb.providers.http.keepalive import KeptConnections
from claude_nb.providers.http.response import Response
from claude_nb.providers.http.stream import Timeouts, Unreached
from claude_nb.providers.http.transport import OutgoingRequest
from claude_nb.providers.keys import Key, check_destination
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Chunk

__all__ = ["Response", "Timeouts", "get", "opened", "post", "read_json", "send"]

RETRIES = 2
LONGEST_WAIT_S = 60.0
DEFAULT_TIMEOUTS = Timeouts()
_numbers = count(1)


def post(
    url: str,
    body: Mapping[str, Any],
    *,
    key: Key | None,
    headers: Mapping[str, str | Key] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    connections: KeptConnections | None = None,
) -> OutgoingRequest:
    """Prepare a POST of a body as JSON.

    connections  of the calling thread, if it makes many calls and reads the socket itself; see keepalive.py
    """
    accept = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json", **(headers or {})}
    return OutgoingRequest("POST", url, _json(body), accept | _common_headers(), key, timeouts, connections=connections)


def get(url: str, *, key: Key | None = None, headers: Mapping[str, str | Key] | None = None) -> OutgoingRequest:
    """Prepare a GET of a JSON object."""
    accept = {"Accept": "application/json", **(headers or {})}
    return OutgoingRequest("GET", url, None, accept | _common_headers(), key, DEFAULT_TIMEOUTS)


def send(
    request: OutgoingRequest,
    *,
    stop: Stop,
    allow_http: bool = False,
    retries: int = RETRIES,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> Generator[Chunk, None, Response]:
    """Send a request: ``response = yield from send(...)``.

    Yields notices while it waits to retry.

    allow_http  whether an unencrypted request may go to another machine
    retries     how many more tries a refused or lost request gets; 0: the caller retries, see ClaudeError.retry_in_s
    chance      returns numbers from 0 to 1, for the jitter of the waits

    Raises ApiError for an error status, NetworkError without a response or when stopped, and ConfigError for an
    address that is not allowed.
    """
    check_destination(request.url, request.key, allow_http=allow_http)
    for attempt in range(retries + 1):
        answer = _try_once(request, stop, clock)
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


def read_json(
    request: OutgoingRequest, *, stop: Stop | None = None, allow_http: bool = False, retries: int = RETRIES
) -> dict[str, Any]:
    """Send a request and return the JSON object of its response.

    Example: read_json(get("https://api.example/v1/models")).
    """
    with opened(request, stop=stop, allow_http=allow_http, retries=retries) as response:
        return response.json()


def opened(
    request: OutgoingRequest, *, stop: Stop | None = None, allow_http: bool = False, retries: int = RETRIES
) -> Response:
    """Send a request and return its open response, as send() does, without notices."""
    steps = send(request, stop=stop or Stop(), allow_http=allow_http, retries=retries)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            response: Response = end.value
            return response


def _common_headers() -> dict[str, str]:
    return {
        "Accept-Encoding": "identity",  # uncompressed text arrives word by word
        "User-Agent": f"claude-nb/{__version__}",
        "X-Client-Request-Id": f"{_process_id(os.getpid())}{next(_numbers):012x}",
    }


@lru_cache(maxsize=1)
def _process_id(pid: int) -> str:  # noqa: ARG001 - the cache's key, so that a fork gets an id of its own
    return uuid.uuid4().hex[:20]


def _try_once(request: OutgoingRequest, stop: Stop, clock: Callable[[], float]) -> Response | tuple[ClaudeError, str]:
    """Return an open Response, or the error and its x-should-retry header."""
    stream = transport.stream_for(request, urlsplit(request.url).netloc)
    succeeded = False
    try:
        with stop.unblocking(stream.close):
            transport.begin(request, stream)
            response = Response(stream, stop, request.key, clock)
            succeeded = response.status < 300
            return response if succeeded else (response.error(), response.headers.get("x-should-retry", ""))
    except (Unreached, StreamCut) as error:
        lost: ClaudeError = error
    finally:
        if not succeeded:
            stream.close()
    return lost, ""


def _wait_s(error: ClaudeError, hint: str, attempt: int, chance: Callable[[], float]) -> float | None:
    """Return the seconds before a retry, or None if the request is not retried."""
    requested_s = error.retry_after_s if isinstance(error, ApiError) else None
    may_pass = isinstance(error, (Overloaded, Unreached, StreamCut))
    if hint == "false" or not (may_pass or hint == "true") or (requested_s or 0) > LONGEST_WAIT_S:
        return None
    return requested_s or min(0.5 * 2**attempt, 8.0) * (1 - 0.25 * chance())


def _count_down(error: ClaudeError, wait_s: float, try_of: str, stop: Stop) -> Iterator[Chunk]:
    """Wait, and yield a notice about once a second.

    Example: "overloaded, trying again in 2 s (1 of 2)".
    """
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
        # In ASCII, so that half a surrogate pair is sent as an escape. UTF-8 cannot encode it.
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    raise PromptError("this request cannot be written as JSON; use only numbers and texts in it")

"""What a server says when it says no, in one typed line that names the cause and the next step.

Every shape of error body is read: nested and flat objects, lists of messages, plain text, a web page, nothing.
Whether another try makes sense is in the type: only Overloaded is worth one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from claude_nb.errors import ApiError, AuthError, BadRequest, Overloaded
from claude_nb.providers import error_bodies
from claude_nb.providers.sse import read_object

SHOWN_CHARS = 300
PARAMS = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "seed")
OTHER_NAMES = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop": "stop_sequences"}
REQUEST_ID_HEADERS = ("x-inference-id", "request-id", "x-request-id", "x-generation-id")
NO_MONEY = re.compile(
    r"(?i)out of (credits|funds)|credit balance|insufficient.?(credits|funds|quota|balance)|spend.?limit|billing"
)
BUDGET = re.compile(
    r"(?i)budget.{0,12}exceeded|exceeded.?budget|over .{0,12}budget"
)  # of a key that a gateway gave out
TOO_LONG = re.compile(r"(?i)context.?(length|window|limit)|prompt is too long|too many tokens|maximum context")
VERIFY = re.compile(r"(?i)verif")

STATUS_OF_TYPE = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "invalid_request_error": 400,
    "BadRequestError": 400,
    "conflict_error": 409,
    "rate_limit_error": 429,
    "api_error": 500,
    "server_error": 500,
    "InternalServerError": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    host: str,
    found: str | None = None,
    clean: Callable[[str], str] = str,
) -> ApiError:
    """The error of a response: from_response(529, {}, b"", host="api.example.com") -> Overloaded.

    headers  names in lower case
    found    where the key came from, for people: "environment variable AIMLAPI_API_KEY"
    clean    applied to every text of the server before it is shown; redacts the key
    """
    data = read_object(body)
    said = clean(error_bodies.said(data, body, headers))
    words = " ".join((said, *error_bodies.codes(data or {})))
    broke = (status == 429 and NO_MONEY.search(words)) or (status < 500 and BUDGET.search(words))
    kind = AuthError if broke else _class_of(status)
    param = _param(data or {}, said) if kind is BadRequest else None
    return kind(
        f"{host} {_cause(status)}{_quoted(said)}; {_next_step(status, words, headers, found, param)}",
        status=status,
        request_id=clean(request_id(headers) or error_bodies.own_id(data or {})) or None,
        retry_after_s=retry_after_s(headers),
        param=param,
    )


def from_event(data: Mapping[str, Any]) -> ApiError:
    """The error that an object inside a reply reports: from_event({"error": {"type": "overloaded_error"}})."""
    said = "; ".join(error_bodies.messages(dict(data)))
    codes = list(error_bodies.codes(data))
    status = next(filter(None, map(_status_in, codes)), None)
    words = " ".join((said, *codes))
    kind = ApiError if status is None else AuthError if NO_MONEY.search(words) else _class_of(status)
    param = _param(data, said) if kind is BadRequest else None
    step = _next_step(status or 500, words, {}, None, param)
    quoted = _quoted(said or ", ".join(codes))
    return kind(
        f"the server broke off with an error{quoted}; {step}", request_id=error_bodies.own_id(data) or None, param=param
    )


def is_error(data: Mapping[str, Any]) -> bool:
    """True for an object that reports an error, in any of the shapes servers use inside a reply."""
    if data.get("error") or data.get("type") == "error" or data.get("object") == "error":
        return True
    if not data.get("message"):
        return False
    return _status_in(str(data.get("statusCode") or data.get("status") or "")) is not None


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds the server asks to wait, from retry-after-ms or retry-after (seconds or a date); None: not said."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return max(0.0, (moment - (now or datetime.now(timezone.utc))).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The server's id of this request, under any of the names in use; None if it sent none."""
    return next((error_bodies.line(headers[name], 100) for name in REQUEST_ID_HEADERS if headers.get(name)), None)


def _class_of(status: int) -> type[ApiError]:
    if status in (401, 402, 403, 407):
        return AuthError
    return Overloaded if status in (408, 409, 429) or status >= 500 else BadRequest


def _cause(status: int) -> str:
    if 300 <= status < 400:
        return f"redirects to another address ({status}), which is never followed: key and prompt stay here"
    causes = {
        401: "refused the key",
        402: "wants payment first",
        403: "does not allow this",
        404: "does not know this address or model",
        408: "gave up waiting",
        413: "finds the request too large",
        429: "gets too many requests",
        503: "is overloaded",
        529: "is overloaded",
    }
    if status >= 500:
        return f"{causes.get(status, 'has a fault')} ({status})"
    return f"{causes.get(status, 'does not take this request')} ({status})"


def _next_step(  # noqa: C901, PLR0911 - a table of cases, each with its own advice
    status: int, words: str, headers: Mapping[str, str], found: str | None, param: str | None
) -> str:
    if 300 <= status < 400:
        return f"if you trust {_origin(headers.get('location', ''))}, set base_url to it"
    if BUDGET.search(words):
        return "ask whoever gave you the key for more; -p demo goes on for free"
    if status in (402, 403) or NO_MONEY.search(words):
        if VERIFY.search(words):
            return "verify the account at the provider, then try again"
        return "check credits, spend limit and verification of the account at the provider"
    if status == 401:
        origin = f" (from {found})" if found else ""
        return f"check that the key{origin} was copied whole, or set another one with %claude /login"
    if status == 404:
        return "check the model id, and the base URL: it ends in /v1, without /chat/completions"
    if status == 413:
        return "send less text"
    if status == 429:
        wait = retry_after_s(headers)
        return "wait a little and run it again" if wait is None else f"try again in {_span(wait)}"
    if status in (408, 409) or status >= 500:
        wait = retry_after_s(headers)
        return "run it again" if wait is None else f"try again in {_span(wait)}"
    if TOO_LONG.search(words):
        return "shorten the prompt, or start a new conversation"
    if param == "max_tokens":
        return "choose a smaller max_tokens"
    if param:
        both = [name for name in PARAMS if re.search(rf"\b{name}\b", words)]
        return f"leave out {' or '.join(both if len(both) > 1 else [param])}"
    return "change the request as it says"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _origin(location: str) -> str:
    try:
        parts = urlsplit(location)
        host = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "that address"
    return error_bodies.line(host, 100) if parts.scheme and parts.hostname else "that address"


def _status_in(code: str) -> int | None:
    if code in STATUS_OF_TYPE:
        return STATUS_OF_TYPE[code]
    return int(code) if re.fullmatch(r"[45]\d\d", code, re.ASCII) else None


def _param(data: Mapping[str, Any], said: str) -> str | None:
    """The request field that the server names as the cause."""
    for item in error_bodies.objects(data):
        named = item.get("param")
        if isinstance(named, str) and OTHER_NAMES.get(named, named) in PARAMS:
            return OTHER_NAMES.get(named, named)
    for name in (*PARAMS, *OTHER_NAMES):
        if name not in ("stop", "seed") and re.search(rf"\b{name}\b", said):
            return OTHER_NAMES.get(name, name)
    return "seed" if re.search(r"[`'\"]seed\b|\bseed[:`'\"]", said) else None


def _quoted(said: str) -> str:
    line = error_bodies.line(said, SHOWN_CHARS).rstrip(".;")
    return f': "{line}"' if line else ""

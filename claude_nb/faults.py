"""What a server says when it says no, in one typed line that names the cause and the next step.

Every shape of error body is read: nested and flat objects, lists of messages, plain text, a web page, nothing.
Whether another try makes sense is in the type: only Overloaded is worth one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from claude_nb.errors import ApiError, AuthError, BadRequest, Overloaded
from claude_nb.sse import read_object

SHOWN_CHARS = 300
PARAMS = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "seed")
OTHER_NAMES = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop": "stop_sequences"}
REQUEST_ID_HEADERS = ("x-inference-id", "request-id", "x-request-id", "x-generation-id")
TEXT_KEYS = ("message", "msg", "detail", "reason", "description", "error_description", "title")
NO_MONEY = re.compile(
    r"(?i)out of (credits|funds)|credit balance|insufficient.?(credits|funds|quota|balance)|spend.?limit|billing"
)
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
    said = clean(_said(data, body, headers))
    words = " ".join((said, *_codes(data or {})))
    broke = status == 429 and NO_MONEY.search(words)
    kind = AuthError if broke else _class_of(status)
    param = _param(data or {}, said) if kind is BadRequest else None
    return kind(
        f"{host} {_cause(status)}{_quoted(said)}; {_next_step(status, words, headers, found, param)}",
        status=status,
        request_id=request_id(headers) or _line(clean(_own_id(data or {})), 100) or None,
        retry_after_s=retry_after_s(headers),
        param=param,
    )


def from_event(data: Mapping[str, Any]) -> ApiError:
    """The error that an object inside a reply reports: from_event({"error": {"type": "overloaded_error"}})."""
    said = "; ".join(_messages(dict(data)))
    codes = list(_codes(data))
    status = next(filter(None, map(_status_in, codes)), None)
    words = " ".join((said, *codes))
    kind = ApiError if status is None else AuthError if NO_MONEY.search(words) else _class_of(status)
    param = _param(data, said) if kind is BadRequest else None
    step = _next_step(status or 500, words, {}, None, param)
    quoted = _quoted(said or ", ".join(codes))
    return kind(f"the server broke off with an error{quoted}; {step}", request_id=_own_id(data) or None, param=param)


def is_error(data: Mapping[str, Any]) -> bool:
    """True for an object that reports an error, in any of the shapes servers use inside a reply."""
    if data.get("error") or data.get("type") == "error" or data.get("object") == "error":
        return True
    flat = _status_in(str(data.get("statusCode") or data.get("status") or ""))
    return flat is not None and bool(data.get("message"))


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
    return next((_line(headers[name], 100) for name in REQUEST_ID_HEADERS if headers.get(name)), None)


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
    if status in (402, 403) or NO_MONEY.search(words):
        if VERIFY.search(words):
            return "verify the account at the provider, then try again"
        return "check credits, spend limit and verification of the account at the provider"
    if status == 401:
        origin = f" (from {found})" if found else ""
        return f"check that the key{origin} was copied whole, or set another one with %claude login"
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
    return _line(host, 100) if parts.scheme and parts.hostname else "that address"


def _said(data: Mapping[str, Any] | None, body: bytes, headers: Mapping[str, str]) -> str:
    """The server's own words on one line; "" when it said nothing."""
    if data is not None:
        return "; ".join(_messages(dict(data))) or ", ".join(_codes(data))
    text = body.decode("utf-8", "replace").strip()
    if "html" in headers.get("content-type", "") or text[:200].lower().startswith(("<!doctype", "<html")):
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
        return f"a web page titled {_line(title[1], 100)}" if title else "a web page"
    return text


def _messages(value: object, depth: int = 0) -> list[str]:
    """Texts for people in an error body, the innermost error first, each one once."""
    if depth > 4 or not value:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        found = [text for item in value[:4] for text in _messages(item, depth + 1)]
    elif isinstance(value, dict):
        found = _messages(value.get("error"), depth + 1)
        where = value.get("path") or value.get("loc")
        place = ".".join(map(str, where[:8])) + ": " if isinstance(where, list) else ""
        if isinstance(where, str) and not where.startswith("/"):
            place = f"{where}: "
        for key in TEXT_KEYS[:-1] if found else TEXT_KEYS:
            texts = _messages(value.get(key), depth + 1)
            found += [place + text for text in texts]
            if texts:
                break
        found += [text for item in value.values() if _is_list_of_details(item) for text in _messages(item, depth + 1)]
    else:
        return []
    return list(dict.fromkeys(found))


def _is_list_of_details(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(item, dict) and ("path" in item or "loc" in item) for item in value
    )


def _objects(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The error object, what is nested in it, and the body around them."""
    inner = data.get("error")
    for outer in (inner, data):
        if isinstance(outer, Mapping):
            yield outer
            yield from (outer[key] for key in ("details", "data", "metadata") if isinstance(outer.get(key), Mapping))


def _codes(data: Mapping[str, Any]) -> Iterator[str]:
    """The machine's names for the error: "overloaded_error", "429", "err_insufficient_credits"."""
    for item in _objects(data):
        for key in ("type", "code", "name", "kind", "error_code", "statusCode", "status"):
            value = item.get(key)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value not in ("", "error"):
                yield _line(str(value)[:200], 60)


def _status_in(code: str) -> int | None:
    if code in STATUS_OF_TYPE:
        return STATUS_OF_TYPE[code]
    return int(code) if re.fullmatch(r"[45]\d\d", code, re.ASCII) else None


def _own_id(data: Mapping[str, Any]) -> str:
    value = data.get("requestId") or data.get("request_id")
    return _line(value, 100) if isinstance(value, str) else ""


def _param(data: Mapping[str, Any], said: str) -> str | None:
    """The request field that the server names as the cause."""
    for item in _objects(data):
        named = item.get("param")
        if isinstance(named, str) and OTHER_NAMES.get(named, named) in PARAMS:
            return OTHER_NAMES.get(named, named)
    for name in (*PARAMS, *OTHER_NAMES):
        if name not in ("stop", "seed") and re.search(rf"\b{name}\b", said):
            return OTHER_NAMES.get(name, name)
    return "seed" if re.search(r"[`'\"]seed\b|\bseed[:`'\"]", said) else None


def _quoted(said: str) -> str:
    line = _line(said, SHOWN_CHARS).rstrip(".;")
    return f': "{line}"' if line else ""


def _line(text: str, limit: int) -> str:
    """One line without control characters, at most *limit* characters."""
    head = " ".join(text[: limit * 4].split())
    shown = "".join(c for c in head if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"

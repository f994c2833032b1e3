"""Convert an error response to a typed error.

Its one line names the cause and the next step. The type says whether a retry makes sense: only Overloaded is worth one.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from claude_nb.errors import ApiError, AuthError, BadRequest, Overloaded
from claude_nb.providers import error_bodies
from claude_nb.providers.sse import read_object
from claude_nb.render.chars import one_line
from claude_nb.safe_text.redaction import MASK, redact

SHOWN_CHARS = 300
PARAMS = ("temperature", "top_p", "top_k", "max_tokens", "stop_sequences", "seed")
OTHER_NAMES = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop": "stop_sequences"}
# The server's own name first, then those of gateways: LiteLLM, Azure, Cloudflare, Helicone, Portkey, Amazon.
REQUEST_ID_HEADERS = (
    *("x-inference-id", "request-id", "x-request-id", "x-generation-id", "x-litellm-call-id", "apim-request-id"),
    *("cf-aig-log-id", "helicone-id", "x-portkey-trace-id", "x-amzn-requestid"),
)
COST_HEADERS = ("x-aimlapi-usd-spent", "x-litellm-response-cost")
GATEWAY = "llm_provider-"  # LiteLLM passes the headers of the model's own server on under such names
NO_MONEY = re.compile(
    r"(?i)out of (credits|funds)|credit balance|insufficient.?(credits|funds|quota|balance)|spend.?limit|billing"
)
# Gateways such as LiteLLM give out keys with a budget.
BUDGET = re.compile(r"(?i)budget.{0,12}exceeded|exceeded.?budget|over .{0,12}budget")
# The beginning of a mask that was cut.
_CUT_MASK = re.compile(rf"(?:{'|'.join(re.escape(MASK[:n]) for n in range(len(MASK) - 1, 0, -1))})…\Z")
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
) -> ApiError:
    """Return the error of a response.

    Example: from_response(529, {}, b"", host="api.example.com") -> Overloaded.

    headers  names in lower case
    found    where the key was found: "environment variable AIMLAPI_API_KEY"
    """
    data = read_object(body)
    message = error_bodies.message(data, body, headers)
    words = " ".join((message, *error_bodies.codes(data or {})))
    no_money = (status == 429 and NO_MONEY.search(words)) or (status < 500 and BUDGET.search(words))
    kind = AuthError if no_money else _class_of(status)
    param = _param(data or {}, message) if kind is BadRequest else None
    return kind(
        f"{host} {_cause(status)}{_quoted(message)}; {_next_step(status, words, headers, found, param)}",
        status=status,
        request_id=request_id(headers) or error_bodies.request_id(data or {}) or None,
        retry_after_s=retry_after_s(headers),
        param=param,
    )


def from_event(data: Mapping[str, Any]) -> ApiError:
    """Return the error that an object in a stream reports.

    Example: from_event({"error": {"type": "overloaded_error"}}).
    """
    message = "; ".join(error_bodies.messages(dict(data)))
    codes = list(error_bodies.codes(data))
    status = next(filter(None, map(_status_in, codes)), None)
    words = " ".join((message, *codes))
    kind = ApiError if status is None else AuthError if NO_MONEY.search(words) else _class_of(status)
    param = _param(data, message) if kind is BadRequest else None
    step = _next_step(status or 500, words, {}, None, param)
    quoted = _quoted(message or ", ".join(codes))
    body_id = error_bodies.request_id(data) or None
    return kind(f"the server ended the reply with an error{quoted}; {step}", request_id=body_id, param=param)


def is_error(data: Mapping[str, Any]) -> bool:
    """Return whether an object in a stream reports an error, in any shape in use."""
    if data.get("error") or data.get("type") == "error" or data.get("object") == "error":
        return True
    if not data.get("message"):
        return False
    return _status_in(str(data.get("statusCode") or data.get("status") or "")) is not None


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds to wait by retry-after-ms or retry-after, or None.

    A gateway may pass them on under names of its own.
    """
    found = (_retry_after_s(headers, prefix, now) for prefix in ("", GATEWAY))
    return next((seconds for seconds in found if seconds is not None), None)


def _retry_after_s(headers: Mapping[str, str], prefix: str, now: datetime | None) -> float | None:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(prefix + name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        moment = parsedate_to_datetime(headers.get(f"{prefix}retry-after", ""))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return max(0.0, (moment - (now or datetime.now(timezone.utc))).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of the request, under any of the names in use.

    Returns None if it sent none.
    """
    return next((one_line(headers[name], 100) for name in REQUEST_ID_HEADERS if headers.get(name)), None)


def cost_usd(headers: Mapping[str, str]) -> float | None:
    """Return what a gateway or AI/ML API charged, in US dollars; None if no header says so."""
    for name in COST_HEADERS:
        with contextlib.suppress(ValueError):
            usd = float(headers.get(name, ""))
            if math.isfinite(usd) and usd >= 0:
                return usd
    return None


def _class_of(status: int) -> type[ApiError]:
    if status in (401, 402, 403, 407):
        return AuthError
    return Overloaded if status in (408, 409, 429) or status >= 500 else BadRequest


def _cause(status: int) -> str:
    if 300 <= status < 400:
        return f"redirects to another address ({status}), which is never followed"
    causes = {
        401: "refused the key",
        402: "requires payment",
        403: "does not allow this",
        404: "does not know this address or model",
        408: "timed out",
        413: "rejects the request as too large",
        429: "received too many requests",
        503: "is overloaded",
        529: "is overloaded",
    }
    if status >= 500:
        return f"{causes.get(status, 'has an internal error')} ({status})"
    return f"{causes.get(status, 'rejects this request')} ({status})"


def _next_step(  # noqa: C901, PLR0911 - a table of cases, each with its own advice
    status: int, words: str, headers: Mapping[str, str], found: str | None, param: str | None
) -> str:
    if 300 <= status < 400:
        return f"if you trust {_origin(headers.get('location', ''))}, set base_url to it"
    if BUDGET.search(words):
        return "ask the owner of this key to raise its budget, or use the free demo model (-p demo)"
    if status in (402, 403) or NO_MONEY.search(words):
        if VERIFY.search(words):
            return "verify the account at the provider, then try again"
        return "check credits, spend limit and verification of the account at the provider"
    if status == 401:
        origin = f" (from {found})" if found else ""
        return f"check that the key{origin} is complete, or set another one with %claude /login"
    if status == 404:
        return "check the model id, and the base URL: it ends in /v1, without /chat/completions"
    if status == 413:
        return "send less text"
    if status == 429:
        wait = retry_after_s(headers)
        return "wait a moment and run it again" if wait is None else f"try again in {_span(wait)}"
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
    return "change the request as the server says" if words else "change the request"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _origin(location: str) -> str:
    try:
        parts = urlsplit(location)
        host = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return "that address"
    return one_line(host, 100) if parts.scheme and parts.hostname else "that address"


def _status_in(code: str) -> int | None:
    if code in STATUS_OF_TYPE:
        return STATUS_OF_TYPE[code]
    return int(code) if re.fullmatch(r"[45]\d\d", code, re.ASCII) else None


def _param(data: Mapping[str, Any], message: str) -> str | None:
    """Return the option that the server names as the cause; None if it names none."""
    for item in error_bodies.objects(data):
        param = item.get("param")
        if isinstance(param, str) and OTHER_NAMES.get(param, param) in PARAMS:
            return OTHER_NAMES.get(param, param)
    for name in (*PARAMS, *OTHER_NAMES):
        if name not in ("stop", "seed") and re.search(rf"\b{name}\b", message):
            return OTHER_NAMES.get(name, name)
    return "seed" if re.search(r"[`'\"]seed\b|\bseed[:`'\"]", message) else None


def _quoted(message: str) -> str:
    # Masked before it is cut, because half a key would not be found. The margin is longer than any key.
    line = one_line(redact(message[: 8 * SHOWN_CHARS]), SHOWN_CHARS)
    line = _CUT_MASK.sub("…", line).rstrip(".;")
    return f': "{line}"' if line else ""

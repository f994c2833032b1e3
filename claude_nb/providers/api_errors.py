"""Convert an error response to a typed error.

Its one line names the cause and the next step. The type says whether a retry makes sense: only Overloaded is worth one.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from claude_nb.errors import ApiError, AuthError, BadRequest, Overloaded
from claude_nb.providers import error_advice, error_bodies
from claude_nb.providers.error_advice import PARAMS
from claude_nb.providers.sse import Event
from claude_nb.render.chars import one_line
from claude_nb.safe_text.redaction import MASK, redact

SHOWN_CHARS = 300
MOST_WORDS = 4000
OTHER_NAMES = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop": "stop_sequences"}
# The server's own name first, then those of gateways: LiteLLM, Azure, Cloudflare, Helicone, Portkey, Amazon.
REQUEST_ID_HEADERS = (
    *("x-inference-id", "request-id", "x-request-id", "x-generation-id", "x-litellm-call-id", "apim-request-id"),
    *("cf-aig-log-id", "helicone-id", "x-portkey-trace-id", "x-amzn-requestid"),
)
COST_HEADERS = ("x-aimlapi-usd-spent", "x-litellm-response-cost")
GATEWAY = "llm_provider-"  # LiteLLM passes the headers of the model's own server on under such names
# The beginning of a mask that was cut.
_CUT_MASK = re.compile(rf"(?:{'|'.join(re.escape(MASK[:n]) for n in range(len(MASK) - 1, 0, -1))})…\Z")
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
    data = error_bodies.read(body)
    message = error_bodies.message(data, body, headers)
    words = " ".join((message, *error_bodies.codes(data or {})))
    topic, kind = error_advice.topic_of(status, words), _class_of(status)
    if topic == "budget" or (topic == "money" and kind is Overloaded):
        kind = AuthError  # another try would not help
    param = _param(data or {}, message) if kind is BadRequest else None
    wait_s, location = retry_after_s(headers), headers.get("location", "")
    step = error_advice.next_step(status, topic, words, param, found, wait_s, location)
    error = kind(
        f"{host} {error_advice.cause(status, topic)}{quoted(message)}; {step}",
        status=status,
        request_id=request_id(headers) or error_bodies.request_id(data or {}) or None,
        retry_after_s=wait_s,
        param=param,
    )
    error.words = _words_of(words, data or {})
    return error


def from_event(data: Mapping[str, Any]) -> ApiError:
    """Return the error that an object in a stream reports.

    Example: from_event({"error": {"type": "overloaded_error"}}).
    """
    message = "; ".join(error_bodies.messages(dict(data)))
    codes = list(error_bodies.codes(data))
    words = " ".join((message, *codes))
    status = next(filter(None, map(_status_in, codes)), None)
    topic = error_advice.topic_of(status, words)
    if status is None:
        status = {"key": 401, "rate": 429, "model": 404}.get(topic)
    kind = AuthError if topic in ("money", "budget", "key") else ApiError if status is None else _class_of(status)
    param = _param(data, message) if kind is BadRequest else None
    step = error_advice.next_step(status or 500, topic, words, param)
    body_id = error_bodies.request_id(data) or None
    said = quoted(message or ", ".join(codes))
    error = kind(f"the server ended the reply with an error{said}; {step}", request_id=body_id, param=param)
    error.words = _words_of(words, data)
    return error


def is_error(data: Mapping[str, Any]) -> bool:
    """Return whether an object in a stream reports an error, in any shape in use."""
    if data.get("error") or data.get("type") == "error" or data.get("object") == "error":
        return True
    if error_bodies.is_reply(data) or not any(map(_status_in, error_bodies.codes(data))):
        return False
    return bool(error_bodies.messages(dict(data)))


class Strays:
    """Objects that arrive with a reply but are no part of it: {"code": 1210, "msg": "the model is busy"}.

    A server may send news in between. So these words are an error only if the reply does not end as it should.
    """

    def __init__(self) -> None:
        self._error: Mapping[str, Any] | None = None
        self._news: Mapping[str, Any] | None = None  # an error only if nothing else arrives

    def watching(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events, and take in those that are no part of a reply."""
        for event in events:
            if '"delta"' not in event.data:  # nearly all have one, and reading each event twice takes time
                data = event.object()
                if data is not None:
                    self.seen(data)
                elif (text := event.data.strip()) and not text.startswith(("{", "[DONE]")):  # "{": it is damaged
                    self._news = error_bodies.read(text.encode()) or {"message": text}
            yield event

    def seen(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return an object, and take it in unless it is a part of a reply."""
        words = [] if error_bodies.is_reply(data) else error_bodies.messages(data)
        if words and not error_bodies.says_success(data):
            self._error = data
        elif words and words[0].lower() not in error_bodies.SUCCESS:
            self._news = data
        return data

    def check(self, *, arrived: bool) -> None:
        """Raise the error of a reply that ended without a reason; *arrived*: whether some of it did arrive."""
        if error := self._error or (None if arrived else self._news):
            raise from_event(error)


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


def _words_of(words: str, data: Mapping[str, Any]) -> str:
    """Return the words of an error with the names of the fields that it blames."""
    blamed = (item["param"] for item in error_bodies.objects(data) if isinstance(item.get("param"), str))
    return redact(" ".join((*dict.fromkeys(blamed), words))[:MOST_WORDS])


def quoted(message: str) -> str:
    """Return the words of a server for a message to the user: quoted("No.") -> ': "No"'."""
    # Masked before it is cut, because half a key would not be found. The margin is longer than any key.
    line = one_line(redact(message[: 8 * SHOWN_CHARS]), SHOWN_CHARS)
    line = _CUT_MASK.sub("…", line).rstrip(".;")
    return f': "{line}"' if line else ""

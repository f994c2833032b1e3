"""Error responses: every status, the bodies that servers send with it, requested waits, and redirects."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from tests.faults_table.wires import Fault, Messages, good
from tests.helpers.server import answer

OVERLOADED = ("overloaded, trying again in N s (1 of 2)", "overloaded, trying again in N s (2 of 2)")
REDIRECTS = "BadRequest: HOST redirects to another address (N), which is never followed; "


def in_an_hour(hours: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(hours=hours), usegmt=True)


def refused(status: int, given: bytes | dict[str, Any], says: str, name: str = "", **more: Any) -> Fault:
    """Return a Fault whose server answers every request with this status and body."""
    headers = more.pop("headers", None)
    kind = "text/html" if isinstance(given, bytes) and given.startswith(b"<") else ""
    scenario = answer(status, given, headers, kind)
    return Fault(name or f"{status}", lambda _: [scenario], says, **more)


def tried(reason: str) -> dict[str, Any]:
    return {"asked": 3, "notices": tuple(f"{reason}, trying again in N s ({i} of 2)" for i in (1, 2))}


ACCOUNT = "check credits, spend limit and verification of the account at the provider"
KEY_HINT = "check that the key (from environment variable TEST_KEY) is complete, or set another one with %claude /login"
STATUSES = (
    refused(400, b"", "BadRequest: HOST rejects this request (N); change the request"),
    refused(401, b"", f"AuthError: HOST refused the key (N); {KEY_HINT}"),
    refused(402, b"", f"AuthError: HOST requires payment (N); {ACCOUNT}"),
    refused(403, b"", f"AuthError: HOST does not allow this (N); {ACCOUNT}"),
    refused(
        404,
        b"",
        "BadRequest: HOST does not know this address or model (N); "
        "check the model id, and the base URL: it ends in /v1, without /chat/completions",
    ),
    refused(408, b"", "Overloaded: HOST timed out (N); run it again", **tried("server error N")),
    refused(409, b"", "Overloaded: HOST rejects this request (N); run it again", **tried("server error N")),
    refused(413, b"", "BadRequest: HOST rejects the request as too large (N); send less text"),
    refused(422, b"", "BadRequest: HOST rejects this request (N); change the request"),
    *(
        # LiteLLM 1.106 says 422, older ones 400 or 429: either way it does not help to ask again.
        refused(
            status,
            {
                "error": {
                    "message": "Budget has been exceeded! Key=pupil-07",
                    "type": "budget_exceeded",
                    "code": str(status),
                }
            },
            f'AuthError: HOST {cause} (N): "Budget has been exceeded! Key=pupil-07"; '
            "ask the owner of this key to raise its budget, or use the free demo model (-p demo)",
            f"{status}, a gateway's key without budget",
        )
        for status, cause in (
            (400, "rejects this request"),
            (422, "rejects this request"),
            (429, "rejects this request"),
        )
    ),
    refused(
        429,
        b"",
        "Overloaded: HOST received too many requests (N); wait a moment and run it again",
        **tried("too many requests"),
    ),
    *(
        refused(status, b"", "Overloaded: HOST has an internal error (N); run it again", **tried("server error N"))
        for status in (500, 502, 504)
    ),
    *(
        refused(status, b"", "Overloaded: HOST is overloaded (N); run it again", **tried("overloaded"))
        for status in (503, 529)
    ),
    Fault(
        "529, then 503, then works",
        lambda w: [answer(529), answer(503), good(w)],
        "",
        "Hello",
        "end",
        asked=3,
        notices=OVERLOADED,
    ),
)
BODIES = (
    refused(
        400,
        {
            "message": "Invalid payload provided",
            "issues": [{"path": ["messages", 2, "content"], "message": "Expected string"}],
        },
        "BadRequest: HOST rejects this request (N): "
        '"Invalid payload provided; messages.2.content: Expected string"; change the request as the server says',
        "400 with a list of details",
    ),
    refused(
        400,
        {"error": {"details": [{"path": "tools", "reason": "Expected array, received null"}]}},
        "BadRequest: HOST rejects this request (N): "
        '"tools: Expected array, received null"; change the request as the server says',
        "400 with details inside the error",
    ),
    refused(
        400,
        {"message": ["temperature must not be greater than 1", "top_p must be a number"], "statusCode": 400},
        "BadRequest: HOST rejects this request (N): "
        '"temperature must not be greater than 1; top_p must be a number"; leave out temperature or top_p',
        "400 with a list of messages",
    ),
    refused(
        400,
        {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}},
        f'BadRequest: HOST rejects this request (N): "Your credit balance is too low"; {ACCOUNT}',
        "400, but the credit is used up",
    ),
    refused(
        401,
        {"message": "This request requires a valid API key", "statusCode": 401, "requestId": "r-1"},
        f'AuthError: HOST refused the key (N): "This request requires a valid API key"; {KEY_HINT}',
        "401 with a flat object",
    ),
    refused(
        403,
        {
            "title": "Forbidden",
            "message": "You've run out of funds.",
            "error": {"name": "OutOfFundsException", "message": "No funds"},
        },
        f'AuthError: HOST does not allow this (N): "No funds; You\'ve run out of funds"; {ACCOUNT}',
        "403, out of funds",
    ),
    refused(
        403,
        b"<!DOCTYPE html><html><title>Just a moment</title></html>",
        'AuthError: HOST does not allow this (N): "a web page titled Just a moment"; check the base URL: it ends in '
        "/v1, without /chat/completions; a firewall or a proxy may also have answered",
        "403 with a web page",
    ),
    refused(
        413,
        b"<html><body>too large</body></html>",
        'BadRequest: HOST rejects the request as too large (N): "a web page that says too large"; send less text',
        "413 with a web page",
    ),
    refused(
        422,
        {"error": "just a text"},
        'BadRequest: HOST rejects this request (N): "just a text"; change the request as the server says',
        "422 with a text as error",
    ),
    refused(
        429,
        {"message": "Free-tier limit reached", "path": "/v1/chat/completions", "statusCode": "429"},
        'Overloaded: HOST received too many requests (N): "Free-tier limit reached"; wait a moment and run it again',
        "429 with the status as text",
        **tried("too many requests"),
    ),
    refused(
        429,
        {
            "error": {
                "type": "rate_limit_error",
                "message": "Spend limit",
                "details": {"error_code": "enforced_spend_limit_reached"},
            }
        },
        f'AuthError: HOST rejects this request (N): "Spend limit"; {ACCOUNT}',
        "429, the spend limit is reached",
    ),
    refused(
        500,
        {"statusCode": 500, "path": "/chat/completions", "message": "400 Unable to access model gpt-4o-mini. "},
        'Overloaded: HOST has an internal error (N): "400 Unable to access model gpt-4o-mini"; run it again',
        "500 with another error inside",
        **tried("server error N"),
    ),
    refused(
        502,
        b"<html><head><title>502 Bad Gateway</title></head></html>",
        'Overloaded: HOST has an internal error (N): "a web page titled 502 Bad Gateway"; run it again',
        "502 with a web page",
        **tried("server error N"),
    ),
    refused(
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"},
        'Overloaded: HOST is overloaded (N): "Overloaded"; run it again',
        "529 as Anthropic sends it",
        **tried("overloaded"),
    ),
)
FORMS = (
    Fault(
        "400, it does not stream; then it answers",
        lambda w: [
            answer(400, {"error": {"message": "Streaming is not supported by this model"}}),
            answer(200, w.whole("Hello")),
        ],
        "",
        "Hello",
        "end",
        asked=2,
        notices=("this server does not take stream; asking once more without",),
    ),
    Fault(
        "400, max_tokens is too high; then it answers",
        lambda w: [
            answer(400, {"error": {"message": "max_tokens is too large: this model supports at most 4096 tokens"}}),
            good(w),
        ],
        "",
        "Hello",
        "end",
        asked=2,
        notices=("this model writes at most 4,096 tokens; asking once more",),
        dialects=(Messages,),
    ),
    Fault(
        "400, max_tokens has another name; then it answers",
        lambda w: [
            answer(400, {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'"}}),
            good(w),
        ],
        "",
        "Hello",
        "end",
        asked=2,
        notices=("this model takes max_tokens as max_completion_tokens; asking once more",),
        dialects=(Messages,),
    ),
)
WAITS = (
    Fault(
        "Retry-After in seconds",
        lambda w: [answer(429, headers={"retry-after": "2"}), good(w)],
        "",
        "Hello",
        "end",
        asked=2,
        notices=("too many requests, trying again in N s (1 of 2)",) * 2,
    ),
    Fault(
        "Retry-After as a date",
        lambda w: [answer(503, headers={"retry-after": in_an_hour(-1)}), good(w)],
        "",
        "Hello",
        "end",
        asked=2,
        notices=OVERLOADED[:1],
    ),
    Fault(
        "Retry-After of two hours",
        lambda _: [answer(529, headers={"retry-after": "7200"})],
        "Overloaded: HOST is overloaded (N); try again in N min",
    ),
    Fault(
        "Retry-After as a date in two hours",
        lambda _: [answer(429, headers={"retry-after": in_an_hour(2)})],
        "Overloaded: HOST received too many requests (N); try again in N min",
    ),
    Fault(
        "a redirect",
        lambda _: [answer(307, headers={"location": "https://other.example/v1"})],
        REDIRECTS + "if you trust https://other.example, set base_url to it",
    ),
    Fault(
        "a redirect to nowhere", lambda _: [answer(301)], REDIRECTS + "if you trust that address, set base_url to it"
    ),
)

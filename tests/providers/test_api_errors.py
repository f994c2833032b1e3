"""Every shape of error body becomes one typed line that names the cause and the next step."""

from __future__ import annotations

import json
import pickle
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claude_nb.errors import ApiError, AuthError, BadRequest, Overloaded
from claude_nb.providers import api_errors

HOST = "api.example.com"


def fault(status: int, body: object = b"", **headers: str) -> ApiError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api_errors.from_response(status, {n.replace("_", "-"): v for n, v in headers.items()}, data, host=HOST)


BODIES: list[tuple[int, object, str]] = [
    (
        429,
        {"message": "Free-tier limit: 10 an hour", "path": "/v1/chat", "requestId": "798b", "statusCode": "429"},
        "Free-tier limit: 10 an hour",
    ),
    (
        500,
        {"requestId": "r", "statusCode": 500, "path": "/chat", "message": "400 Unable to access model gpt. "},
        "400 Unable to access model gpt",
    ),
    (
        403,
        {
            "title": "Forbidden",
            "status": 403,
            "message": "out",
            "error": {"name": "OutOfFunds", "message": "You've run out of funds"},
        },
        "You've run out of funds",
    ),
    (
        400,
        {"error": {"details": [{"path": "tools", "reason": "Expected array, received null"}]}},
        "tools: Expected array, received null",
    ),
    (
        400,
        {"message": "Invalid payload", "errors": [{"path": ["messages", 2, "content"], "message": "Expected string"}]},
        "messages.2.content: Expected string",
    ),
    (400, {"error": {"message": "Plain words"}}, "Plain words"),
    (400, {"error": "Only a string"}, "Only a string"),
    (400, {"message": ["first", "second"]}, "first; second"),
    (422, {"detail": [{"loc": ["body", "model"], "msg": "field required"}]}, "body.model: field required"),
    (422, {"detail": "Not so"}, "Not so"),
    (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "messages: empty"},
            "request_id": "req_1",
        },
        "messages: empty",
    ),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "Overloaded"),
    (500, {"error": {"type": "api_error", "message": None}}, "api_error"),
    (
        502,
        b"<html><head><title>502 Bad\nGateway</title></head><body>nginx</body></html>",
        "a web page titled 502 Bad Gateway",
    ),
    (403, b"<!DOCTYPE html><p>no title", "a web page"),
    (503, b"upstream connect error", "upstream connect error"),
    (500, b"\xff\xfe broken", "broken"),
    # lists
    (400, [{"error": {"code": 400, "message": "in a list", "status": "INVALID_ARGUMENT"}}], "in a list"),
    (400, {"errors": ["first", "second"]}, "first; second"),
    (400, {"result": None, "success": False, "errors": [{"code": 7009, "message": "of a list"}]}, "of a list"),
    (400, {"errors": {"max_tokens": ["must be small"]}}, "max_tokens: must be small"),
    (422, {"max_tokens": ["must be small"]}, "max_tokens: must be small"),
    # nested
    (
        500,
        {"Response": {"Error": {"Code": "FailedOperation", "Message": "deep words"}, "RequestId": "r"}},
        "deep words",
    ),
    (400, {"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "login fail"),
    (400, {"header": {"code": 10013, "message": "of a header"}}, "of a header"),
    (400, {"fault": {"faultstring": "of a fault", "detail": {"errorcode": "x.y"}}}, "of a fault"),
    (400, {"object": "error", "message": {"detail": [{"loc": ["body", "x"], "msg": "extra"}]}}, "body.x: extra"),
    (400, {"error": {"message": "Provider error", "metadata": {"raw": '{"error":{"message":"raw"}}'}}}, "error; raw"),
    # other names
    (400, {"errorMessage": "camel"}, "camel"),
    (400, {"error_code": 336000, "error_msg": "snake"}, "snake"),
    (400, {"Message": "capital", "__type": "ThrottlingException"}, "capital"),
    (400, {"type": "about:blank", "title": "Bad", "detail": "of a problem", "status": 400}, "of a problem"),
    # JSON in a string, Python in a string
    (400, {"error": '{"error": {"message": "inner", "code": 429}}'}, '"inner"'),
    (400, '{"error": {"message": "twice"}}', '"twice"'),
    (400, "just a string", '"just a string"'),
    (400, {"error": {"message": 'X - b\'{"type":"error","error":{"message":"in bytes"}}\''}}, '"X: in bytes"'),
    (400, b"Error code: 400 - {'error': {'message': \"can't\", 'type': 'x'}}", '"Error code: 400: can\'t"'),
    (400, b'{"error": {"message": "cut he', "cut he"),
    # other encodings, events, pages
    (400, b'\xef\xbb\xbf{"error":{"message":"bom"}}', '"bom"'),
    (400, '{"error":{"message":"utf16"}}'.encode("utf-16"), '"utf16"'),
    (400, b'event: error\ndata: {"error":{"message":"an event"}}\n\ndata: [DONE]\n\n', '"an event"'),
    (400, b'{"error":{"message":"line one"}}\n{"done":true}\n', '"line one"'),
    (403, b'<?xml version="1.0"?><Error><Code>No</Code><Message>of XML</Message></Error>', '"of XML"'),
    (403, b"<html><body><h1>403 Forbidden</h1><p>nginx</p></body></html>", "a web page titled 403 Forbidden"),
    (404, b"<html><body>Only a &amp; b</body></html>", "a web page that says Only a & b"),
    (500, b'["a list"]', "a list"),
]


@pytest.mark.parametrize(("status", "body", "words"), BODIES)
def test_the_servers_own_words_are_shown_whatever_the_shape(status: int, body: object, words: str) -> None:
    error = fault(status, body)

    assert words in str(error)
    assert "\n" not in str(error)
    assert HOST in str(error)
    assert error.status == status


STATUSES: list[tuple[int, type[ApiError], str]] = [
    (307, BadRequest, "never followed"),
    (400, BadRequest, "change the request"),
    (401, AuthError, "is complete"),
    (402, AuthError, "credits"),
    (403, AuthError, "credits"),
    (404, BadRequest, "/v1"),
    (408, Overloaded, "run it again"),
    (409, Overloaded, "run it again"),
    (413, BadRequest, "send less"),
    (418, BadRequest, "change the request"),
    (422, BadRequest, "change the request"),
    (429, Overloaded, "wait a moment"),
    (500, Overloaded, "run it again"),
    (503, Overloaded, "overloaded"),
    (524, Overloaded, "run it again"),
    (529, Overloaded, "overloaded"),
]


@pytest.mark.parametrize(("status", "kind", "advice"), STATUSES)
def test_a_status_without_a_body_still_says_cause_and_next_step(status: int, kind: type[ApiError], advice: str) -> None:
    error = fault(status)

    assert type(error) is kind
    assert advice in str(error)


def test_a_refused_key_names_where_it_came_from() -> None:
    found = "environment variable AIMLAPI_API_KEY"

    assert found in str(api_errors.from_response(401, {}, b"", host=HOST, found=found))


def test_a_spend_limit_is_not_an_overload_and_is_not_retried() -> None:
    body = {"error": {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}}

    assert type(fault(429, body)) is AuthError
    assert type(fault(429, {"error": {"code": "insufficient_quota", "message": "quota"}})) is AuthError
    assert type(fault(429, {"error": {"type": "rate_limit_error"}})) is Overloaded


def test_an_account_without_credit_is_recognized_with_status_400_too() -> None:
    assert "credits" in str(fault(400, {"error": {"message": "Your credit balance is too low"}}))


ACCOUNT = "check credits, spend limit and verification of the account"
KEY, MODEL, URL = "check that the key", "check the model id (-m)", "check the base URL: it ends in /v1"
USAGE = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
RPM = (
    "Rate limit reached for gpt-4 on requests per min (RPM): Limit 3, Used 3. Add a payment method at /account/billing."
)
NEXT_STEPS: list[tuple[int, str, str, str]] = [
    # money, under any status
    (400, "invalid_request_error", USAGE, ACCOUNT),
    (404, "not_found_error", USAGE, ACCOUNT),
    (402, "", "Insufficient Balance", ACCOUNT),
    (400, "", "余额不足", ACCOUNT),
    (403, "", "Your organization has been disabled because of an unpaid invoice", ACCOUNT),
    (
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
        ACCOUNT,
    ),
    (500, "", "402 You have run out of credits", ACCOUNT),
    (404, "", "Budget has been exceeded! Current cost: 1.0, Max budget: 0.5", "raise its budget"),
    (400, "budget_exceeded", "ExceededBudget: User over budget. Spend=0.0012, Budget=0.001", "raise its budget"),
    (401, "", "Budget has been exceeded!", "raise its budget"),
    # no money
    (429, "rate_limit_exceeded", RPM, "wait a moment"),
    (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", "wait a moment"),
    (429, "", "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'", "wait a moment"),
    (403, "permission_error", "Your API key does not have permission to use this resource.", "what this key"),
    (403, "unsupported_country", "Country, region, or territory not supported", "what this key"),
    # the key
    (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", KEY),
    (403, "", "Invalid API key provided", KEY),
    (422, "", "Missing bearer or API key", KEY),
    # the model, or the address
    (404, "model_not_found", "The model `gpt-9` does not exist or you do not have access to it.", MODEL),
    (404, "NOT_FOUND", "models/gemini-9 is not found for API version v1main", MODEL),
    (400, "", "gpt-9 is not a valid model ID", MODEL),
    (400, "", "Invalid model name passed in model=gpt-9", MODEL),
    (404, "not_found_error", "model: claude-9", MODEL),
    (404, "", "No endpoints found that support tool use", "choose another model"),
    (404, "", "Not Found", "check the model id, and the base URL"),
    (405, "", "Method Not Allowed", URL),
    (400, "", "This model is not available in your region", "change the request"),
    # max_tokens
    (400, "", "max_tokens: 8192 > 4096, which is the maximum allowed for claude-3-haiku", "smaller max_tokens"),
    (400, "", "max_tokens is too large: 100000. This model supports at most 16384", "smaller max_tokens"),
    (400, "", "max_tokens must be at least 1", "larger max_tokens"),
    (400, "", "`max_tokens` must be greater than `thinking.budget_tokens`", "larger max_tokens"),
    (400, "", "max_tokens: Field required", "set max_tokens"),
    (400, "", "max_tokens: Extra inputs are not permitted", "leave out max_tokens"),
    (400, "", "Unrecognized request argument supplied: max_tokens", "leave out max_tokens"),
    (400, "", "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'.", "leave out max"),
    (400, "", "max_tokens must be a multiple of 8", "change max_tokens as the server says"),
    (400, "", "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000", "or choose a smaller max"),
    (400, "", "maximum context length is 8192 tokens, but you sent 9000", "shorten the prompt, or start a new"),
]


@pytest.mark.parametrize(("status", "code", "message", "step"), NEXT_STEPS)
@pytest.mark.parametrize("streamed", [False, True], ids=["response", "event"])
def test_the_next_step_fits_the_error(status: int, code: str, message: str, step: str, streamed: bool) -> None:
    body = {"error": {"message": message, "type": code, "code": status}}

    error = api_errors.from_event(body) if streamed else fault(status, body)

    assert step in str(error).rpartition('"; ')[2]
    assert message in error.words


def test_an_error_that_another_try_does_not_help_is_not_retried() -> None:
    for status in (429, 500):
        assert type(fault(status, {"error": {"message": "You have run out of credits"}})) is AuthError


def test_a_page_of_any_length_is_read_with_plain_searches() -> None:
    pages = [b"<title" * 10_000, b"<title>" * 9_000, b"<" * 60_000, b"<html>" + b"<h1" * 20_000, b"<a <a" * 12_000]
    for page in pages:
        assert "\n" not in str(fault(502, page, content_type="text/html"))


def test_litellm_passes_on_how_long_its_provider_asks_to_wait() -> None:
    assert fault(429, llm_provider_retry_after="99").retry_after_s is None  # the name has an underscore
    assert api_errors.retry_after_s({"llm_provider-retry-after": "99"}) == 99


def test_a_repeated_message_is_shown_once() -> None:
    body = {"message": "You've run out of funds.", "error": {"message": "You've run out of funds. Top up"}}

    assert str(fault(403, body)).count("run out of funds") == 1


def test_an_account_that_needs_verification_is_recognized() -> None:
    assert "verify the account" in str(fault(403, {"message": "Account verification required"}))


PARAMS: list[tuple[str, str | None, str]] = [
    (
        "`temperature` and `top_p` cannot both be specified for this model.",
        "temperature",
        "leave out temperature or top_p",
    ),
    ("`temperature` is deprecated for this model.", "temperature", "leave out temperature"),
    ("top_k: extra inputs are not permitted", "top_k", "leave out top_k"),
    ("max_tokens: 200000 > 64000, the maximum", "max_tokens", "smaller max_tokens"),
    ("'max_completion_tokens' is too large", "max_tokens", "smaller max_tokens"),
    ("stop_sequences: each must hold more than blanks", "stop_sequences", "leave out stop_sequences"),
    ("Unknown name 'seed'", "seed", "leave out seed"),
    ("please stop that", None, "change the request"),
    ("prompt is too long: 205000 tokens > 200000 maximum", None, "shorten the prompt"),
]


@pytest.mark.parametrize(("message", "param", "advice"), PARAMS)
def test_the_option_that_the_server_blames_is_recognized(message: str, param: str | None, advice: str) -> None:
    error = fault(400, {"error": {"message": message}})

    assert error.param == param
    assert advice in str(error)


def test_a_field_that_the_server_gives_as_param_counts() -> None:
    assert fault(400, {"error": {"message": "Unsupported value", "param": "stop"}}).param == "stop_sequences"


WAITS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"retry-after": "7"}, 7.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
    ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
    ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
    ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
    ({"retry-after": "86400"}, 86400.0),
    *[
        ({"retry-after": junk}, None)
        for junk in ("-1", "nan", "inf", "1e999", "tomorrow", "", "Sun, 99 Nov 2026", "٣x")
    ],
]


@pytest.mark.parametrize(("headers", "seconds"), WAITS)
def test_how_long_to_wait_is_read_from_seconds_dates_and_milliseconds(
    headers: dict[str, str], seconds: float | None
) -> None:
    now = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)

    assert api_errors.retry_after_s(headers, now=now) == seconds


def test_a_long_wait_is_given_in_minutes() -> None:
    error = fault(429, retry_after="3600")

    assert error.retry_after_s == 3600
    assert "60 min" in str(error)


@pytest.mark.parametrize("name", ["x-inference-id", "request-id", "x-request-id", "x-generation-id"])
def test_the_request_id_is_kept_for_the_servers_support(name: str) -> None:
    assert api_errors.from_response(500, {name: "req_1"}, b"", host=HOST).request_id == "req_1"


def test_a_request_id_in_the_body_counts_too() -> None:
    assert fault(500, {"requestId": "req_2"}).request_id == "req_2"


def test_a_redirect_names_the_other_place_without_its_path() -> None:
    assert "if you trust https://evil.example:8443, set" in str(
        fault(302, location="https://evil.example:8443/?k=secret")
    )
    assert "secret" not in str(fault(302, location="https://evil.example/?k=secret"))
    assert "if you trust that address" in str(fault(302, location="http://[bad"))


@pytest.mark.parametrize("before", range(270, 310, 3))
def test_server_texts_are_masked_before_they_are_cut(before: int) -> None:
    body = json.dumps({"message": "x" * before + " sk-a1b2c3d4e5f6a1b2c3d4e5f6"}).encode()

    error = api_errors.from_response(401, {}, body, host=HOST)

    assert "sk-" not in str(error)
    assert ("[key]" in str(error)) == ("[" in str(error))  # the mask is whole, or not there


def test_a_long_or_unreadable_text_is_shown_short_and_clean() -> None:
    error = fault(500, "a\x1b[31m\x9b\u202e".encode() + b"b" * 60_000)

    assert len(str(error)) < 500
    assert str(error).isprintable()


EVENTS: list[tuple[dict[str, Any], type[ApiError]]] = [
    ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, Overloaded),
    ({"type": "error", "error": {"type": "invalid_request_error", "message": "No"}}, BadRequest),
    ({"error": {"type": "authentication_error"}}, AuthError),
    ({"error": {"code": 429, "message": "slow down"}}, Overloaded),
    ({"error": {"code": 402, "message": "pay"}}, AuthError),
    ({"error": {"code": "insufficient_quota", "message": "quota", "type": "rate_limit_error"}}, AuthError),
    ({"statusCode": "503", "message": "maintenance"}, Overloaded),
    ({"object": "error", "message": "No", "code": 400}, BadRequest),
    ({"code": 1210, "msg": "Rate limit reached"}, Overloaded),
    ({"code": "InvalidApiKey", "message": "Invalid API-key provided."}, AuthError),
    ({"status": 503, "msg": "busy"}, Overloaded),
    ({"detail": "Insufficient balance"}, AuthError),
    ({"error": "words"}, ApiError),
    ({"error": {}}, ApiError),
    ({}, ApiError),
]


@pytest.mark.parametrize(("data", "kind"), EVENTS)
def test_an_error_inside_a_reply_is_typed_by_its_own_words(data: dict[str, Any], kind: type[ApiError]) -> None:
    error = api_errors.from_event(data)

    assert type(error) is kind
    assert error.status is None
    assert "; " in str(error)


def test_an_ordinary_object_is_not_an_error() -> None:
    ordinary: list[dict[str, Any]] = [
        {},
        {"error": None},
        {"status": "completed", "message": "x"},
        {"status": 200, "message": "x"},
        {"type": "message_start", "message": {}},
        {"type": "message_start", "message": {"role": "assistant", "content": [], "status": 500}},
        {"code": 0, "msg": "success"},
        {"code": 200, "message": "ok", "data": {}},
        {"choices": [{"delta": {"content": "error"}}], "code": 500, "message": "x"},
        {"type": "content_block_delta", "delta": {"text": "an error"}, "code": 500, "detail": "x"},
    ]

    assert not any(map(api_errors.is_error, ordinary))


def test_errors_travel_between_processes_with_all_they_know() -> None:
    error = fault(400, {"error": {"message": "top_p: no"}}, request_id="req_1", retry_after="3")

    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (BadRequest, str(error), vars(error))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.binary(max_size=60), st.integers(300, 599), st.text(max_size=20))
def test_any_body_gives_one_line(body: bytes, status: int, header: str) -> None:
    headers = {"retry-after": header, "location": header, "x-request-id": header, "content-type": header}

    assert "\n" not in str(api_errors.from_response(status, headers, body, host=HOST))

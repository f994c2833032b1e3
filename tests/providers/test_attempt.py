"""A server that answers 200 with an error is quoted, streamed or not; a reply with other news in it is a reply."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from claude_nb.errors import ApiError, AuthError, BadRequest, ClaudeError, Overloaded, StreamCut
from claude_nb.providers import adjustments
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from claude_nb.types.reply import Reply
from tests.helpers.server import Server, answer, stream

WORDS = "the model is on holiday"
ERRORS: list[tuple[Any, type[ApiError]]] = [
    ({"code": 1210, "msg": WORDS}, ApiError),
    ({"code": 1210, "message": WORDS, "data": None}, ApiError),
    ({"code": "InvalidParameter", "message": WORDS, "request_id": "r"}, ApiError),
    ({"code": 500, "msg": WORDS}, Overloaded),
    ({"detail": WORDS}, ApiError),
    ({"detail": [{"loc": ["body", "model"], "msg": WORDS}]}, ApiError),
    ({"status": 400, "msg": WORDS}, BadRequest),
    ({"status": "error", "msg": WORDS}, ApiError),
    ({"status": "failed", "message": WORDS}, ApiError),
    ({"status": -1, "message": "Insufficient balance: " + WORDS}, AuthError),
    ({"success": False, "message": WORDS}, ApiError),
    ({"message": WORDS}, ApiError),
    ({"errors": [{"message": WORDS}]}, ApiError),
    ({"base_resp": {"status_code": 1004, "status_msg": WORDS}}, ApiError),
    ({"error_code": 336000, "error_msg": WORDS}, ApiError),
    ({"retcode": -1, "retmsg": WORDS}, ApiError),
    ({"resultCode": "E1", "resultMessage": WORDS}, ApiError),
    ({"exception": WORDS}, ApiError),
    ({"choices": None, "message": WORDS}, ApiError),
    ({"id": "", "choices": [], "code": 503, "msg": WORDS}, Overloaded),
    ({"id": "", "object": "", "model": "", "choices": None, "error_msg": WORDS, "created": 0}, ApiError),
    ({"choices": None, "error": {"message": WORDS, "code": 429}}, Overloaded),
    ({"type": "message", "content": [], "detail": WORDS}, ApiError),
    ({"type": "notice", "message": WORDS, "code": "overloaded_error"}, Overloaded),
]
PROVIDERS = ("openai-compatible", "anthropic")


@pytest.fixture(autouse=True)
def nothing_learned() -> Iterator[None]:
    adjustments.forget()
    yield
    adjustments.forget()


def ask(server: Server, provider: str, **options: Any) -> Reply:
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off"}))
    return session.ask("Hi", provider=provider, model="m", base_url=server.url, **options)


def event(data: Any) -> bytes:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


@pytest.mark.parametrize(("body", "kind"), ERRORS)
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("way", ["whole", "JSON for a stream", "event", "event and [DONE]", "after the text"])
def test_an_error_with_status_200_is_shown_in_the_servers_own_words(
    body: Any, kind: type[ApiError], provider: str, way: str
) -> None:
    text = {"choices": [{"index": 0, "delta": {"content": "Half"}}]}
    if provider == "anthropic":
        text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half"}}
    scenarios = {
        "whole": answer(200, body),
        "JSON for a stream": answer(200, body, content_type="text/event-stream"),
        "event": stream(event(body)),
        "event and [DONE]": stream(event(body) + event("[DONE]")),
        "after the text": stream(event(text) + event(body) + event("[DONE]")),
    }
    with Server([scenarios[way]]) as server, pytest.raises(ApiError, match=WORDS) as caught:
        ask(server, provider, whole=way == "whole")

    assert type(caught.value) is kind
    assert caught.value.reply.stop_reason == "error"
    assert caught.value.reply.text == ("Half" if way == "after the text" else "")
    assert not caught.value.reply.complete


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "body",
    [b'[{"error": {"message": "%s"}}]' % WORDS.encode(), b'"%s"' % WORDS.encode(), f"oh: {WORDS}".encode()],
    ids=["list", "string", "text"],
)
@pytest.mark.parametrize("whole", [False, True])
def test_a_body_that_is_no_object_is_quoted_too(body: bytes, provider: str, whole: bool) -> None:
    with Server([answer(200, body)]) as server, pytest.raises(BadRequest, match=WORDS):
        ask(server, provider, whole=whole)
    with Server([stream(event(body.decode()))]) as server, pytest.raises(ApiError, match=WORDS):
        ask(server, provider)


def test_a_key_that_such_a_body_echoes_is_not_shown() -> None:
    key = "sk-test-0123456789abcdef0123"
    session = Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "ANTHROPIC_API_KEY": key}))
    for body in (f'["no such key {key}"]', f"no such key {key}"):
        with Server([answer(200, body.encode())]) as server, pytest.raises(BadRequest) as caught:
            session.ask("Hi", provider="anthropic", model="m", base_url=server.url)
        assert "no such key [key]" in str(caught.value)


@pytest.mark.parametrize("body", [{"status": 0, "message": WORDS}, {"code": 200, "msg": WORDS, "data": None}])
def test_words_with_a_good_status_are_shown_where_nothing_else_arrives(body: dict[str, Any]) -> None:
    for scenario in (answer(200, body), stream(event(body) + event("[DONE]"))):
        with Server([scenario]) as server, pytest.raises(ApiError, match=WORDS):
            ask(server, "openai-compatible")


NEWS = [
    {"code": 0, "msg": "success"},
    {"code": 200, "message": "ok"},
    {"status": "queued", "message": "one before you"},
    {"status": 1, "msg": "thinking"},
    {"type": "status", "message": "loading the model"},
    {"choices": None, "usage": {"prompt_tokens": 1}},
    {"choices": [], "prompt_filter_results": [{"detail": "fine"}]},
    {"object": "chat.completion.info", "detail": "warm"},
    "keep-alive",
    "Loading the model ...",
]


@pytest.mark.parametrize("news", NEWS)
@pytest.mark.parametrize("first", [True, False])
def test_news_in_a_reply_that_ends_as_it_should_is_no_error(news: Any, first: bool) -> None:
    text = event({"choices": [{"index": 0, "delta": {"content": "Hi"}}]})
    end = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + event("[DONE]")
    body = event(news) + text + end if first else text + event(news) + end
    with Server([stream(body)]) as server:
        reply = ask(server, "openai-compatible")

    assert (reply.text, reply.complete) == ("Hi", True)


@pytest.mark.parametrize("noise", ["keep-alive", "Loading ...", {"code": 0, "msg": "success"}])
def test_noise_in_a_reply_without_a_stop_reason_is_no_error(noise: Any) -> None:
    body = event(noise) + event({"choices": [{"index": 0, "delta": {"content": "Hi"}}]}) + event("[DONE]")
    with Server([stream(body)]) as server:
        assert ask(server, "openai-compatible").text == "Hi"


@pytest.mark.parametrize("body", [{"choices": None}, {"id": "x", "choices": None, "usage": None}, {}])
@pytest.mark.parametrize("whole", [False, True])
def test_a_reply_without_choices_or_words_is_one_that_broke_off(body: dict[str, Any], whole: bool) -> None:
    scenario = answer(200, body) if whole else stream(event(body))
    with Server([scenario]) as server, pytest.raises(ClaudeError) as caught:
        ask(server, "openai-compatible", whole=whole)

    assert type(caught.value) is StreamCut
    assert "nothing arrived" in str(caught.value)

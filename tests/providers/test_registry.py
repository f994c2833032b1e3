"""From a request to the bytes on the wire and back, with a loopback server in place of every service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_nb.errors import AuthError, ConfigError
from claude_nb.providers import api, registry
from claude_nb.providers.attempt import SendOptions
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.registry import PROVIDERS
from claude_nb.stop_signal import Stop
from claude_nb.types.request import Message, Request, Usage
from claude_nb.types.settings import Sampling
from tests.helpers.server import Server, answer, stream
from tests.helpers.sessions import session

KEY = "0123456789abcdef0123456789abcdef"

CHAT = "".join(
    f"data: {json.dumps(data)}\n\n"
    for data in (
        {"id": "c1", "model": "m-1", "choices": [{"delta": {"role": "assistant", "content": "Hel"}}]},
        {"choices": [{"delta": {"content": "lo"}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}},
    )
)
CHAT_STREAM = (CHAT + "data: [DONE]\n\n").encode()
MESSAGES_STREAM = "".join(
    f"event: {data['type']}\ndata: {json.dumps(data)}\n\n"
    for data in (
        {
            "type": "message_start",
            "message": {"id": "m1", "model": "claude", "usage": {"input_tokens": 5, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    )
).encode()


# The table


def test_every_provider_has_a_dialect_and_a_way_to_its_key() -> None:
    for name, provider in PROVIDERS.items():
        assert provider.name == name
        if provider.dialect:
            assert registry.dialect_of(provider).path.startswith("/")
        if provider.needs_key:
            assert provider.key_variables
            assert (provider.base_url or "").startswith("https://")


def test_every_usual_model_is_in_the_table() -> None:
    for provider in PROVIDERS.values():
        if provider.default_model:
            assert session().models.spec(provider.default_model).ids[provider.name] == provider.default_model


def test_an_unknown_provider_names_a_near_one_or_all() -> None:
    with pytest.raises(ConfigError, match="did you mean anthropic"):
        registry.find("antropic")
    with pytest.raises(ConfigError, match="use one of aimlapi, anthropic, openai-compatible, local, demo"):
        registry.find("zzz")


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "demo"),
        ({"AIMLAPI_KEY": KEY, "ANTHROPIC_API_KEY": KEY}, "aimlapi"),
        ({"ANTHROPIC_API_KEY": KEY}, "anthropic"),
        ({"OPENAI_API_KEY": KEY}, "demo"),
        ({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_BASE_URL": "http://localhost:1/v1"}, "openai-compatible"),
        ({"ANTHROPIC_API_KEY": KEY, "CLAUDE_NB_PROVIDER": "demo"}, "demo"),
    ],
)
def test_the_usual_provider_is_the_first_with_a_key(environ: dict[str, str], name: str) -> None:
    assert registry.default_name(Credentials(environ)) == name


# What is sent


def ask(server: Server, provider: str, environ: dict[str, str] | None = None, **options: Any) -> Any:
    return session(**(environ or {})).ask("Hi", provider=provider, base_url=server.url, **options)


@pytest.mark.parametrize("by", [None, 1], ids=["whole", "by_byte"])
def test_aimlapi_from_prompt_to_reply(by: int | None) -> None:
    with Server([stream(CHAT_STREAM, by=by)]) as server:
        reply = ask(server, "aimlapi", {"AIMLAPI_API_KEY": KEY}, system="Be brief.", temperature=0.2)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json == {
        "model": "anthropic/claude-sonnet-4.6",
        "messages": [{"role": "user", "content": "Hi"}],
        "system": "Be brief.",
        "stream": True,
        "temperature": 0.2,
    }
    assert (reply.text, reply.stop_reason, reply.usage, reply.source) == ("Hello", "end", Usage(5, 2), "live")
    assert reply.response_model == "m-1"
    assert reply.cost_usd == pytest.approx((5 * 4.126 + 2 * 20.63) / 1e6)


@pytest.mark.parametrize("by", [None, 1], ids=["whole", "by_byte"])
def test_anthropic_from_prompt_to_reply(by: int | None) -> None:
    with Server([stream(MESSAGES_STREAM, by=by)]) as server:
        reply = ask(server, "anthropic", {"ANTHROPIC_API_KEY": KEY}, stop_sequences=["END"])
    (request,) = server.requests
    assert request.path == "/v1/messages"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert KEY in (request.headers.get("x-api-key", "") + request.headers.get("authorization", ""))
    assert request.json == {
        "model": "claude-sonnet-4-6",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 32_000,
        "stream": True,
        "stop_sequences": ["END"],
    }
    assert (reply.text, reply.stop_reason, reply.raw_stop_reason, reply.usage.output_tokens) == (
        "Hello",
        "end",
        "end_turn",
        2,
    )


def test_another_server_needs_no_key_and_gets_no_key_of_a_provider() -> None:
    with Server([stream(CHAT_STREAM)]) as server:
        environ = {"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
        reply = ask(server, "openai-compatible", environ, model="llama3", system="Be brief.")
    (request,) = server.requests
    assert KEY not in str(request)
    assert "authorization" not in request.headers
    assert request.json["model"] == "llama3"
    assert request.json["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (reply.text, reply.cost_usd) == ("Hello", None)


def test_a_reply_can_be_requested_in_one_piece() -> None:
    body = {"id": "c1", "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    with Server([answer(200, body)]) as server:
        reply = ask(server, "openai-compatible", model="llama3", whole=True)
    assert not server.requests[0].json.get("stream")
    assert reply.text == "Hello"


def test_a_refused_key_is_one_line_without_the_key() -> None:
    with (
        Server([answer(401, {"error": {"message": f"Incorrect key {KEY}"}})]) as server,
        pytest.raises(AuthError) as caught,
    ):
        ask(server, "aimlapi", {"AIMLAPI_API_KEY": KEY})
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.reply is not None
    assert caught.value.reply.stop_reason == "error"


def test_a_missing_key_is_reported_before_anything_is_sent() -> None:
    request = Request("aimlapi", "m", (Message("user", "Hi"),))
    with pytest.raises(ConfigError, match="aimlapi needs a key: set AIMLAPI_API_KEY"):
        list(registry.stream(request, SendOptions(), credentials=Credentials({}), stop=Stop()))


@pytest.mark.parametrize("base_url", ["localhost:11434/v1", "ftp://localhost/v1", "/v1", "https://", "http://a b/v1"])
def test_a_malformed_address_is_one_line(base_url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        session().ask("Hi", provider="openai-compatible", base_url=base_url, model="m")
    assert "\n" not in str(caught.value)


def test_unencrypted_goes_to_this_machine_only_unless_allowed() -> None:
    with pytest.raises(ConfigError, match="not encrypted"):
        session().ask("Hi", provider="openai-compatible", base_url="http://gateway.example/v1", model="m")


def test_a_turn_stopped_before_it_is_read_reaches_no_server() -> None:
    with Server([stream(CHAT_STREAM)]) as server:
        turn = session().stream("Hi", provider="openai-compatible", base_url=server.url, model="m")
        turn.stop()
        assert turn.wait().stop_reason == "interrupted"
    assert server.requests == []


# Preview and lists


def test_a_preview_is_what_is_sent_to_the_letter() -> None:
    with Server([stream(CHAT_STREAM)]) as server:
        request = Request(
            "openai-compatible", "m", (Message("user", "Hi"),), sampling=Sampling(top_k=5), base_url=server.url
        )
        session().run(request).wait()
        assert registry.preview(request, stream=True) == (f"{server.url}/chat/completions", server.requests[0].json)


def test_a_slash_at_the_end_of_an_address_does_not_matter() -> None:
    request = Request("openai-compatible", "m", (Message("user", "Hi"),), base_url="http://localhost:1/v1/")
    assert registry.preview(request, stream=True)[0] == "http://localhost:1/v1/chat/completions"


def test_a_preview_without_an_address_asks_for_one() -> None:
    with pytest.raises(ConfigError, match="needs an address: add --base-url"):
        registry.preview(Request("openai-compatible", "m", (Message("user", "Hi"),)), stream=True)


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": [3, {"name": "x"}]}])
def test_a_strange_list_of_models_is_empty(body: dict[str, Any]) -> None:
    with Server([answer(200, body)]) as server:
        assert api.model_ids("openai-compatible", server.url, Credentials({})) == []

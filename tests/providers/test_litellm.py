"""The real proxy of LiteLLM between claude_nb and the loopback server, in both dialects."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from claude_nb.errors import AuthError, BadRequest, Overloaded
from claude_nb.providers import api
from claude_nb.providers.credentials import Credentials
from claude_nb.session.session import Session
from tests.helpers import asking, binding, litellm, replies
from tests.helpers.litellm import Gateway
from tests.helpers.server import Scenario, answer

pytestmark = [pytest.mark.litellm, pytest.mark.xdist_group("litellm")]

# How claude_nb asks, and what stands behind the proxy.
CHAT = {"provider": "openai-compatible", "model": "claude-sonnet-4-6"}
OTHER = {"provider": "openai-compatible", "model": "gpt-4o"}
MESSAGES = {"provider": "anthropic", "model": "claude-sonnet-4-6"}
WAYS = [pytest.param(CHAT, id="chat"), pytest.param(OTHER, id="chat to chat"), pytest.param(MESSAGES, id="messages")]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    if not litellm.is_installed():
        missing = "LiteLLM IS NOT INSTALLED, so nothing here is tested; run python3 scripts/setup.py litellm"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with litellm.running(tmp_path_factory.mktemp("litellm")) as gateway:
        yield gateway


@pytest.fixture
def gateway(started: Gateway) -> Gateway:
    started.plays()
    return started


def session(gateway: Gateway, key: str = litellm.KEY) -> Session:
    keys = {"CLAUDE_NB_HISTORY": "off", "CLAUDE_NB_BASE_URL": gateway.url, "CLAUDE_NB_API_KEY": key}
    return Session(credentials=Credentials(keys))


def ask(gateway: Gateway, prompt: str, way: dict[str, str], **options: Any) -> Any:
    key = options.pop("key", litellm.KEY)
    return session(gateway, key).ask(prompt, base_url=gateway.url, **way, **options)


def says(way: dict[str, str], text: str) -> Scenario:
    return asking.chat(text, stop="stop") if way is OTHER else replies.messages(text)


def weather(city: str) -> str:
    """The weather of a city."""
    return f"18 °C in {city}"


@pytest.mark.parametrize("way", WAYS)
def test_a_reply_is_streamed_with_its_tokens_and_its_cost(gateway: Gateway, way: dict[str, str]) -> None:
    gateway.plays(says(way, "Grüße 🙂"))
    reply = ask(gateway, "Hi", way, system="Be brief.", max_tokens=100, stop_sequences="END")
    assert (reply.text, reply.stop_reason) == ("Grüße 🙂", "end")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (12, 34)
    assert reply.cost_usd == pytest.approx(0.00037 if way is OTHER else 0.000546)
    assert len(reply.request_id or "") > 20  # the proxy's name of the call
    [request] = gateway.requests
    assert request.json["stream"] is True
    assert "Be brief." in json.dumps(request.json)


@pytest.mark.parametrize("way", WAYS)
def test_functions_are_called_through_the_proxy(gateway: Gateway, way: dict[str, str]) -> None:
    form = asking.chat if way is OTHER else asking.messages
    calls = [asking.Ask(f"toolu_{city}", "weather", json.dumps({"city": city})) for city in ("Oslo", "Bonn")]
    gateway.plays(form("I look.", *calls), says(way, "Both 18."))
    reply = ask(gateway, "Where?", way, tools=[weather], yes=True)
    assert reply.text.endswith("Both 18.")
    assert [call.result for call in reply.calls] == ["18 °C in Oslo", "18 °C in Bonn"]
    sent = json.dumps(gateway.requests[1].json, ensure_ascii=False)
    assert [sent.count(words) for words in ("18 °C in Oslo", "18 °C in Bonn", "toolu_Oslo")] == [1, 1, 2]


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_arrives_as_a_picture(gateway: Gateway, way: dict[str, str]) -> None:
    picture = BytesIO()
    Image.new("RGB", (8, 8), "navy").save(picture, "PNG")
    gateway.plays(says(way, "Blue."))
    assert ask(gateway, "What is it?", way, attach=picture.getvalue()).text == "Blue."
    [request] = gateway.requests
    blocks = request.json["messages"][-1]["content"]
    assert sorted(block["type"] for block in blocks) == ["image_url" if way is OTHER else "image", "text"]
    assert base64.b64encode(picture.getvalue()).decode() in request.body.decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("schema", [True, dict[str, int]], ids=["any object", "dict"])
def test_open_json_comes_back_with_its_fields(gateway: Gateway, way: dict[str, str], schema: Any) -> None:
    gateway.plays(says(way, '{"a": 1, "b": 2}'))
    assert ask(gateway, "Count.", way, json=schema).data == {"a": 1, "b": 2}
    [request] = gateway.requests
    assert not request.json.keys() & {"output_config", "output_format", "response_format"}
    assert "Answer with one JSON object" in request.body.decode()


@pytest.mark.parametrize("way", [CHAT, OTHER], ids=["chat", "chat to chat"])
def test_the_wait_of_the_model_s_server_is_named(gateway: Gateway, way: dict[str, str]) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    gateway.plays(answer(429, error, {"retry-after": "99"}))
    with pytest.raises(Overloaded, match=r"slow down.*try again in 99 s"):
        ask(gateway, "Hi", way)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_key_without_a_budget_left_is_named_and_not_tried_again(gateway: Gateway, way: dict[str, str]) -> None:
    with pytest.raises(AuthError, match=r"Budget has been exceeded! Current cost: 2.01.*raise its budget"):
        ask(gateway, "Hi", way, key=litellm.POOR)
    assert gateway.requests == []


def test_a_model_without_a_budget_left_is_named(gateway: Gateway) -> None:
    small = {**OTHER, "model": "small-budget"}
    gateway.plays(says(OTHER, "Hello"))
    assert ask(gateway, "Hi", small).text == "Hello"
    with pytest.raises(AuthError, match=r"crossed budget.*raise its budget"):
        ask(gateway, "Hi", small)


@pytest.mark.parametrize("way", [OTHER, MESSAGES], ids=["chat", "messages"])
def test_a_wrong_key_and_a_wrong_model_are_named(gateway: Gateway, way: dict[str, str]) -> None:
    with pytest.raises(AuthError, match="refused the key"):
        ask(gateway, "Hi", way, key="sk-wrong-0123456789abcdef")
    with pytest.raises(BadRequest, match=r"Invalid model name.*check the model id"):
        ask(gateway, "Hi", {**way, "model": "claude-opus-5-5"})
    assert gateway.requests == []


@pytest.mark.parametrize("way", [OTHER, MESSAGES], ids=["chat", "messages"])
def test_the_models_of_the_proxy_are_listed(gateway: Gateway, way: dict[str, str]) -> None:
    keys = session(gateway).credentials
    assert api.model_ids(way["provider"], gateway.url, keys) == ["claude-sonnet-4-6", "gpt-4o", "small-budget"]


def test_a_reply_in_one_piece_has_the_cost_of_the_header(gateway: Gateway) -> None:
    said = {"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop", "index": 0}
    usage = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
    gateway.plays(answer(200, {"id": "c1", "object": "chat.completion", "choices": [said], "usage": usage}))
    reply = ask(gateway, "Hi", OTHER, whole=True)
    assert (reply.text, reply.cost_usd) == ("Hello", pytest.approx(0.00037))


def test_signed_thoughts_come_back_unchanged_through_the_proxy(gateway: Gateway) -> None:
    gateway.answers = binding.strict  # refuses a thought that is bound to anything else
    asked = session(gateway)
    for prompt in ("Name a river.", "And a lake."):
        reply = asked.ask(prompt, base_url=gateway.url, chat="trip", thinking="on", **MESSAGES)
        assert (reply.text, reply.thinking) == ("Well. ", "Hm.")
    assert [request.body.count(b'"signature"') for request in gateway.requests] == [0, 1]

"""What gateways put into the headers of a response: costs, waits and ids."""

from __future__ import annotations

from typing import Any

import pytest

from claude_nb.errors import BadRequest, Overloaded, PromptError
from claude_nb.providers import api_errors
from claude_nb.providers.credentials import Credentials
from claude_nb.render import reply as footer
from claude_nb.session.session import Session
from tests.helpers import replies
from tests.helpers.server import Send, Server, answer, head

WHOLE = {"id": "c1", "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
COUNTED = WHOLE | {"usage": {"prompt_tokens": 12, "completion_tokens": 34}}


def ask(server: Server, **options: Any) -> Any:
    keys = {"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "0123456789abcdef" * 2, "ANTHROPIC_API_KEY": "k" * 32}
    where = {"provider": "openai-compatible", "model": "m", "base_url": server.url}
    return Session(credentials=Credentials(keys)).ask("Hi", **{**where, **options})


@pytest.mark.parametrize("name", ["x-litellm-response-cost", "X-LiteLLM-Response-Cost", "x-aimlapi-usd-spent"])
@pytest.mark.parametrize(("text", "usd"), [("0.00123", 0.00123), ("1e-05", 0.00001), ("0", 0.0), ("0.0", 0.0)])
def test_a_cost_in_a_header_is_the_cost_of_a_reply_in_one_piece(name: str, text: str, usd: float) -> None:
    with Server([answer(200, COUNTED, {name: text})]) as server:
        reply = ask(server, whole=True)
    assert reply.cost_usd == pytest.approx(usd)
    assert "about" not in footer.money(reply)


@pytest.mark.parametrize("text", ["", "None", "-1", "nan", "inf", "1,5", "free", "1e999", "$1"])
def test_a_header_that_is_no_cost_is_ignored(text: str) -> None:
    with Server([answer(200, COUNTED, {"x-litellm-response-cost": text})]) as server:
        assert ask(server, whole=True).cost_usd is None


def test_what_the_body_says_counts_more_than_a_header() -> None:
    body = COUNTED | {"meta": {"usage": {"usd_spent": 0.5}}}
    with Server([answer(200, body, {"x-aimlapi-usd-spent": "0.25"})]) as server:
        assert ask(server, whole=True).cost_usd == 0.5


def test_the_header_of_a_stream_is_written_before_its_cost_is_known() -> None:
    steps = replies.chat(["Hi"])
    with Server([[Send(head(200, {"x-litellm-response-cost": "0.0"})), *steps[1:]]]) as server:
        assert ask(server).cost_usd is None


@pytest.mark.parametrize("dialect", ["anthropic", "aimlapi"])
def test_the_other_dialects_read_it_too(dialect: str) -> None:
    body = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"} if dialect == "anthropic" else WHOLE
    with Server([answer(200, body, {"x-litellm-response-cost": "0.125"})]) as server:
        assert ask(server, provider=dialect, model=None, whole=True).cost_usd == 0.125


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"llm_provider-retry-after": "99"}, 99),
        ({"llm_provider-retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "3", "llm_provider-retry-after": "99"}, 3),
        ({"retry-after": "soon", "llm_provider-retry-after": "99"}, 99),
        ({"llm_provider-retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_a_wait_that_a_gateway_passes_on_counts(headers: dict[str, str], seconds: float | None) -> None:
    assert api_errors.retry_after_s(headers) == seconds


def test_a_long_wait_is_told_and_not_waited_for() -> None:
    busy = answer(429, {"error": {"message": "slow down"}}, {"llm_provider-retry-after": "99"})
    with Server([busy]) as server, pytest.raises(Overloaded, match="try again in 99 s"):
        ask(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "name", ["x-litellm-call-id", "apim-request-id", "cf-aig-log-id", "helicone-id", "x-portkey-trace-id", "request-id"]
)
def test_the_id_of_a_gateway_is_kept_for_its_support(name: str) -> None:
    with Server(
        [answer(400, {"error": {"message": "no"}}, {name: "call-7"}), answer(200, WHOLE, {name: "call-8"})]
    ) as s:
        with pytest.raises(BadRequest, match="no") as caught:
            ask(s)
        assert getattr(caught.value, "request_id", None) == "call-7"
        assert ask(s, whole=True).request_id == "call-8"


# Fast mode


def test_fast_mode_is_sent_where_the_model_has_it_and_costs_twice_as_much() -> None:
    body = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    body |= {"usage": {"input_tokens": 1_000_000, "output_tokens": 0}}
    with Server([answer(200, body)]) as server:
        fast = ask(server, provider="anthropic", model="opus-5.5", speed="fast", whole=True)
        usual = ask(server, provider="anthropic", model="opus-5.5", whole=True)
    assert [request.json.get("speed") for request in server.requests] == ["fast", None]
    assert (fast.cost_usd, usual.cost_usd) == (8.0, 4.0)
    assert "speed fast" in footer.line(fast)


@pytest.mark.parametrize(
    "options",
    [
        {"provider": "anthropic", "model": "sonnet"},
        {"provider": "anthropic", "model": "opus-5"},
        {"provider": "anthropic", "model": "claude-opus-9"},
        {"provider": "aimlapi", "model": "opus-5.5"},
        {"provider": "openai-compatible", "model": "claude-opus-5-5"},
        {"provider": "demo", "model": "demo"},
    ],
    ids=str,
)
def test_fast_mode_is_refused_in_one_line_elsewhere(options: dict[str, Any]) -> None:
    with Server([]) as server, pytest.raises(PromptError, match=r"has no fast mode at .*; leave out --speed") as caught:
        ask(server, **{**options, "speed": "fast"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("speed", ["slow", "", True, 2, ["fast"], "FAST"])
def test_there_is_no_other_speed(speed: Any) -> None:
    with Server([]) as server, pytest.raises(PromptError, match="speed must be fast"):
        ask(server, provider="anthropic", model="opus-5.5", speed=speed)


# Thinking tokens


def test_the_footer_says_how_many_tokens_were_thinking() -> None:
    usage = {"input_tokens": 12, "output_tokens": 340, "output_tokens_details": {"thinking_tokens": 300}}
    body = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": usage}
    chat = COUNTED | {"usage": {"prompt_tokens": 12, "completion_tokens": 340}}
    chat["usage"] |= {"completion_tokens_details": {"reasoning_tokens": 300}}
    with Server([answer(200, body), answer(200, chat), answer(200, COUNTED)]) as server:
        lines = [footer.line(ask(server, provider="anthropic", model="opus-5.5", whole=True))]
        lines += [footer.line(ask(server, whole=True)) for _ in range(2)]
    assert all("12 tokens in, 340 out (300 thinking)" in line for line in lines[:2])
    assert "12 tokens in, 34 out · " in lines[2]

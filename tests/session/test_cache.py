"""Prompts that a server keeps: what is marked, what comes back of it, and where it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_nb.errors import ConfigError, NetworkError, PromptError
from claude_nb.notebook.arguments import parse
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.models import Models, Price
from claude_nb.render import reply as footer
from claude_nb.session.session import Session
from claude_nb.storage import entries
from claude_nb.types.request import Request, Usage
from tests.helpers.replies import chat, messages, sse
from tests.helpers.server import Scenario, Send, Server, answer, head

MARK = {"cache_control": {"type": "ephemeral"}}


@pytest.fixture
def live() -> Session:
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": "0123456789abcdef" * 2}))


def counted(read: int, written: int) -> Scenario:
    usage = {"input_tokens": 10, "cache_read_input_tokens": read, "cache_creation_input_tokens": written}
    return [
        Send(head()),
        Send(
            sse(
                {"type": "message_start", "message": {"id": "msg_1", "usage": {**usage, "output_tokens": 1}}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}},
                {"type": "message_stop"},
            )
        ),
    ]


@pytest.mark.parametrize("provider", ["anthropic", "aimlapi"])
def test_system_attachments_and_conversation_are_marked(live: Session, provider: str) -> None:
    where: dict[str, Any] = {"provider": provider, "chat": "c", "cache": True}
    with Server([messages(["One."])]) as server:
        live.ask("First?", base_url=server.url, system="Be brief.", attach=b"some text", **where)
        live.ask("Second?", base_url=server.url, **where)
    first, second = (request.json for request in server.requests)
    assert {request.path for request in server.requests} == {"/v1/messages"}
    assert first["system"] == second["system"] == [{"type": "text", "text": "Be brief.", **MARK}]
    file = {"type": "text", "text": "<file name='data'>\nsome text\n</file>"}
    assert first["messages"] == [
        {"role": "user", "content": [{**file, **MARK}, {"type": "text", "text": "First?", **MARK}]}
    ]
    assert second["messages"] == [
        {"role": "user", "content": [file, {"type": "text", "text": "First?"}]},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": [{"type": "text", "text": "Second?", **MARK}]},
    ]
    assert json.dumps(second).count("ephemeral") <= 4


@pytest.mark.parametrize(
    ("cache", "ttl"),
    [
        (True, {}),
        ("5m", {}),
        (1, {}),
        ("1h", {"ttl": "1h"}),
        ("1H", {"ttl": "1h"}),
        ("on", {}),
        ("off", None),
        (False, None),
        (0, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("provider", ["anthropic", "aimlapi"])
def test_a_cache_lasts_five_minutes_or_an_hour(live: Session, provider: str, cache: Any, ttl: Any) -> None:
    with Server([messages(["One."]) if provider == "anthropic" or ttl is not None else chat(["One."])]) as server:
        reply = live.ask("First?", base_url=server.url, provider=provider, cache=cache)
    sent = server.requests[0].json["messages"][0]["content"]
    marked = [{"type": "text", "text": "First?", "cache_control": {"type": "ephemeral", **(ttl or {})}}]
    assert sent == (marked if ttl is not None else "First?")
    assert reply.params.get("cache") == (None if ttl is None else "1h" if ttl else "on")
    assert Request.from_dict(reply.request.to_dict()) == reply.request


@pytest.mark.parametrize("cache", ["2h", "", "ever", 0.5, ["1h"], "60m"])
def test_no_cache_lasts_another_time(live: Session, cache: Any) -> None:
    with pytest.raises(PromptError, match="cache must be 5m or 1h"):
        live.request("Hi", provider="anthropic", cache=cache)


@pytest.mark.parametrize(
    ("line", "cache", "rest"),
    [
        ("--cache Why?", "5m", "Why?"),
        ("--cache 1h Why?", "1h", "Why?"),
        ("--cache=1h Why?", "1h", "Why?"),
        ("--cache 5m Why?", "5m", "Why?"),
        ("--cache 20 animals", "5m", "20 animals"),
        ("--cache off the wall", "5m", "off the wall"),
        ("--cache 1hour", "5m", "1hour"),
        ("--cache", "5m", ""),
    ],
)
def test_the_time_may_be_left_out_on_the_line(line: str, cache: str, rest: str) -> None:
    assert parse(line) == ({"cache": cache}, rest)


def test_what_is_kept_for_an_hour_costs_its_own_price(live: Session) -> None:
    usage = {"input_tokens": 0, "cache_creation_input_tokens": 100_000, "output_tokens": 0}
    usage |= {"cache_creation": {"ephemeral_5m_input_tokens": 40_000, "ephemeral_1h_input_tokens": 60_000}}  # type: ignore[dict-item]
    whole = {"content": [{"type": "text", "text": "One."}], "stop_reason": "end_turn", "usage": usage}
    with Server([answer(200, whole)]) as server:
        reply = live.ask("Hi", base_url=server.url, provider="anthropic", model="opus-5.5", cache="1h", whole=True)
    assert reply.usage.cache_write_1h_tokens == 60_000
    assert reply.cost_usd == pytest.approx((40_000 * 5 + 60_000 * 8) / 1e6)


@pytest.mark.parametrize(
    ("cache", "told", "usd"),
    [
        ("1h", {}, 0.8),  # the server does not tell them apart
        ("1h", {"cache_creation": {"ephemeral_5m_input_tokens": 100_000, "ephemeral_1h_input_tokens": 0}}, 0.5),
        ("1h", {"cache_creation": None}, 0.8),
        (True, {}, 0.5),
        (True, {"cache_creation": {"ephemeral_1h_input_tokens": 100_000}}, 0.8),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_the_time_that_the_server_tells_counts_more(
    live: Session, cache: Any, told: dict[str, Any], usd: float, streamed: bool
) -> None:
    usage = {"input_tokens": 0, "cache_creation_input_tokens": 100_000, "output_tokens": 0, **told}
    whole = answer(200, {"content": [{"type": "text", "text": "One."}], "stop_reason": "end_turn", "usage": usage})
    stream = sse(
        {"type": "message_start", "message": {"id": "msg_1", "usage": usage}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "One."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}},
        {"type": "message_stop"},
    )
    with Server([[Send(head()), Send(stream)] if streamed else whole]) as server:
        where = {"base_url": server.url, "provider": "anthropic", "model": "opus-5.5"}
        reply = live.ask("Hi", **where, cache=cache, whole=not streamed)
    assert reply.cost_usd == pytest.approx(usd)


def test_a_budget_counts_a_prompt_that_is_stored_at_the_price_of_storing_it(live: Session) -> None:
    where: dict[str, Any] = {"provider": "anthropic", "model": "opus-5.5", "base_url": "http://127.0.0.1:9/v1"}
    prompt = "word " * 40_000  # 50,000 tokens: $0.20, stored $0.25, for an hour $0.40
    live.configure(budget=0.3)
    with pytest.raises(ConfigError, match="is used up"):
        live.ask(prompt, **where, cache="1h")
    for cache in (None, "5m"):
        with pytest.raises(NetworkError):
            live.ask(prompt, **where, cache=cache)


def test_without_the_option_nothing_is_marked(live: Session) -> None:
    with Server([messages(["One."])]) as server:
        live.ask("First?", base_url=server.url, provider="anthropic", system="Be brief.")
    assert "cache_control" not in server.requests[0].body.decode()
    assert "cache" not in live.request("First?").to_dict()


def test_what_was_read_and_kept_is_shown_with_what_it_saved(live: Session) -> None:
    where: dict[str, Any] = {"provider": "anthropic", "cache": True}
    with Server([counted(0, 100_000), counted(100_000, 0), counted(0, 0)]) as server:
        written, read, nothing = (live.ask("Hi", base_url=server.url, **where) for _ in range(3))
    assert "100,010 tokens in (100,000 kept for the next), 20 out" in footer.line(written)
    assert "saved" not in footer.line(written)
    assert written.saved_usd == pytest.approx(-0.075)
    assert "100,010 tokens in (100,000 cached), 20 out · about $0.03" in footer.line(read)
    assert "$0.27 saved" in footer.line(read)
    assert read.saved_usd == pytest.approx(0.27)
    assert "nothing cached" in footer.line(nothing)
    assert entries.reply_from(json.loads(json.dumps(read.to_dict()))) == read
    assert Request.from_dict(read.request.to_dict()).key == read.request.key


@pytest.mark.parametrize("saved", ["much", [1], float("inf"), {}])
def test_a_damaged_sum_is_not_read_back(live: Session, saved: Any) -> None:
    with Server([messages(["One."])]) as server:
        reply = live.ask("Hi", base_url=server.url, provider="anthropic")
    with pytest.raises(ValueError, match="saved_usd"):
        entries.reply_from({**reply.to_dict(), "saved_usd": saved})


def test_what_is_saved_follows_the_price_and_is_unknown_without_one() -> None:
    usage = Usage(200_000, 5, cache_read_tokens=100_000)
    price = Models().price("haiku", "anthropic")
    assert price is not None
    assert price.saved_usd(Usage(100_000, 5, 100_000)) == pytest.approx(0.009)
    assert price.saved_usd(usage) == pytest.approx(0.045)  # another price above 100,000 tokens
    assert Price(1, 2).saved_usd(usage) is None
    assert Price(1, 2, 0.1).saved_usd(Usage(5, 5)) is None


@pytest.mark.parametrize(
    "options", [{"provider": "demo"}, {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:9"}]
)
def test_where_nothing_can_be_kept_it_is_refused(live: Session, options: dict[str, str]) -> None:
    with pytest.raises(PromptError, match="no field for --cache"):
        live.request("Hi", cache=True, **options)

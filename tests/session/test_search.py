"""Web search and fetch of the provider: what is sent, what goes back, and where it may not be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from claude_nb import sweep
from claude_nb.errors import ConfigError, PromptError
from claude_nb.providers.credentials import Credentials
from claude_nb.session.budget import most_searches
from claude_nb.session.policy import Policy
from claude_nb.session.session import Session
from claude_nb.types.content import ServerBlock
from claude_nb.types.reply import Reply
from claude_nb.types.request import Request
from tests.helpers import STREAMS, asking, searched
from tests.helpers.server import Recorded, Scenario, Server, answer, stream

KEY = "0123456789abcdef0123456789abcdef"
SSE = {"content-type": "text/event-stream"}
SEARCH = {"type": "web_search_20260318", "name": "web_search", "allowed_callers": ["direct"]}
FETCH = {"type": "web_fetch_20260318", "name": "web_fetch", "allowed_callers": ["direct"]}
CITED = {"citations": {"enabled": True}}


def session(**settings: str) -> Session:
    keys = {"AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": "off", **keys, **settings}))


def played(name: str, by: int | None = None) -> Scenario:
    """The recorded stream, as a server sends it."""
    return stream((STREAMS / f"{name}.sse").read_bytes(), by=by, headers=SSE)


def built(**options: Any) -> dict[str, Any]:
    from claude_nb.providers import registry

    options = {"provider": "anthropic", "model": "sonnet-5.5", **options}
    return registry.preview(session().request("Who won?", **options), stream=True)[1]


# What is sent


@pytest.mark.parametrize(
    ("options", "tools"),
    [
        ({"search": True}, [SEARCH]),
        ({"search": "on"}, [SEARCH]),
        ({"search": 3}, [SEARCH | {"max_uses": 3}]),
        ({"search": "off"}, None),
        ({"fetch": True}, [FETCH | CITED]),
        ({"fetch": False}, None),
        ({"search": 1, "fetch": True}, [SEARCH | {"max_uses": 1}, FETCH | CITED]),
        ({"fetch": True, "attach": b"%PDF-1.4 x"}, [FETCH]),
        ({"model": "haiku-4.5", "search": True}, [SEARCH]),
        ({"model": "claude-tomorrow-9", "search": True}, [SEARCH]),
    ],
)
def test_the_tools_of_the_provider_are_offered_as_its_api_wants_them(
    options: dict[str, Any], tools: list[dict[str, Any]] | None
) -> None:
    body = built(**options)
    assert body.get("tools") == tools
    extra = {"tools"} if tools else set()
    assert body.keys() == {"model", "messages", "max_tokens", "stream"} | extra


def test_aimlapi_gets_the_versions_of_its_schema_in_the_messages_format() -> None:
    from claude_nb.providers import registry

    request = session().request("Who won?", provider="aimlapi", model="sonnet-5.5", search=2, fetch=True)
    address, body = registry.preview(request, stream=False)
    assert address == "https://api.aimlapi.com/v1/messages"
    assert body["tools"] == [
        SEARCH | {"type": "web_search_20260209", "max_uses": 2},
        FETCH | {"type": "web_fetch_20260309"} | CITED,
    ]


def test_functions_and_tools_of_the_server_go_together() -> None:
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    body = built(tools=[weather], search=True)
    assert [tool["name"] for tool in body["tools"]] == ["weather", "web_search"]


def test_a_forced_answer_does_not_keep_the_model_from_searching() -> None:
    from claude_nb.providers import registry

    request = session().request("Who?", provider="aimlapi", model="sonnet-5.5", search=True, json={"type": "object"})
    body = registry.preview(request, stream=False)[1]
    assert "tool_choice" not in body
    assert [tool["name"] for tool in body["tools"]] == ["web_search"]


ELSEWHERE = {"provider": "openai-compatible", "model": "m", "base_url": "http://localhost:1/v1"}
DEMO, AIMLAPI = {"provider": "demo"}, {"provider": "aimlapi"}


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (DEMO | {"search": True}, "no web search; use -p anthropic, or -p aimlapi -m sonnet-5.5, or leave out"),
        (
            AIMLAPI | {"search": 2},
            "Sonnet 4.6 has no web search with -p aimlapi; use -p anthropic, or -m sonnet-5.5, or",
        ),
        (AIMLAPI | {"model": "gpt-4o", "fetch": True}, "gpt-4o has no web fetch with -p aimlapi"),
        (ELSEWHERE | {"search": 1}, "m has no web search with -p openai-compatible"),
        ({"search": 0}, "search must be on, off or a number of searches from 1 to 100"),
        ({"search": 1.5}, "search must be"),
        ({"search": "maybe"}, "search must be"),
    ],
)
def test_a_search_that_cannot_be_is_refused_in_one_line(options: dict[str, Any], line: str) -> None:
    with pytest.raises(PromptError, match=line) as refusal:
        session().request("Who won?", **{"provider": "anthropic", **options})
    assert "\n" not in str(refusal.value)


def test_a_class_may_forbid_to_search() -> None:
    live = session()
    live.policy = Policy(search=False, source="class.json")
    with pytest.raises(ConfigError, match="may not search or fetch the web here"):
        live.request("Who won?", provider="anthropic", search=True)
    with pytest.raises(ConfigError, match="may not search"):
        live.run(session().request("Who won?", provider="anthropic", fetch=True))
    live.request("Who won?", provider="anthropic", search="off")


def test_a_request_without_search_has_the_key_that_it_always_had() -> None:
    plain = session().request("Hi", provider="anthropic", model="sonnet-5.5")
    assert "server_tools" not in plain.to_dict()
    assert plain.key != session().request("Hi", provider="anthropic", model="sonnet-5.5", search=True).key
    with_search = session().request("Hi", provider="anthropic", model="sonnet-5.5", search=3)
    assert with_search.params["web_search"] == 3
    assert Request.from_dict(with_search.to_dict()) == with_search


# What comes back, and goes back


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("by", [None, 1])
def test_the_next_turn_of_a_conversation_sends_the_blocks_back_unchanged(whole: bool, by: int | None) -> None:
    live, blocks = session(), searched.message("messages-search")["content"]
    first = answer(200, searched.message("messages-search")) if whole else played("messages-search", by)
    with Server([first, asking.messages("Yes.", stop="end_turn")]) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        live.ask("Who made Python?", search=True, whole=whole, **options)
        live.ask("Sure?", search=True, **options)
        live.ask("And now without?", **options)
    for request in server.requests[1:]:
        assert request.json["messages"][1] == {"role": "assistant", "content": blocks}


def test_the_blocks_stay_with_their_provider_and_address() -> None:
    live = session()
    with (
        Server([played("messages-search"), asking.messages("Yes.", stop="end_turn")]) as server,
        Server([asking.messages("No.", stop="end_turn")]) as other,
    ):
        live.ask("Who?", provider="anthropic", base_url=server.url, model="sonnet-5.5", chat="trip", search=True)
        live.ask("Sure?", provider="anthropic", base_url=other.url, model="sonnet-5.5", chat="trip", search=True)
    [request] = other.requests
    assert request.json["messages"][1] == {"role": "assistant", "content": searched.text("messages-search")}


def test_a_paused_reply_goes_on_by_itself() -> None:
    live, paused = session(), searched.message("messages-fetch-pause")
    with Server(
        [played("messages-fetch-pause"), answer(200, rest()), asking.messages("Yes.", stop="end_turn")]
    ) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        reply = live.ask("What do they say?", fetch=True, **options)
        live.ask("Sure?", fetch=True, **options)
    assert reply.text == "Snow is white. No more."
    assert (reply.stop_reason, reply.usage.input_tokens, reply.usage.output_tokens) == ("end", 300, 67)
    sent_back = [block | {} for block in paused["content"]]
    for citation in sent_back[4]["citations"]:
        citation.pop("file_id", None)
    assert server.requests[1].json["messages"][1:] == [{"role": "assistant", "content": sent_back}]
    assert server.requests[1].json["tools"] == server.requests[0].json["tools"]
    assert server.requests[2].json["messages"][1]["content"] == [*sent_back, *rest()["content"]]


def test_a_reply_that_only_pauses_ends_after_ten_rounds() -> None:
    live = session()
    with Server([played("messages-fetch-pause")]) as server:
        reply = live.ask("Go on", provider="anthropic", base_url=server.url, model="sonnet-5.5", fetch=True)
    assert len(server.requests) == 10
    assert reply.stop_reason == "tool_use"


def test_a_call_without_a_result_is_not_sent_back_after_the_end_of_its_turn() -> None:
    cut = searched.message("messages-fetch-pause") | {"stop_reason": "max_tokens"}
    live = session()
    with Server([answer(200, cut), asking.messages("Yes.", stop="end_turn")]) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        live.ask("What do they say?", fetch=True, **options)
        live.ask("Sure?", fetch=True, **options)
    ids = [block.get("id") for block in server.requests[1].json["messages"][1]["content"]]
    assert "srvtoolu_03" in ids
    assert "srvtoolu_04" not in ids


def test_a_server_that_rejects_the_blocks_is_asked_once_more_without_them() -> None:
    def strict(request: Recorded) -> Scenario:
        if len(request.json["messages"]) == 1:
            return played("messages-search")
        if isinstance(request.json["messages"][1]["content"], list):
            error = {
                "type": "invalid_request_error",
                "message": "messages.1: Invalid `encrypted_content` in search_result block",
            }
            return answer(400, {"type": "error", "error": error})
        return asking.messages("Yes.", stop="end_turn")

    live = session()
    with Server(strict) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        live.ask("Who?", search=True, **options)
        assert live.ask("Sure?", search=True, **options).text == "Yes."
    assert server.requests[2].json["messages"][1]["content"] == searched.text("messages-search")


# What it costs


def test_searches_have_a_price() -> None:
    live = session()
    with Server([played("messages-search")]) as server:
        reply = live.ask("Who?", provider="anthropic", base_url=server.url, model="sonnet-5.5", search=True)
    assert reply.usage.web_searches == 1
    assert reply.cost_usd == pytest.approx((10682 * 2 + 510 * 10) / 1e6 + 0.01)
    assert live.totals.cost_usd == reply.cost_usd


def test_a_search_whose_price_is_unknown_makes_the_cost_unknown() -> None:
    from dataclasses import replace

    price = session().models.price("sonnet-5.5", "anthropic")
    assert price
    usage = searched_usage()
    assert replace(price, searches=None).cost_usd(usage) is None
    assert replace(price, searches=None).cost_usd(replace(usage, web_searches=0)) is not None


def searched_usage() -> Any:
    from claude_nb.types.request import Usage

    return Usage(10, 10, web_searches=1)


def test_a_forecast_counts_the_most_searches() -> None:
    live = session()
    assert most_searches(live.request("Hi", provider="anthropic", search=3)) == 3
    assert most_searches(live.request("Hi", provider="anthropic", search=True)) == 10
    assert most_searches(live.request("Hi", provider="anthropic", fetch=True)) == 0


def test_a_key_in_what_a_server_sends_is_masked_in_the_blocks_too() -> None:
    body = searched.message("messages-search")
    body["content"][2]["content"][0]["title"] = f"see {KEY}"
    live = session()
    with Server([answer(200, body)]) as server:
        reply = live.ask("Who?", provider="anthropic", base_url=server.url, model="sonnet-5.5", search=True, whole=True)
    assert KEY not in repr(reply)
    assert sum(isinstance(part, ServerBlock) for part in reply.parts) == 2


# In sweeps, and from the history


def rest() -> dict[str, Any]:
    result: dict[str, Any] = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_04"}
    result |= {"content": {"type": "web_fetch_tool_result_error", "error_code": "unavailable"}}
    content = [result, {"type": "text", "text": " No more."}]
    usage = {"input_tokens": 200, "output_tokens": 7}
    return searched.message("messages-fetch-pause") | {"content": content, "stop_reason": "end_turn", "usage": usage}


def in_turn(request: Recorded) -> Scenario:
    """Pause the first time, and answer the request that goes on."""
    return answer(200, rest()) if len(request.json["messages"]) > 1 else played("messages-fetch-pause")


def test_a_sweep_goes_on_after_a_pause_and_keeps_the_sources(tmp_path: Path) -> None:
    live = session(CLAUDE_NB_HISTORY=str(tmp_path / "history.db"))
    with Server(in_turn) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "fetch": True}
        swept = sweep("Read", session=live, n=2, show=False, **options)
        assert [reply.text for reply in swept.replies] == ["Snow is white. No more."] * 2
        again = sweep("Read", session=live, n=2, show=False, **options)
    assert len(server.requests) == 4
    assert [reply.text for reply in again.replies] == ["Snow is white. No more."] * 2
    assert [source.url for reply in again.replies for source in reply.sources] == ["https://example.com/a"] * 2


def test_sources_are_in_the_history_and_in_a_replay(tmp_path: Path) -> None:
    live = session(CLAUDE_NB_HISTORY=str(tmp_path / "history.db"))
    with Server([played("messages-search")]) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "search": True}
        reply = live.ask("Who?", **options)
        live.memory.replay("only")
        again = live.ask("Who?", **options)
    assert len(server.requests) == 1
    assert again.source == "replay"
    assert again.sources == reply.sources
    assert again.citations == reply.citations
    assert Reply.from_dict(reply.to_dict()).sources == reply.sources
    assert live.store
    assert live.store.recent(1)[0].reply.sources == reply.sources


def test_continue_goes_on_after_the_tenth_pause() -> None:
    live = session()
    scenario: list[Scenario] = [played("messages-fetch-pause")] * 10
    with Server([*scenario, answer(200, rest())]) as server:
        live.ask("Go on", provider="anthropic", base_url=server.url, model="sonnet-5.5", fetch=True)
        reply = live.complete(*live.continued()[:2])
    assert reply.text.endswith("Snow is white. No more.")
    assert reply.stop_reason == "end"


def test_signed_thoughts_around_a_pause_go_back_with_the_next_prompt() -> None:
    call = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    thoughts = [{"type": "thinking", "thinking": text, "signature": text} for text in ("first", "second")]
    usage, model = {"input_tokens": 1, "output_tokens": 1}, "claude-sonnet-5-5"
    paused = {"id": "m", "model": model, "content": [thoughts[0], call], "stop_reason": "pause_turn", "usage": usage}
    said = {"type": "text", "text": "So."}
    ended = {**paused, "content": [result, thoughts[1], said], "stop_reason": "end_turn"}
    live = session()
    with Server([answer(200, paused), answer(200, ended), asking.messages("Yes.", stop="end_turn")]) as server:
        options = {"provider": "anthropic", "base_url": server.url, "model": "sonnet-5.5", "chat": "trip"}
        live.ask("Who?", search=True, **options)
        live.ask("Sure?", search=True, **options)
    assert server.requests[1].json["messages"][1]["content"] == [thoughts[0], call]
    assert server.requests[2].json["messages"][1]["content"] == [thoughts[0], call, result, thoughts[1], said]


def test_a_budget_counts_the_searches_of_a_running_reply() -> None:
    live = session()
    request = live.request("Hi", provider="anthropic", model="sonnet-5.5", search=True, max_tokens=10)
    live.budget.limit_usd = 0.025
    live.budget.admit(request, live.models, 1)
    live.budget.watch(request, live.models, 1, 5, searches=2)
    with pytest.raises(ConfigError, match="used up"):
        live.budget.watch(request, live.models, 1, 5, searches=3)

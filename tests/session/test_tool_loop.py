"""Rounds of functions through the loopback server: what each sends, what comes of it, and how it may go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_nb import Playground
from claude_nb.errors import ClaudeError, ConfigError, Interrupted, NetworkError, PromptError, StreamCut
from claude_nb.providers.credentials import Credentials
from claude_nb.providers.dialects.content import alternating
from claude_nb.session import continuation, frontend, tool_loop
from claude_nb.session.budget import tokens_in
from claude_nb.session.call import Call
from claude_nb.session.session import Session
from claude_nb.session.turn import Turn
from claude_nb.storage import entries
from claude_nb.sweeps import api, check
from claude_nb.types.content import Called, Thought, ToolCall, ToolResult
from claude_nb.types.reply import Reply
from claude_nb.types.request import Message, Request
from claude_nb.types.settings import Tool
from tests.helpers import asking, replies
from tests.helpers.asking import Ask, Thinks
from tests.helpers.server import Scenario, Send, Server, head

KEY = "0123456789abcdef0123456789abcdef"
DIALECTS = ("messages", "chat")
OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


def weather(city: str) -> str:
    """The weather of a city."""
    if city == "Rome":
        raise LookupError("no station in Rome")
    return f"18 °C in {city}"


@pytest.fixture
def live() -> Session:
    return Session(
        credentials=Credentials({"CLAUDE_NB_HISTORY": "off", "AIMLAPI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY})
    )


def keeping(tmp_path: Path) -> Session:
    """A session with a history."""
    return Session(credentials=Credentials({"CLAUDE_NB_HISTORY": str(tmp_path / "h.db"), "ANTHROPIC_API_KEY": KEY}))


def where(dialect: str, server: Server, **more: Any) -> dict[str, Any]:
    """Options that ask the loopback server in a dialect, with a function that nobody is asked about."""
    who = {"provider": "anthropic"} if dialect == "messages" else {"provider": "openai-compatible", "model": "m"}
    return {**who, "base_url": server.url, "tools": [weather], "yes": True, **more}


def asks(dialect: str) -> Callable[..., Scenario]:
    return asking.messages if dialect == "messages" else asking.chat


def says(dialect: str, text: str) -> Scenario:
    return replies.messages([text]) if dialect == "messages" else replies.chat([text])


def with_call(*pieces: str, finish: str | None, done: bool = True) -> Scenario:
    """A chat reply that calls weather(), whose stop reason comes with the first piece, or not at all."""
    calls = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    calls[0] |= {"id": "c1", "function": {"name": "weather", "arguments": pieces[0]}}
    first = {"index": 0, "delta": {"content": ""}, "finish_reason": finish}
    choices = [first, *({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": finish} for call in calls)]
    return [Send(head()), Send(replies.sse(*({"choices": [choice]} for choice in choices), *(["[DONE]"] * done)))]


@pytest.mark.parametrize("finish", ["stop", "tool_calls"])
@pytest.mark.parametrize("done", [True, False])
def test_calls_after_the_stop_reason_run(live: Session, finish: str, done: bool) -> None:
    with Server([with_call(OSLO[:8], OSLO[8:], finish=finish, done=done), says("chat", "18 °C")]) as server:
        reply = live.ask("Hi", **where("chat", server))

    assert (reply.text, [call.result for call in reply.calls]) == ("18 °C", ["18 °C in Oslo"])


@pytest.mark.parametrize("finish", [None, "stop"])
def test_a_call_that_breaks_off_is_neither_made_nor_answered(live: Session, finish: str | None) -> None:
    with Server([with_call(OSLO[:8], finish=finish), says("chat", "18 °C")]) as server:
        with pytest.raises(StreamCut, match="broke off in a tool call") as caught:
            live.ask("Hi", **where("chat", server))

        assert len(server.requests) == 1
    assert isinstance(caught.value.reply, Reply)
    assert not caught.value.reply.complete


def three_rounds(dialect: str, by: int | None = None) -> list[Scenario]:
    ask = asks(dialect)
    return [
        ask("Let me look.", Ask("c1", "weather", OSLO), by=by),
        ask("", Ask("c2", "weather", ROME), by=by),
        ask("Once more.", Ask("c3", "weather", OSLO), by=by),
        says(dialect, "It is 18 °C."),
    ]


def roles(body: Any) -> list[str]:
    return [turn["role"] for turn in body["messages"]]


# Three rounds and a function that fails


@pytest.mark.parametrize("by", [None, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_three_rounds_with_a_failing_function_are_one_reply(live: Session, dialect: str, by: int | None) -> None:
    with Server(three_rounds(dialect, by)) as server:
        reply = live.ask("Weather?", **where(dialect, server))
    assert reply.text == "Let me look.\n\nOnce more.\n\nIt is 18 °C."
    assert reply.calls == [
        Called("weather", {"city": "Oslo"}, "18 °C in Oslo", at=12),
        Called("weather", {"city": "Rome"}, "LookupError: no station in Rome", failed=True, at=12),
        Called("weather", {"city": "Oslo"}, "18 °C in Oslo", at=24),
    ]
    assert (reply.stop_reason, reply.prompt) == ("end", "Weather?")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (48, 136)
    assert live.totals.calls == 4
    assert live.last == reply


def test_each_round_sends_what_came_before_to_the_key_in_the_messages_api(live: Session) -> None:
    with Server(three_rounds("messages")) as server:
        live.ask("Weather?", **where("messages", server, max_tokens=100))
    form = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    first, second, third, fourth = (request.json for request in server.requests)
    assert first == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 100,
        "stream": True,
        "tools": [{"name": "weather", "description": "The weather of a city.", "input_schema": form}],
        "messages": [{"role": "user", "content": "Weather?"}],
    }
    asked = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}}
    told = {"type": "tool_result", "tool_use_id": "c1", "content": "18 °C in Oslo"}
    assert second["messages"] == [
        *first["messages"],
        {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, asked]},
        {"role": "user", "content": [told]},
    ]
    failed = {"content": "LookupError: no station in Rome", "is_error": True}
    assert third["messages"] == [
        *second["messages"],
        {"role": "assistant", "content": [{**asked, "id": "c2", "input": {"city": "Rome"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c2", **failed}]},
    ]
    assert fourth["messages"] == [
        *third["messages"],
        {"role": "assistant", "content": [{"type": "text", "text": "Once more."}, {**asked, "id": "c3"}]},
        {"role": "user", "content": [{**told, "tool_use_id": "c3"}]},
    ]
    assert [{**body, "messages": None} for body in (second, third, fourth)] == [{**first, "messages": None}] * 3


def test_each_round_sends_what_came_before_to_the_key_in_chat_completions(live: Session) -> None:
    with Server(three_rounds("chat")) as server:
        live.ask("Weather?", **where("chat", server))
    first, *_, last = (request.json for request in server.requests)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["weather"]

    def asked(call_id: str, arguments: str) -> dict[str, Any]:
        return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": arguments}}

    assert last["messages"] == [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "Let me look.", "tool_calls": [asked("c1", OSLO)]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 °C in Oslo"},
        {"role": "assistant", "content": "", "tool_calls": [asked("c2", ROME)]},
        {"role": "tool", "tool_call_id": "c2", "content": "LookupError: no station in Rome"},
        {"role": "assistant", "content": "Once more.", "tool_calls": [asked("c3", OSLO)]},
        {"role": "tool", "tool_call_id": "c3", "content": "18 °C in Oslo"},
    ]


def test_aimlapi_is_asked_over_its_messages_endpoint(live: Session) -> None:
    with Server([asking.messages("", Ask("c1", "weather", OSLO)), replies.messages(["18."])]) as server:
        live.ask("Weather?", **where("messages", server, provider="aimlapi"))
    assert [request.path for request in server.requests] == ["/v1/messages"] * 2


def test_a_reply_in_one_piece_asks_too(live: Session) -> None:
    with Server([asking.whole_messages("", Ask("c1", "weather", OSLO)), replies.messages(["18."])]) as server:
        reply = live.ask("Weather?", **where("messages", server, whole=True))
    assert [call.result for call in reply.calls] == ["18 °C in Oslo"]
    assert [request.json.get("stream") for request in server.requests] == [None, None]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_parallel_calls_run_one_after_another_and_go_back_together(live: Session, dialect: str) -> None:
    order: list[int] = []

    def note(n: int) -> int:
        """Note a number."""
        order.append(n)
        return n * n

    both = asks(dialect)("", Ask("c1", "note", '{"n": 2}'), Ask("c2", "note", '{"n": 3}'))
    with Server([both, says(dialect, "4 and 9")]) as server:
        reply = live.ask("Squares?", **where(dialect, server, tools=[note]))
    assert order == [2, 3]
    assert [call.result for call in reply.calls] == ["4", "9"]
    sent = server.requests[1].json
    assert roles(sent) == ["user", "assistant", *(["user"] if dialect == "messages" else ["tool", "tool"])]


def test_wrong_calls_go_back_for_the_model_to_mend(live: Session) -> None:
    wrong = [
        asking.chat(
            "", Ask("c1", "forecast", "{}"), Ask("c2", "weather", "{oops"), Ask("c3", "weather", '{"city": 5}')
        ),
        replies.chat(["Sorry."]),
    ]
    with Server(wrong) as server:
        reply = live.ask("Weather?", **where("chat", server))
    assert [call.failed for call in reply.calls] == [True] * 3
    told = [turn["content"] for turn in server.requests[1].json["messages"] if turn["role"] == "tool"]
    assert told == [
        "unknown function forecast; use one of weather",
        "the arguments are not a JSON object; write them again",
        "the arguments do not match the schema: $.city: 5 is not text",
    ]


def test_calls_without_an_id_of_their_own_get_one(live: Session) -> None:
    rounds_ = [
        asking.chat("", Ask("", "weather", OSLO), Ask("", "weather", OSLO)),
        asking.chat("", Ask("call_1", "weather", OSLO)),
        replies.chat(["18."]),
    ]
    with Server(rounds_) as server:
        live.ask("Weather?", **where("chat", server))
    turns = server.requests[2].json["messages"]
    asked = [call["id"] for turn in turns for call in turn.get("tool_calls", ())]
    told = [turn["tool_call_id"] for turn in turns if turn["role"] == "tool"]
    assert len(set(asked)) == 3
    assert asked == told


def test_thoughts_go_back_signed_and_unchanged_before_their_calls(live: Session) -> None:
    thinks = asking.messages("", Ask("c1", "weather", OSLO), thinks=Thinks("Hm.", "S1=="))
    again = asking.messages("So.", Ask("c2", "weather", OSLO), thinks=Thinks("Hm again.", "S2=="))
    with Server([thinks, again, replies.messages(["18."])]) as server:
        reply = live.ask("Weather?", **where("messages", server, thinking="on"))
    assert reply.thinking == "Hm.\n\nHm again."
    turns = server.requests[2].json["messages"]
    assert roles(server.requests[2].json) == ["user", "assistant", "user", "assistant", "user"]
    assert turns[1]["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "S1=="}
    assert [block["type"] for block in turns[1]["content"]] == ["thinking", "tool_use"]
    assert turns[3]["content"][0] == {"type": "thinking", "thinking": "Hm again.", "signature": "S2=="}
    assert [block["type"] for block in turns[3]["content"]] == ["thinking", "text", "tool_use"]


def test_after_ten_rounds_it_stops_keeps_all_and_can_be_gone_on_with(live: Session) -> None:
    many = [asking.messages("", Ask(f"c{i}", "weather", OSLO)) for i in range(tool_loop.MAX_ROUNDS)]
    with Server([*many, replies.messages(["18."])]) as server:
        reply = live.ask("Weather?", **where("messages", server, chat="c"))
        assert len(server.requests) == 10
        assert (reply.stop_reason, len(reply.calls)) == ("tool_use", 10)
        assert live.conversations == {}
        whole = live.complete(*live.continued()[:2])
    assert roles(server.requests[10].json) == ["user", *["assistant", "user"] * 10]
    assert (whole.text, whole.stop_reason, len(whole.calls)) == ("18.", "end", 10)
    assert live.conversations["c"].messages == (Message("user", "Weather?"), whole.message)


# Conversations, the history, going on


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_conversation_keeps_all_parts_with_and_without_tools_in_the_next_prompt(live: Session, dialect: str) -> None:
    scenarios = [asks(dialect)("Wait.", Ask("c1", "weather", OSLO)), *[says(dialect, "18 °C.")] * 3]
    with Server(scenarios) as server:
        live.ask("Weather?", **where(dialect, server, chat="c"))
        live.ask("And now?", **where(dialect, server, chat="c"))
        live.ask("Thanks.", **where(dialect, server, chat="c", tools=None))
    tool = "user" if dialect == "messages" else "tool"
    assert roles(server.requests[2].json) == ["user", "assistant", tool, "assistant", "user"]
    assert "18 °C in Oslo" in json.dumps(server.requests[2].json, ensure_ascii=False)
    plain = server.requests[3].json
    assert roles(plain) == ["user", "assistant", "user", "assistant", "user"]
    assert plain["messages"][1]["content"] == f"Wait.\n[weather {OSLO} gave: 18 °C in Oslo]\n\n\n18 °C."
    assert "tools" not in plain


def test_a_reply_of_nothing_but_calls_is_part_of_the_conversation(live: Session) -> None:
    silent = replies.messages([])
    with Server([asking.messages("", Ask("c1", "weather", OSLO)), silent, replies.messages(["Yes."])]) as server:
        live.ask("Note it.", **where("messages", server, chat="c"))
        live.ask("Done?", **where("messages", server, chat="c"))
    assert roles(server.requests[2].json) == ["user", "assistant", "user", "user"]


def test_the_history_has_a_row_for_each_round_and_replays_them_while_results_are_the_same(tmp_path: Path) -> None:
    session, degrees = keeping(tmp_path), [18]

    def now(city: str) -> int:
        """The temperature."""
        return degrees[0]

    with Server([asking.messages("Look.", Ask("c1", "now", OSLO)), replies.messages(["18."])]) as server:
        how = where("messages", server, tools=[now])
        first = session.ask("Weather?", **how)
        assert [row.reply.text for row in session.memory.history.recent(5)] == ["18.", "Look."]
        session.memory.replay("only")
        session.memory.speed = 0
        again = session.ask("Weather?", **how)
        assert len(server.requests) == 2
        assert (again.text, again.calls, again.source) == (first.text, first.calls, "replay")
        degrees[0] = 19
        with pytest.raises(ClaudeError, match="no recorded reply") as caught:
            session.ask("Weather?", **how)
    assert caught.value.reply
    assert [call.result for call in caught.value.reply.calls] == ["19"]


def test_the_history_gives_a_reply_of_several_rounds_back_as_a_whole(tmp_path: Path) -> None:
    session = keeping(tmp_path)
    with Server([asking.messages("Look.", Ask("c1", "weather", OSLO)), replies.messages(["18."])]) as server:
        asked = session.ask("Weather?", **where("messages", server))
    last, first = (continuation.whole(row.reply) for row in session.memory.history.recent(5))
    assert (last.text, last.calls, last.request) == (asked.text, asked.calls, asked.request)
    assert (last.usage.output_tokens, last.cost_usd is None) == (34, asked.cost_usd is None)
    assert (first.text, first.stop_reason) == ("Look.", "tool_use")


def test_a_reply_cut_in_its_second_round_is_gone_on_with(live: Session) -> None:
    scenarios = [
        asking.messages("Look.", Ask("c1", "weather", OSLO)),
        replies.messages(["It is "], stop_reason="max_tokens"),
        asking.messages("18, and ", Ask("c2", "weather", OSLO)),
        replies.messages(["still 18."]),
        replies.messages(["Yes."]),
    ]
    with Server(scenarios) as server:
        cut = live.ask("Weather?", **where("messages", server, chat="c"))
        assert (cut.text, cut.stop_reason) == ("Look.\n\nIt is ", "max_tokens")
        whole = live.complete(*live.continued()[:2])
        live.ask("Sure?", **where("messages", server, chat="c"))
    assert whole.text == "Look.\n\nIt is 18, and \n\nstill 18."
    assert [call.result for call in whole.calls] == ["18 °C in Oslo"] * 2
    assert roles(server.requests[2].json) == ["user", "assistant", "user", "assistant", "user"]
    assert "Go on exactly" in server.requests[2].json["messages"][-1]["content"]
    last = server.requests[4].json
    assert roles(last) == ["user", "assistant", "user", "assistant", "user", "assistant", "user"]
    assert len(live.conversations["c"].exchanges) == 2


def test_a_call_that_was_cut_is_not_sent_back(live: Session) -> None:
    cut = asking.messages("Wait.", Ask("c1", "weather", '{"city": "Os'), stop="max_tokens", thinks=Thinks("Hm.", "S1"))
    with Server([cut, replies.messages(["18."]), replies.messages(["Yes."])]) as server:
        live.ask("Weather?", **where("messages", server, chat="c", thinking="on"))
        live.ask("And?", **where("messages", server, chat="c", thinking="on"))
    said = server.requests[1].json["messages"][1]["content"]
    assert [block["type"] for block in said] == ["thinking", "text"]


def test_of_a_cut_call_alone_nothing_is_sent_back() -> None:
    held = (Thought("Hm.", "S1"), ToolCall("c1", "f", "{"))
    asked = Request("p", "m", (Message("user", "Hi"), Message("assistant", "", held)), tools=(Tool("f", "", "{}"),))
    assert alternating(asked) == [Message("user", "Hi")]


# What goes wrong


def test_a_round_that_breaks_off_keeps_what_came_before(live: Session) -> None:
    broken: Scenario = [Send(head()), Send(replies.sse(replies.chat_chunk("It is")))]
    with (
        Server([asking.chat("Look.", Ask("c1", "weather", OSLO)), broken, replies.chat([" 18."])]) as server,
        pytest.raises((StreamCut, NetworkError)) as caught,
    ):
        live.ask("Weather?", **where("chat", server, chat="c"))
    reply = caught.value.reply
    assert reply
    assert (reply.text, reply.stop_reason) == ("Look.\n\nIt is", "error")
    assert [call.result for call in reply.calls] == ["18 °C in Oslo"]
    assert live.last == reply
    assert live.conversations == {}


def test_the_budget_holds_for_each_round(live: Session) -> None:
    with Server([asking.messages("Look.", Ask("c1", "weather", OSLO)), replies.messages(["18."])]) as server:
        how = where("messages", server, max_tokens=20)

        def spend(city: str) -> str:
            """Spend all."""
            live.configure(budget=live.totals.cost_usd)
            return city

        with pytest.raises(ConfigError, match="budget") as caught:
            live.ask("Weather?", **{**how, "tools": [_named(spend, "weather")]})
        assert len(server.requests) == 1
        reply = caught.value.reply
        assert reply
        assert (reply.text, reply.stop_reason, reply.calls[0].result) == ("Look.", "error", "Oslo")
        live.configure(budget=None)
        assert live.complete(*live.continued()[:2]).text == "Look.\n\n18."


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__name__ = name
    return function


def test_functions_calls_and_results_count_as_tokens_of_the_prompt() -> None:
    said = Message("assistant", "", (ToolCall("c1", "f", "x" * 400), ToolResult("c1", "y" * 400)))
    asked = Request("p", "m", (Message("user", "Hi"), said), tools=(Tool("f", "z" * 200, "{}" * 100),))
    assert tokens_in(asked) == 1 + 100 + 100 + 100


def test_an_interrupt_in_a_function_ends_the_reply_and_keeps_all(live: Session) -> None:
    def slow(city: str) -> str:
        """Slow."""
        if city == "Rome":
            raise KeyboardInterrupt
        return city

    calls = (Ask("c1", "slow", OSLO), Ask("c2", "slow", ROME), Ask("c3", "slow", OSLO))
    with Server([asking.messages("Look.", *calls), replies.messages(["Oslo it is."])]) as server:
        with pytest.raises(Interrupted, match=r"interrupted in slow\(\)") as caught:
            live.ask("Weather?", **where("messages", server, tools=[slow], chat="c"))
        assert len(server.requests) == 1
        reply = caught.value.reply
        assert reply
        assert reply.stop_reason == "interrupted"
        assert [call.failed for call in reply.calls] == [False, True, True]
        assert live.conversations == {}
        whole = live.complete(*live.continued()[:2])
    told = server.requests[1].json["messages"][2]["content"]
    assert [block["content"] for block in told] == ["Oslo", *["not run to its end: interrupted by the user"] * 2]
    assert whole.text == "Look.\n\nOslo it is."


def test_an_interrupt_between_two_rounds_keeps_all(live: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    send = live.send

    def stopped(request: Request, call: Call) -> Turn:
        if call.after:
            raise KeyboardInterrupt
        return send(request, call)

    monkeypatch.setattr(live, "send", stopped)
    with (
        Server([asking.messages("Look.", Ask("c1", "weather", OSLO))]) as server,
        pytest.raises(Interrupted, match="between two rounds") as caught,
    ):
        live.ask("Weather?", **where("messages", server))
    assert caught.value.reply
    assert caught.value.reply == live.last
    assert (caught.value.reply.stop_reason, caught.value.reply.calls[0].result) == ("interrupted", "18 °C in Oslo")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_in_json_may_come_after_functions_and_is_mended_without_them(live: Session, dialect: str) -> None:
    wrong, right = '{"city": "Oslo", "celsius": "x"}', '{"city": "Oslo", "celsius": 18}'
    form = {"type": "object", "properties": {"celsius": {"type": "number"}}, "required": ["celsius"]}
    ask = asks(dialect)("Look.", Ask("c1", "weather", OSLO))
    with Server([ask, says(dialect, wrong), says(dialect, right), says(dialect, "Yes.")]) as server:
        how = where(dialect, server, chat="c")
        reply = live.ask("Weather?", json=form, **how)
        live.ask("Sure?", **how)
    assert reply.data == {"city": "Oslo", "celsius": 18}
    assert reply.text == f"Look.\n\n{right}"
    assert [call.result for call in reply.calls] == ["18 °C in Oslo"]
    tool = "user" if dialect == "messages" else "tool"
    assert roles(server.requests[2].json) == ["user", "assistant", tool, "assistant", "user"]
    assert roles(server.requests[3].json) == ["user", "assistant", tool, "assistant", "user"]
    assert wrong not in json.dumps(server.requests[3].json)


def test_a_declined_call_is_told_to_the_model(live: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "can_answer", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    with Server([asking.messages("", Ask("c1", "weather", OSLO)), replies.messages(["Pity."])]) as server:
        reply = live.ask("Weather?", **where("messages", server, yes=False))
    told = server.requests[1].json["messages"][2]["content"][0]
    assert told["content"] == "the user does not allow this call; continue without it"
    assert told["is_error"] is True
    assert reply.text == "Pity."


def test_where_nobody_can_be_asked_nothing_is_sent(live: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend, "can_answer", lambda: False)
    with Server([replies.messages(["18."])]) as server, pytest.raises(ConfigError, match="add --yes"):
        live.ask("Weather?", **where("messages", server, yes=False))
    assert server.requests == []


def test_a_stream_is_the_first_round_only(live: Session) -> None:
    with Server([asking.messages("Look.", Ask("c1", "weather", OSLO))]) as server:
        reply = live.stream("Weather?", **where("messages", server)).wait()
    assert (reply.stop_reason, reply.calls) == ("tool_use", [Called("weather", {"city": "Oslo"}, None, at=5)])
    with pytest.raises(PromptError, match="calls a function that was not run"):
        live.continued()


def test_functions_are_refused_in_one_line_where_none_are_called(live: Session) -> None:
    with pytest.raises(PromptError, match="the demo model calls no tools"):
        live.request("Hi", provider="demo", tools=[weather])
    for many in (
        lambda: api.sweep("Hi", tools=[weather], n=1, session=live, provider="demo"),
        lambda: api.compare(["demo"], "Hi", tools=[weather], session=live),
        lambda: check.check("Hi", "x", n=1, tools=[weather], session=live, provider="demo"),
    ):
        with pytest.raises(PromptError, match="a sweep calls no functions"):
            many()
    with pytest.raises(PromptError, match="the playground has no setting tools"):
        Playground(provider="demo", tools=[weather])


def test_a_function_may_ask_a_model_itself(live: Session) -> None:
    def inner(city: str) -> str:
        """Ask somebody else."""
        return live.ask("Hi", provider="demo", seed=1, max_tokens=3).text

    with Server([asking.messages("", Ask("c1", "inner", OSLO)), replies.messages(["Done."])]) as server:
        reply = live.ask("Weather?", **where("messages", server, tools=[inner]))
    assert live.last == reply
    assert reply.calls[0].result


def test_results_are_part_of_a_request_and_come_back_from_its_data() -> None:
    held = (ToolCall("c1", "f", "{}"), ToolResult("c1", "bad", failed=True))
    reply = Reply(Request("p", "m", (Message("user", "Hi"),)), "ok", parts=held, stop_reason="tool_use")
    assert entries.reply_from(json.loads(json.dumps(reply.to_dict()))).calls == [Called("f", {}, "bad", failed=True)]

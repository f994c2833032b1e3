"""Requests to Anthropic: a user's words here, and the same with Anthropic's SDK."""

from __future__ import annotations

from typing import Any

from anthropic import transform_schema
from pydantic import TypeAdapter

from tests.helpers import STREAMS, asking, replies
from tests.helpers.asking import Ask, Thinks
from tests.helpers.server import Scenario, Send, answer, head
from tests.vendor_sdks.case import MANY, NOTES, PDF, PNG, WEATHER, Case, City, Coloured, b64, dot, weather

SONNET, OPUS, NEW_SONNET, OLD_SONNET = "claude-sonnet-4-6", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"
HELLO = replies.messages(["Hello"])
WHOLE = answer(
    200, {**replies.MESSAGE, "content": [{"type": "text", "text": "Hello"}], "usage": {}, "stop_reason": "end_turn"}
)
SIGNED = replies.thought(["Hm."], "Hello", signature="EqQB")
OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'
CALLS = [asking.messages("I look.", Ask("toolu_1", "weather", OSLO)), HELLO]
TOOL = {"name": "weather", "description": "The weather of a city.", "input_schema": WEATHER}
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
DOT = {"name": "dot", "description": "Draw a dot.", "input_schema": NOTHING}


def user(*content: Any) -> dict[str, Any]:
    """A user message: of one text, or of several blocks."""
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def file(kind: str, media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": b64(data)}, **more}


def result(call: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call, "content": content, **more}


def say(client: Any, *messages: Any, **more: Any) -> Any:
    """Ask with the SDK for a streamed reply, and return it."""
    asked = {"model": SONNET, "max_tokens": 32_000, "messages": messages or (user("Hi"),), **more}
    with client.messages.stream(**asked) as stream:
        return stream.get_final_message()


def round_of(client: Any, *results: Any, **more: Any) -> Any:
    """Ask with the SDK, and send the results of the calls."""
    said = say(client, user("Where?"), **more)
    return say(client, user("Where?"), {"role": "assistant", "content": said.content}, user(*results), **more)


def turns(client: Any, *questions: str, **more: Any) -> None:
    """Ask several questions in one conversation with the SDK."""
    messages: list[Any] = []
    for question in questions:
        messages.append(user(question))
        messages.append({"role": "assistant", "content": say(client, *messages, **more).content})


def chat(ask: Any, *questions: str, **more: Any) -> None:
    for question in questions:
        ask(question, chat="trip", **more)


def case(name: str, ours: Any, theirs: Any, answers: Any = (HELLO,)) -> Case:
    return Case(f"anthropic: {name}", ours, theirs, answers)


def both(name: str, options: dict[str, Any], theirs: dict[str, Any], answers: Any = (HELLO,)) -> Case:
    """A case of one request that differs from a plain one by options."""
    return case(name, lambda ask: ask("Hi", **options), lambda client: say(client, **theirs), answers)


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a content block."""
    inside = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    start = {"type": "content_block_start", "index": index, "content_block": start}
    return [start, *inside, {"type": "content_block_stop", "index": index}]


NOTES_DOCUMENT = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": NOTES},
    "title": "notes.txt",
}
SEARCH = {"type": "web_search_20260318", "name": "web_search", "allowed_callers": ["direct"]}
FETCH = {
    "type": "web_fetch_20260318",
    "name": "web_fetch",
    "allowed_callers": ["direct"],
    "citations": {"enabled": True},
}
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
SEARCHED: Scenario = [Send(head()), Send((STREAMS / "messages-search.sse").read_bytes())]
LAST: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
HOUR: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
BLUE: Scenario = replies.messages(['{"name": "Oslo", "people": 700000}'])
CITIES: Scenario = replies.messages(['{"answer": [{"name": "Oslo", "people": 700000}]}'])
IN_COLOUR: Scenario = replies.messages(['{"colour": "red"}'])
REDACTED: Scenario = [
    Send(head()),
    Send(
        replies.named(
            {"type": "message_start", "message": {**replies.MESSAGE, "usage": {"input_tokens": 12}}},
            *block(0, {"type": "redacted_thinking", "data": "EmwK"}),
            *block(1, text(""), {"type": "text_delta", "text": "Hello"}),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 34}},
            {"type": "message_stop"},
        )
    ),
]
ADAPTIVE = {"type": "adaptive"}
SHOWN = {"type": "adaptive", "display": "summarized"}

ANTHROPIC: tuple[Case, ...] = (
    both("plain", {}, {}),
    case(
        "whole",
        lambda ask: ask("Hi", whole=True, max_tokens=100),
        lambda client: client.messages.create(model=SONNET, max_tokens=100, messages=[user("Hi")]),
        [WHOLE],
    ),
    both("temperature", {"temperature": 0.2}, {"extra_body": {"temperature": 0.2}}),
    both("temperature 0", {"temperature": 0}, {"extra_body": {"temperature": 0.0}}),
    both("top_p and top_k", {"top_p": 0.9, "top_k": 5}, {"extra_body": {"top_p": 0.9, "top_k": 5}}),
    both("max_tokens", {"max_tokens": 100}, {"max_tokens": 100}),
    both("system", {"system": MANY}, {"system": MANY}),
    both("stop sequences", {"stop_sequences": ["END", "\n"]}, {"stop_sequences": ["END", "\n"]}),
    case("any letters", lambda ask: ask(MANY), lambda client: say(client, user(MANY))),
    case("three turns", lambda ask: chat(ask, "a", "b", "c"), lambda client: turns(client, "a", "b", "c")),
    case(
        "picture",
        lambda ask: ask("Hi", attach="dot.png"),
        lambda client: say(client, user(file("image", "image/png", PNG), text("Hi"))),
    ),
    case(
        "picture and PDF",
        lambda ask: ask("Hi", attach=["dot.png", "report.pdf"]),
        lambda client: say(
            client,
            user(file("image", "image/png", PNG), file("document", "application/pdf", PDF), text("Hi")),
        ),
    ),
    case(
        "text file",
        lambda ask: ask("Hi", attach="notes.txt"),
        lambda client: say(
            client,
            user(
                NOTES_DOCUMENT,
                text("Hi"),
            ),
        ),
    ),
    both("tools that are not called", {"tools": [weather, dot]}, {"tools": [TOOL, DOT]}),
    case(
        "tool result",
        lambda ask: ask("Where?", tools=[weather]),
        lambda client: round_of(client, result("toolu_1", "18 °C in Oslo"), tools=[TOOL]),
        CALLS,
    ),
    case(
        "failed tool result",
        lambda ask: ask("Where?", tools=[weather]),
        lambda client: round_of(
            client, result("toolu_1", "LookupError: no station in Rome", is_error=True), tools=[TOOL]
        ),
        [asking.messages("", Ask("toolu_1", "weather", ROME)), HELLO],
    ),
    case(
        "two calls at once",
        lambda ask: ask("Where?", tools=[weather]),
        lambda client: round_of(
            client, result("toolu_1", "18 °C in Oslo"), result("toolu_2", "18 °C in Bonn"), tools=[TOOL]
        ),
        [asking.messages("", Ask("toolu_1", "weather", OSLO), Ask("toolu_2", "weather", '{"city": "Bonn"}')), HELLO],
    ),
    case(
        "picture as a tool result",
        lambda ask: ask("Where?", tools=[dot]),
        lambda client: round_of(
            client,
            result("toolu_1", [text("picture dot.png"), file("image", "image/png", PNG)]),
            tools=[DOT],
        ),
        [asking.messages("", Ask("toolu_1", "dot")), HELLO],
    ),
    both("thinking that decides for itself", {"thinking": "on"}, {"thinking": ADAPTIVE}),
    both("thinking that is shown", {"thinking": True, "model": OPUS}, {"thinking": SHOWN, "model": OPUS}),
    both("a budget of thinking", {"thinking": 2000}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    both("no thinking", {"thinking": "off"}, {"thinking": {"type": "disabled"}}),
    both(
        "no thinking on a model that cannot stop",
        {"thinking": "off", "model": NEW_SONNET},
        {"thinking": {"type": "between_tools"}, "model": NEW_SONNET},
    ),
    both("effort", {"effort": "low"}, {"output_config": {"effort": "low"}}),
    case(
        "signed thinking in two turns",
        lambda ask: chat(ask, "a", "b", thinking="on"),
        lambda client: turns(client, "a", "b", thinking=ADAPTIVE),
        [SIGNED],
    ),
    case(
        "redacted thinking in two turns",
        lambda ask: chat(ask, "a", "b", model=OPUS),
        lambda client: turns(client, "a", "b", model=OPUS),
        [REDACTED],
    ),
    case(
        "signed thinking before a call",
        lambda ask: ask("Where?", tools=[weather], model=OPUS),
        lambda client: round_of(client, result("toolu_1", "18 °C in Oslo"), tools=[TOOL], model=OPUS, thinking=SHOWN),
        [asking.messages("", Ask("toolu_1", "weather", OSLO), thinks=Thinks("Hm.", "EqQB")), HELLO],
    ),
    case(
        "cache",
        lambda ask: ask("Hi", cache=True, system="Be brief."),
        lambda client: say(client, user(text("Hi", **LAST)), system=[text("Be brief.", **LAST)]),
    ),
    case(
        "cache for an hour, of an attachment too",
        lambda ask: ask("Hi", cache="1h", attach="report.pdf"),
        lambda client: say(client, user(file("document", "application/pdf", PDF, **HOUR), text("Hi", **HOUR))),
    ),
    both("cache as the SDK marks it", {"cache": True}, {"cache_control": LAST["cache_control"]}),
    both("JSON of a class", {"json": City}, {"output_format": City}, [BLUE]),
    both("JSON with an enumeration", {"json": Coloured}, {"output_format": Coloured}, [IN_COLOUR]),
    case(
        "JSON list",
        lambda ask: ask("Hi", json=list[City]),
        lambda client: say(
            client,
            output_config={
                "format": {"type": "json_schema", "schema": transform_schema(TypeAdapter(list[City]).json_schema())}
            },
        ),
        [CITIES],
    ),
    both("fast", {"speed": "fast", "model": OPUS}, {"speed": "fast", "model": OPUS}),
    both(
        "several settings at once",
        {"system": "Be brief.", "thinking": 2000, "effort": "high", "stop_sequences": "END", "tools": [weather]},
        {
            "system": "Be brief.",
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "output_config": {"effort": "high"},
            "stop_sequences": ["END"],
            "tools": [TOOL],
        },
    ),
    both("search", {"search": True}, {"tools": [SEARCH]}),
    both("three searches at most", {"search": 3}, {"tools": [{**SEARCH, "max_uses": 3}]}),
    both("fetch", {"fetch": True}, {"tools": [FETCH]}),
    both("code execution", {"code_execution": True}, {"tools": [CODE]}),
    both("search and functions", {"search": True, "tools": [weather]}, {"tools": [TOOL, SEARCH]}),
    case(
        "what was searched in two turns",
        lambda ask: chat(ask, "a", "b", search=True),
        lambda client: turns(client, "a", "b", tools=[SEARCH]),
        [SEARCHED, HELLO],
    ),
    case(
        "citations of a PDF and a text",
        lambda ask: ask("Hi", attach=["report.pdf", "notes.txt"], cite=True),
        lambda client: say(
            client,
            user(
                file("document", "application/pdf", PDF, title="report.pdf", citations={"enabled": True}),
                {**NOTES_DOCUMENT, "citations": {"enabled": True}},
                text("Hi"),
            ),
        ),
    ),
    case(
        "count_tokens",
        lambda ask: ask.count("Hi", system="Be brief."),
        lambda client: client.messages.count_tokens(model=SONNET, messages=[user("Hi")], system="Be brief."),
        [answer(200, {"input_tokens": 12})],
    ),
    case(
        "model list",
        lambda ask: ask.models(),
        lambda client: client.models.list(limit=1000),
        [answer(200, {"data": [], "has_more": False, "first_id": None, "last_id": None})],
    ),
)

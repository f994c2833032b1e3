"""Thinking in tags before a structured answer is thinking: read once, and not paid for twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claude_nb.errors import NoJson
from claude_nb.providers.dialects import think_tags
from claude_nb.session.session import Session
from claude_nb.types.content import ToolCall
from claude_nb.types.reply import Reply
from claude_nb.types.request import Chunk, Message, Request
from claude_nb.types.settings import Answer
from tests.helpers import asking, replies
from tests.helpers.asking import Ask
from tests.helpers.server import Scenario, Server, answer
from tests.helpers.sessions import session

SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
DRAFT, FINAL = '{"title": "draft"}', '{"title": "final"}'
TITLE = {"title": "final"}
FENCED = f"```json\n{DRAFT}\n```"

# text, reply.thinking, reply.text
TAGGED: dict[str, tuple[str, str, str]] = {
    "think": (f"<think>{DRAFT}</think>{FINAL}", DRAFT, FINAL),
    "lines": (f"<think>\nHm.\n</think>\n\n{FINAL}", "\nHm.\n", f"\n\n{FINAL}"),
    "thinking": (f"<thinking>{DRAFT}</thinking>\n{FINAL}", DRAFT, f"\n{FINAL}"),
    "reasoning": (f"<reasoning>{DRAFT}</reasoning>{FINAL}", DRAFT, FINAL),
    "capitals": (f"<THINK>{DRAFT}</Think>{FINAL}", DRAFT, FINAL),
    "white space": (f" \n<think>{DRAFT}</think>{FINAL}", DRAFT, f" \n{FINAL}"),
    "a fence inside": (f"<think>{FENCED}\n</think>{FINAL}", f"{FENCED}\n", FINAL),
    "a fenced answer": (f"<think>{FENCED}\n</think>\n```json\n{FINAL}\n```", f"{FENCED}\n", f"\n```json\n{FINAL}\n```"),
    "twice": (f"<think>a</think>\n<think>b</think>{FINAL}", "ab", f"\n{FINAL}"),
    "empty": (f"<think></think>{FINAL}", "", FINAL),
    "words before the JSON": (f"<think>{DRAFT}</think>Here: {FINAL}", DRAFT, f"Here: {FINAL}"),
    "other tags inside": (f"<think>a < b </thin> <b></think>{FINAL}", "a < b </thin> <b>", FINAL),
    "no tag": (FINAL, "", FINAL),
    "another tag": (f"<thin>{FINAL}", "", f"<thin>{FINAL}"),
}


@pytest.fixture
def live() -> Session:
    return session(ANTHROPIC_API_KEY="key-of-this-test")


def by_char(text: str) -> Scenario:
    return replies.chat(list(text))


def in_one(text: str) -> Scenario:
    return replies.chat([text])


def whole(text: str) -> Scenario:
    return answer(200, {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


def where(server: Server, **more: Any) -> dict[str, Any]:
    return {"provider": "openai-compatible", "model": "m", "base_url": server.url, **more}


@pytest.mark.parametrize("way", [by_char, in_one, whole])
@pytest.mark.parametrize("case", TAGGED)
def test_thinking_in_tags_before_an_answer_is_thinking(live: Session, way: Any, case: str) -> None:
    text, thinking, rest = TAGGED[case]
    with Server([way(text)]) as server:
        reply = live.ask("Title?", json=SCHEMA, whole=way is whole, **where(server))

    assert (reply.thinking, reply.text, reply.data) == (thinking, rest, TITLE)
    assert len(server.requests) == 1


def test_it_is_thinking_in_the_messages_format_and_in_tool_rounds(live: Session) -> None:
    def weather(city: str) -> str:
        """The weather of a city."""
        return "18 °C"

    call = Ask("c1", "weather", '{"city": "Oslo"}')
    for ask, says, provider in (
        (asking.chat, lambda text: replies.chat(list(text)), "openai-compatible"),
        (asking.messages, lambda text: replies.messages(list(text)), "anthropic"),
    ):
        first = ask(f"<think>{DRAFT}</think>", call)
        with Server([first, says(f"<think>Now.</think>{FINAL}")]) as server:
            options = where(server, provider=provider, model="claude-sonnet-4-6")
            reply = live.ask("Title?", json=SCHEMA, tools=[weather], yes=True, **options)
        assert (reply.thinking, reply.text, reply.data) == (f"{DRAFT}\n\nNow.", FINAL, TITLE)
        assert [called.result for called in reply.calls] == ["18 °C"]


@given(st.lists(st.integers(0, 60), max_size=8), st.sampled_from([row[0] for row in TAGGED.values()]))
def test_any_cut_of_the_text_gives_the_same(cuts: list[int], text: str) -> None:
    places = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[i:j] for i, j in zip([0, *places], [*places, len(text)], strict=True)]
    chunks = list(think_tags.separated([*(Chunk(text=piece) for piece in pieces), Chunk(stop_reason="end")]))

    _, thinking, rest = next(row for row in TAGGED.values() if row[0] == text)
    assert "".join(chunk.thinking for chunk in chunks) == thinking
    assert "".join(chunk.text for chunk in chunks) == rest


def test_what_is_held_back_comes_before_a_part_and_at_the_end() -> None:
    call = Chunk(part=ToolCall("c1", "f", "{}"))

    chunks = list(think_tags.separated([Chunk(text="<thi"), call, Chunk(text="nk>")]))

    assert [(chunk.text, bool(chunk.part)) for chunk in chunks if chunk.text or chunk.part] == [
        ("<thi", False),
        ("", True),
        ("nk>", False),
    ]


def test_a_plain_reply_keeps_its_tags(live: Session) -> None:
    text = "<thinking>\nHm.\n</thinking>\nHello."
    with Server([in_one(text)]) as server:
        reply = live.ask("Think in tags.", **where(server))

    assert (reply.text, reply.thinking) == (text, "")


@pytest.mark.parametrize(
    ("text", "finish", "data"),
    [
        (f"<think>I say {FINAL}", "stop", TITLE),
        (f"<think>{DRAFT} is bad. So I am not sure.", "stop", None),
        (f"<think>{FINAL}", "length", None),
    ],
    ids=["an answer at the end", "no answer", "cut"],
)
def test_thinking_without_an_end_is_an_answer_only_if_it_ends_with_one(
    live: Session, text: str, finish: str, data: object
) -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    scenario = [*replies.chat(list(text))[:-1], replies.Send(replies.sse(end, "[DONE]"))]
    with Server([scenario]) as server:
        if data:
            assert live.ask("Title?", json=SCHEMA, **where(server)).data == data
        else:
            with pytest.raises(NoJson):
                live.ask("Title?", json=SCHEMA, **where(server))
    assert len(server.requests) == 1


STORED = {
    f"<think>{DRAFT}</think>{FINAL}": TITLE,
    f"{DRAFT}</think>{FINAL}": TITLE,
    f"Hm.\n</think>\n\n```json\n{FINAL}\n```": TITLE,
    f"<reasoning>{FENCED}\n</reasoning>\n{FINAL}": TITLE,
    '<think>a</think>{"title": "the tag </think>"}': {"title": "the tag </think>"},
    'Here: {"title": "the tag </think> x"}': {"title": "the tag </think> x"},
    json.dumps(FINAL): TITLE,
}


@pytest.mark.parametrize("text", STORED)
def test_a_stored_reply_with_tags_is_read_alike(text: str) -> None:
    request = Request("demo", "demo", (Message("user", "Title?"),), answer=Answer(json.dumps(SCHEMA)))

    assert Reply(request, text).data == STORED[text]


@pytest.mark.parametrize("text", [f"<think>{FENCED}\n</think>I cannot.", f"<thinking>{DRAFT}</thinking>"])
def test_a_draft_in_the_thinking_is_no_answer(text: str) -> None:
    request = Request("demo", "demo", (Message("user", "Title?"),), answer=Answer(json.dumps(SCHEMA)))

    assert Reply(request, text).data is None
    with pytest.raises(NoJson):
        Reply(Request("demo", "demo", request.messages), text).json()


@pytest.mark.parametrize(
    "text", [f"<think>{FENCED}\n</think>\n{FINAL}", f"<think>{DRAFT}</think>\n```json\n{FINAL}\n```"]
)
def test_json_reads_past_thinking_in_tags(text: str) -> None:
    assert Reply(Request("demo", "demo", (Message("user", "Title?"),)), text).json() == TITLE

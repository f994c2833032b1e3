"""Replies as gateways pass them on: in an object of their own, as messages, whole in one event, in fields of Groq."""

from __future__ import annotations

import json
from typing import Any

import pytest

from claude_nb.providers.dialects import chat_completions, messages
from claude_nb.providers.sse import Event
from claude_nb.types.request import Usage
from tests.providers.dialects.test_dialects import Gathered, gather

USAGE = {"prompt_tokens": 3, "completion_tokens": 7}


def chat(*objects: dict[str, Any]) -> Gathered:
    lines = [json.dumps(data) for data in objects]
    return gather(chat_completions.OPENAI.chunks(Event("message", line) for line in (*lines, "[DONE]")))


def choice(finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": finish, **more}]}


def delta(text: str, finish: str | None = None) -> dict[str, Any]:
    return choice(finish, delta={"content": text})


def message(text: str, finish: str | None = None) -> dict[str, Any]:
    return choice(finish, message={"role": "assistant", "content": text})


PIECES = [delta("Hel"), delta("lo"), delta("", "stop")]
WHOLE = message("Hello", "stop")
BLOCKS = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello"}]}
WRAPPERS: dict[str, Any] = {
    "data": {"code": 0},
    "result": {"success": True, "errors": [], "messages": []},
    "output": {"request_id": "r"},
    "response": {"status": 200, "msg": "success"},
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_reply_in_an_object_of_the_gateway_is_a_reply(name: str) -> None:
    around = WRAPPERS[name]
    blocks = BLOCKS | {"stop_reason": "end_turn"}

    got = [
        chat(*({**around, name: piece} for piece in PIECES)),
        gather(chat_completions.OPENAI.whole({**around, name: WHOLE})),
        gather(messages.MESSAGES.whole({**around, name: blocks})),
    ]

    assert [(one.text, one.stop, one.error) for one in got] == [("Hello", "end", None)] * 3


def test_an_error_beside_an_empty_reply_stays_an_error() -> None:
    got = gather(chat_completions.OPENAI.whole({"error": {"message": "no quota"}, "data": {"choices": []}}))

    assert "no quota" in str(got.error)


STREAMS: dict[str, list[dict[str, Any]]] = {
    "the next piece of a message": [message("Hel"), message("lo"), message("", "stop")],
    "all text so far": [message("Hel"), message("Hello"), message("Hello", "stop")],
    "the whole message": [WHOLE],
    "text": [choice(text="Hel"), choice(text="lo"), choice("stop", text="")],
    "deltas, then the whole message": [*PIECES[:2], choice("stop", delta={}, message={"content": "Hello"})],
    "an empty delta first": [choice(delta={}), *PIECES[:2], choice("stop", delta={}, message={"content": "Hello"})],
    "both in each object": [
        choice(delta={"content": "Hel"}, message={"content": "Hel"}),
        choice(delta={"content": "lo"}, message={"content": "Hello"}),
        choice("stop", delta={"content": ""}, message={"content": "Hello"}),
    ],
}


@pytest.mark.parametrize("case", STREAMS)
def test_text_in_messages_is_read_once(case: str) -> None:
    got = chat(*STREAMS[case])

    assert (got.text, got.stop) == ("Hello", "end")


def test_groq_reports_usage_and_errors_in_a_field_of_its_own() -> None:
    counted = chat(*PIECES[:2], {**choice("stop", delta={}), "x_groq": {"id": "r", "usage": USAGE}})
    broken = chat(*PIECES[:2], {**choice(delta={}), "x_groq": {"id": "r", "error": "over capacity"}})

    assert (counted.text, counted.usage) == ("Hello", Usage(3, 7))
    assert "over capacity" in str(broken.error)


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": "Hm."},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]},
        {"reasoning_content": "Hm.", "reasoning": "Hm.", "thinking": "Hm."},
    ],
)
def test_thinking_is_read_once_under_any_of_its_names(fields: dict[str, Any]) -> None:
    got = chat(choice(delta=fields), *PIECES)

    assert (got.text, got.thinking) == ("Hello", "Hm.")


def test_pieces_without_a_type_are_read_by_their_fields() -> None:
    pieces = [{"thinking": "Hm."}, {"text": "Hello"}]
    events = [Event("content_block_delta", json.dumps({"index": i, "delta": piece})) for i, piece in enumerate(pieces)]

    got = gather(messages.MESSAGES.chunks(events))

    assert (got.thinking, got.text) == ("Hm.", "Hello")


def test_a_whole_message_in_one_event_is_a_reply() -> None:
    event = Event("message", json.dumps(BLOCKS | {"stop_reason": "max_tokens", "usage": {"output_tokens": 7}}))

    got = gather(messages.MESSAGES.chunks([event]))

    assert (got.text, got.stop, got.usage.output_tokens) == ("Hello", "max_tokens", 7)

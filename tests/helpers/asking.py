"""Scenarios for the loopback server in which a model asks for functions, in either dialect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.helpers.replies import MESSAGE, named, sse
from tests.helpers.server import Scenario, answer, stream


class Ask(NamedTuple):
    """A call as a model writes it: Ask("toolu_1", "weather", '{"city": "Oslo"}')."""

    id: str
    name: str
    arguments: str = "{}"


class Thinks(NamedTuple):
    text: str
    signature: str


SAID: dict[str, Any] = {"id": "msg_1", "model": "claude-sonnet-4-6"}


def messages_body(text: str, calls: Sequence[Ask], *, stop: str = "tool_use", thinks: Thinks | None = None) -> bytes:
    """A reply of the Messages API: thinking, text, calls with their arguments in pieces of five characters."""
    events: list[Any] = [{"type": "message_start", "message": {**MESSAGE, "usage": {"input_tokens": 12}}}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if thinks:
        deltas = [{"type": "thinking_delta", "thinking": thinks.text}]
        signed = {"type": "signature_delta", "signature": thinks.signature}
        blocks.append(({"type": "thinking", "thinking": ""}, [*deltas, signed]))
    if text:
        blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": text}]))
    for call in calls:
        pieces = [call.arguments[i : i + 5] for i in range(0, len(call.arguments), 5)]
        start = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        blocks.append((start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]))
    for index, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 34}})
    return named(*events, {"type": "message_stop"})


def chat_body(text: str, calls: Sequence[Ask], *, stop: str = "tool_calls") -> bytes:
    """The same as chat completions have it."""

    def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {**SAID, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, **more}]}

    events: list[Any] = [chunk({"role": "assistant", "content": text})]
    for index, call in enumerate(calls):
        function = {"name": call.name, "arguments": ""}
        events.append(
            chunk({"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]})
        )
        for i in range(0, len(call.arguments), 5):
            piece = {"index": index, "function": {"arguments": call.arguments[i : i + 5]}}
            events.append(chunk({"tool_calls": [piece]}))
    events.append(chunk({}, finish_reason=stop))
    usage = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
    return sse(*events, {**SAID, "choices": [], "usage": usage}, "[DONE]")


def messages(text: str, *calls: Ask, by: int | None = None, **how: Any) -> Scenario:
    return stream(messages_body(text, calls, **how), by=by, headers={"content-type": "text/event-stream"})


def chat(text: str, *calls: Ask, by: int | None = None, **how: Any) -> Scenario:
    return stream(chat_body(text, calls, **how), by=by, headers={"content-type": "text/event-stream"})


def whole_messages(text: str, *calls: Ask) -> Scenario:
    """In one piece."""
    blocks = [{"type": "text", "text": text}] if text else []
    called = [{"type": "tool_use", "id": c.id, "name": c.name, "input": json.loads(c.arguments)} for c in calls]
    usage = {"input_tokens": 12, "output_tokens": 34}
    return answer(200, {**SAID, "content": [*blocks, *called], "stop_reason": "tool_use", "usage": usage})

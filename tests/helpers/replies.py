"""Scenarios for the loopback server: a reply of a given text, in either dialect."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.helpers.server import Scenario, Send, head

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
}


def sse(*objects: Any) -> bytes:
    """Objects as data lines; a text stays as it is."""
    lines = (one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in objects)
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def named(*events: dict[str, Any]) -> bytes:
    """Events of the Messages API, each with its name."""
    return b"".join(f"event: {event['type']}\n".encode() + sse(event) for event in events)


def chat_chunk(text: str = "", finish: str | None = None, usage: dict[str, int] | None = None) -> dict[str, Any]:
    """One chunk as AI/ML API sends it."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": text, "refusal": None}}
    if finish:
        choice["finish_reason"] = finish
    return {
        "id": "msg_1",
        "object": "chat.completion.chunk",
        "model": "claude-sonnet-4-6",
        "choices": [choice],
        "usage": usage,
    }


def chat_end(tokens_in: int = 12, tokens_out: int = 34, finish: str = "stop") -> list[Any]:
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
    return [chat_chunk(finish=finish, usage=usage), "[DONE]"]


def chat(pieces: Iterable[str], *, pause_s: float = 0.0, tokens_out: int = 34) -> Scenario:
    """A whole chat reply; with a pause after each piece."""
    steps = [Send(head()), *(Send(sse(chat_chunk(piece)), pause_s=pause_s) for piece in pieces)]
    return [*steps, Send(sse(*chat_end(tokens_out=tokens_out)))]


def messages(pieces: Iterable[str], *, stop_reason: str = "end_turn") -> Scenario:
    """A whole reply of the Messages API."""
    start = {**MESSAGE, "usage": {"input_tokens": 12, "output_tokens": 1}}
    events: list[Any] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": {"output_tokens": 34}},
        {"type": "message_stop"},
    ]
    return [Send(head()), Send(named(*events))]


def thought(
    thinking: Iterable[str], text: str, *, signature: str = "EqQB", stop_reason: str = "end_turn", tokens_out: int = 34
) -> Scenario:
    """A reply of the Messages API that begins with signed thinking."""
    start = {**MESSAGE, "usage": {"input_tokens": 12, "output_tokens": 1}}
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in thinking]
    events: list[Any] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": signature}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": {"output_tokens": tokens_out}},
        {"type": "message_stop"},
    ]
    return [Send(head()), Send(named(*events))]

"""The class of a fault, and the bytes of both dialects for its scenarios."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from claude_nb.types.request import StopReason
from tests.helpers.replies import chat_chunk, chat_end, sse
from tests.helpers.server import Scenario, Send, head


class Chat:
    """The bytes of Chat Completions."""

    name = "chat"
    provider = "aimlapi"
    open = b""
    finish = sse(chat_end()[0])
    close = b"data: [DONE]\n\n"
    twice = sse(chat_chunk(finish="length"))
    refused = sse(chat_chunk(finish="content_filter"))
    broken = sse(chat_chunk(finish="network_error"))
    unknown = sse(chat_chunk(finish="novel_word"))
    without_usage = sse(chat_chunk(finish="stop"))

    def __init__(self) -> None:
        self.seen = threading.Event()  # the test sets it when the first text is there

    def text(self, text: str) -> bytes:
        return sse(chat_chunk(text))

    def call(self, arguments: str) -> bytes:
        call = {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": arguments}}
        return sse({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})

    def whole(self, text: str) -> dict[str, Any]:
        return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}

    def error(self, kind: str, message: str) -> bytes:
        return sse({"error": {"type": kind, "message": message}})


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()


class Messages(Chat):
    """The bytes of the Messages API."""

    name = "messages"
    provider = "anthropic"
    open = event("message_start", message={"id": "msg_1", "usage": {"input_tokens": 12, "output_tokens": 1}})
    finish = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 34})
    close = event("message_stop")
    twice = event("message_delta", delta={"stop_reason": "max_tokens"})
    refused = event("message_delta", delta={"stop_reason": "refusal"}, usage={"output_tokens": 3})
    broken = event("message_delta", delta={"stop_reason": "network_error"})
    unknown = event("message_delta", delta={"stop_reason": "novel_word"})
    without_usage = event("message_delta", delta={"stop_reason": "end_turn"})

    def text(self, text: str) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    def call(self, arguments: str) -> bytes:
        block = {"type": "tool_use", "id": "c1", "name": "weather", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": arguments}
        begin = event("content_block_start", index=1, content_block=block)
        return begin + event("content_block_delta", index=1, delta=delta)

    def whole(self, text: str) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}

    def error(self, kind: str, message: str) -> bytes:
        return event("error", error={"type": kind, "message": message})


@dataclass(frozen=True)
class Fault:
    """One fault of a server.

    name, steps  what the server does, in words and for the loopback server, request after request
    says         the line in the cell; "": the reply is complete
    notices      the lines while the client waits to retry
    text, stop   what is kept of the reply
    asked        how many requests the server received
    timeout_s    the --timeout of the cell; None: the default
    """

    name: str
    steps: Callable[[Chat], Sequence[Scenario]]
    says: str = ""
    text: str = ""
    stop: StopReason = "error"
    asked: int = 1
    notices: tuple[str, ...] = ()
    timeout_s: float | None = None
    dialects: tuple[type[Chat], ...] = field(default=(Chat, Messages))


def body(*parts: bytes) -> list[Scenario]:
    """Return a streamed response that closes after these bytes."""
    return [[Send(head()), Send(b"".join(parts))]]


def hello(wire: Chat) -> bytes:
    """Return a complete reply: "Hello"."""
    return wire.open + wire.text("Hello") + wire.finish + wire.close


def good(wire: Chat) -> Scenario:
    """Return a response with a complete reply."""
    return [Send(head()), Send(hello(wire))]

"""A loopback server that streams replies of any length at any pace, in every wire format of the tools.

The prompt or the model name says what to send: ``reply-20000x20@500`` is 20,000 characters in pieces of 20, 500 pieces
a second; @0 is as fast as possible. The last such word in the request counts. As a program, it prints its port.
GET /log returns what it sent and when, on the clock of time.monotonic(), which all processes of a machine share.

    POST .../chat/completions     POST .../messages     POST .../models/NAME:generateContent
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

FIRST, LAST = "Well", "End."  # every reply begins and ends with these; they have the size of the smallest pieces
SENTENCE = "the model draws **one word** from the `likely` ones, and then goes on with 2 < 3 of them.\n\n"
ORDER = re.compile(rb"reply-(\d+)x(\d+)@(\d+)")
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Order(NamedTuple):
    """Characters in total and in a piece, and pieces a second (0: no pauses). str() is the word for a prompt."""

    length: int
    piece: int
    rate: int

    def __str__(self) -> str:
        return f"reply-{self.length}x{self.piece}@{self.rate}"

    @property
    def pieces(self) -> int:
        return -(-self.length // self.piece)

    @property
    def seconds(self) -> float:
        """From the first piece to the last."""
        return (self.pieces - 1) / self.rate if self.rate else 0.0

    def text(self) -> str:
        middle = itertools.islice(itertools.cycle(SENTENCE), self.length - len(FIRST) - len(LAST) - 2)
        return f"{FIRST} {''.join(middle)} {LAST}"

    def split(self) -> list[str]:
        text = self.text()
        return [text[i : i + self.piece] for i in range(0, len(text), self.piece)]


@dataclass
class Entry:
    """One request in the log. A time is None until it happens.

    first_s  when the first piece was sent; without a stream, when it could have been sent
    gone_s   when the client left before the end
    """

    path: str
    arrived_s: float
    first_s: float | None = None
    last_s: float | None = None
    gone_s: float | None = None
    pieces: int = 0


class Server:
    """Serves connections; one connection may carry many requests."""

    def __init__(self) -> None:
        self.log: list[Entry] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = re.search(rb"content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                await self._answer(head.split()[1].decode(), body, reader, writer)
        writer.close()

    async def _answer(self, path: str, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if path == "/log":
            await _send_json(writer, [asdict(entry) for entry in self.log])
            self.log.clear()
            return
        entry = Entry(path, time.monotonic())
        self.log.append(entry)
        found = ORDER.findall(body)
        order = Order(*map(int, found[-1])) if found else Order(200, 20, 0)
        wire_format = _format_of(path)
        try:
            if wire_format is GOOGLE or json.loads(body).get("stream") is not True:
                await self._send_whole(entry, order, wire_format, reader, writer)
            else:
                await self._stream(entry, order, wire_format, writer)
        except ConnectionError:
            entry.gone_s = time.monotonic()
            raise

    async def _send_whole(
        self,
        entry: Entry,
        order: Order,
        wire_format: WireFormat,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Send the whole reply at the moment when a stream of it would end."""
        entry.first_s = time.monotonic()
        while time.monotonic() < entry.first_s + order.seconds:
            await asyncio.sleep(min(0.02, order.seconds))
            if reader.at_eof():
                raise ConnectionResetError
        await _send_json(writer, wire_format.whole(order.text(), order.pieces))
        entry.last_s = time.monotonic()

    async def _stream(self, entry: Entry, order: Order, wire_format: WireFormat, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM)
        _write(writer, wire_format.begin())
        async for piece in _paced(order):
            if entry.first_s is None:
                entry.first_s = time.monotonic()
            _write(writer, wire_format.piece(piece))
            entry.pieces += 1
            await writer.drain()
        _write(writer, wire_format.end(order.pieces))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        entry.last_s = time.monotonic()


async def _paced(order: Order) -> AsyncIterator[str]:
    """Yield each piece at its time; late pieces follow at once, so that the average pace is right."""
    began = time.monotonic()
    for i, piece in enumerate(order.split()):
        wait_s = began + i / order.rate - time.monotonic() if order.rate else 0.0
        await asyncio.sleep(max(0.0, wait_s))
        yield piece


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if writer.is_closing():
        raise ConnectionResetError
    if data:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))


async def _send_json(writer: asyncio.StreamWriter, value: Any) -> None:
    data = json.dumps(value).encode()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
    await writer.drain()


class WireFormat:
    """A wire format; this one is chat completions."""

    def begin(self) -> bytes:
        return b""

    def piece(self, text: str) -> bytes:
        return self._chunk([{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}])

    def end(self, tokens: int) -> bytes:
        usage = {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": tokens + 12}
        stop = self._chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        return stop + self._chunk([], usage=usage) + b"data: [DONE]\n\n"

    def whole(self, text: str, tokens: int) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 12, "completion_tokens": tokens, "total_tokens": tokens + 12}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage}

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return (
            b"data: %b\n\n" % json.dumps({**self._head("chat.completion.chunk"), "choices": choices, **more}).encode()
        )

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": "anthropic/claude-sonnet-4.6"}


class Messages(WireFormat):
    """Anthropic Messages."""

    def begin(self) -> bytes:
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        return b"".join(map(_event, ({"type": "message_start", "message": self._message([], None)}, block)))

    def piece(self, text: str) -> bytes:
        return _event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})

    def end(self, tokens: int) -> bytes:
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        stop = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": tokens}}
        ends = ({"type": "content_block_stop", "index": 0}, stop, {"type": "message_stop"})
        return b"".join(map(_event, ends))

    def whole(self, text: str, tokens: int) -> dict[str, Any]:
        return self._message([{"type": "text", "text": text}], "end_turn", tokens)

    def _message(self, content: list[Any], stop_reason: str | None, tokens: int = 1) -> dict[str, Any]:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"}
        usage = {"input_tokens": 12, "output_tokens": tokens}
        return {**message, "content": content, "stop_reason": stop_reason, "stop_sequence": None, "usage": usage}


class Google(WireFormat):
    """Google generateContent, for whole replies only."""

    def whole(self, text: str, tokens: int) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        usage = {"promptTokenCount": 12, "candidatesTokenCount": tokens, "totalTokenCount": tokens + 12}
        return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}


CHAT, MESSAGES, GOOGLE = WireFormat(), Messages(), Google()


def _format_of(path: str) -> WireFormat:
    return GOOGLE if path.partition("?")[0].endswith(":generatecontent") else MESSAGES if "/messages" in path else CHAT


def _event(data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), json.dumps(data).encode())


async def main() -> None:
    server = await asyncio.start_server(Server().serve, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

"""The Anthropic Messages format: typed events around content blocks.

Unknown events, blocks and deltas are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.providers import api_errors
from claude_nb.providers.dialects import binding, server_blocks, tool_calls
from claude_nb.providers.dialects.base import (
    Dialect,
    child,
    children,
    cost_usd,
    count,
    is_damaged,
    joined,
    known,
    label,
    piece_missing,
    stop_fields,
    string,
)
from claude_nb.providers.dialects.content import anthropic_block, body_start
from claude_nb.providers.dialects.content_blocks import THINKING_TYPES, ThinkingBlocks, ToolBlocks, signed_thought
from claude_nb.providers.dialects.server_blocks import ServerBlocks
from claude_nb.providers.dialects.strict_schema import for_claude
from claude_nb.providers.error_bodies import unwrapped
from claude_nb.providers.sse import Event
from claude_nb.types.request import Chunk, Request, Usage


def _body(request: Request, *, stream: bool) -> dict[str, Any]:
    if request.sampling.max_tokens is None:
        raise PromptError("this server requires max_tokens; set it, for example --max-tokens 8192")
    thinks = request.thinking is None or request.thinking.kind != "disabled"
    quotes = server_blocks.may_quote(request)
    to_block = partial(anthropic_block, thinking=thinks, origin=request.origin, cite=request.cite, quotes=quotes)
    body = body_start(request, to_block, stream=stream)
    if request.cache:
        _mark_for_cache(body, request.cache_ttl)
    if request.speed:
        body["speed"] = request.speed
    if request.thinking:
        body["thinking"] = request.thinking.to_dict()
    tools = [{"name": name, "description": about, "input_schema": s} for name, about, s in tool_calls.schemas(request)]
    if tools := [*tools, *server_blocks.tools(request)]:
        body["tools"] = tools
    binding.leave_out_unbound(body)
    return body | server_blocks.container(request) | _output_fields(request) | request.sampling.as_params()


def _output_fields(request: Request) -> dict[str, Any]:
    """Return the fields for effort and for the schema of the answer."""
    config: dict[str, Any] = {"effort": request.effort} if request.effort else {}
    answer = request.answer
    if answer and answer.method == "native":
        schema = json.loads(answer.schema)
        config["format"] = {"type": "json_schema", "schema": for_claude(schema) or schema}
    forced = {"tool_choice": {"type": "tool", "name": tool_calls.ANSWER}} if answer and answer.method == "tool" else {}
    return ({"output_config": config} if config else {}) | forced


def _mark_for_cache(body: dict[str, Any], ttl: str | None) -> None:
    """Set cache points after the system prompt, the attachments and the whole."""
    mark = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    last = body["messages"][-1]
    for holder, name in ((body, "system"), (last, "content")):
        if isinstance(holder.get(name), str):
            holder[name] = [{"type": "text", "text": holder[name]}]
    content = [block for block in last["content"] if block["type"] not in binding.THINKING]  # these take no mark
    for blocks in (body.get("system"), content[:-1], content):
        if blocks:
            blocks[-1]["cache_control"] = mark


class _Reader:
    """Convert the events of one reply to chunks."""

    def __init__(self) -> None:
        self._counts, self._thinking, self._tools = PromptCounts(), ThinkingBlocks(), ToolBlocks()
        self._server = ServerBlocks()
        self._stopped = False

    def chunks(self, kind: str, data: dict[str, Any]) -> Iterator[Chunk]:
        """Convert one event."""
        if kind == "content_block_delta":
            self._server.add(data)
        else:
            yield from self._server.read(kind, data)
        if kind == "message_delta":
            yield from server_blocks.container_in(child(data, "delta"))
        chunk = self._server.noticed(_chunk(kind, data, self._counts))
        yield from self.end(chunk) if chunk.stop_reason or chunk.done else (chunk,)
        if thought := self._thinking.read(kind, data):
            yield Chunk(part=thought)
        if piece := self._tools.read(kind, data):
            yield piece

    def end(self, last: Chunk) -> Iterator[Chunk]:
        """Yield the open calls, and the chunk that ends the reply. There may be two, and only the first one counts."""
        yield from (last,) if self._stopped else self._tools.end(last)
        self._stopped = True


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    reader, damaged = _Reader(), False
    for event in events:
        if event.data.strip().startswith("[DONE]"):
            yield from reader.end(Chunk(done=True))
            break
        data = event.object()
        data = data and unwrapped(data)
        if event.name == "error" or (data is not None and api_errors.is_error(data)):
            raise api_errors.from_event(data or {"error": event.data})
        if data is not None:
            if data.get("type") == "message":  # a whole reply in one event
                yield from _unstreamed(data)
                break
            kind = string(data.get("type")) or event.name
            yield from reader.chunks(kind, data)
            if kind == "message_stop":
                break
        elif is_damaged(event):
            damaged = True
    if damaged:
        raise piece_missing()


def _chunk(kind: str, data: dict[str, Any], counts: PromptCounts) -> Chunk:
    """Convert an event to a chunk, which is empty for events of other kinds."""
    if kind == "message_start":
        message = child(data, "message")
        # Its output count is a placeholder, about 1. Without it, a reply that breaks off has an unknown cost.
        usage = known(replace(counts.usage(child(message, "usage")), output_tokens=None))
        return Chunk(id=label(message.get("id")), model=label(message.get("model")), usage=usage)
    if kind == "content_block_start":
        return _text_chunk(child(data, "content_block"))
    if kind == "content_block_delta":
        return _text_chunk(child(data, "delta"))
    if kind not in ("message_delta", "message_stop"):
        return Chunk()
    usage = known(counts.usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data))))
    return Chunk(usage=usage, done=kind == "message_stop", **_stop(child(data, "delta")))


def _stop(data: dict[str, Any]) -> dict[str, Any]:
    """Return the stop reason as fields of a chunk, with the details of a refusal or the stop sequence."""
    details, fields = child(data, "stop_details"), stop_fields(data.get("stop_reason"))
    texts = [text for name in ("category", "explanation") if (text := label(details.get(name)))]
    if fields.get("stop_reason") == "stop_sequence":
        return fields | {"detail": label(data.get("stop_sequence"))}
    return fields | {"detail": " ".join(": ".join(texts).split())} if fields and texts else fields


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    data = unwrapped(data)
    if api_errors.is_error(data):
        raise api_errors.from_event(data)
    yield Chunk(id=label(data.get("id")), model=label(data.get("model")))
    tools, server, content = ToolBlocks(), ServerBlocks(), data.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else children(data, "content")
    for index, block in enumerate(blocks):
        yield from server.begin(block)
        yield _text_chunk(block)
        yield from server.end()
        if thought := signed_thought(block) if string(block.get("type")) in THINKING_TYPES else None:
            yield Chunk(part=thought)
        if block.get("type") == "tool_use":
            yield tools.begin(index, block)
    yield from server_blocks.container_in(data)
    usage = PromptCounts().usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data)))
    yield from tools.end(Chunk(usage=known(usage), done=isinstance(content, (list, str)), **_stop(data)))


def _text_chunk(block: dict[str, Any]) -> Chunk:
    """Return the text or thinking of a block or a delta, or an empty chunk."""
    kind = string(block.get("type"))  # some gateways leave it out
    text = string(block.get("text")) if kind in ("text", "text_delta", "") else ""
    thinking = string(block.get("thinking")) if kind in ("thinking", "thinking_delta", "") else ""
    return Chunk(text=text, thinking=thinking)


HOUR = "ephemeral_1h_input_tokens"


class PromptCounts:
    """Add up the three token counts of a prompt.

    They are fresh tokens, and those read from and written to the cache. They arrive in several events, and a later
    event may repeat only some of them, or repeat them as 0.
    """

    NAMES = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def usage(self, raw: dict[str, Any]) -> Usage:
        """Take in the usage object of an event and return the counts up to now."""
        for name in self.NAMES:
            self._take(name, raw)
        self._take(HOUR, child(raw, "cache_creation"))
        fresh, read, written = (self._counts.get(name) for name in self.NAMES)
        return Usage(
            input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
            output_tokens=count(raw.get("output_tokens")),
            cache_read_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=self._counts.get(HOUR),
            thinking_tokens=count(child(raw, "output_tokens_details").get("thinking_tokens")),
            web_searches=count(child(raw, "server_tool_use").get("web_search_requests")),
        )

    def _take(self, name: str, raw: dict[str, Any]) -> None:
        number = count(raw.get(name))
        if number or (number == 0 and name not in self._counts):
            self._counts[name] = number


def _chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    return joined(_streamed(events))


def _whole(data: dict[str, Any]) -> Iterator[Chunk]:
    return joined(_unstreamed(data))


# The later version, 2026-10-21, refuses every sampling field on every model.
MESSAGES = Dialect("messages", "/messages", _body, _chunks, _whole, headers={"anthropic-version": "2023-06-01"})

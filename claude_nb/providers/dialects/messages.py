"""The Anthropic Messages format: typed events around content blocks.

Unknown events, blocks and deltas are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.providers import api_errors
from claude_nb.providers.dialects import tool_calls
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
    mended,
    piece_missing,
    stop_fields,
    string,
)
from claude_nb.providers.dialects.content import anthropic_block, body_start
from claude_nb.providers.dialects.strict_schema import for_claude
from claude_nb.providers.dialects.tool_calls import ToolCalls
from claude_nb.providers.sse import Event
from claude_nb.types.content import Thought
from claude_nb.types.request import Chunk, Request, Usage

THINKING_FIELDS = ("thinking", "signature", "data")
THINKING_TYPES = ("thinking", "redacted_thinking", "thinking_delta", "signature_delta")


def _body(request: Request, *, stream: bool) -> dict[str, Any]:
    if request.sampling.max_tokens is None:
        raise PromptError("this server requires max_tokens; set it, for example --max-tokens 8192")
    thinks = request.thinking is None or request.thinking.kind != "disabled"
    body = body_start(request, partial(anthropic_block, thinking=thinks), stream=stream)
    if request.cache:
        _mark_for_cache(body)
    if request.thinking:
        body["thinking"] = request.thinking.to_dict()
    if tools := tool_calls.schemas(request):
        body["tools"] = [{"name": name, "description": about, "input_schema": schema} for name, about, schema in tools]
    return body | _output_fields(request) | request.sampling.as_params()


def _output_fields(request: Request) -> dict[str, Any]:
    """Return the fields for effort and for the schema of the answer."""
    config: dict[str, Any] = {"effort": request.effort} if request.effort else {}
    answer = request.answer
    if answer and answer.method == "native":
        schema = json.loads(answer.schema)
        config["format"] = {"type": "json_schema", "schema": for_claude(schema) or schema}
    forced = {"tool_choice": {"type": "tool", "name": tool_calls.ANSWER}} if answer and answer.method == "tool" else {}
    return ({"output_config": config} if config else {}) | forced


def _mark_for_cache(body: dict[str, Any]) -> None:
    """Set cache points after the system prompt, the attachments and the whole."""
    last = body["messages"][-1]
    for holder, name in ((body, "system"), (last, "content")):
        if isinstance(holder.get(name), str):
            holder[name] = [{"type": "text", "text": holder[name]}]
    for blocks in (body.get("system"), last["content"][:-1], last["content"]):
        if blocks:
            blocks[-1]["cache_control"] = {"type": "ephemeral"}


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    counts, thinking, tools, damaged = PromptCounts(), ThinkingBlocks(), ToolCalls(), False
    for event in events:
        if event.data.strip().startswith("[DONE]"):
            yield Chunk(done=True)
            break
        data = event.object()
        if event.name == "error" or (data is not None and api_errors.is_error(data)):
            raise api_errors.from_event(data or {"error": event.data})
        if data is not None:
            kind = string(data.get("type")) or event.name
            yield tools.finished(_chunk(kind, data, counts))
            if thought := thinking.read(kind, data):
                yield Chunk(part=thought)
            if chunk := _tool_chunk(kind, data, tools):
                yield chunk
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
    usage = known(counts.usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data))))
    return Chunk(usage=usage, done=kind == "message_stop", **_stop(child(data, "delta")))


def _tool_chunk(kind: str, data: dict[str, Any], tools: ToolCalls) -> Chunk | None:
    """Convert an event of a tool call to a chunk; None for other events."""
    index = count(data.get("index"))
    if kind == "content_block_delta":
        delta = child(data, "delta")
        is_input = delta.get("type") == "input_json_delta"
        return tools.add(index, string(delta.get("partial_json"))) if is_input else None
    if kind == "content_block_start":
        block = child(data, "content_block")
        is_call = block.get("type") == "tool_use"
        return tools.begin(index, string(block.get("id")), string(block.get("name"))) if is_call else None
    return tools.end(index) if kind == "content_block_stop" else None


def _stop(data: dict[str, Any]) -> dict[str, Any]:
    """Return the stop reason as fields of a chunk, with details of a refusal."""
    details = child(data, "stop_details")
    texts = [text for name in ("category", "explanation") if (text := label(details.get(name)))]
    fields = stop_fields(data.get("stop_reason"))
    return fields | {"detail": " ".join(": ".join(texts).split())} if fields and texts else fields


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    if api_errors.is_error(data):
        raise api_errors.from_event(data)
    yield Chunk(id=label(data.get("id")), model=label(data.get("model")))
    tools = ToolCalls()
    for block in children(data, "content"):
        yield _text_chunk(block)
        if thought := _signed_thought(block) if string(block.get("type")) in THINKING_TYPES else None:
            yield Chunk(part=thought)
        if block.get("type") == "tool_use":
            yield tools.begin(0, string(block.get("id")), string(block.get("name")))
            yield tools.add(0, json.dumps(block.get("input") or {}, ensure_ascii=False))
            yield tools.end(0)
    usage = PromptCounts().usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data)))
    done = isinstance(data.get("content"), list)
    yield tools.finished(Chunk(usage=known(usage), done=done, **_stop(data)))


def _text_chunk(block: dict[str, Any]) -> Chunk:
    """Return the text or thinking of a block or a delta, or an empty chunk."""
    kind = string(block.get("type"))
    if kind in ("text", "text_delta"):
        return Chunk(text=string(block.get("text")))
    if kind in ("thinking", "thinking_delta"):
        return Chunk(thinking=string(block.get("thinking")))
    return Chunk()


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
            number = count(raw.get(name))
            if number or (number == 0 and name not in self._counts):
                self._counts[name] = number
        fresh, read, written = (self._counts.get(name) for name in self.NAMES)
        return Usage(
            input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
            output_tokens=count(raw.get("output_tokens")),
            cache_read_tokens=read,
            cache_write_tokens=written,
        )


class ThinkingBlocks:
    """Collect the signed thinking blocks of a stream.

    A conversation sends them back unchanged.
    """

    MOST_CHARS = 5_000_000  # of all blocks; a larger total is a fault of the server

    def __init__(self) -> None:
        self._open: dict[int | None, dict[str, list[str]]] = {}
        self._chars = 0

    def read(self, kind: str, data: dict[str, Any]) -> Thought | None:
        """Return the thought that this event completes, if any."""
        index = count(data.get("index"))
        if kind == "content_block_start":
            self._open[index] = {}
        inner = child(data, "content_block") or child(data, "delta")
        block = self._open.get(index)
        if block is not None and string(inner.get("type")) in THINKING_TYPES:
            for name in THINKING_FIELDS:
                text = string(inner.get(name))
                self._chars += len(text)
                if text and self._chars <= self.MOST_CHARS:
                    block.setdefault(name, []).append(text)
        if kind != "content_block_stop" or self._chars > self.MOST_CHARS:
            return None
        return _signed_thought({name: "".join(texts) for name, texts in self._open.pop(index, {}).items()})


def _signed_thought(block: Mapping[str, Any]) -> Thought | None:
    """Return a thinking block as a Thought.

    Returns None without a signature, because servers take no unsigned ones back.
    """
    text, signature, sealed = (mended(string(block.get(name))) for name in THINKING_FIELDS)
    if not (signature or sealed):
        return None
    return Thought(sealed=sealed) if sealed else Thought(text, signature)


def _chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    return joined(_streamed(events))


def _whole(data: dict[str, Any]) -> Iterator[Chunk]:
    return joined(_unstreamed(data))


# The later version, 2026-10-21, refuses every sampling field on every model.
MESSAGES = Dialect("messages", "/messages", _body, _chunks, _whole, headers={"anthropic-version": "2023-06-01"})

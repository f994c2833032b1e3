"""Anthropic messages: typed events around content blocks. Unknown events, blocks and deltas are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from claude_nb import faults
from claude_nb.dialects import (
    Dialect,
    PromptParts,
    child,
    children,
    cost_usd,
    is_damaged,
    joined,
    known,
    label,
    piece_missing,
    stop_fields,
    string,
    turns,
)
from claude_nb.errors import PromptError
from claude_nb.sse import Event
from claude_nb.values import Chunk, Request, Usage


def _body(request: Request, *, stream: bool) -> dict[str, Any]:
    if request.sampling.max_tokens is None:
        raise PromptError("this server must be told max_tokens; set it, for example --max-tokens 8192")
    body: dict[str, Any] = {"model": request.model, "messages": turns(request)}
    if request.system:
        body["system"] = request.system
    if stream:
        body["stream"] = True
    return body | request.params


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    parts, damaged = PromptParts(), False
    for event in events:
        if event.data.strip().startswith("[DONE]"):
            yield Chunk(done=True)
            break
        data = event.object()
        if event.name == "error" or (data is not None and faults.is_error(data)):
            raise faults.from_event(data or {"error": event.data})
        if data is not None:
            kind = string(data.get("type")) or event.name
            yield _chunk(kind, data, parts)
            if kind == "message_stop":
                break
        elif is_damaged(event):
            damaged = True
    if damaged:
        raise piece_missing()


def _chunk(kind: str, data: dict[str, Any], parts: PromptParts) -> Chunk:
    """What one event says; an empty chunk for those that say nothing here."""
    if kind == "message_start":
        message = child(data, "message")
        usage = known(parts.usage(child(message, "usage")))
        return Chunk(id=label(message.get("id")), model=label(message.get("model")), usage=usage)
    if kind == "content_block_start":
        return _piece(child(data, "content_block"))
    if kind == "content_block_delta":
        return _piece(child(data, "delta"))
    usage = known(parts.usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data))))
    return Chunk(usage=usage, done=kind == "message_stop", **stop_fields(child(data, "delta").get("stop_reason")))


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    if faults.is_error(data):
        raise faults.from_event(data)
    yield Chunk(id=label(data.get("id")), model=label(data.get("model")))
    yield from (_piece(block) for block in children(data, "content"))
    usage = PromptParts().usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data)))
    done = isinstance(data.get("content"), list)
    yield Chunk(usage=known(usage), done=done, **stop_fields(data.get("stop_reason")))


def _piece(block: dict[str, Any]) -> Chunk:
    """The text or thinking of a block or a delta; empty for tools, signatures, citations and what is to come."""
    kind = string(block.get("type"))
    if kind in ("text", "text_delta"):
        return Chunk(text=string(block.get("text")))
    if kind in ("thinking", "thinking_delta"):
        return Chunk(thinking=string(block.get("thinking")))
    return Chunk()


def _chunks(events: Iterable[Event]) -> Iterator[Chunk]:
    return joined(_streamed(events))


def _whole(data: dict[str, Any]) -> Iterator[Chunk]:
    return joined(_unstreamed(data))


# The later version, 2026-10-21, refuses every sampling field on every model.
MESSAGES = Dialect("messages", "/messages", _body, _chunks, _whole, headers={"anthropic-version": "2023-06-01"})

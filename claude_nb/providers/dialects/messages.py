"""Anthropic messages: typed events around content blocks. Unknown events, blocks and deltas are skipped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from claude_nb import schema
from claude_nb.errors import PromptError
from claude_nb.providers import api_errors
from claude_nb.providers.dialects import blocks, tool_calls
from claude_nb.providers.dialects.base import (
    Dialect,
    PromptParts,
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
from claude_nb.providers.dialects.content import opening
from claude_nb.providers.dialects.thoughts import KINDS, Thoughts, signed
from claude_nb.providers.dialects.tool_calls import Calls
from claude_nb.providers.sse import Event
from claude_nb.types.request import Chunk, Request, Usage


def _body(request: Request, *, stream: bool) -> dict[str, Any]:
    if request.sampling.max_tokens is None:
        raise PromptError("this server must be told max_tokens; set it, for example --max-tokens 8192")
    thinks = request.thinking is None or request.thinking.kind != "disabled"
    body = opening(request, partial(blocks.anthropic, thoughts=thinks), stream=stream)
    if request.cache:
        _keep(body)
    if request.thinking:
        body["thinking"] = request.thinking.as_params()
    if tools := tool_calls.schemas(request):
        body["tools"] = [{"name": name, "description": about, "input_schema": form} for name, about, form in tools]
    return body | _form(request) | request.sampling.as_params()


def _form(request: Request) -> dict[str, Any]:
    """How much goes into the reply, and the form it must have."""
    config: dict[str, Any] = {"effort": request.effort} if request.effort else {}
    answer = request.answer
    if answer and answer.how == "native":
        form = json.loads(answer.schema)
        config["format"] = {"type": "json_schema", "schema": schema.for_claude(form) or form}
    forced = {"tool_choice": {"type": "tool", "name": tool_calls.ANSWER}} if answer and answer.how == "tool" else {}
    return ({"output_config": config} if config else {}) | forced


def _keep(body: dict[str, Any]) -> None:
    """Mark where a later prompt may begin to differ: behind the system prompt, the attachments and the whole."""
    last = body["messages"][-1]
    for holder, name in ((body, "system"), (last, "content")):
        if isinstance(holder.get(name), str):
            holder[name] = [{"type": "text", "text": holder[name]}]
    for parts in (body.get("system"), last["content"][:-1], last["content"]):
        if parts:
            parts[-1]["cache_control"] = {"type": "ephemeral"}


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    parts, thoughts, tools, damaged = PromptParts(), Thoughts(), Calls(), False
    for event in events:
        if event.data.strip().startswith("[DONE]"):
            yield Chunk(done=True)
            break
        data = event.object()
        if event.name == "error" or (data is not None and api_errors.is_error(data)):
            raise api_errors.from_event(data or {"error": event.data})
        if data is not None:
            kind = string(data.get("type")) or event.name
            yield tools.finished(_chunk(kind, data, parts))
            if thought := thoughts.read(kind, data):
                yield Chunk(part=thought)
            if called := _call(kind, data, tools):
                yield called
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
        # Its count of the reply is a place-holder, 1 or so: a reply that breaks off would seem to cost nothing.
        usage = known(replace(parts.usage(child(message, "usage")), output_tokens=None))
        return Chunk(id=label(message.get("id")), model=label(message.get("model")), usage=usage)
    if kind == "content_block_start":
        return _piece(child(data, "content_block"))
    if kind == "content_block_delta":
        return _piece(child(data, "delta"))
    usage = known(parts.usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data))))
    return Chunk(usage=usage, done=kind == "message_stop", **_stop(child(data, "delta")))


def _call(kind: str, data: dict[str, Any], tools: Calls) -> Chunk | None:
    """What one event says of a tool call; None: nothing."""
    if kind == "content_block_delta":
        delta = child(data, "delta")
        written = delta.get("type") == "input_json_delta"
        return tools.add(count(data.get("index")), string(delta.get("partial_json"))) if written else None
    if kind == "content_block_start":
        block = child(data, "content_block")
        begun = block.get("type") == "tool_use"
        return (
            tools.begin(count(data.get("index")), string(block.get("id")), string(block.get("name"))) if begun else None
        )
    return tools.end(count(data.get("index"))) if kind == "content_block_stop" else None


def _stop(data: dict[str, Any]) -> dict[str, Any]:
    """The stop word, and the server's reason for it, which a refusal has."""
    details = child(data, "stop_details")
    told = [told for name in ("category", "explanation") if (told := label(details.get(name)))]
    fields = stop_fields(data.get("stop_reason"))
    return fields | {"detail": " ".join(": ".join(told).split())} if fields and told else fields


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    if api_errors.is_error(data):
        raise api_errors.from_event(data)
    yield Chunk(id=label(data.get("id")), model=label(data.get("model")))
    tools = Calls()
    for block in children(data, "content"):
        yield _piece(block)
        if thought := signed(block) if string(block.get("type")) in KINDS else None:
            yield Chunk(part=thought)
        if block.get("type") == "tool_use":
            yield tools.begin(0, string(block.get("id")), string(block.get("name")))
            yield tools.add(0, json.dumps(block.get("input") or {}, ensure_ascii=False))
            yield tools.end(0)
    usage = PromptParts().usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data)))
    done = isinstance(data.get("content"), list)
    yield tools.finished(Chunk(usage=known(usage), done=done, **_stop(data)))


def _piece(block: dict[str, Any]) -> Chunk:
    """The text or thinking of a block or a delta; empty for signatures, citations and what is to come."""
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

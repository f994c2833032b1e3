"""Anthropic messages: typed events around content blocks. Unknown events, blocks and deltas are skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from claude_nb import dialects, faults
from claude_nb.dialects import (
    Dialect,
    PromptParts,
    blocks,
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
from claude_nb.errors import PromptError
from claude_nb.parts import Thought
from claude_nb.sse import Event
from claude_nb.values import Chunk, Request, Usage


def _body(request: Request, *, stream: bool) -> dict[str, Any]:
    if request.sampling.max_tokens is None:
        raise PromptError("this server must be told max_tokens; set it, for example --max-tokens 8192")
    thinks = request.thinking is None or request.thinking.kind != "disabled"
    turns = dialects.turns(request, partial(blocks.anthropic, thoughts=thinks))
    body: dict[str, Any] = {"model": request.model, "messages": turns}
    if request.system:
        body["system"] = request.system
    if stream:
        body["stream"] = True
    if request.cache:
        _keep(body)
    if request.thinking:
        body["thinking"] = request.thinking.as_params()
    if request.effort:
        body["output_config"] = {"effort": request.effort}
    return body | request.sampling.as_params()


def _keep(body: dict[str, Any]) -> None:
    """Mark where a later prompt may begin to differ: behind the system prompt, the attachments and the whole."""
    last = body["messages"][-1]
    for holder, name in ((body, "system"), (last, "content")):
        if isinstance(holder.get(name), str):
            holder[name] = [{"type": "text", "text": holder[name]}]
    for parts in (body.get("system"), last["content"][:-1], last["content"]):
        if parts:
            parts[-1]["cache_control"] = {"type": "ephemeral"}


class _Thoughts:
    """Gathers the blocks of thinking of one stream until each is whole, signature included."""

    MOST_CHARS = 5_000_000  # of all together; a server that sends more is not believed

    def __init__(self) -> None:
        self._open: dict[int | None, dict[str, list[str]]] = {}
        self._chars = 0

    def read(self, kind: str, data: dict[str, Any]) -> Thought | None:
        """The thought that this event completes; None: none."""
        index = count(data.get("index"))
        if kind == "content_block_start":
            self._open[index] = {}
        inner = child(data, "content_block") or child(data, "delta")
        told = self._open.get(index)
        if told is not None and string(inner.get("type")) in _THINKING:
            for name in _FIELDS:
                text = string(inner.get(name))
                self._chars += len(text)
                if text and self._chars <= self.MOST_CHARS:
                    told.setdefault(name, []).append(text)
        if kind != "content_block_stop" or self._chars > self.MOST_CHARS:
            return None
        return _signed({name: "".join(texts) for name, texts in self._open.pop(index, {}).items()})


_FIELDS = ("thinking", "signature", "data")
_THINKING = ("thinking", "redacted_thinking", "thinking_delta", "signature_delta")


def _signed(block: Mapping[str, Any]) -> Thought | None:
    """A block of thinking that can be sent back; None for one without a signature."""
    text, signature, sealed = (mended(string(block.get(name))) for name in _FIELDS)
    if not (signature or sealed):
        return None
    return Thought(sealed=sealed) if sealed else Thought(text, signature)


def _streamed(events: Iterable[Event]) -> Iterator[Chunk]:
    parts, thoughts, damaged = PromptParts(), _Thoughts(), False
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
            if thought := thoughts.read(kind, data):
                yield Chunk(part=thought)
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
    return Chunk(usage=usage, done=kind == "message_stop", **_stop(child(data, "delta")))


def _stop(data: dict[str, Any]) -> dict[str, Any]:
    """The stop word, and the server's reason for it, which a refusal has."""
    details = child(data, "stop_details")
    told = [told for name in ("category", "explanation") if (told := label(details.get(name)))]
    fields = stop_fields(data.get("stop_reason"))
    return fields | {"detail": " ".join(": ".join(told).split())} if fields and told else fields


def _unstreamed(data: dict[str, Any]) -> Iterator[Chunk]:
    if faults.is_error(data):
        raise faults.from_event(data)
    yield Chunk(id=label(data.get("id")), model=label(data.get("model")))
    for block in children(data, "content"):
        yield _piece(block)
        if thought := _signed(block) if string(block.get("type")) in _THINKING else None:
            yield Chunk(part=thought)
    usage = PromptParts().usage(child(data, "usage")).merged(Usage(cost_usd=cost_usd(data)))
    done = isinstance(data.get("content"), list)
    yield Chunk(usage=known(usage), done=done, **_stop(data))


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

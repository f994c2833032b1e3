"""Collect thinking and tool calls of a reply in the Messages format: blocks of its content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from claude_nb.providers.dialects.base import child, count, position, string
from claude_nb.providers.dialects.tool_calls import OpenCall, ToolCalls
from claude_nb.safe_text.visible import mended
from claude_nb.types.content import Thought
from claude_nb.types.request import Chunk

THINKING_FIELDS = ("thinking", "signature", "data")
THINKING_TYPES = ("thinking", "redacted_thinking", "thinking_delta", "signature_delta")


class ToolBlocks:
    """The tool calls of a reply."""

    KNOWN = frozenset(("type", "id", "name", "input", "cache_control"))

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._open: dict[int | None, OpenCall] = {}

    def read(self, kind: str, data: dict[str, Any]) -> Chunk | None:
        """Convert an event of a tool call to a chunk; None for other events."""
        if not self._open and kind == "content_block_delta":
            return None
        index = position(data.get("index"))
        if kind == "content_block_start":
            block = child(data, "content_block")
            return self.begin(index, block) if block.get("type") == "tool_use" else None
        call = self._open.get(index)
        if kind == "content_block_delta" and call:
            delta = child(data, "delta")
            is_input = delta.get("type") in ("input_json_delta", None)
            return self._calls.write(call, text=string(delta.get("partial_json"))) if is_input else None
        return self._calls.end(self._open.pop(index)) if kind == "content_block_stop" and call else None

    def begin(self, index: int | None, block: dict[str, Any]) -> Chunk:
        """Open a call. Some servers send its input here, others in deltas, and some in both."""
        call = self._open[index] = self._calls.begin()
        call.fields.add({name: value for name, value in block.items() if name not in self.KNOWN})
        arguments = block.get("input") or ""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return self._calls.write(call, call_id=string(block.get("id")), name=string(block.get("name")), text=text)

    def end(self, last: Chunk) -> Iterator[Chunk]:
        """Close the calls that are still open, and yield the chunk that ends the reply."""
        yield from self._calls.end_all()
        yield self._calls.finished(last)


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
        return signed_thought({name: "".join(texts) for name, texts in self._open.pop(index, {}).items()})


def signed_thought(block: Mapping[str, Any]) -> Thought | None:
    """Return a thinking block as a Thought.

    Returns None without a signature, because servers take no unsigned ones back.
    """
    text, signature, sealed = (mended(string(block.get(name))) for name in THINKING_FIELDS)
    if not (signature or sealed):
        return None
    return Thought(sealed=sealed) if sealed else Thought(text, signature)

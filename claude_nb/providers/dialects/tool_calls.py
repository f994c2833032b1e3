"""Assemble tool calls from the pieces of a stream, several at once.

One tool is internal: the structured answer.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from claude_nb.providers.dialects.base import mended
from claude_nb.types.content import ToolCall
from claude_nb.types.request import Chunk, Request

ANSWER = "structured_answer"  # its arguments are the reply, so they arrive as text and not as a tool call
MOST_CHARS = 5_000_000  # of all arguments; a larger total is a fault of the server


def schemas(request: Request) -> list[tuple[str, str, Any]]:
    """Return name, description and schema of each tool, and of a forced answer."""
    rows = [(tool.name, tool.description, json.loads(tool.schema)) for tool in request.tools]
    if request.answer and request.answer.method == "tool":
        rows.append((ANSWER, "Give your whole answer with this.", json.loads(request.answer.schema)))
    return rows


class ToolCalls:
    """The tool calls of one reply.

    A key, the server's index, tells calls that are open at the same time apart.
    """

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[str, str, list[str]]] = {}
        self._chars = 0
        self._is_answer = False

    def begin(self, key: Hashable, call_id: str, name: str) -> Chunk:
        """Open a call and return the chunk that announces it."""
        self._open[key] = (call_id, name, [])
        if name == ANSWER:
            self._is_answer = True
            return Chunk()
        return Chunk(call=f"{name} ")

    def add(self, key: Hashable, text: str) -> Chunk:
        """Add a piece of the arguments.

        A piece for a call that was never opened is dropped.
        """
        call = self._open.get(key)
        self._chars += len(text)
        if call is None or self._chars > MOST_CHARS:
            return Chunk()
        call[2].append(text)
        return Chunk(text=text) if call[1] == ANSWER else Chunk(call=text)

    def is_open(self, key: Hashable) -> bool:
        """Return whether a call with this key is open."""
        return key in self._open

    def end(self, key: Hashable) -> Chunk:
        """Close a call and return a chunk that holds it as a ToolCall."""
        call_id, name, pieces = self._open.pop(key, ("", ANSWER, []))
        if name == ANSWER or self._chars > MOST_CHARS:
            return Chunk()
        return Chunk(part=ToolCall(mended(call_id), mended(name), mended("".join(pieces)).strip() or "{}"))

    def end_all(self) -> list[Chunk]:
        """Close all open calls, in the order in which they were opened."""
        return [self.end(key) for key in list(self._open)]

    def finished(self, chunk: Chunk) -> Chunk:
        """Correct the stop reason of a structured answer, which ends the reply."""
        ends = self._is_answer and chunk.stop_reason == "tool_use"
        return replace(chunk, stop_reason="end") if ends else chunk

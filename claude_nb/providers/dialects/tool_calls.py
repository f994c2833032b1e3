"""Tool calls of a reply while they arrive, in pieces, several at once. One tool is ours: the form of an answer."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from claude_nb.providers.dialects.base import mended
from claude_nb.types.content import ToolCall
from claude_nb.types.request import Chunk, Request

ANSWER = "structured_answer"  # its arguments are the reply, so they come as text and not as a call
MOST_CHARS = 5_000_000  # of all arguments together; a server that sends more is not believed


def schemas(request: Request) -> list[tuple[str, str, Any]]:
    """Name, description and JSON schema of each tool, that of the answer included."""
    rows = [(tool.name, tool.description, json.loads(tool.schema)) for tool in request.tools]
    if request.answer and request.answer.how == "tool":
        rows.append((ANSWER, "Give your whole answer with this.", json.loads(request.answer.schema)))
    return rows


class Calls:
    """Gathers the pieces. A key tells the calls of one reply apart: the server's index of each."""

    def __init__(self) -> None:
        self._open: dict[Hashable, tuple[str, str, list[str]]] = {}
        self._chars = 0
        self.answered = False

    def begin(self, key: Hashable, call_id: str, name: str) -> Chunk:
        """A call begins."""
        self._open[key] = (call_id, name, [])
        if name == ANSWER:
            self.answered = True
            return Chunk()
        return Chunk(call=f"{name} ")

    def add(self, key: Hashable, text: str) -> Chunk:
        """More of its arguments; of a call that never began: nothing."""
        call = self._open.get(key)
        self._chars += len(text)
        if call is None or self._chars > MOST_CHARS:
            return Chunk()
        call[2].append(text)
        return Chunk(text=text) if call[1] == ANSWER else Chunk(call=text)

    def has(self, key: Hashable) -> bool:
        """Whether a call of that key is open."""
        return key in self._open

    def end(self, key: Hashable) -> Chunk:
        """The call is whole."""
        call_id, name, pieces = self._open.pop(key, ("", ANSWER, []))
        if name == ANSWER or self._chars > MOST_CHARS:
            return Chunk()
        return Chunk(part=ToolCall(mended(call_id), mended(name), mended("".join(pieces)).strip() or "{}"))

    def finished(self, chunk: Chunk) -> Chunk:
        """The last chunk of a reply: one that came as the arguments of our own tool asks for none."""
        own = self.answered and chunk.stop_reason == "tool_use"
        return replace(chunk, stop_reason="end") if own else chunk

    def end_all(self) -> list[Chunk]:
        """Those that are still open, in the order in which they began."""
        return [self.end(key) for key in list(self._open)]

"""Assemble tool calls from the pieces of a stream, several at once.

One tool is internal: the structured answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from claude_nb.errors import StreamCut
from claude_nb.providers.dialects.server_fields import FieldReader
from claude_nb.safe_text.visible import mended
from claude_nb.types.content import ToolCall
from claude_nb.types.request import Chunk, Request

ANSWER = "structured_answer"  # its arguments are the reply, so they arrive as text and not as a tool call
MOST_CHARS = 5_000_000  # of all arguments; a larger total is a fault of the server
_SIGNS = re.compile(r'\\.?|["{}\[\]]', re.DOTALL)
_SPACE = re.compile(r"\s*")


def schemas(request: Request) -> list[tuple[str, str, Any]]:
    """Return name, description and schema of each tool, and of a forced answer."""
    rows = [(tool.name, tool.description, json.loads(tool.schema)) for tool in request.tools]
    if request.answer and request.answer.method == "tool":
        rows.append((ANSWER, "Give your whole answer with this.", json.loads(request.answer.schema)))
    return rows


class Arguments:
    """The arguments of one call: pieces of JSON text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.begun = False  # whether anything but white space has arrived
        self._depth = 0
        self._in_text = False
        self._escapes = False

    def add(self, text: str) -> None:
        """Add a piece. Whether the arguments are whole does not depend on where they are cut."""
        self.pieces.append(text)
        self.begun = self.begun or bool(text.strip())
        if self._escapes and text:
            text, self._escapes = text[1:], False
        for sign in _SIGNS.findall(text):
            if sign[0] == "\\":
                self._escapes = len(sign) == 1
            elif sign == '"':
                self._in_text = not self._in_text
            elif not self._in_text:
                self._depth += 1 if sign in "{[" else -1

    @property
    def whole(self) -> bool:
        """Return whether this is a complete JSON value, after which no other text can follow."""
        return self._depth <= 0 and not self._in_text and not self._escapes and self.begun

    @property
    def text(self) -> str:
        """The JSON text as it arrived."""
        return "".join(self.pieces)


@dataclass(eq=False)
class OpenCall:
    """A call that is being written.

    after  the call before it, if its server gave both of them the same index, or none
    index  the number that its server gave it
    delta  the number of the delta that last added to it
    """

    id: str = ""
    name: str = ""
    arguments: Arguments = field(default_factory=Arguments)
    fields: FieldReader = field(default_factory=FieldReader)
    after: OpenCall | None = None
    index: int | None = None
    delta: int = 0


class ToolCalls:
    """The tool calls of one reply, in the order in which they begin."""

    def __init__(self) -> None:
        self._open: dict[OpenCall, None] = {}
        self._chars = 0
        self._has_answer = self._has_call = self._is_cut = self._called = False

    def begin(self, after: OpenCall | None = None) -> OpenCall:
        """Open a call."""
        call = OpenCall(after=after)
        self._chars += 1
        if self._chars <= MOST_CHARS:
            self._open[call] = None
        return call

    def write(self, call: OpenCall, *, call_id: str = "", name: str = "", text: str = "") -> Chunk:
        """Add to a call, and return what there is to see of it. The name comes first, whatever arrives first.

        An id is kept once it is known. Another name continues the name, and the same one changes nothing.
        """
        self._chars += len(call_id) + len(name) + len(text)
        if self._chars > MOST_CHARS or call not in self._open:
            return Chunk()
        call.id = call.id or call_id
        was_named = bool(call.name)
        held = call.arguments.text if name and not was_named else ""
        if name != call.name:
            call.name += name
        if text:
            call.arguments.add(text)
        if not call.name:
            return Chunk()
        if call.name == ANSWER:
            return Chunk(text=held + text)
        return Chunk(call=(held + text) if was_named else f"{call.name} {held}{text}")

    def end(self, call: OpenCall | None) -> Chunk:
        """Close a call and return a chunk that holds it as a ToolCall."""
        if call is None or call not in self._open:
            return Chunk()
        del self._open[call]
        self._is_cut = self._is_cut or (call.arguments.begun and not call.arguments.whole)
        self._has_answer = self._has_answer or call.name == ANSWER
        if call.name == ANSWER or self._chars > MOST_CHARS or not (call.name or call.arguments.begun):
            return Chunk()
        self._has_call = True
        arguments = plain_arguments(call.arguments.text)
        return Chunk(part=ToolCall(mended(call.id), mended(call.name), arguments, fields=call.fields.text()))

    def end_all(self) -> Iterator[Chunk]:
        """Close all open calls, in the order in which they were opened.

        A call that never got a name or an id is more of the arguments of the call before it.
        """
        for call in list(self._open):
            if call.after and not (call.name or call.id):
                before = call.after
                call.after = before.after if before.after and not (before.name or before.id) else before
                call.after.arguments.pieces += call.arguments.pieces
                del self._open[call]
        yield from map(self.end, list(self._open))

    def finished(self, chunk: Chunk, *, late: bool = False) -> Chunk:
        """Correct the stop reason of the chunk that ends the reply.

        Some servers send "stop", or nothing, after a tool call. A structured answer is the end. Raises StreamCut if
        there is no stop reason, and the arguments of a call are not whole.

        late  whether a stop reason has arrived before: this one counts for calls that came after it
        """
        has_call = self._has_call or any(map(_is_call, self._open))
        has_answer = self._has_answer or any(call.name == ANSWER for call in self._open)
        if late and (self._called or not has_call):
            return chunk
        if chunk.stop_reason is None and self._is_cut:
            raise StreamCut("the reply broke off in a tool call (what arrived is kept); run the cell again")
        self._called = has_call
        if has_call and chunk.stop_reason in ("end", None):
            return replace(chunk, stop_reason="tool_use")
        ends = has_answer and not has_call and chunk.stop_reason == "tool_use"
        return replace(chunk, stop_reason="end") if ends else chunk


def _is_call(call: OpenCall) -> bool:
    """Return whether an open call is one, and not the answer or more of the arguments of the call before it."""
    return call.name != ANSWER and bool(call.name or (call.arguments.begun and (call.id or not call.after)))


def plain_arguments(text: str) -> str:
    """Return arguments as JSON text.

    Some servers write JSON in a JSON string, or null, or send the arguments twice, or "{}" before them.

    >>> plain_arguments('"{\\\\"city\\\\": \\\\"Oslo\\\\"}"')
    '{"city": "Oslo"}'
    """
    text = mended(text).strip()
    for _ in range(3):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return _only_value(text) or text or "{}"
        if not isinstance(value, str):
            return "{}" if value is None else text
        text = mended(value).strip()
    return text


def _only_value(text: str) -> str:
    """Return the only value among several JSON texts in a row, without empty objects; "" if there are several."""
    decoder, values, at = json.JSONDecoder(), set[str](), 0
    try:
        while at < len(text):
            value, end = decoder.raw_decode(text, at)
            if value not in ({}, None):
                values.add(text[at:end])
            at = _SPACE.match(text, end).end()  # type: ignore[union-attr]  # it matches anywhere
    except (ValueError, RecursionError):
        return ""
    return values.pop() if len(values) == 1 else ""

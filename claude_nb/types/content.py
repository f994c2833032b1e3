"""The parts of a message beside its text.

Frozen, plain data; `at` is the position of a part in the text.

Thought     a block of thinking with its signature, which lets it be sent back
Attachment  a picture, a PDF or a text file
ToolCall    a function call that the model requests; ToolResult: its result; Called: both together
ServerFields  fields that only the server understands
ServerBlock a call or a result of a tool that runs on the server; Quotes: what a piece of the text quotes
Container   where the code of a conversation runs on the server
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from claude_nb.types.plain import Plain


@dataclass(frozen=True, slots=True)
class Thought(Plain):
    """A block of thinking that its server signed.

    It is sent back unchanged or not at all.

    sealed  the encrypted data of a thought that the server does not show; then text and signature are empty
    at      number of characters of the message's text before it
    after   fingerprint of what was sent before it, which its signature covers; not stored, and "" if unknown
    """

    _kind = "thought"
    text: str = ""
    signature: str = ""
    sealed: str = ""
    at: int = 0
    after: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Attachment(Plain):
    """A file that is sent with a prompt.

    Two are equal if their bytes, names and positions are.

    media_type  image/png, image/jpeg, image/gif, image/webp, application/pdf or text/plain
    sha256      hash of its bytes; the history and record files store the hash, not the bytes
    size        in bytes
    data        the bytes in base64; "" in a request that was read from a file
    at          number of characters of the message's text before it
    """

    _kind = "attachment"
    name: str
    media_type: str
    sha256: str
    size: int
    data: str = field(default="", repr=False, compare=False)
    at: int = 0

    @property
    def bytes(self) -> bytes:
        """The content of the file."""
        return base64.b64decode(self.data)


@dataclass(frozen=True, slots=True)
class ToolCall(Plain):
    """A function call that a model requests.

    Example: ToolCall("toolu_1", "weather", '{"city": "Oslo"}')

    id         the server's id, which the result repeats
    arguments  JSON text by the model, which may be invalid
    at         number of characters of the message's text before it
    fields     other fields of the call, as a JSON object; "" if there are none. They go back to their origin unchanged.
    origin     the origin of the request that it answers; "" without fields
    """

    _kind = "tool_call"
    id: str = ""
    name: str = ""
    arguments: str = "{}"
    at: int = 0
    fields: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class ServerFields(Plain):
    """Fields of a reply that only its server understands.

    They go back to their origin unchanged, because some servers reject a conversation without them.

    fields       a JSON object: '{"reasoning_content": "Hm."}'
    origin       the origin of the request that the reply answers
    is_thinking  True for thinking without a signature, which belongs to tool calls
    at           number of characters of the message's text before it
    """

    _kind = "server_fields"
    fields: str = "{}"
    origin: str = ""
    is_thinking: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class ServerBlock(Plain):
    """A block of a tool that runs on the server, such as web search: its call or its result.

    It goes back to its origin unchanged, because only its server can read all of it.

    block   a JSON object: '{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", ...}'
    origin  the origin of the request that the reply answers
    at      number of characters of the message's text before it
    """

    _kind = "server_block"
    block: str = "{}"
    origin: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Container(Plain):
    """The place on the server where the code of a conversation runs, with the files that it has written.

    id      the server's name for it
    origin  the origin of the request that the reply answers
    """

    _kind = "container"
    id: str = ""
    origin: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Quotes(Plain):
    """The passages that a piece of the text quotes, as its server describes them.

    citations  a JSON list of objects: '[{"type": "page_location", "cited_text": "...", ...}]'
    chars      number of characters of the piece, which ends at *at*
    origin     the origin of the request that the reply answers
    """

    _kind = "quotes"
    citations: str = "[]"
    chars: int = 0
    origin: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class ToolResult(Plain):
    """The result of a tool call as text: ToolResult("toolu_1", "18 °C").

    failed    True if the text is an error message, so that the model can try again
    pictures  sent with the text where the server takes them, and named in it
    """

    _kind = "tool_result"
    id: str = ""
    text: str = ""
    failed: bool = False
    at: int = 0
    pictures: tuple[Attachment, ...] = ()


class Called(NamedTuple):
    """A tool call with its result: Called("weather", {"city": "Oslo"}, "18 °C").

    arguments  by name, or the text by the model if it is not a JSON object
    result     the text that was sent to the model, or None if there is no result yet
    failed     True if the result is an error message
    at         number of characters of the message's text before it
    """

    name: str
    arguments: dict[str, Any] | str
    result: str | None = None
    failed: bool = False
    at: int = 0

    def __str__(self) -> str:
        """Return the call in Python syntax, on one line: weather(city='Oslo')."""
        if isinstance(self.arguments, dict):
            pairs = self.arguments.items()
            arguments = (f"{name if name.isidentifier() else repr(name)}={value!r}" for name, value in pairs)
            return f"{self.name}({', '.join(arguments)})"
        return f"{self.name}({self.arguments!r})"


Part = Thought | Attachment | ToolCall | ToolResult | ServerFields | ServerBlock | Container | Quotes
HIDDEN = (Thought, ServerFields)  # the parts that say nothing to a reader; servers take them back in their place only
_P = TypeVar("_P", bound=Part)


def placed(part: _P, at: int) -> _P:
    """Return a copy of a part that stands after *at* characters of text."""
    return replace(part, at=at)


def received(part: Part, at: int, origin: str) -> Part:
    """Return a part of a reply, placed after *at* characters of text, with its origin if it is bound to it."""
    if isinstance(part, ServerFields | ServerBlock | Container | Quotes) or (
        isinstance(part, ToolCall) and part.fields
    ):
        return replace(part, at=at, origin=origin)
    return placed(part, at)


def to_keep(parts: Sequence[Part], results: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts of a reply without thinking that no server wants back.

    It goes back around tool calls only: in a reply that calls tools, or that follows their *results*.
    """
    has_tools = any(isinstance(part, ToolCall | ToolResult) for part in (*parts, *results))
    return tuple(part for part in parts if has_tools or not (isinstance(part, ServerFields) and part.is_thinking))


def calls_with_results(parts: Sequence[Part]) -> list[Called]:
    """Return the tool calls in their order, each with its result."""
    results = {part.id: part for part in parts if isinstance(part, ToolResult)}
    calls = []
    for call in (part for part in parts if isinstance(part, ToolCall)):
        result = results.get(call.id)
        text, failed = (result.text, result.failed) if result else (None, False)
        calls.append(Called(call.name, arguments(call), text, failed, call.at))
    return calls


def arguments(call: ToolCall) -> dict[str, Any] | str:
    """Return the arguments by name, or their text if it is not a JSON object."""
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.arguments
    return value if isinstance(value, dict) else call.arguments

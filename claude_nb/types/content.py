"""What a message may hold beside its text. Frozen, plain data; each part knows where in the text it stands.

Thought     what a model thought before it wrote on, with the signature that lets it be sent back
Attachment  a picture, a PDF or a text that goes with a prompt
ToolCall    a function that a model asks to be called; ToolResult: what it gave; Called: both
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
    """A block of thinking, as its server signed it: it goes back unchanged, or not at all.

    sealed  the server's own form of a thought that it does not show; then text and signature are empty
    at      how many characters of the message's text stand before it
    """

    _kind = "thought"
    text: str = ""
    signature: str = ""
    sealed: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Attachment(Plain):
    """A file that goes with a prompt. Two are equal when their bytes, names and places are.

    media_type  image/png, image/jpeg, image/gif, image/webp, application/pdf or text/plain
    sha256      of its bytes, which is all that the history and record files keep of them
    size        in bytes
    data        the bytes in base64; "" in a request that was read back
    at          how many characters of the message's text stand before it
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
        return base64.b64decode(self.data)


@dataclass(frozen=True, slots=True)
class ToolCall(Plain):
    """A function that a model wants called: ToolCall("toolu_1", "weather", '{"city": "Oslo"}').

    id         the server's, by which the result is matched to it
    arguments  JSON as the model wrote it, which may be wrong
    at         how many characters of the message's text stand before it
    """

    _kind = "tool_call"
    id: str = ""
    name: str = ""
    arguments: str = "{}"
    at: int = 0


@dataclass(frozen=True, slots=True)
class ToolResult(Plain):
    """What a call gave, as text: ToolResult("toolu_1", "18 °C").

    failed  True: the text is an error, which the model may mend
    """

    _kind = "tool_result"
    id: str = ""
    text: str = ""
    failed: bool = False
    at: int = 0


class Called(NamedTuple):
    """A call and what it gave: Called("weather", {"city": "Oslo"}, "18 °C").

    arguments  by name; as the model wrote them where that is no JSON object
    result     the text that the model was told; None: nothing yet
    failed     True: that text is an error
    at         how many characters of the message's text stand before it
    """

    name: str
    arguments: dict[str, Any] | str
    result: str | None = None
    failed: bool = False
    at: int = 0

    def __str__(self) -> str:
        """As Python has it, on one line: weather(city='Oslo')."""
        if isinstance(self.arguments, dict):
            pairs = self.arguments.items()
            said = (f"{name if name.isidentifier() else repr(name)}={value!r}" for name, value in pairs)
            return f"{self.name}({', '.join(said)})"
        return f"{self.name}({self.arguments!r})"


Part = Thought | Attachment | ToolCall | ToolResult
_P = TypeVar("_P", bound=Part)


def placed(part: _P, at: int) -> _P:
    """The part behind *at* characters of text."""
    return replace(part, at=at)


def called(parts: Sequence[Part]) -> list[Called]:
    """The calls in their order, each with its result."""
    given = {part.id: part for part in parts if isinstance(part, ToolResult)}
    calls = (part for part in parts if isinstance(part, ToolCall))
    return [_called(call, given.get(call.id)) for call in calls]


def arguments(call: ToolCall) -> dict[str, Any] | str:
    """The arguments by name; the text as it is where it is no JSON object."""
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.arguments
    return value if isinstance(value, dict) else call.arguments


def _called(call: ToolCall, result: ToolResult | None) -> Called:
    given, failed = (result.text, result.failed) if result else (None, False)
    return Called(call.name, arguments(call), given, failed, call.at)

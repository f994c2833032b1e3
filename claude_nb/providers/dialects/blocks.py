"""The parts of a message as content blocks: Anthropic's form, which AI/ML API takes too, and OpenAI's."""

from __future__ import annotations

import json
from typing import Any

from claude_nb.errors import PromptError
from claude_nb.types.content import Attachment, Part, Thought, ToolCall, ToolResult


def anthropic(part: Part, *, thoughts: bool = False) -> dict[str, Any] | None:
    """A block of the Messages API. thoughts: False leaves them out."""
    if isinstance(part, Thought):
        return _thought(part) if thoughts else None
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": _object(part.arguments)}
    if isinstance(part, ToolResult):
        failed = {"is_error": True} if part.failed else {}
        return {"type": "tool_result", "tool_use_id": part.id, "content": part.text, **failed}
    if part.media_type == "text/plain":
        return _text(part)
    kind = "document" if part.media_type == "application/pdf" else "image"
    return {"type": kind, "source": {"type": "base64", "media_type": part.media_type, "data": _data(part)}}


def openai(part: Part) -> dict[str, Any] | None:
    """A block of chat completions; thoughts have no place in them, and tools stand beside them."""
    if not isinstance(part, Attachment):
        return None
    if part.media_type == "text/plain":
        return _text(part)
    url = f"data:{part.media_type};base64,{_data(part)}"
    if part.media_type == "application/pdf":
        return {"type": "file", "file": {"filename": part.name, "file_data": url}}
    return {"type": "image_url", "image_url": {"url": url}}


def openai_call(part: ToolCall) -> dict[str, Any]:
    """A call as a message of chat completions has it."""
    return {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.arguments}}


def _object(text: str) -> dict[str, Any]:
    """What a model wrote as arguments; {} for what is no object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _thought(part: Thought) -> dict[str, Any]:
    if part.sealed:
        return {"type": "redacted_thinking", "data": part.sealed}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _text(part: Attachment) -> dict[str, Any]:
    # As text and not as a document, because every server and model takes that.
    text = (_data(part) and part.bytes.decode()).rstrip()
    return {"type": "text", "text": f"<file name={part.name!r}>\n{text}\n</file>"}


def _data(part: Attachment) -> str:
    if not part.data and part.size:
        raise PromptError(f"of {part.name} only the fingerprint was kept; attach it again")
    return part.data

"""Read the text and the thinking of a message in the Chat Completions format, or of a piece of it."""

from __future__ import annotations

from typing import Any

from claude_nb.providers.dialects.base import string

PLAIN_DELTA = frozenset(("role", "content"))
TEXT_DELTA = PLAIN_DELTA | {"refusal"}  # a delta with only these fields brings text, and no thinking beside it
# The names of thinking. Some servers want it back with the tool calls that it led to.
THINKING = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")
THINKING_PARTS = ("thinking", "reasoning", "reasoning_text", "reasoning_content", "thought")  # types of content parts
WORDS = ("text", "thinking", "reasoning", "content", "summary")  # where a part has its text


def text_and_thinking(delta: dict[str, Any]) -> tuple[str, str]:
    """Return the text and the thinking of a delta or a message.

    Its content is a string, or a list of parts, some of which are thinking.
    """
    content = delta.get("content")
    if isinstance(content, str) or content is None:
        return content or "", _thinking(delta)
    parts = content if isinstance(content, list) else [content]
    is_thinking = [isinstance(part, dict) and part.get("type") in THINKING_PARTS for part in parts]
    texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
    text = "".join(string(text) for text, thinks in zip(texts, is_thinking, strict=True) if not thinks)
    thinking = "".join(_words(part) for part, thinks in zip(parts, is_thinking, strict=True) if thinks)
    return text, _thinking(delta) or thinking


def _words(part: object, depth: int = 0) -> str:
    """Return the words of thinking: a string, or an object with a text or with parts of its own."""
    if isinstance(part, list) and depth < 4:
        return "".join(_words(inner, depth + 1) for inner in part)
    if isinstance(part, dict) and depth < 4:
        return next(filter(None, (_words(part.get(name), depth + 1) for name in WORDS)), "")
    return string(part)


def _thinking(delta: dict[str, Any]) -> str:
    """Return the thinking, which servers send under several names."""
    if delta.keys() <= TEXT_DELTA:
        return ""
    return next(filter(None, (_words(delta.get(name)) for name in THINKING)), "")

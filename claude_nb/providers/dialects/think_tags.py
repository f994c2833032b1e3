"""Separate thinking that a model writes into its text, before a structured answer.

Some servers do not take the tags of a reasoning model out of its text. In a reply without a schema they stay, because
prompts also ask for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from claude_nb.schema.parsing import THINK_TAGS
from claude_nb.types.request import Chunk

_OPENING = re.compile(rf"<({'|'.join(THINK_TAGS)})>", re.IGNORECASE)
_OPENINGS = tuple(f"<{name}>" for name in THINK_TAGS)


def separated(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Turn <think>...</think> at the beginning of the text into thinking, wherever the tags are cut."""
    splitter = _Splitter()
    for chunk in chunks:
        held = splitter.flush() if chunk.part or chunk.stop_reason or chunk.done else Chunk()
        if held.text or held.thinking:
            yield held
        text, thinking = splitter.split(chunk.text) if chunk.text else ("", "")
        changed = text != chunk.text or thinking
        yield replace(chunk, text=text, thinking=chunk.thinking + thinking) if changed else chunk
    held = splitter.flush()
    if held.text or held.thinking:
        yield held


class _Splitter:
    """The place in a reply: before its first word, inside a tag, or in the text after it."""

    def __init__(self) -> None:
        self._held = ""  # what may be a tag, or a part of one
        self._closing = ""  # the tag that ends the thinking; "" outside
        self._in_text = False

    def split(self, text: str) -> tuple[str, str]:
        """Return the text and the thinking of a piece, without what is held back: at most a part of a tag."""
        if self._in_text:
            return text, ""
        text, self._held, thinking, blank = self._held + text, "", "", ""
        while text:
            if self._closing:
                more, text = self._thinking(text)
                thinking += more
                continue
            blank, text = blank + text[: len(text) - len(text.lstrip())], text.lstrip()
            if opening := _OPENING.match(text):
                self._closing, text = f"</{opening[1].lower()}>", text[opening.end() :]
            elif any(opening.startswith(text.lower()) for opening in _OPENINGS):
                self._held, text = text, ""
            else:
                self._in_text = True
                return blank + text, thinking
        return blank, thinking

    def flush(self) -> Chunk:
        """Return what is held back, because no more of it follows."""
        held, self._held = self._held, ""
        return Chunk(thinking=held) if self._closing else Chunk(text=held)

    def _thinking(self, text: str) -> tuple[str, str]:
        """Return the thinking and what follows it. What may be a part of the closing tag is held back."""
        lower = text.lower()
        end = lower.find(self._closing)
        if end >= 0:
            rest, self._closing = text[end + len(self._closing) :], ""
            return text[:end], rest
        half = next(n for n in range(len(self._closing) - 1, -1, -1) if lower.endswith(self._closing[:n]))
        self._held = text[len(text) - half :]
        return text[: len(text) - half], ""

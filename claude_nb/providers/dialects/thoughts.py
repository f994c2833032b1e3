"""The thinking of a reply as the Messages API signs it, so that it can be sent back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from claude_nb.providers.dialects.base import child, count, mended, string
from claude_nb.types.content import Thought

FIELDS = ("thinking", "signature", "data")
KINDS = ("thinking", "redacted_thinking", "thinking_delta", "signature_delta")


class Thoughts:
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
        if told is not None and string(inner.get("type")) in KINDS:
            for name in FIELDS:
                text = string(inner.get(name))
                self._chars += len(text)
                if text and self._chars <= self.MOST_CHARS:
                    told.setdefault(name, []).append(text)
        if kind != "content_block_stop" or self._chars > self.MOST_CHARS:
            return None
        return signed({name: "".join(texts) for name, texts in self._open.pop(index, {}).items()})


def signed(block: Mapping[str, Any]) -> Thought | None:
    """A block of thinking that can be sent back; None for one without a signature."""
    text, signature, sealed = (mended(string(block.get(name))) for name in FIELDS)
    if not (signature or sealed):
        return None
    return Thought(sealed=sealed) if sealed else Thought(text, signature)

"""Thoughts are bound to what was sent before them: the system prompt, the tools and all earlier messages.

A server rejects a request in which one of these has changed. Such a thought is left out, and the rest is sent. Leaving
it out changes what stands before the later thoughts, so most of these are left out too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
from typing import Any

from claude_nb.errors import ApiError
from claude_nb.types.content import Container, Part, Quotes, ServerBlock, Thought
from claude_nb.types.request import Chunk, Request

AFTER = "after"  # the field of a thinking block that carries Thought.after up to here; it is never sent
# What a server rejects, by the words of its error: the parts that are left out, and the notice about it.
REJECTED: tuple[tuple[re.Pattern[str], tuple[type[Part], ...], str], ...] = (
    (
        re.compile(r"(?i)signature.{0,40}thinking|thinking.{0,40}signature"),
        (Thought,),
        "the server rejects earlier thinking; asking once more without it",
    ),
    (
        re.compile(r"(?i)encrypted_(?:content|index)|document_index|server_tool_use|_tool_result\b|citations"),
        (ServerBlock, Quotes),
        "the server rejects earlier search results; asking once more without them",
    ),
    (
        re.compile(r"(?i)\bcontainer\b"),
        (Container,),
        "the server has no files of earlier code any more; asking once more in a new place",
    ),
)
THINKING = ("thinking", "redacted_thinking")


def bound(chunks: Iterable[Chunk], body: dict[str, Any]) -> Iterator[Chunk]:
    """Yield the chunks of the reply to a body. Their thoughts remember what was sent before them."""
    after = ""
    for chunk in chunks:
        if isinstance(chunk.part, Thought):
            after = after or fingerprint(body)
            yield replace(chunk, part=replace(chunk.part, after=after))
        else:
            yield chunk


def fingerprint(body: dict[str, Any]) -> str:
    """Return the fingerprint of a whole body, which the thoughts of its reply are bound to."""
    prefix = _Prefix(body)
    for message in body["messages"]:
        prefix.add(message)
    return prefix.digest()


def leave_out_unbound(body: dict[str, Any]) -> None:
    """Remove the thinking blocks of a finished body that were signed after something else."""
    messages = body["messages"]
    if not any(block.get("type") in THINKING for message in messages for block in _blocks(message)):
        return
    prefix, valid = _Prefix(body), {""}  # a thought of unknown origin is sent until an earlier one is left out
    for message in messages:
        if blocks := _blocks(message):
            here, kept = valid | {prefix.digest()}, list[dict[str, Any]]()
            for block in blocks:
                after = block.pop(AFTER, "") if block.get("type") in THINKING else None
                if after is None or after in here or after in prefix.digests_in(message["role"], kept):
                    kept.append(block)
            if len(kept) < len(blocks):
                valid.clear()
            message["content"] = kept or [{"type": "text", "text": "(no text)"}]
        prefix.add(message)


def without_rejected(request: Request, error: ApiError) -> tuple[Request, str] | None:
    """Return the request without the bound parts that the server rejected, and a notice; otherwise None.

    These are thoughts whose origin is unknown, as in a request that was read from a file, or what its own tools wrote.
    """
    for pattern, kinds, notice in REJECTED if error.status == 400 else ():
        if not pattern.search(error.words):
            continue
        kept = [
            replace(message, parts=tuple(part for part in message.parts if not isinstance(part, kinds)))
            for message in request.messages
        ]
        without = replace(request, messages=tuple(kept))
        return (without, notice) if without != request else None
    return None


class _Prefix:
    """The beginning of a body, as the server compares it. Marks for the cache do not count."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._hash = hashlib.sha256()
        self._take([_content(body.get("system", [])), body.get("tools", [])])

    def add(self, message: dict[str, Any]) -> None:
        self._take([message["role"], _content(message["content"])])

    def digest(self) -> str:
        return self._hash.hexdigest()[:16]

    def digests_in(self, role: str, blocks: list[dict[str, Any]]) -> Iterator[str]:
        """Yield the digests where the server may have paused in these blocks of one more message: behind its tools.

        A thought after a pause was signed behind all that had been sent back.
        """
        for end in range(len(blocks), 0, -1):
            if blocks[end - 1]["type"].endswith(("server_tool_use", "_tool_result")):
                longer = copy(self)
                longer._hash = self._hash.copy()
                longer.add({"role": role, "content": blocks[:end]})
                yield longer.digest()

    def _take(self, value: Any) -> None:
        self._hash.update(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _content(content: Any) -> Any:
    """Return a content as a list of blocks without marks for the cache."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [{name: value for name, value in block.items() if name != "cache_control"} for block in blocks]


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    return message["content"] if isinstance(message["content"], list) else []
